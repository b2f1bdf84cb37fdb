// The annotation kmend.io/hold and a cordon that operators set while a rollout is under way on a real API server: both nodes
// are left alone, until they say otherwise.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, until } from '../cli/practice.ts';
import { type NodeHosts, nodeHosts } from './kube-fleet.ts';
import { missing } from './kube-lab.ts';

const title = `nodes that operators keep out on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const playbook = resolve(import.meta.dirname, '../../playbooks/auto.yaml');

describe.skipIf(missing !== undefined)(title, () => {
  let world: NodeHosts;
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(world.lab.logs());
    await world.close();
  });

  it('are not touched by the run under way; once the hold is gone and the cordon was agreed to, a resume goes on, the cordoned one last', async () => {
    const pool = { pool: 'a' };
    world = await nodeHosts({ n1: pool, n2: pool, n3: pool, n4: pool });
    const { hosts, lab, node, run } = world;
    const boots = () => hosts.fleet.hosts.map((host) => host.boots());
    const mark = (name: string) => node(name).metadata.annotations['kmend.io/owner'];
    const starts = () => eventsOf(hosts.journal(), 'host.started').map(({ host }) => host);
    const plan = `${hosts.dir}/plan.json`;
    const play = hosts.file(
      'agreed.yaml',
      readFileSync(playbook, 'utf8').replace(
        'max_unavailable: 1\n',
        'max_unavailable: 2\n    approve: never\n',
      ),
    );
    const settings = ['-e', 'reboot_stable_for=1'];
    expect((await run(['plan', play, ...settings, '-o', plan])).exit).toBe(2);

    const running = run(['apply', plan, ...settings]);
    // Two are under way at once: the others are locked out before their turn comes.
    await until(
      'the first drain',
      () => hosts.runs().length > 0 && eventsOf(hosts.journal(), 'effect.started').length > 0,
      60,
    );
    lab.kubectl('cordon', 'n3');
    lab.kubectl('annotate', 'node', 'n4', 'kmend.io/hold=disk swap');
    const applied = await running;
    expect(applied.exit, applied.out + applied.err).toBe(4);
    expect(applied.out).toMatch(
      /n3 \(node n3 was cordoned by somebody else since the plan was made\), n4 \(node n4 is on hold: disk swap\)/,
    );
    expect(boots()).toEqual([2, 2, 1, 1]);
    expect(['n3', 'n4'].map(mark)).toEqual([undefined, undefined]);

    const named = await run(['plan', play, ...settings]);
    expect(named.exit).toBe(4);
    expect(named.out).toMatch(/n3[\s\S]*its node is cordoned by somebody else: it goes last/);
    expect(named.out).toMatch(/n4 +hold: node n4 is on hold: disk swap/);

    lab.kubectl('annotate', 'node', 'n4', 'kmend.io/hold-');
    const resumed = await run(['resume', hosts.runs().at(-1) ?? '', ...settings, '--yes']);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect(starts().slice(-2)).toEqual(['n4', 'n3']);
    expect(boots()).toEqual([2, 2, 2, 2]);
    expect(world.names.map((name) => node(name).spec.unschedulable === true)).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(world.names.map(mark)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
