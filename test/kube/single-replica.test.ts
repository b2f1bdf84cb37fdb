// Workloads that a PDB can never allow to go: restarted or scaled up before the eviction, never
// below their budget, and always scaled back.
import { afterAll, describe, expect, it } from 'vitest';
import {
  decideScaleBack,
  decideSurge,
  decideSurged,
  decideWay,
  surgeAnnotation,
  surgedAnnotation,
  surgedOf,
} from '../../src/adapters/kube/drain/single-replica.ts';
import type {
  DeploymentObject,
  NodeObject,
  PdbObject,
} from '../../src/adapters/kube/objects/objects.ts';
import type { PdbAnswer } from '../../src/adapters/kube/objects/pdb.ts';
import { deploy } from '../fakes/deployments.ts';
import { type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, cordonAndDrain, failure, owner, sleep, value } from './cluster-on.ts';
import { drainOptions, pod } from './pods.ts';

skipWaits();

const budget = (spec: object, expectedPods = 1): PdbObject => ({
  metadata: { name: 'web' },
  spec,
  status: { expectedPods },
});
const never = (pdb?: PdbObject): Extract<PdbAnswer, { kind: 'never' }> => ({
  kind: 'never',
  why: 'PDB web allows 0',
  ...(pdb === undefined ? {} : { pdb }),
});
const rolling = (maxSurge: number | string, maxUnavailable: number | string) => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
});
const deployment = (spec: object = {}, more: object = {}): DeploymentObject => ({
  metadata: { name: 'web', namespace: 'shop', resourceVersion: '7', ...more },
  spec: { replicas: 1, ...spec },
});

describe('the way of single_replica for a pod that no budget lets go', () => {
  const one = budget({ minAvailable: 1 });
  it.each([
    ['a Deployment with the defaults', 'restart', deployment(), one, 'restart'],
    ['maxSurge of a share is rounded up', 'restart', deployment(rolling('1%', 0)), one, 'restart'],
    ['maxSurge 0', 'restart', deployment(rolling(0, 1)), one, 'maxSurge 0'],
    ['maxSurge 0%', 'restart', deployment(rolling('0%', 1)), one, 'maxSurge 0'],
    ['Recreate', 'restart', deployment({ strategy: { type: 'Recreate' } }), one, 'Recreate'],
    ['a paused Deployment', 'restart', deployment({ paused: true }), one, 'paused'],
    [
      'maxUnavailable of a share is rounded down',
      'restart',
      deployment({ replicas: 3, ...rolling(1, '25%') }),
      one,
      'restart',
    ],
    [
      'a restart that would take pods away first',
      'restart',
      deployment({ replicas: 4 }),
      one,
      'may take 1 of its 4 pods away',
    ],
    [
      'maxUnavailable 1',
      'restart',
      deployment(rolling(1, 1)),
      one,
      'may take 1 of its 1 pods away',
    ],
    ['two budgets', 'restart', deployment(), undefined, 'restart'],
    [
      'no Deployment',
      'restart',
      undefined,
      one,
      'StatefulSet shop/StatefulSet/db is of no Deployment',
    ],
    ['minAvailable 1', 'surge', deployment(), one, 'surge'],
    [
      'a strategy that only a restart needs',
      'surge',
      deployment({ strategy: { type: 'Recreate' }, paused: true }),
      one,
      'surge',
    ],
    ['half of them', 'surge', deployment(), budget({ minAvailable: '50%' }), 'surge'],
    [
      'all of them, as a share',
      'surge',
      deployment(),
      budget({ minAvailable: '100%' }),
      'not helped by one more replica',
    ],
    [
      'maxUnavailable 0',
      'surge',
      deployment(),
      budget({ maxUnavailable: 0 }),
      'not helped by one more replica',
    ],
    [
      'far more than there are',
      'surge',
      deployment(),
      budget({ minAvailable: 3 }),
      'not helped by one more replica',
    ],
    ['two budgets', 'surge', deployment(), undefined, 'not helped by one more replica'],
    ['no Deployment', 'surge', undefined, one, 'is of no Deployment'],
  ] as const)('%s: %s', (_, mode, object, pdb, says) => {
    const way = decideWay({
      mode,
      pod: pod({ owner: 'StatefulSet/db' }),
      answer: never(pdb),
      deployment: object,
    });
    if (says === mode)
      expect(way).toEqual({ kind: mode, deployment: 'shop/web', why: 'PDB web allows 0' });
    else expect(way).toEqual({ kind: 'refused', why: expect.stringContaining(says) });
  });

  it('names an autoscaler, which would remove the additional replica', () => {
    const question = {
      pod: pod({ owner: 'ReplicaSet/web' }),
      answer: never(one),
      deployment: deployment(),
      autoscaler: 'web-hpa',
    };
    expect(decideWay({ ...question, mode: 'surge' })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('HorizontalPodAutoscaler web-hpa'),
    });
    expect(decideWay({ ...question, mode: 'restart' }).kind).toBe('restart');
  });
});

