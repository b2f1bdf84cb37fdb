// Drains under difficult conditions, on a real API server: slow, overloaded, many at once, watches cut, clocks
// that are off, nodes that go away meanwhile.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { cordonAndDrain, failure, owner, sleep, value } from '../kube/cluster-on.ts';
import { drainOptions } from '../kube/pods.ts';
import { type Front, startFront } from './kube-front.ts';
import { missing, startLab } from './kube-lab.ts';

const title = `drains under difficult conditions, on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const drained = Array.from({ length: 10 }, (_, index) => `n${index + 1}`);
const spare = ['spare1', 'spare2'];

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  let front: Front | undefined;
  /** Nodes whose objects a test has deleted; each try takes another one. */
  const gone: string[] = [];
  const there = (): readonly string[] =>
    [...drained, ...spare].filter((name) => !gone.includes(name));
  beforeAll(() => {
    // It sends clients to another connection now and then, as servers behind a load balancer do:
    // the most that it accepts.
    lab = startLab(
      [...drained, ...spare].map((name) => ({ name })),
      { APISERVER_EXTRA: '--goaway-chance=0.02' },
    );
  });
  afterAll(() => lab?.stop());
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(lab.logs());
    await front?.close();
    front = undefined;
  });

  /**
   * A Deployment in a namespace of its own (also on a second try), all of its pods on these nodes,
   * which are free of any mark.
   */
  function deploy(
    replicas: number,
    nodes: readonly string[],
    annotations: Readonly<Record<string, string>> = {},
  ): string {
    const others = there().filter((name) => !nodes.includes(name));
    lab.kubectl('cordon', ...others);
    for (const name of nodes) lab.clear(name);
    const namespace = lab.deployWeb(replicas, { annotations });
    lab.kubectl('uncordon', ...spare.slice(0, 1), ...there().slice(-1));
    return namespace;
  }
  const forget = (namespace: string): unknown =>
    lab.kubectl('delete', 'namespace', namespace, '--wait=false');
  const nodesOf = (namespace: string): string =>
    lab.kubectl('get', 'pods', '-n', namespace, '-o', 'jsonpath={.items[*].spec.nodeName}');

  it('ten nodes at once, with one budget over all of them', async () => {
    const namespace = deploy(60, drained);
    await lab.budget(namespace, 'web', { maxUnavailable: 10 });
    const cluster = await lab.cluster();
    const least = { healthy: Number.POSITIVE_INFINITY };
    const watching = new AbortController();
    const watched = (async () => {
      while (!watching.signal.aborted) {
        const read = await lab.read(
          `/apis/policy/v1beta1/namespaces/${namespace}/poddisruptionbudgets/web`,
        );
        least.healthy = Math.min(
          least.healthy,
          (read as { status: { currentHealthy: number } }).status.currentHealthy,
        );
        await sleep(100);
      }
    })();
    for (const name of drained) value(await cluster.cordon(name, owner));
    const ends = await Promise.all(
      drained.map((name) =>
        cluster.drain(name, drainOptions({ timeout: 120 }), owner, () => undefined),
      ),
    );
    watching.abort();
    await watched;
    expect(ends.map((end) => (end.ok ? end.value.left : end.failure.message))).toEqual(
      drained.map(() => []),
    );
    expect(ends.flatMap((end) => (end.ok ? end.value.evicted : []))).toHaveLength(60);
    expect(least.healthy).toBeGreaterThanOrEqual(50);
    expect(nodesOf(namespace)).not.toMatch(/\bn\d/);
    for (const name of drained) value(await cluster.uncordon(name, owner));
    cluster.close();
    forget(namespace);
  });

  it('an API server that sends its clients to another connection in the midst of their calls', async () => {
    const cluster = await lab.cluster();
    for (let round = 0; round < 100 && cluster.stats().connections < 4; round += 1) {
      const nodes = await Promise.all(drained.map((name) => cluster.node(name)));
      expect(nodes.map((node) => value(node).name)).toEqual(drained);
    }
    expect(cluster.stats().connections).toBeGreaterThanOrEqual(4);
  });

  it('an API server that takes two seconds for every call', async () => {
    const namespace = deploy(20, ['n1']);
    front = await startFront(lab);
    const cluster = await front.cluster();
    front.behave({ delay: 2_000 });
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 90 }));
    expect(value(outcome)).toMatchObject({ left: [] });
    // Evictions go side by side: twenty of them one after the other would take forty seconds by
    // themselves.
    expect(seconds).toBeLessThan(35);
    cluster.close();
    forget(namespace);
  });

  it('an overloaded API server that refuses every second call with 429 and Retry-After', async () => {
    const namespace = deploy(20, ['n1']);
    front = await startFront(lab);
    const cluster = await front.cluster();
    front.behave({ refuseEvery: 2 });
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 90 }));
    expect(value(outcome)).toMatchObject({ left: [] });
    expect(value(await cluster.uncordon('n1', owner))).toMatchObject({ uncordoned: true });
    expect(front.refused()).toBeGreaterThan(10);
    cluster.close();
    forget(namespace);
  });

  it('a watch that is cut again and again', async () => {
    const namespace = deploy(5, ['n1'], { 'fake.kubelet/stop-seconds': '6' });
    const proxy = await startFront(lab);
    front = proxy;
    const cluster = await proxy.cluster();
    let cuts = 0;
    const cutting = setInterval(() => {
      cuts += proxy.cutWatches();
    }, 1_000);
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 60 }));
    clearInterval(cutting);
    expect(value(outcome)).toMatchObject({ left: [] });
    expect(cuts).toBeGreaterThan(2);
    expect(seconds).toBeLessThan(30);
    cluster.close();
    forget(namespace);
  });

  it('clocks that are an hour off: the API server says how long ago a pod was deleted', async () => {
    const namespace = deploy(1, ['n1'], { 'fake.kubelet/stop-seconds': 'never' });
    // The pod that takes its place is made elsewhere.
    lab.kubectl('cordon', 'n1');
    lab.kubectl('delete', 'pods', '-n', namespace, '--all', '--wait=false', '--grace-period=1');
    await sleep(4_000);
    const at = (hours: number) => ({ ...systemClock, now: () => Date.now() + hours * 3_600_000 });
    const early = await lab.cluster('admin', at(-1));
    expect(
      value(
        (
          await cordonAndDrain(
            early,
            drainOptions({ timeout: 20, skipWaitForDeleteTimeout: 1, leftBehind: 'accept' }),
          )
        ).outcome,
      ),
    ).toMatchObject({
      evicted: [],
    });
    lab.clear('n1');
    const late = await lab.cluster('admin', at(1));
    const { outcome } = await cordonAndDrain(
      late,
      drainOptions({ timeout: 4, skipWaitForDeleteTimeout: 1_800, leftBehind: 'accept' }),
    );
    expect(failure(outcome)).toMatchObject({ kind: 'timeout' });
    for (const cluster of [early, late]) cluster.close();
    lab.kubectl('delete', 'pods', '-n', namespace, '--all', '--force', '--grace-period=0');
    forget(namespace);
  });

  it('a node whose object is deleted meanwhile is reported as such within 20 s', async () => {
    const node = there().at(-1) ?? '';
    const namespace = deploy(3, [node], { 'fake.kubelet/stop-seconds': '25' });
    const cluster = await lab.cluster();
    value(await cluster.cordon(node, owner));
    const began = performance.now();
    const draining = cluster.drain(node, drainOptions({ timeout: 120 }), owner, () => undefined);
    await sleep(1_500);
    gone.push(node);
    lab.kubectl('delete', 'node', node, '--wait=false');
    expect(failure(await draining)).toMatchObject({
      kind: 'blocked',
      message: `node ${node} is not in the cluster any more`,
    });
    expect(performance.now() - began).toBeLessThan(20_000);
    cluster.close();
    forget(namespace);
  });
});
