// A whole rollout on a real API server: practice hosts that are its nodes, whose fake kubelets report the boots and kernels that the hosts really have.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCluster } from '../../src/kube/index.ts';
import { parsePlain } from '../../src/load/yaml-data.ts';
import { systemClock } from '../../src/local/index.ts';
import { eventsOf, type Practice, practice } from '../cli/practice.ts';
import type { CommandResult, WorldChanges } from '../cli/real-world.ts';
import { sleep } from '../kube/cluster-on.ts';
import { sickNode } from '../kube/fleet-nodes.ts';
import { missing, startLab } from './kube-lab.ts';

const title = `a rollout on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const names = ['n1', 'n2', 'n3', 'n4'];

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  let hosts: Practice;
  let kubelets: NodeJS.Timeout;

  beforeAll(async () => {
    hosts = await practice(names.map((name) => sickNode(name)));
    const known = new Map(hosts.fleet.hosts.map((host) => [host.name, host.bootId()]));
    lab = startLab(
      hosts.fleet.hosts.map((host) => ({ name: host.name, labels: { pool: 'a' }, bootID: host.bootId(), kernel: host.kernel() })),
    );
    // The kubelet comes up later than sshd: until then the API shows the Ready of the boot before.
    kubelets = setInterval(() => {
      for (const host of hosts.fleet.hosts) {
        if (!host.isUp() || known.get(host.name) === host.bootId()) continue;
        known.set(host.name, host.bootId());
        void lab.control(`/reboot?node=${host.name}&seconds=2&notready=2&bootid=${host.bootId()}&kernel=${host.kernel()}`);
      }
    }, 100);
  });
  afterAll(async () => {
    clearInterval(kubelets);
    await hosts?.close();
    lab?.stop();
  });

  const run = (args: readonly string[]): Promise<CommandResult> => {
    const path = lab.kubeconfig('admin');
    const changes: Partial<WorldChanges> = {
      cluster: async ({ kubeconfigs, ...needs }) =>
        createCluster({
          kubeconfigs: kubeconfigs.map((file) => ({ path: file, text: readFileSync(file, 'utf8') })),
          parseYaml: parsePlain,
          env: {},
          clock: systemClock,
          ...needs,
        }),
    };
    return hosts.run([...args, '--kubeconfig', path], changes);
  };

  const json = (...args: string[]) => JSON.parse(lab.kubectl(...args, '-o', 'json'));
  const nodeOf = (name: string) => json('get', 'node', name);
  const deploy = (name: string, replicas: number, node: string): void => {
    for (const other of names.filter((one) => one !== node)) lab.kubectl('cordon', other);
    lab.kubectl('create', 'deployment', name, '--image=x', `--replicas=${replicas}`);
    lab.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s');
    for (const other of names.filter((one) => one !== node)) lab.kubectl('uncordon', other);
  };
  const budget = (name: string, minAvailable: number): unknown =>
    lab.apply({
      apiVersion: 'policy/v1beta1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace: 'default' },
      spec: { selector: { matchLabels: { app: name } }, minAvailable },
    });

  const playbook = resolve(import.meta.dirname, '../../playbooks/auto.yaml');
  const policy = ['--max-unavailable', '2', '--unplannable', 'leave_out', '-e', 'reboot_stable_for=1'];

  it('check, plan with a forecast, apply: drained, mended, back with its new boot, proven, given back; one at a time beside the cordoned one', async () => {
    deploy('web', 3, 'n1');
    budget('web', 2);
    deploy('db', 2, 'n2');
    budget('db', 2);
    lab.kubectl('cordon', 'n3');
    await sleep(2_000);
    const before = new Map(names.map((name) => [name, nodeOf(name).status.nodeInfo.bootID]));
    const cordonsOfN2 = nodeOf('n2').metadata.resourceVersion;
    expect(cordonsOfN2).toBeDefined();

    expect((await run(['check'])).exit).toBe(2);
    const planned = await run(['plan', playbook, ...policy]);
    expect(planned.exit).toBe(4);
    expect(planned.out).toMatch(/3 pods go \(default\/web-/);
    expect(planned.out).toMatch(/3 pods of this node go in turns: PDB web allows 1 of 3 \(minAvailable 2\)/);
    expect(planned.out).toMatch(
      /n2 +Take the pods away: the drain cannot succeed: default\/db-.*PDB db allows 0 of 2 \(minAvailable 2\): it can never allow\s+one/,
    );
    expect(names.map((name) => nodeOf(name).spec.unschedulable === true)).toEqual([false, false, true, false]);

    // Sampled from outside while it runs: budget, cordons, and who is Ready.
    const samples: { healthy: number; cordoned: readonly string[] }[] = [];
    let sampling = true;
    const sampler = (async () => {
      while (sampling) {
        const healthy = json('get', 'deployment', 'web').status.readyReplicas ?? 0;
        const items: { metadata: { name: string }; spec: { unschedulable?: boolean } }[] = json('get', 'nodes').items;
        samples.push({ healthy, cordoned: items.filter((node) => node.spec.unschedulable === true).map((node) => node.metadata.name) });
        await sleep(300);
      }
    })();
    const applied = await run(['apply', playbook, ...policy, '--yes']);
    sampling = false;
    await sampler;

    expect(applied.exit, applied.out + applied.err).toBe(4);
    expect(hosts.fleet.hosts.map((host) => host.boots())).toEqual([2, 1, 2, 2]);
    expect(Math.min(...samples.map((sample) => sample.healthy))).toBeGreaterThanOrEqual(2);
    expect(samples.some((sample) => sample.cordoned.includes('n2'))).toBe(false);
    expect(Math.max(...samples.map((sample) => sample.cordoned.length))).toBe(2);
    expect(samples.every((sample) => sample.cordoned.includes('n3'))).toBe(true);
    for (const host of hosts.fleet.hosts) {
      const node = nodeOf(host.name);
      expect(node.status.nodeInfo.bootID).toBe(host.bootId());
      expect(node.spec.unschedulable === true).toBe(host.name === 'n3');
      expect(node.metadata.annotations['kmend.io/owner']).toBeUndefined();
      expect(node.status.nodeInfo.bootID === before.get(host.name)).toBe(host.name === 'n2');
    }
    const proofs = eventsOf(hosts.journal(), 'proof').map((event) => event.host);
    expect([...proofs].sort()).toEqual(['n1', 'n3', 'n4']);
    // Never given back before the kubelet of the new boot was Ready.
    for (const name of ['n1', 'n3', 'n4']) {
      const [given] = eventsOf(hosts.journal(), 'effect.started', name).filter((event) => event.kind === 'uncordon');
      const [back] = eventsOf(hosts.journal(), 'effect.done', name).filter((event) => event.result.data?.bootId !== undefined);
      expect((given?.at ?? 0) - (back?.at ?? 0)).toBeGreaterThan(2_000);
    }
  });

  it('a second run, with its budget gone, mends the one that was left, and a third has nothing to do', async () => {
    lab.kubectl('uncordon', 'n3');
    lab.kubectl('delete', 'pdb', 'db');
    const applied = await run(['apply', playbook, ...policy, '--yes']);
    expect(applied.exit, applied.out + applied.err).toBe(0);
    expect(hosts.fleet.hosts.map((host) => host.boots())).toEqual([2, 2, 2, 2]);
    expect(lab.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].spec.unschedulable}').trim()).toBe('');
    expect((await run(['plan', playbook, ...policy])).exit).toBe(0);
  });
});
