// Single replicas under a budget and pods of Jobs, on a real API server with its own controllers
// and an account that has the three roles only.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { surgeAnnotation, surgedAnnotation } from '../../src/adapters/kube/drain/single-replica.ts';
import { until } from '../cli/practice.ts';
import { cordonAndDrain, failure, owner, value } from '../kube/cluster-on.ts';
import { nodePlay } from '../kube/fleet-nodes.ts';
import { drainOptions } from '../kube/pods.ts';
import { type NodeHosts, nodeHosts } from './kube-fleet.ts';
import { missing } from './kube-lab.ts';
import { sample } from './kube-samples.ts';

const title = `single replicas on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;

const others = ['n2', 'n3', 'n4'];

describe.skipIf(missing !== undefined)(title, () => {
  let world: NodeHosts;
  beforeAll(async () => {
    world = await nodeHosts({ n1: {}, n2: {}, n3: {}, n4: {} });
    world.lab.kubectl(
      'create',
      'clusterrolebinding',
      'kmend-surge',
      '--clusterrole=kmend-surge',
      '--user=kmend',
    );
  });
  afterAll(() => world?.close());
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(world.lab.logs());
    for (const name of world.names) world.lab.clear(name);
  });

  const deployment = (name: string) => world.json('get', 'deployment', name);
  /** Where its pods are that are not on their way out. */
  const nodesOf = (name: string): readonly string[] =>
    world
      .json('get', 'pods', '-l', `app=${name}`)
      .items.filter(
        (pod: { metadata: { deletionTimestamp?: string } }) =>
          pod.metadata.deletionTimestamp === undefined,
      )
      .map((pod: { spec: { nodeName: string } }) => pod.spec.nodeName);
  async function single(name: string, replicas = 1): Promise<void> {
    world.deploy(name, replicas, 'n1');
    await world.budget(name, { minAvailable: replicas });
  }
  const remove = (name: string): string =>
    world.lab.kubectl(
      'delete',
      '--ignore-not-found',
      `deployment/${name}`,
      `pdb/${name}`,
      `hpa/${name}`,
    );

  // The default strategy may take one of four pods away, and none of three.
  it.each([
    ['restart', 1],
    ['restart', 3],
    ['surge', 1],
    ['surge', 2],
  ] as const)(
    '%s of %d: drained, the budget never broken, the Deployment as it was',
    async (singleReplica, replicas) => {
      const name = `${singleReplica}${replicas}`;
      await single(name, replicas);
      const cluster = await world.lab.cluster('kmend');
      const refused = value(await cluster.forecast('n1', drainOptions()));
      expect(refused.blocks.filter((text) => text.includes('can never allow'))).toHaveLength(
        replicas,
      );
      const options = drainOptions({ timeout: 60, singleReplica });
      const seen = value(await cluster.forecast('n1', options));
      expect(seen.blocks).toEqual([]);
      expect(seen.warnings).toContainEqual(expect.stringContaining(`Deployment default/${name} `));
      const samples = sample(world);
      const { outcome, seconds } = await cordonAndDrain(cluster, options);
      await samples.end();
      expect(value(outcome).evicted).toHaveLength(replicas);
      expect(seconds).toBeLessThan(30);
      expect(samples.broken()).toEqual([]);
      expect(samples.least()[name]).toBe(replicas);
      expect(nodesOf(name).map((node) => others.includes(node))).toEqual(
        Array.from({ length: replicas }, () => true),
      );
      expect(deployment(name).spec.replicas).toBe(replicas);
      expect(deployment(name).metadata.annotations).not.toHaveProperty(surgeAnnotation);
      expect(world.node('n1').metadata.annotations).not.toHaveProperty(surgedAnnotation);
      value(await cluster.uncordon('n1', owner));
      remove(name);
    },
  );

  it('a surge of a Deployment that an autoscaler scales is refused by name', async () => {
    world.deploy('scaled', 1, 'n1');
    await world.budget('scaled', { minAvailable: 1 });
    world.lab.apply({
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'scaled', labels: { app: 'scaled' } },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'scaled' },
        maxReplicas: 3,
      },
    });
    const cluster = await world.lab.cluster('kmend');
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ singleReplica: 'surge' }));
    expect(failure(outcome).message).toContain(
      'Deployment default/scaled is scaled by HorizontalPodAutoscaler scaled',
    );
    expect(deployment('scaled').spec.replicas).toBe(1);
    value(await cluster.uncordon('n1', owner));
    remove('scaled');
  });

  it('pods of a Job are waited for, and the others go at once', async () => {
    world.lab.kubectl('cordon', ...others);
    world.lab.apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'backup', namespace: 'default' },
      spec: {
        backoffLimit: 0,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } },
      },
    });
    const pods = () => world.json('get', 'pods', '-l', 'job-name=backup').items;
    await until('the pod of the Job runs', () => pods()[0]?.status.phase === 'Running', 30);
    world.lab.kubectl('uncordon', ...others);
    const cluster = await world.lab.cluster('kmend');
    const options = drainOptions({ timeout: 4, jobs: 'wait' });
    expect(failure((await cordonAndDrain(cluster, options)).outcome).message).toContain(
      'waits for Job backup to finish',
    );
    expect(pods()[0].status.phase).toBe('Running');
    // Its work is done while the next drain waits.
    const [{ metadata }] = pods();
    const draining = cluster.drain('n1', { ...options, timeout: 40 }, owner, () => undefined);
    world.lab.kubectl(
      'patch',
      'pod',
      metadata.name,
      '--subresource=status',
      '-p',
      '{"status":{"phase":"Succeeded"}}',
    );
    expect(value(await draining).evicted).toEqual([`default/${metadata.name}`]);
    expect(world.json('get', 'job', 'backup').status.succeeded).toBe(1);
    value(await cluster.uncordon('n1', owner));
  });

  it('a rollout whose controller is killed while a Deployment is scaled up: resume scales it back', async () => {
    world.lab.kubectl('cordon', ...others);
    // The second pod takes its time: the controller dies while it is waited for.
    const slow = { 'fake.kubelet/start-seconds': '5' };
    const labels = { app: 'killed' };
    const template = {
      metadata: { labels, annotations: slow },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    world.lab.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'killed', namespace: 'default', labels },
      spec,
    });
    await world.budget('killed', { minAvailable: 1 });
    world.lab.kubectl('uncordon', ...others);
    const { hosts } = world;
    const file = hosts.file(
      'single.yaml',
      nodePlay({ drain: '{timeout: 90s, single_replica: surge}' }),
    );
    const args = ['-i', hosts.fleet.inventoryFile, '--limit', 'n1'];
    const plan = await world.run(['plan', file, ...args]);
    expect(plan.out.replace(/\s+/g, ' ')).toContain(
      'Deployment default/killed gets one more replica until the node is drained (single_replica: surge)',
    );
    const samples = sample(world);
    const controller = await world.spawn(['apply', file, ...args, '--yes']);
    await until('it is scaled up', () => deployment('killed').spec.replicas === 2, 60);
    controller.signal('SIGKILL');
    await controller.ended;
    const resumed = await world.spawn(['resume', hosts.runs().at(-1) ?? '']);
    expect(await resumed.ended, resumed.out() + resumed.err()).toBe(0);
    await samples.end();
    expect(samples.broken()).toEqual([]);
    expect(samples.least().killed).toBe(1);
    expect(nodesOf('killed').map((node) => others.includes(node))).toEqual([true]);
    expect(deployment('killed').spec.replicas).toBe(1);
    expect(deployment('killed').metadata.annotations).not.toHaveProperty(surgeAnnotation);
    expect(world.node('n1').metadata.annotations).not.toHaveProperty(surgedAnnotation);
    remove('killed');
  });
});
