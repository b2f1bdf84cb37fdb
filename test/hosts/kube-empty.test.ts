// Drained means empty, on a real API server: latecomers, pods that tolerate the cordon, what
// options leave, volumes that stay mounted.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cordonAndDrain, failure, owner, value } from '../kube/cluster-on.ts';
import { drainOptions } from '../kube/pods.ts';
import { missing, startLab } from './kube-lab.ts';

const title = `an empty node, on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  beforeAll(() => {
    lab = startLab();
  });
  afterAll(() => lab?.stop());
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(lab.logs());
  });

  /** A Deployment in a namespace of its own, bound to n1 by its node selector. */
  function deploy(replicas: number, more: object = {}): string {
    lab.clear('n1');
    return lab.deployWeb(replicas, {
      spec: { nodeSelector: { 'kubernetes.io/hostname': 'n1' }, ...more },
    });
  }
  const on = (namespace: string): readonly string[] =>
    lab
      .kubectl('get', 'pods', '-n', namespace, '--field-selector=spec.nodeName=n1', '-o', 'name')
      .split('\n')
      .filter(Boolean)
      .map((name) => name.replace('pod/', `${namespace}/`));
  const mount = (volumesInUse: readonly string[]): unknown =>
    lab.kubectl(
      'patch',
      'node',
      'n1',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { volumesInUse } }),
    );
  const forget = (namespace: string): unknown =>
    lab.kubectl('delete', 'namespace', namespace, '--wait=false');

  it('pods that tolerate the cordon come back: they are named, the drain fails, and only `left_behind: accept` goes over them', async () => {
    const namespace = deploy(2, { tolerations });
    const cluster = await lab.cluster();
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 8 }));
    expect(failure(outcome)).toMatchObject({ kind: 'timeout' });
    for (const name of on(namespace))
      expect(failure(outcome).message).toContain(
        `${name} (came after the cordon, which it tolerates`,
      );
    expect(seconds).toBeLessThan(9);
    const accepted = value(
      await cluster.drain(
        'n1',
        drainOptions({ timeout: 20, leftBehind: 'accept' }),
        owner,
        () => undefined,
      ),
    );
    expect([...accepted.arrived].toSorted()).toEqual([...on(namespace)].toSorted());
    expect(accepted.arrived).toHaveLength(2);
    cluster.close();
    forget(namespace);
  });

  it('a pod that is bound to it after the first list is evicted too', async () => {
    const namespace = deploy(1, { terminationGracePeriodSeconds: 5 });
    lab.kubectl('annotate', 'pods', '-n', namespace, '--all', 'fake.kubelet/stop-seconds=3');
    const cluster = await lab.cluster();
    value(await cluster.cordon('n1', owner));
    let bound = false;
    const outcome = await cluster.drain(
      'n1',
      drainOptions({ timeout: 30, force: true }),
      owner,
      () => {
        if (bound) return;
        bound = true;
        lab.apply({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'late', namespace },
          spec: {
            nodeName: 'n1',
            containers: [{ name: 'c', image: 'x' }],
            terminationGracePeriodSeconds: 2,
          },
        });
      },
    );
    expect(value(outcome)).toMatchObject({
      evicted: expect.arrayContaining([`${namespace}/late`]),
      arrived: [],
    });
    expect(on(namespace)).toEqual([]);
    cluster.close();
    forget(namespace);
  });

  it('what the pod selector leaves fails the drain, and so does a volume that no pod uses', async () => {
    const namespace = deploy(1);
    const cluster = await lab.cluster();
    const [pod = ''] = on(namespace);
    const other = await cordonAndDrain(
      cluster,
      drainOptions({ timeout: 3, podSelector: 'app=other' }),
    );
    expect(failure(other.outcome).message).toContain(`${pod} (pod_selector leaves it out)`);
    const volume = 'kubernetes.io/csi/disk.example^vol-1';
    mount([volume]);
    const mounted = await cordonAndDrain(cluster, drainOptions({ timeout: 5 }));
    expect(failure(mounted.outcome).message).toMatch(
      /1 of 1 pods gone; also on the node: volume kubernetes\.io\/csi\/disk\.example\^vol-1 \(mounted/,
    );
    mount([]);
    expect(value(await cluster.drain('n1', drainOptions(), owner, () => undefined))).toMatchObject({
      left: [],
      arrived: [],
    });
    cluster.close();
    forget(namespace);
  });
});