describe('the mark of a Deployment that is scaled up', () => {
  const run = { run: 'r1', number: 1 };
  const marked = (mark: unknown, replicas: number): DeploymentObject =>
    deployment(
      { replicas },
      {
        annotations: { [surgeAnnotation]: typeof mark === 'string' ? mark : JSON.stringify(mark) },
      },
    );

  it('holds the old number, in one write with the new one and the resourceVersion that was read', () => {
    expect(decideSurge(deployment({ replicas: 2 }), 'n1', run)).toEqual({
      kind: 'write',
      replicas: 2,
      patch: {
        metadata: {
          resourceVersion: '7',
          annotations: {
            [surgeAnnotation]: JSON.stringify({ run: 'r1', node: 'n1', replicas: 2 }),
          },
        },
        spec: { replicas: 3 },
      },
    });
  });

  it.each([
    ['of this node: it is scaled up already', { run: 'r0', node: 'n1', replicas: 1 }, 'nothing'],
    ['of another node: it is waited for', { run: 'r1', node: 'n2', replicas: 1 }, 'others'],
    ['that cannot be read is somebody', 'not json', 'others'],
    ['that is no object is somebody', '7', 'others'],
  ] as const)('%s', (_, mark, kind) => {
    expect(decideSurge(marked(mark, 2), 'n1', run).kind).toBe(kind);
  });

  it('shows only as much of a foreign mark as a name may have', () => {
    const long = decideSurge(
      marked({ run: 'r'.repeat(10_000), node: 'n'.repeat(10_000), replicas: 1 }, 2),
      'n1',
      run,
    );
    expect(long).toMatchObject({ kind: 'others', why: expect.stringMatching(/^.{500,600}$/) });
  });

  it.each([
    [
      'ours: back to the old number',
      { run: 'r1', node: 'n1', replicas: 1 },
      2,
      { kind: 'write', replicas: 1, patch: { spec: { replicas: 1 } } },
    ],
    [
      'ours, and somebody scaled it meanwhile',
      { run: 'r1', node: 'n1', replicas: 1 },
      5,
      { kind: 'write', patch: { metadata: { annotations: { [surgeAnnotation]: null } } } },
    ],
    ['of another node', { run: 'r1', node: 'n2', replicas: 1 }, 2, { kind: 'nothing' }],
    ['not to be read', 'not json', 2, { kind: 'nothing' }],
  ] as const)('at the end of a drain: %s', (_, mark, replicas, expected) => {
    const decision = decideScaleBack(marked(mark, replicas), 'n1');
    expect(decision).toMatchObject(expected);
    if (replicas === 5) expect(decision.patch).not.toHaveProperty('spec');
  });

  it('on the node keeps existing entries, and is not written twice', () => {
    const node = (text: string): NodeObject => ({
      metadata: { resourceVersion: '3', annotations: { [surgedAnnotation]: text } },
    });
    expect(surgedOf(node('["shop/web"]'))).toEqual(['shop/web']);
    expect(surgedOf(node('{'))).toEqual([]);
    expect(decideSurged(node('["shop/web"]'), ['shop/web'])).toEqual({});
    expect(decideSurged(node('["shop/web"]'), ['shop/api'])).toEqual({
      patch: {
        metadata: {
          resourceVersion: '3',
          annotations: { [surgedAnnotation]: '["shop/api","shop/web"]' },
        },
      },
    });
  });
});

const title = `draining past a budget that can never allow it${haveOpenssl ? '' : ' (skipped: openssl is not installed)'}`;
const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(open.map((close) => close()));
});

