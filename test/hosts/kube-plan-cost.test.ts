// What a plan costs a real API server, beside one scan a node: 200 nodes with 2,000 pods, in the
// server's own CPU time.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { NodeView } from '../../src/engine/node/node-view.ts';
import type { FactWant } from '../../src/model/fact.ts';
import { sleep, value } from '../kube/cluster-on.ts';
import { drainOptions } from '../kube/pods.ts';
import { missing, startLab } from './kube-lab.ts';

const title = `the cost of a plan on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const roles = resolve(import.meta.dirname, '../../docs/rbac.yaml');
const names = Array.from({ length: 200 }, (_, index) => `big-${index}`);
const podsPerNode = 10;
const rounds = 3;
const scanned = 20;
/** Of as many kinds as a plan asks about by dry-run evictions. */
const shards = 30;

/** As large as pods are: most of it are environments and annotations. */
const podOn = (node: string, shard: number, index: number): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `${node}-${index}`,
    labels: { app: `app${index}`, shard: `${shard}` },
    annotations: { 'example.com/applied': 'x'.repeat(1_500) },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: `app${index}`,
        uid: `uid-${index}`,
        controller: true,
      },
    ],
  },
  spec: {
    nodeName: node,
    containers: [
      {
        name: 'c',
        image: 'registry.example.com/shop/app:1',
        env: Array.from({ length: 30 }, (_, at) => ({
          name: `VARIABLE_${at}`,
          value: `value-${at}`,
        })),
        resources: { requests: { cpu: '50m', memory: '64Mi' } },
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 } },
      },
    ],
  },
});

const ready = [
  {
    type: 'Ready',
    status: 'True',
    lastHeartbeatTime: '2024-05-01T12:00:00Z',
    lastTransitionTime: '2024-05-01T12:00:00Z',
  },
];
const nodeNamed = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  status: { conditions: ready, allocatable: { cpu: '16', memory: '64Gi', pods: '110' } },
});

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  beforeAll(async () => {
    lab = startLab();
    lab.kubectl('apply', '-f', roles);
    for (const role of ['kmend-rollout', 'kmend-forecast']) {
      lab.kubectl('create', 'clusterrolebinding', role, `--clusterrole=${role}`, '--user=kmend');
    }
    for (let app = 0; app < podsPerNode; app += 1) {
      const spec = { selector: { matchLabels: { app: `app${app}` } }, maxUnavailable: 1 };
      lab.apply({
        apiVersion: 'policy/v1beta1',
        kind: 'PodDisruptionBudget',
        metadata: { name: `app${app}`, namespace: 'default' },
        spec,
      });
    }
    // Nodes without a kubelet and pods without an owner are cleaned up by them.
    for (const controller of ['controller-manager', 'scheduler'] as const)
      lab.signal(controller, 'SIGSTOP');
    for (let from = 0; from < names.length; from += 5) {
      const some = names.slice(from, from + 5);
      await Promise.all(some.map((name) => lab.create('/api/v1/nodes', nodeNamed(name))));
      const pods = some.flatMap((name, at) =>
        Array.from({ length: podsPerNode }, (_, index) => podOn(name, (from + at) % shards, index)),
      );
      await Promise.all(pods.map((pod) => lab.create('/api/v1/namespaces/default/pods', pod)));
    }
  }, 120_000);
  afterAll(() => {
    if (lab === undefined) return;
    for (const controller of ['controller-manager', 'scheduler'] as const)
      lab.signal(controller, 'SIGCONT');
    lab.stop();
  });

  /**
   * The server's CPU seconds for it, without what it uses in the same time when nobody asks: before
   * and after.
   */
  async function costOf(act: () => Promise<void>): Promise<number> {
    const measure = async (
      work: () => Promise<unknown>,
    ): Promise<readonly [cpu: number, milliseconds: number]> => {
      const [cpu, at] = [lab.cpuOfServer(), performance.now()];
      await work();
      return [lab.cpuOfServer() - cpu, performance.now() - at];
    };
    const length = 1_000;
    const [before] = await measure(() => sleep(length));
    const [busy, took] = await measure(act);
    const [after] = await measure(() => sleep(length));
    return busy - ((before + after) / 2) * (took / length);
  }

  /** All hosts of a plan, in a process that knows nothing yet. */
  async function plan(): Promise<void> {
    const cluster = await lab.cluster('kmend');
    const want = { area: 'forecast', args: drainOptions({ timeout: 600 }) } as unknown as FactWant;
    const when = { kind: 'plan', since: systemClock.now() } as const;
    const evicted = names.map(async (host) => {
      const { signal } = new AbortController();
      const side = new NodeView({
        cluster,
        clock: systemClock,
        byName: false,
        ours: [],
        signal,
        when,
      });
      value(await side.find({ identity: { host }, known: [], hostFacts: {} }));
      value(await side.forecast([want], host, {}, { again: false, taken: false }));
      return Object.values(side.forecasts).map(
        (fact) => (fact as { evicts?: readonly string[] }).evicts?.length,
      );
    });
    expect(await Promise.all(evicted)).toEqual(names.map(() => [podsPerNode]));
    cluster.close();
  }

  async function scan(): Promise<void> {
    const cluster = await lab.cluster('kmend');
    for (const name of names.slice(0, scanned))
      expect(value(await cluster.pods(name))).toHaveLength(podsPerNode);
    cluster.close();
  }

  it('is a small part of that of a scan for each node', async () => {
    const plans: number[] = [];
    const scans: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      plans.push(await costOf(plan));
      scans.push(((await costOf(scan)) * names.length) / scanned);
    }
    const middle = (values: readonly number[]): number =>
      [...values].sort((a, b) => a - b)[1] ?? Number.NaN;
    const share = middle(plans) / middle(scans);
    const shown = (values: readonly number[]): string =>
      values.map((cpu) => cpu.toFixed(2)).join(', ');
    console.info(
      `a plan: ${shown(plans)} s of the API server's CPU; a scan for each node: ${shown(scans)} s; share ${share.toFixed(2)}`,
    );
    // Where such scans were 15 to 19 s of CPU, this is 2 s.
    expect(share).toBeLessThan(0.12);
  }, 120_000);
});
