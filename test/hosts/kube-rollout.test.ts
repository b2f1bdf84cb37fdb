// Whole rollouts on a real API server: practice hosts that are its nodes, with budgets, zones, and
// a controller that is killed. Each has a world of its own.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, until } from '../cli/practice.ts';
import { sleep } from '../kube/cluster-on.ts';
import { type NodeHosts, nodeHosts } from './kube-fleet.ts';
import { missing } from './kube-lab.ts';
import { sample } from './kube-samples.ts';

const title = `a rollout on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const playbook = resolve(import.meta.dirname, '../../playbooks/auto.yaml');
const settings = ['--unplannable', 'leave_out', '-e', 'reboot_stable_for=1'];
const policy = ['--max-unavailable', '2', ...settings];

describe.skipIf(missing !== undefined)(title, () => {
  let world: NodeHosts;
  const open: NodeHosts[] = [];
  const begin = async (labels: Parameters<typeof nodeHosts>[0]): Promise<void> => {
    world = await nodeHosts(labels);
    open.push(world);
  };
  afterEach(async ({ task }) => {
    for (const { lab, close } of open.splice(0)) {
      if (task.result?.state === 'fail') console.error(lab.logs());
      await close();
    }
  });

  const boots = () => world.hosts.fleet.hosts.map((host) => host.boots());
  const owners = () =>
    world.names.map((name) => world.node(name).metadata.annotations['kmend.io/owner']);

  it('check, plan with a forecast, apply: each node is drained, fixed, rebooted, proven and uncordoned, one at a time beside the cordoned one', async () => {
    const pool = { pool: 'a' };
    await begin({ n1: pool, n2: pool, n3: pool, n4: pool });
    const { lab, hosts, names, node, run } = world;
    world.deploy('web', 3, 'n1');
    await world.budget('web', { minAvailable: 2 });
    world.deploy('db', 2, 'n2');
    await world.budget('db', { minAvailable: 2 });
    lab.kubectl('cordon', 'n3');
    const before = new Map(names.map((name) => [name, node(name).status.nodeInfo.bootID]));

    expect((await run(['check'])).exit).toBe(2);
    const planned = await run(['plan', playbook, ...policy]);
    expect(planned.exit).toBe(4);
    expect(planned.out).toMatch(/3 pods go \(default\/web-/);
    expect(planned.out).toMatch(
      /3 pods of this node go in turns: PDB web allows 1 of 3 \(minAvailable 2\)/,
    );
    expect(planned.out).toMatch(
      /n2 +Take the pods away: the drain cannot succeed: default\/db-.*PDB db allows 0 of 2 \(minAvailable 2\): it can never allow\s+one/,
    );
    expect(names.map((name) => node(name).spec.unschedulable === true)).toEqual([
      false,
      false,
      true,
      false,
    ]);

    const samples = sample(world);
    const applied = await run(['apply', playbook, ...policy, '--yes']);
    await samples.end();
    expect(applied.exit, applied.out + applied.err).toBe(4);
    expect(boots()).toEqual([2, 1, 2, 2]);
    expect(samples.broken()).toEqual([]);
    expect(samples.least().web).toBeGreaterThanOrEqual(2);
    expect(samples.least().db).toBe(2);
    expect(
      samples
        .cordoned()
        .every((set) => set.includes('n3') && !set.includes('n2') && set.length <= 2),
    ).toBe(true);
    for (const host of hosts.fleet.hosts) {
      const { spec, status } = node(host.name);
      expect(status.nodeInfo.bootID).toBe(host.bootId());
      expect(spec.unschedulable === true).toBe(host.name === 'n3');
      expect(status.nodeInfo.bootID === before.get(host.name)).toBe(host.name === 'n2');
    }
    expect(owners()).toEqual([undefined, undefined, undefined, undefined]);
    const proofs = eventsOf(hosts.journal(), 'proof').map((event) => event.host);
    expect([...proofs].sort()).toEqual(['n1', 'n3', 'n4']);
    // Never uncordoned before the kubelet of the new boot was Ready.
    for (const name of ['n1', 'n3', 'n4']) {
      const [given] = eventsOf(hosts.journal(), 'effect.started', name).filter(
        (event) => event.kind === 'uncordon',
      );
      const [back] = eventsOf(hosts.journal(), 'effect.done', name).filter(
        (event) => event.result.data?.bootId !== undefined,
      );
      expect((given?.at ?? 0) - (back?.at ?? 0)).toBeGreaterThan(2_000);
    }

    // A second run, with its budget gone, fixes the one that was left, and a third has nothing to
    // do.
    lab.kubectl('uncordon', 'n3');
    lab.kubectl('delete', 'pdb', 'db');
    const second = await run(['apply', playbook, ...policy, '--yes']);
    expect(second.exit, second.out + second.err).toBe(0);
    expect(boots()).toEqual([2, 2, 2, 2]);
    expect(
      lab.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].spec.unschedulable}').trim(),
    ).toBe('');
    expect((await run(['plan', playbook, ...policy])).exit).toBe(0);
  });

  it('six nodes in three zones: no budget is broken and no two zones are out, though the controller is killed twice', async () => {
    const zone = (name: string) => ({ pool: 'a', 'topology.kubernetes.io/zone': name });
    await begin({
      n1: zone('z1'),
      n2: zone('z1'),
      n3: zone('z2'),
      n4: zone('z2'),
      n5: zone('z3'),
      n6: zone('z3'),
    });
    const { hosts, json } = world;
    for (const [name, replicas] of [
      ['web', 6],
      ['api', 4],
      ['db', 2],
    ] as const)
      world.deploy(name, replicas);
    await world.budget('web', { minAvailable: 5 });
    await world.budget('api', { maxUnavailable: 1 });
    await world.budget('db', { minAvailable: 1 });

    // What an operator reads first, with the account of the run, and with one that may not do
    // it.
    const inventory = ['-i', hosts.fleet.inventoryFile];
    const doctor = await world.run(['doctor', ...inventory]);
    expect(doctor.exit, doctor.out + doctor.err).toBe(0);
    const other = await world.run(['doctor', ...inventory], 'kmend-forecast');
    expect(other.exit).toBe(4);
    expect(other.out).toMatch(
      /may not get nodes, patch nodes, list pods, create pods\/eviction, get daemonsets\.apps: needed for cordon/,
    );
    expect(other.out).toMatch(/may not .*list poddisruptionbudgets\.policy.*: needed for the plan/);

    const zoned = hosts.file(
      'zones.yaml',
      readFileSync(playbook, 'utf8').replace(
        'max_unavailable: 1\n',
        'max_unavailable: 2\n    max_zones: 1\n',
      ),
    );
    const samples = sample(world);
    const started = (kind: string, count: number) => () =>
      hosts.runs().length > 0 &&
      eventsOf(hosts.journal(), 'effect.started').filter((event) => event.kind === kind).length >=
        count;
    let args: readonly string[] = ['apply', zoned, ...inventory, ...settings, '--yes'];
    for (const [kind, count] of [
      ['drain', 1],
      ['reboot', 2],
    ] as const) {
      const controller = await world.spawn(args);
      const gone = controller.ended.then((end) => `${end}\n${controller.out()}${controller.err()}`);
      await Promise.race([
        until(`${count} ${kind}`, started(kind, count), 90),
        gone.then((end) => expect.fail(`it ended by itself: ${end}`)),
      ]);
      controller.signal('SIGKILL');
      expect(await controller.ended).toBe('SIGKILL');
      // Variables of -e may be secrets: a run does not keep them.
      args = ['resume', hosts.runs().at(-1) ?? '', '-e', 'reboot_stable_for=1'];
      await sleep(1_000);
    }
    const last = await world.spawn(args);
    expect(await last.ended, last.out() + last.err()).toBe(0);
    await samples.end();

    expect(samples.broken()).toEqual([]);
    expect(samples.least()).toMatchObject({
      web: expect.any(Number),
      api: expect.any(Number),
      db: expect.any(Number),
    });
    const least = samples.least();
    expect([(least.web ?? 0) >= 5, (least.api ?? 0) >= 3, (least.db ?? 0) >= 1]).toEqual([
      true,
      true,
      true,
    ]);
    expect(Math.max(...samples.cordoned().map((set) => set.length))).toBe(2);
    expect(samples.taken()).toBeGreaterThan(50);
    expect(boots()).toEqual([2, 2, 2, 2, 2, 2]);
    expect(new Set(eventsOf(hosts.journal(), 'proof').map((event) => event.host)).size).toBe(6);
    expect(owners()).toEqual(world.names.map(() => undefined));
    const nodes: { spec: { unschedulable?: boolean } }[] = json('get', 'nodes').items;
    expect(nodes.filter((node) => node.spec.unschedulable === true)).toEqual([]);
  });
});