async function lab(options?: FakeKubeOptions) {
  const fake = await startFakeKube(options);
  for (const name of ['n1', 'n2']) fake.addNode(name);
  const cluster = clusterIn(fake);
  open.push(async () => {
    cluster.close();
    await fake.stop();
  });
  const patches = (): number =>
    fake.seen.filter(({ method, path }) => method === 'PATCH' && path.includes('/deployments/'))
      .length;
  const evictions = (): number => fake.seen.filter(({ path }) => path.endsWith('/eviction')).length;
  return { fake, cluster, patches, evictions };
}

describe.skipIf(!haveOpenssl)(title, () => {
  it('without the option restarts and scales nothing', async () => {
    const { fake, cluster, patches } = await lab();
    deploy(fake);
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 2 }));
    expect(failure(outcome).message).toContain('it can never allow one');
    expect(patches()).toBe(0);
  });

  it.each([1, 3])(
    'restart, %d replicas: one restart, no eviction, and never fewer Ready pods than before',
    async (replicas) => {
      const { fake, cluster, evictions } = await lab();
      const web = deploy(fake, { replicas });
      const { outcome, said } = await cordonAndDrain(
        cluster,
        drainOptions({ timeout: 20, singleReplica: 'restart' }),
      );
      expect(value(outcome).evicted).toHaveLength(replicas);
      expect([web.writes.length, evictions()]).toEqual([1, 0]);
      expect([web.podsOn('n1').length, web.podsOn('n2').length]).toEqual([0, replicas]);
      expect(Math.min(...web.counts)).toBe(replicas);
      expect(said).toContainEqual(expect.stringContaining('restarted Deployment shop/web'));
    },
  );

  it('restart: a second drain after a killed controller does not restart again', async () => {
    const { fake, cluster } = await lab();
    const web = deploy(fake, { readyAfter: 1_500 });
    value(await cluster.cordon('n1', owner));
    const killed = new AbortController();
    setTimeout(() => killed.abort(), 500);
    const options = drainOptions({ timeout: 20, singleReplica: 'restart' });
    expect(
      failure(await cluster.drain('n1', options, owner, () => undefined, { signal: killed.signal }))
        .kind,
    ).toBe('interrupted');
    value(await cluster.drain('n1', options, owner, () => undefined));
    expect(web.writes).toHaveLength(1);
    expect(web.podsOn('n1')).toEqual([]);
  });

  it('restart: a new pod that is never Ready ends the drain at its timeout, and the old pod stays', async () => {
    const { fake, cluster } = await lab();
    const web = deploy(fake, { readyAfter: 'never' });
    const { outcome } = await cordonAndDrain(
      cluster,
      drainOptions({ timeout: 2, singleReplica: 'restart' }),
    );
    expect(failure(outcome).message).toContain(
      'waits for another pod of Deployment shop/web to be Ready elsewhere',
    );
    expect(web.podsOn('n1')).toEqual(['web-1']);
  });

  it.each([1, 2])(
    'surge, %d replicas: one more until the node is empty, then the old number and no mark',
    async (replicas) => {
      const { fake, cluster, evictions } = await lab();
      const web = deploy(fake, { replicas });
      const { outcome, said } = await cordonAndDrain(
        cluster,
        drainOptions({ timeout: 20, singleReplica: 'surge' }),
      );
      expect(value(outcome).evicted).toHaveLength(replicas);
      expect(web.writes).toEqual([replicas + 1, replicas]);
      // A single one is asked for when its budget has counted the second, and not before.
      if (replicas === 1) expect(evictions()).toBe(1);
      expect(web.deployment().spec.replicas).toBe(replicas);
      expect(web.deployment().metadata.annotations).toEqual({});
      expect(fake.nodes.get('n1').metadata.annotations).not.toHaveProperty(surgedAnnotation);
      expect(Math.min(...web.counts)).toBe(replicas);
      expect(said).toContainEqual(`scaled Deployment shop/web from ${replicas} to ${replicas + 1}`);
      expect(said).toContainEqual(`scaled Deployment shop/web back to ${replicas}`);
    },
  );

  it('surge: a drain that fails scales back too', async () => {
    const { fake, cluster } = await lab();
    const web = deploy(fake, { readyAfter: 'never' });
    const { outcome } = await cordonAndDrain(
      cluster,
      drainOptions({ timeout: 2, singleReplica: 'surge' }),
    );
    expect(failure(outcome).kind).toBe('timeout');
    expect(web.deployment().spec.replicas).toBe(1);
    expect(web.podsOn('n1')).toEqual(['web-1']);
  });

  it.each([
    ['a resumed drain', 'drain'],
    ['the uncordon of its run', 'uncordon'],
    ['an uncordon by hand that takes the node over', 'plain'],
    ['the end of an interrupted drain by hand', 'release'],
  ] as const)(
    'surge: what an interrupted drain has left scaled up, %s scales back',
    async (_, how) => {
      const { fake, cluster } = await lab();
      const web = deploy(fake, { readyAfter: 'never' });
      value(await cluster.cordon('n1', owner));
      const killed = new AbortController();
      setTimeout(() => killed.abort(), 700);
      const options = drainOptions({ timeout: 2, singleReplica: 'surge' });
      await cluster.drain('n1', options, owner, () => undefined, { signal: killed.signal });
      expect(web.deployment().spec.replicas).toBe(2);
      expect(fake.nodes.get('n1').metadata.annotations[surgedAnnotation]).toBe('["shop/web"]');
      if (how === 'drain')
        expect(failure(await cluster.drain('n1', options, owner, () => undefined)).kind).toBe(
          'timeout',
        );
      if (how === 'uncordon')
        expect(value(await cluster.uncordon('n1', owner)).uncordoned).toBe(true);
      if (how === 'release') value(await cluster.release('n1', owner));
      if (how === 'plain') {
        const other = clusterIn(fake, { takeover: owner.run });
        expect(value(await other.plainUncordon('n1', { dryRun: false })).changed).toBe(true);
        other.close();
      }
      expect(web.deployment().spec.replicas).toBe(1);
      expect(web.deployment().metadata.annotations).toEqual({});
      expect(fake.nodes.get('n1').metadata.annotations).not.toHaveProperty(surgedAnnotation);
    },
  );

  it('surge: two nodes of one Deployment take turns, and its number of replicas is restored', async () => {
    const { fake, cluster } = await lab();
    const web = deploy(fake, { replicas: 2, elsewhere: 'n3' });
    const moved = fake.pods.get('shop/web-2');
    moved.spec.nodeName = 'n2';
    for (const name of ['n1', 'n2']) value(await cluster.cordon(name, owner));
    const options = drainOptions({ timeout: 30, singleReplica: 'surge' });
    const ends = await Promise.all(
      ['n1', 'n2'].map((name) => cluster.drain(name, options, owner, () => undefined)),
    );
    expect(ends.map((end) => value(end).evicted.length)).toEqual([1, 1]);
    expect(web.deployment().spec.replicas).toBe(2);
    expect(web.deployment().metadata.annotations).toEqual({});
    expect(Math.min(...web.counts)).toBe(2);
  });

  it.each(['restart', 'surge'] as const)(
    '%s: what cannot be helped is refused by name, before anything is written',
    async (singleReplica) => {
      const { fake, cluster, patches, evictions } = await lab();
      deploy(fake);
      fake.addPod({
        name: 'db-0',
        owner: { kind: 'StatefulSet', name: 'db' },
        labels: { app: 'db' },
      });
      fake.addPdb('db', { app: 'db' }, { status: { expectedPods: 1, currentHealthy: 1 } });
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ singleReplica }));
      expect(failure(outcome)).toMatchObject({
        kind: 'blocked',
        message: expect.stringContaining('shop/db-0: PDB db allows 0 of 1'),
      });
      expect([patches(), evictions()]).toEqual([0, 0]);
      const forecast = value(await cluster.forecast('n1', drainOptions({ singleReplica })));
      expect(forecast.blocks).toEqual([
        expect.stringContaining('StatefulSet shop/StatefulSet/db is of no Deployment'),
      ]);
      expect(forecast.warnings).toContainEqual(
        expect.stringMatching(/^Deployment shop\/web (is restarted|gets one more replica)/),
      );
    },
  );

  it('surge: an autoscaler of the Deployment is a conflict in the forecast', async () => {
    const { fake, cluster } = await lab();
    deploy(fake);
    fake.workloads.set('horizontalpodautoscalers/shop/hpa', {
      metadata: { name: 'hpa' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' } },
    });
    const { blocks } = value(
      await cluster.forecast('n1', drainOptions({ singleReplica: 'surge' })),
    );
    expect(blocks).toEqual([expect.stringContaining('HorizontalPodAutoscaler hpa')]);
  });

  it('a missing right is named with verb and resource, and the budget is kept', async () => {
    const { fake, cluster, evictions } = await lab({ forbid: ['patch deployments'] });
    deploy(fake);
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ singleReplica: 'restart' }));
    expect(failure(outcome).message).toContain('may not patch deployments.apps shop/web');
    expect(evictions()).toBe(0);
  });

  it('scaling back waits for an API server that cannot be reached', async () => {
    const { fake, cluster } = await lab();
    const web = deploy(fake);
    let refused = 0;
    fake.faults(({ method, path, body }) => {
      const back =
        method === 'PATCH' && path.includes('/deployments/') && body.spec?.replicas === 1;
      if (!back || refused >= 2) return undefined;
      refused += 1;
      return 'cut';
    });
    value(
      (await cordonAndDrain(cluster, drainOptions({ timeout: 20, singleReplica: 'surge' })))
        .outcome,
    );
    expect(refused).toBe(2);
    expect(web.deployment().spec.replicas).toBe(1);
  });

  it('a drain whose node another run took leaves its Deployments to that run', async () => {
    const { fake, cluster } = await lab();
    const web = deploy(fake, { readyAfter: 'never' });
    const draining = cordonAndDrain(cluster, drainOptions({ timeout: 20, singleReplica: 'surge' }));
    await sleep(700);
    const mark = JSON.stringify({ run: 'r2', number: 1, wasUnschedulable: false, at: '' });
    fake.changeNode('n1', { metadata: { annotations: { 'kmend.io/owner': mark } } });
    expect(failure((await draining).outcome).kind).toBe('fenced');
    expect(web.deployment().spec.replicas).toBe(2);
  });
});

