// Draining a node of a fake API server over real TLS: what goes, what is retried, what ends it, and what is never said.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ownerAnnotation } from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import { type FakeKubeOptions, type Fault, startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { clusterOn, cordonAndDrain, failure, type On, owner, sleep, value } from './cluster-on.ts';
import { drainOptions } from './pods.ts';

const title = `draining a node${haveOpenssl ? '' : ' (skipped: openssl is not installed)'}`;

const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(open.map((close) => close()));
});

async function lab(options?: FakeKubeOptions, on?: On) {
  const fake = await startFakeKube(options);
  fake.addNode('n1');
  const cluster = await clusterOn(fake, on);
  open.push(async () => {
    cluster.close();
    await fake.stop();
  });
  return {
    fake,
    cluster,
    web: (count: number, more: object = {}): void => {
      for (let index = 0; index < count; index += 1) {
        fake.addPod({ name: `web-${index}`, owner: { kind: 'ReplicaSet', name: 'web' }, labels: { app: 'web' }, ...more });
      }
    },
    isCordoned: (): boolean => fake.nodes.get('n1').spec.unschedulable === true,
    calls: (pattern: RegExp): number => fake.seen.filter((seen) => pattern.test(`${seen.method} ${seen.path}`)).length,
  };
}

describe.skipIf(!haveOpenssl).concurrent(title, () => {
  it('evicts what must go, leaves the DaemonSet and mirror pods, and is done when the API server shows none of them', async () => {
    const { fake, cluster, web, isCordoned } = await lab();
    web(3);
    fake.addPod({ name: 'agent', owner: { kind: 'DaemonSet', name: 'agent' }, emptyDir: true });
    fake.daemonSets.add('shop/agent');
    fake.addPod({ name: 'etcd', annotations: { 'kubernetes.io/config.mirror': 'x' } });
    const { outcome } = await cordonAndDrain(cluster, drainOptions());
    expect(value(outcome)).toMatchObject({ evicted: ['shop/web-0', 'shop/web-1', 'shop/web-2'], left: [], arrived: [] });
    expect([...fake.pods.keys()]).toEqual(['shop/agent', 'shop/etcd']);
    expect(isCordoned()).toBe(true);
  });

  it('needs few calls beside the evictions, and begins its watch when the last pod was asked to go', async () => {
    const { fake, cluster, web, calls } = await lab({ stopAfter: 1_200 });
    web(40);
    value((await cordonAndDrain(cluster, drainOptions())).outcome);
    const isEviction = ({ path }: { path: string }) => path.endsWith('/eviction');
    const isWatch = ({ query }: { query: URLSearchParams }) => query.get('watch') === '1';
    expect(fake.seen.filter(isEviction)).toHaveLength(40);
    expect(fake.seen.filter(isWatch)).toHaveLength(1);
    expect(fake.seen.findIndex(isWatch)).toBeGreaterThan(fake.seen.findLastIndex(isEviction));
    // What the watch tells is a line a pod and change: the whole drain takes half a kilobyte a pod.
    expect(cluster.stats().received).toBeLessThan(20_000);
    // Cordon (2), version, look at the node, three lists (before, after the evictions, at the end); another look in case it takes long.
    expect(fake.seen.length - 41).toBeLessThanOrEqual(9);
    expect(calls(/^GET \/api\/v1\/nodes\/n1$/)).toBeGreaterThan(1);
  });

  it('an API server that is away when the drain begins is waited for', async () => {
    const { fake, cluster, web } = await lab();
    web(2);
    value(await cluster.cordon('n1', owner));
    const back = fake.restart(1_500);
    const outcome = await cluster.drain('n1', drainOptions({ timeout: 20 }), owner, () => undefined);
    await back;
    expect(value(outcome).evicted).toHaveLength(2);
  });

  it.each(['rpc error: code = Internal desc = unexpected EOF', 'etcdserver: leader changed'])(
    'a store that does not answer each call of a drain the first time (%s) only makes it longer',
    async (message) => {
      const { fake, cluster, web } = await lab();
      web(2);
      value(await cluster.cordon('n1', owner));
      const asked = new Set<string>();
      fake.faults(({ method, path }) => {
        const call = `${method} ${path}`;
        if (asked.has(call)) return undefined;
        asked.add(call);
        return { status: 500, body: { kind: 'Status', message } };
      });
      expect(value(await cluster.drain('n1', drainOptions({ timeout: 20 }), owner, () => undefined)).evicted).toHaveLength(2);
      expect([...asked].sort()).toEqual([
        'GET /api/v1',
        'GET /api/v1/nodes/n1',
        'GET /api/v1/pods',
        expect.stringContaining('POST'),
        expect.stringContaining('POST'),
      ]);
    },
  );

  it('says of a node without pods that it is drained after one list', async () => {
    const { fake, cluster } = await lab();
    value((await cordonAndDrain(cluster, drainOptions())).outcome);
    expect(fake.seen.filter(({ method, path }) => method === 'GET' && path === '/api/v1/pods')).toHaveLength(1);
  });

  it('asks for the version of eviction that the server has', async () => {
    const { fake, cluster, web } = await lab({ modern: true });
    web(1);
    value((await cordonAndDrain(cluster, drainOptions())).outcome);
    expect(fake.seen.find((seen) => seen.path.endsWith('/eviction'))?.body.apiVersion).toBe('policy/v1');
  });

  it('refuses before the first eviction, with all reasons', async () => {
    const { fake, cluster, web, calls, isCordoned } = await lab();
    web(1);
    fake.addPod({ name: 'bare' });
    fake.addPod({ name: 'tmp', owner: { kind: 'ReplicaSet', name: 'tmp' }, emptyDir: true });
    const { outcome } = await cordonAndDrain(cluster, drainOptions());
    const { kind, message } = failure(outcome);
    expect(kind).toBe('blocked');
    expect(message).toMatch(/shop\/bare: has no controller.*shop\/tmp: has local storage/);
    expect(calls(/eviction$/)).toBe(0);
    // Giving it back is the caller's, which writes that down.
    expect(isCordoned()).toBe(true);
  });

  it('waits for a busy budget, and names it while it waits', async () => {
    const { fake, cluster, web } = await lab();
    web(2);
    const pdb = fake.addPdb('web', { app: 'web' }, { status: { disruptionsAllowed: 1 } });
    fake.afterEviction(() => setTimeout(() => (pdb.status.disruptionsAllowed = 1), 2_500));
    const { outcome, said } = await cordonAndDrain(cluster, drainOptions({ timeout: 20 }));
    expect(value(outcome).evicted).toHaveLength(2);
    expect(said.join('\n')).toMatch(
      /1 of 2 pods gone; still there: shop\/web-\d \(PDB web allows 0 of 2 \(minAvailable 1; 2 healthy, 1 needed\)\)/,
    );
  });

  it('keeps its deadline to the second under a budget that never allows, and says so', async () => {
    const { fake, cluster, web, calls } = await lab();
    web(2);
    fake.addPdb('web', { app: 'web' }, { spec: { minAvailable: 2 }, status: { desiredHealthy: 2 } });
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 3 }));
    const { kind, message, hint } = failure(outcome);
    expect(kind).toBe('timeout');
    expect(message).toMatch(/not done within 3 s: 0 of 2 pods gone.*PDB web allows 0 of 2 \(minAvailable 2\): it can never allow one/);
    expect(hint).toBe(
      'a PDB can never allow an eviction: give its workload one more replica, or change the PDB; `drain: {single_replica: restart}` moves a single replica of a Deployment',
    );
    expect(seconds).toBeGreaterThan(2.9);
    expect(seconds).toBeLessThan(3.8);
    // A retry every 1 to 2 s, not a storm.
    expect(calls(/eviction$/)).toBeLessThanOrEqual(8);
  });

  it('ends a watch without any event at the deadline', async () => {
    const { cluster, web } = await lab();
    web(1, { annotations: { 'fake/stop': 'never' } });
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 2 }));
    expect(failure(outcome).kind).toBe('timeout');
    expect(failure(outcome).message).toContain('shop/web-0 (ending)');
    expect(seconds).toBeLessThan(2.8);
  });

  it('says of a pod that it is ending as soon as the eviction was accepted', async () => {
    const { fake, cluster, web } = await lab({ stopAfter: 60_000 });
    web(30);
    const stop = new AbortController();
    fake.afterEviction(() => setTimeout(() => stop.abort(), 500));
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }), stop.signal);
    expect(failure(outcome).message).toContain('shop/web-0 (ending)');
    expect(failure(outcome).message).not.toContain('not asked');
  });

  it('does not say that a pod is gone because a watch said so, when a list still shows it', async () => {
    const { fake, cluster, web } = await lab();
    web(1, { annotations: { 'fake/stop': 'never' } });
    fake.afterEviction((pod) => setTimeout(() => fake.tell('DELETED', pod), 100));
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 2 }));
    expect(failure(outcome).message).toContain('0 of 1 pods gone');
  });

  it('names the finalizer that holds a pod', async () => {
    const { cluster, web } = await lab();
    web(1, { finalizers: ['example.com/guard'] });
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 1 }));
    expect(failure(outcome).message).toContain('ending, held by finalizer example.com/guard');
  });

  it.each([
    ['two budgets on one pod', 500, 'This pod has more than one PodDisruptionBudget'],
    ['a webhook that denies', 403, 'admission webhook "w" denied the request: no'],
    ['a webhook that is down', 500, 'failed calling webhook'],
    ['an answer that nobody knows', 418, 'teapot'],
  ])('one hard refusal (%s) fails that pod at once while the others go on', async (_, status, message) => {
    const { fake, cluster, web, calls } = await lab();
    web(3);
    fake.faults((seen) => (seen.path.endsWith('/web-1/eviction') ? { status, body: { kind: 'Status', message } } : undefined));
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 20 }));
    expect(failure(outcome)).toMatchObject({ kind: 'blocked' });
    expect(failure(outcome).message).toContain('1 of 3 pods did not go: shop/web-1');
    expect(failure(outcome).message).toContain(message);
    expect([...fake.pods.keys()]).toEqual(['shop/web-1']);
    expect(calls(/web-1\/eviction$/)).toBe(1);
    expect(seconds).toBeLessThan(5);
  });

  it('names the right that is missing when evictions are forbidden', async () => {
    const { cluster, web } = await lab({ forbid: ['create pods/eviction'] });
    web(1);
    const { outcome } = await cordonAndDrain(cluster, drainOptions());
    expect(failure(outcome).message).toMatch(/may not create pods\/eviction \(403\)/);
  });

  it('waits for a pod whose namespace is being deleted', async () => {
    const { fake, cluster, web } = await lab();
    web(1);
    const pod = fake.pods.get('shop/web-0');
    const body = { kind: 'Status', message: 'forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } };
    fake.faults((seen) => (seen.path.endsWith('/eviction') ? { status: 403, body } : undefined));
    setTimeout(() => fake.remove(pod), 600);
    expect(value((await cordonAndDrain(cluster, drainOptions())).outcome).evicted).toEqual(['shop/web-0']);
  });

  it('does not touch the pod that took the name of one of ours', async () => {
    const { fake, cluster, web } = await lab();
    web(1, { annotations: { 'fake/stop': 'never' } });
    let replaced = false;
    fake.faults((seen): Fault => {
      if (!seen.path.endsWith('/eviction') || replaced) return undefined;
      replaced = true;
      fake.remove(fake.pods.get('shop/web-0'));
      fake.addPod({ name: 'web-0', owner: { kind: 'StatefulSet', name: 'web' }, spec: { tolerations: [{ operator: 'Exists' }] } });
      return undefined;
    });
    const result = value((await cordonAndDrain(cluster, drainOptions({ leftBehind: 'accept' }))).outcome);
    expect(result).toMatchObject({ evicted: ['shop/web-0'], arrived: ['shop/web-0'] });
    expect(fake.pods.get('shop/web-0').metadata.deletionTimestamp).toBeUndefined();
  });

  it('gives the grace period along, to deletions too', async () => {
    const { fake, cluster, web, calls } = await lab({ stopAfter: 60_000 });
    web(1);
    const options = drainOptions({ gracePeriod: 1, disableEviction: true });
    value((await cordonAndDrain(cluster, options)).outcome);
    expect(calls(/eviction$/)).toBe(0);
    expect(fake.seen.find((seen) => seen.method === 'DELETE')?.body).toMatchObject({ gracePeriodSeconds: 1 });
  });

  it('fallback_without_eviction deletes nothing where the server offers evictions: the budget is kept up to the deadline', async () => {
    const { fake, cluster, web, calls } = await lab();
    web(2);
    fake.addPdb('web', { app: 'web' }, { spec: { minAvailable: 2 }, status: { desiredHealthy: 2 } });
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 4, fallbackWithoutEviction: true }));
    expect(failure(outcome)).toMatchObject({ kind: 'timeout', message: expect.stringMatching(/can never allow/) });
    expect([calls(/^DELETE/), fake.pods.size]).toEqual([0, 2]);
  });

  it.each([
    [{}, 0, false],
    [{ fallbackWithoutEviction: true }, 2, true],
    [{ disableEviction: true }, 2, true],
  ])('where the server offers no eviction, %j deletes %i pods', async (options, deleted, done) => {
    const { cluster, web, calls } = await lab({ noEviction: true });
    web(2);
    const { outcome } = await cordonAndDrain(cluster, drainOptions(options));
    expect(outcome.ok).toBe(done);
    if (!outcome.ok)
      expect(outcome.failure.message).toMatch(/offers no eviction \(fallback_without_eviction deletes the pods instead, and breaks/);
    expect([calls(/^DELETE/), calls(/eviction$/)]).toEqual([deleted, 0]);
  });

  describe('trouble with the watch', () => {
    it('lists again after a cut', async () => {
      const { fake, cluster, web } = await lab({ stopAfter: 1_500 });
      web(2);
      fake.afterEviction(() => setTimeout(() => fake.cutWatches(), 300));
      expect(value((await cordonAndDrain(cluster, drainOptions())).outcome).evicted).toHaveLength(2);
    });

    it('lists again after 410, which comes inside a 200', async () => {
      const { fake, cluster, web } = await lab({ stopAfter: 1_000 });
      web(2);
      let forgot = false;
      fake.faults((seen) => {
        if (seen.query.get('watch') === '1' && !forgot) {
          forgot = true;
          fake.forgetHistory();
        }
        return undefined;
      });
      expect(value((await cordonAndDrain(cluster, drainOptions())).outcome).evicted).toHaveLength(2);
    });

    it('takes whole pods from a server that knows no Tables', async () => {
      const { cluster, web } = await lab({ noTables: true, stopAfter: 900 });
      web(3);
      const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions());
      expect(value(outcome).evicted).toHaveLength(3);
      expect(seconds).toBeLessThan(2);
    });

    it('keeps pods of one name apart: the end of one in another namespace is not that of ours', async () => {
      const { fake, cluster } = await lab();
      const spec = { name: 'db-0', owner: { kind: 'StatefulSet', name: 'db' } };
      fake.addPod({ ...spec, labels: { app: 'db' } });
      fake.addPod({ ...spec, namespace: 'zoo', annotations: { 'fake/stop': '2600' } });
      const pdb = fake.addPdb('db', { app: 'db' });
      setTimeout(() => (pdb.status.disruptionsAllowed = 1), 3_500);
      const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 15 }));
      expect(value(outcome).evicted).toEqual(['shop/db-0', 'zoo/db-0']);
      expect(seconds).toBeLessThan(8);
    });

    it('one that came and went elsewhere under the name of ours says nothing of ours', async () => {
      const { fake, cluster, web } = await lab();
      web(1);
      fake.addPod({ name: 'slow', owner: { kind: 'ReplicaSet', name: 'slow' }, annotations: { 'fake/stop': '5000' } });
      const pdb = fake.addPdb('web', { app: 'web' });
      // Between two lists: only the watch has seen it.
      setTimeout(() => fake.addPod({ name: 'web-0', namespace: 'zoo' }), 2_600);
      setTimeout(() => fake.remove(fake.pods.get('zoo/web-0')), 2_700);
      setTimeout(() => (pdb.status.disruptionsAllowed = 1), 6_000);
      const said: string[] = [];
      value(await cluster.cordon('n1', owner));
      const outcome = await cluster.drain('n1', drainOptions({ timeout: 15 }), owner, (text) => said.push(text));
      expect(value(outcome).evicted).toEqual(['shop/web-0', 'shop/slow']);
      // Ours was never thought to be gone while its budget held it.
      expect(said.filter((text) => text.includes('of 2 pods gone')).every((text) => text.includes('shop/web-0'))).toBe(true);
    });

    it('asks a pod to go although a watch said that it is gone: only a list may say so', async () => {
      const { fake, cluster, web } = await lab();
      web(1);
      fake.addPod({ name: 'slow', owner: { kind: 'ReplicaSet', name: 'slow' }, annotations: { 'fake/stop': '6000' } });
      const pdb = fake.addPdb('web', { app: 'web' });
      setTimeout(() => fake.tell('DELETED', fake.pods.get('shop/web-0')), 2_600);
      setTimeout(() => (pdb.status.disruptionsAllowed = 1), 5_000);
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 12 }));
      expect(value(outcome).evicted).toEqual(['shop/web-0', 'shop/slow']);
    });

    it('lists every few seconds where it may not watch', async () => {
      const { fake, cluster, web } = await lab({ forbid: ['watch pods'], stopAfter: 500 });
      web(2);
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 10 }));
      expect(value(outcome).evicted).toHaveLength(2);
      expect(fake.seen.filter((seen) => seen.query.get('watch') === '1')).toHaveLength(1);
    });

    it('does not believe a list that is refused: a 403 is not "gone"', async () => {
      const { fake, cluster, web } = await lab({ stopAfter: 60_000 });
      web(1);
      let lists = 0;
      const body = { kind: 'Status', message: 'pods is forbidden: User "ann" cannot list resource "pods"' };
      fake.faults((seen) => (seen.method === 'GET' && seen.path === '/api/v1/pods' && ++lists > 1 ? { status: 403, body } : undefined));
      expect(failure((await cordonAndDrain(cluster, drainOptions({ timeout: 2 }))).outcome).kind).toBe('timeout');
    });
  });

  it('lives through a restart of the API server', async () => {
    const { fake, cluster, web } = await lab({ stopAfter: 100 });
    web(30);
    let restarted = false;
    fake.afterEviction(() => {
      if (!restarted) setTimeout(() => void fake.restart(1_200), 0);
      restarted = true;
    });
    const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 20 }));
    expect(value(outcome).evicted).toHaveLength(30);
  });

  it('obeys the pause of an overloaded API server', async () => {
    const { fake, cluster, web } = await lab();
    web(1);
    let refused = 0;
    const overloaded = { status: 429, body: 'Too many requests, please try again later.', headers: { 'retry-after': '3' } };
    fake.faults((seen) => (seen.path.endsWith('/eviction') && ++refused === 1 ? overloaded : undefined));
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 10 }));
    expect(value(outcome).evicted).toHaveLength(1);
    // Without the word of the server it would have come again after two seconds at the latest.
    expect(seconds).toBeGreaterThan(2.9);
  });

  it('keeps its deadline when the API server hangs', async () => {
    const { fake, cluster, web } = await lab();
    web(1);
    fake.faults((seen) => (seen.path.endsWith('/eviction') ? 'hang' : undefined));
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 2 }));
    expect(failure(outcome).kind).toBe('timeout');
    expect(seconds).toBeLessThan(2.8);
  });

  describe('whose node it is', () => {
    it('ends as blocked when somebody uncordons it on the way, and evicts nothing more', async () => {
      const { fake, cluster, web, calls } = await lab();
      web(2);
      fake.addPdb('web', { app: 'web' });
      setTimeout(() => fake.changeNode('n1', { spec: { unschedulable: null } }), 500);
      const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }));
      expect(failure(outcome)).toMatchObject({ kind: 'blocked' });
      expect(failure(outcome).message).toContain('uncordoned by somebody else');
      expect(seconds).toBeLessThan(6);
      const before = calls(/eviction$/);
      await sleep(2_500);
      expect(calls(/eviction$/)).toBe(before);
    });

    it('ends as fenced when another run takes it, and leaves it alone', async () => {
      const { fake, cluster, web, isCordoned } = await lab();
      web(1);
      fake.addPdb('web', { app: 'web' });
      const theirs = JSON.stringify({ run: 'r2', number: 1, wasUnschedulable: false, at: '' });
      fake.faults((seen) => {
        if (seen.path.endsWith('/eviction')) fake.changeNode('n1', { metadata: { annotations: { [ownerAnnotation]: theirs } } });
        return undefined;
      });
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }));
      expect(failure(outcome)).toMatchObject({ kind: 'fenced' });
      expect(failure(outcome).message).not.toContain('given back');
      expect(isCordoned()).toBe(true);
      expect(fake.nodes.get('n1').metadata.annotations[ownerAnnotation]).toBe(theirs);
    });

    it('never evicts without its own cordon', async () => {
      const { cluster, web, calls } = await lab();
      web(1);
      const outcome = await cluster.drain('n1', drainOptions(), owner, () => undefined);
      expect(failure(outcome).kind).toBe('blocked');
      expect(calls(/eviction$/)).toBe(0);
    });

    it('ends when the node object is deleted', async () => {
      const { fake, cluster, web } = await lab();
      web(1, { annotations: { 'fake/stop': 'never' } });
      fake.afterEviction(() => void fake.nodes.delete('n1'));
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }));
      expect(failure(outcome).message).toContain('is not in the cluster any more');
    });

    it('reads the node at least every 5 s while it waits, and once for a batch of evictions', async () => {
      const { cluster, web, calls } = await lab();
      web(20);
      value((await cordonAndDrain(cluster, drainOptions())).outcome);
      const reads = calls(/^GET \/api\/v1\/nodes\/n1$/);
      expect(reads).toBeLessThanOrEqual(3);
    });
  });

  describe('a dead node', () => {
    const dead = { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } };
    const long = new Date(Date.now() - 600_000).toISOString();

    it('is not drained by default', async () => {
      const { fake, cluster, web, calls } = await lab();
      web(1);
      fake.changeNode('n1', dead);
      const { outcome } = await cordonAndDrain(cluster, drainOptions());
      expect(failure(outcome)).toMatchObject({ kind: 'blocked' });
      expect(failure(outcome).message).toMatch(/is NotReady/);
      expect(calls(/eviction$/)).toBe(0);
    });

    it('whose pods may be left behind: what is still there is named as left, not as evicted', async () => {
      const { fake, cluster, web } = await lab();
      web(1, { annotations: { 'fake/stop': 'never' }, deletionTimestamp: long });
      fake.changeNode('n1', dead);
      const result = value((await cordonAndDrain(cluster, drainOptions({ deadNodeSkipWaitAfter: 60, leftBehind: 'accept' }))).outcome);
      expect(result).toMatchObject({ evicted: [], left: ['shop/web-0'] });
    });

    it('skips what it asked to go itself, once that is late enough', async () => {
      const { fake, cluster, web } = await lab();
      web(2, { annotations: { 'fake/stop': 'never' } });
      fake.changeNode('n1', dead);
      const options = drainOptions({ deadNodeSkipWaitAfter: 1, gracePeriod: 1, timeout: 20, leftBehind: 'accept' });
      const { outcome, seconds } = await cordonAndDrain(cluster, options);
      expect(value(outcome)).toMatchObject({ evicted: [], left: ['shop/web-0', 'shop/web-1'] });
      expect(seconds).toBeGreaterThan(1.9);
      expect(seconds).toBeLessThan(8);
    });

    it("counts a pod's own grace period where the drain has none, before it is late", async () => {
      const { cluster, web } = await lab();
      web(25, { annotations: { 'fake/stop': 'never' } });
      const options = drainOptions({ gracePeriod: -1, skipWaitForDeleteTimeout: 0.1, timeout: 2, leftBehind: 'accept' });
      expect(failure((await cordonAndDrain(cluster, options)).outcome).message).toContain('0 of 25 pods gone');
    });

    it('that dies on the way ends the drain after a minute, and not before', async () => {
      // Twenty seconds of this clock are one of ours.
      const began = Date.now();
      const clock = {
        ...systemClock,
        now: () => began + (Date.now() - began) * 20,
        sleep: (milliseconds: number, signal?: AbortSignal) => systemClock.sleep(milliseconds / 20, signal),
      };
      const { fake, cluster, web } = await lab({}, { options: { clock } });
      web(1, { annotations: { 'fake/stop': 'never' } });
      fake.afterEviction(() => void fake.changeNode('n1', dead));
      const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 600 }));
      expect(failure(outcome)).toMatchObject({ kind: 'blocked', message: expect.stringContaining('became NotReady during the drain') });
      expect(seconds).toBeGreaterThan(3);
      expect(seconds).toBeLessThan(10);
    });

    it('does not skip anything on a node that is well', async () => {
      const { cluster, web } = await lab();
      web(1, { annotations: { 'fake/stop': 'never' }, deletionTimestamp: long });
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ deadNodeSkipWaitAfter: 60, timeout: 1.5, leftBehind: 'accept' }));
      expect(failure(outcome).kind).toBe('timeout');
    });

    it('judges deletion times by the clock of the API server', async () => {
      const { cluster, web } = await lab({ skew: -3600 });
      const deleted = new Date(Date.now() - 3600_000 - 10_000).toISOString();
      web(1, { annotations: { 'fake/stop': 'never' }, deletionTimestamp: deleted });
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ skipWaitForDeleteTimeout: 60, timeout: 1.5, leftBehind: 'accept' }));
      expect(failure(outcome).kind).toBe('timeout');
    });
  });

  it('an interrupted drain ends at once and keeps its node for a resumed run', async () => {
    const { isCordoned, cluster, web } = await lab();
    web(1, { annotations: { 'fake/stop': 'never' } });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 400);
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }), stop.signal);
    expect(failure(outcome)).toMatchObject({ kind: 'interrupted' });
    expect(seconds).toBeLessThan(1.5);
    expect(isCordoned()).toBe(true);
    value(await cluster.holds('n1', owner));
  });

  it('takes 100 pods in a few seconds with few calls, with no more in flight than it may', async () => {
    const { fake, cluster, web } = await lab({ stopAfter: 300, slow: 15 }, { options: { inFlight: 7 } });
    web(100);
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, fake.inFlight())), 2);
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }));
    clearInterval(timer);
    expect(value(outcome).evicted).toHaveLength(100);
    expect(seconds).toBeLessThan(10);
    expect(fake.seen.length).toBeLessThanOrEqual(115);
    expect(most).toBeGreaterThanOrEqual(7);
    expect(most).toBeLessThanOrEqual(7 + 3);
    expect(fake.connections()).toBe(1);
    // All had ended when it looked: being told of each would have cost more.
    expect(fake.seen.some(({ query }) => query.get('watch') === '1')).toBe(false);
  });

  it('looks once more at many pods before it asks to be told of each', async () => {
    const { fake, cluster, web } = await lab({ stopAfter: 1_800 });
    web(80);
    value((await cordonAndDrain(cluster, drainOptions())).outcome);
    expect(fake.seen.some(({ query }) => query.get('watch') === '1')).toBe(false);
    expect(fake.seen.filter(({ method, path }) => method === 'GET' && path === '/api/v1/pods')).toHaveLength(3);
  });

  it('never says "evicted" of a pod that the API server still shows, whatever the server does', async () => {
    const { fake, cluster } = await lab({ stopAfter: 30 });
    const faultKinds = ['none', 'none', 'none', 'cut', '503', 'store', '404', '409', '403', '200', '410', 'empty'] as const;
    const forced = (kind: (typeof faultKinds)[number]): Fault => {
      if (kind === 'none') return undefined;
      if (kind === 'cut') return 'cut';
      if (kind === 'empty') return { status: 200, body: {} };
      if (kind === 'store') return { status: 500, body: { kind: 'Status', message: 'etcdserver: request timed out' } };
      return { status: Number(kind), body: { kind: 'Status', message: 'uid' } };
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...faultKinds), { minLength: 1, maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        async (kinds, stuck) => {
          fake.pods.clear();
          stuck.forEach((never, index) => {
            fake.addPod({
              // Two of each name, in different namespaces.
              name: `p${index % 2}`,
              namespace: `s${Math.floor(index / 2)}`,
              owner: { kind: 'ReplicaSet', name: 'p' },
              annotations: never ? { 'fake/stop': 'never' } : {},
            });
          });
          let turn = 0;
          value(await cluster.cordon('n1', owner));
          // The first list stays honest: what it shows is what must be gone. Later ones may be refused or cut, not forged.
          let lists = 0;
          fake.faults((seen) => {
            if (seen.path.startsWith('/api/v1/nodes') || seen.path === '/api/v1') return undefined;
            if (seen.path === '/api/v1/pods' && seen.query.get('watch') === null && ++lists === 1) return undefined;
            const kind = kinds[turn++ % kinds.length] ?? 'none';
            const isList = seen.path === '/api/v1/pods';
            return isList && ['empty', '200'].includes(kind) ? undefined : forced(kind);
          });
          const drained = await cluster.drain('n1', drainOptions({ timeout: 0.6 }), owner, () => undefined);
          const there = [...fake.pods.keys()];
          fake.faults(() => undefined);
          value(await cluster.cordon('n1', owner));
          value(await cluster.uncordon('n1', owner));
          if (!drained.ok) return true;
          return drained.value.evicted.every((name) => !there.includes(name)) && drained.value.left.length === 0 && !stuck.includes(true);
        },
      ),
      { numRuns: 20 },
    );
  });
});
