// The reads of a plan from the API server, counted by kind of call, and their age.
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { NodeView, type NodeViewOptions } from '../../src/engine/node/node-view.ts';
import type { Cluster } from '../../src/engine/ports/cluster.ts';
import { forecastFact } from '../../src/facts/index.ts';
import type { Facts, FactWant } from '../../src/model/fact.ts';
import { type FakeKube, type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, owner, sleep, value } from './cluster-on.ts';
import { drainOptions } from './pods.ts';

skipWaits();

let fake: FakeKube;
afterEach(() => fake.stop());

const start = async (options?: FakeKubeOptions): Promise<Cluster> => {
  fake = await startFakeKube(options);
  for (const name of ['n1', 'n2']) fake.addNode(name);
  return clusterIn(fake);
};
const want = { area: 'forecast', args: drainOptions({ timeout: 600 }) } as unknown as FactWant;

const sideOf = (cluster: Cluster, when: NodeViewOptions['when']): NodeView =>
  new NodeView({
    cluster,
    clock: systemClock,
    byName: false,
    ours: [],
    signal: new AbortController().signal,
    when,
  });

interface Seen {
  readonly evicts: readonly string[];
  readonly blocks: readonly string[];
}

/** Facts and forecast of a host that is named as its node. */
async function look(
  cluster: Cluster,
  host: string,
  when: NodeViewOptions['when'],
): Promise<{ readonly facts: Facts; readonly forecast: Seen }> {
  const side = sideOf(cluster, when);
  const found = value(await side.find({ identity: { host }, known: [], hostFacts: {} }));
  value(await side.forecast([want], host, {}, { again: false, taken: false }));
  // As `asFact` makes it.
  return { facts: found, forecast: side.forecasts[forecastFact(want)] as unknown as Seen };
}
const planning = (): NodeViewOptions['when'] => ({ kind: 'plan', since: systemClock.now() });
const starting: NodeViewOptions['when'] = { kind: 'start', report: () => undefined };

/** Calls by kind. A name of a single object becomes `NAME`. */
function calls(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { method, path, query } of fake.seen) {
    const kind = path
      .replace(/(?<=\/(nodes|pods|daemonsets|replicasets)\/)[^/]+/, 'NAME')
      .replace(/(?<=namespaces\/)shop/, 'NS');
    const key = `${method} ${kind}${query.has('dryRun') ? ' dry run' : ''}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

it('makes as many calls for 200 nodes with 2,000 pods as for two nodes', async () => {
  const cluster = await start();
  const names = Array.from({ length: 200 }, (_, index) => `n${index + 1}`);
  for (const name of names.slice(2)) fake.addNode(name);
  for (let index = 0; index < 1_999; index += 1) {
    const app = `app${index % 20}`;
    fake.addPod({
      name: `p${index}`,
      node: `n${1 + (index % 200)}`,
      owner: { kind: 'ReplicaSet', name: app },
      labels: { app },
    });
  }
  fake.addPod({ name: 'agent', owner: { kind: 'DaemonSet', name: 'agent' } });
  fake.daemonSets.add('shop/agent');
  for (let app = 0; app < 20; app += 1)
    fake.addPdb(`app${app}`, { app: `app${app}` }, { status: { disruptionsAllowed: 1 } });
  const when = planning();
  const seen = await Promise.all(names.map((name) => look(cluster, name, when)));
  expect(seen.map(({ forecast }) => forecast.evicts.length)).toEqual(
    names.map((name) => (name === 'n200' ? 9 : 10)),
  );
  expect(
    seen.every(
      ({ facts, forecast }) => facts['node.ready'] === true && forecast.blocks.length === 0,
    ),
  ).toBe(true);
  expect(calls()).toEqual({
    // The lists that grow with the cluster: 2,000 pods are four pages of one list.
    'GET /api/v1/pods': 4,
    'GET /api/v1/nodes': 1,
    // The others, once each.
    'GET /apis/policy/v1beta1/poddisruptionbudgets': 1,
    'GET /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations': 1,
    'GET /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': 1,
    // What the server can do.
    'GET /version': 1,
    'GET /api/v1': 1,
    'GET /apis/policy': 1,
    // One question for each workload.
    'GET /apis/apps/v1/namespaces/NS/daemonsets/NAME': 1,
    'POST /api/v1/namespaces/NS/pods/NAME/eviction dry run': 20,
  });
}, 30_000);

it('reads a starting host again', async () => {
  const cluster = await start();
  await look(cluster, 'n1', planning());
  fake.seen.length = 0;
  value(await cluster.cordon('n1', owner));
  fake.addPod({ name: 'late', owner: { kind: 'ReplicaSet', name: 'web' } });
  const seen = await look(cluster, 'n1', starting);
  expect(seen).toMatchObject({
    facts: { 'node.unschedulable': true, 'node.owner': 'r1' },
    forecast: { evicts: ['shop/late'] },
  });
  expect(seen.forecast.blocks).toContain('node n1 is held by run r1, number 1');
  expect(calls()).toMatchObject({
    'GET /api/v1/namespaces/kube-system/pods': 1,
    'GET /api/v1/pods': 1,
  });
});

it('lists the nodes again for a plan', async () => {
  const cluster = await start();
  expect(await look(cluster, 'n1', planning())).toMatchObject({
    facts: { 'node.unschedulable': false },
  });
  value(await cluster.cordon('n1', owner));
  // A plan of the same millisecond could not know.
  await sleep(2);
  const seen = await look(cluster, 'n1', planning());
  expect(seen).toMatchObject({ facts: { 'node.unschedulable': true, 'node.owner': 'r1' } });
  expect(seen.forecast.blocks).toContain('node n1 is held by run r1, number 1');
});

it('finds the members of etcd in the listed pods', async () => {
  const cluster = await start();
  const labels = { component: 'etcd' };
  for (const node of ['n1', 'n2'])
    fake.addPod({ name: `etcd-${node}`, namespace: 'kube-system', node, labels });
  // Not of the control plane, whatever its label says.
  fake.addPod({ name: 'etcd', namespace: 'shop', node: 'n1', labels });
  const { forecast } = await look(cluster, 'n1', planning());
  expect(forecast.blocks).toContainEqual(
    expect.stringContaining('taking n1 out leaves 1 of 2 etcd members in service; 2 must be'),
  );
  expect(calls()['GET /api/v1/namespaces/kube-system/pods']).toBeUndefined();
});