describe.skipIf(!haveOpenssl)('jobs: wait', () => {
  const job = { kind: 'Job', name: 'backup' };

  it.each(['Succeeded', 'Failed'] as const)(
    'a pod of a Job is evicted when it has %s, and not before; the others go at once',
    async (phase) => {
      const { fake, cluster } = await lab();
      const running = fake.addPod({ name: 'backup-1', owner: job });
      fake.addPod({ name: 'web-1', owner: { kind: 'ReplicaSet', name: 'web' } });
      const finished = sleep(1_500).then(() => fake.finish(running, phase));
      const at: Record<string, string> = {};
      fake.afterEviction((gone) => {
        at[gone.metadata.name] = gone.status.phase;
      });
      const { outcome, seconds } = await cordonAndDrain(
        cluster,
        drainOptions({ timeout: 20, jobs: 'wait' }),
      );
      await finished;
      expect(value(outcome).evicted).toEqual(['shop/backup-1', 'shop/web-1']);
      expect(at).toEqual({ 'backup-1': phase, 'web-1': 'Running' });
      expect(seconds).toBeGreaterThan(1.5);
    },
  );

  it('a Job that does not finish within the timeout is named and still runs', async () => {
    const { fake, cluster, evictions } = await lab();
    fake.addPod({ name: 'backup-1', owner: job });
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 2, jobs: 'wait' }));
    expect(failure(outcome)).toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('shop/backup-1 (waits for Job backup'),
    });
    expect(evictions()).toBe(0);
  });

  it('a finished or deleted Job is not waited for; without the option no Job is', async () => {
    const { fake, cluster } = await lab();
    fake.addPod({ name: 'done', owner: job, phase: 'Succeeded' });
    fake.addPod({ name: 'ending', owner: job, deletionTimestamp: new Date().toISOString() });
    expect((await cordonAndDrain(cluster, drainOptions({ jobs: 'wait' }))).seconds).toBeLessThan(4);
    fake.addPod({ name: 'backup-1', owner: job });
    expect(
      value(await cluster.drain('n1', drainOptions(), owner, () => undefined)).evicted,
    ).toContain('shop/backup-1');
  });
});
