// `kmend drain`, `kmend cordon` and `kmend uncordon` as commands on a fake API server: flags,
// output and exit codes. test/hosts uses a real server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownHolder, startOf } from '../../src/adapters/store/locks/holder.ts';
import { startCommand } from '../cli/real-world.ts';
import { type FakeKube, startFakeKube } from '../fakes/kube-api.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterWithin } from './cluster-on.ts';

skipWaits();

let fake: FakeKube;
let home: string;
beforeEach(async () => {
  fake = await startFakeKube({ stopAfter: 50 });
  home = mkdtempSync(join(tmpdir(), 'kmend-node-'));
  for (const name of ['n1', 'n2', 'n3'])
    fake.addNode(name, { metadata: { labels: { pool: name === 'n3' ? 'b' : 'a' } } });
});
afterEach(async () => {
  await fake.stop();
  rmSync(home, { recursive: true, force: true });
});

const start = (...args: string[]) =>
  startCommand([...args, '--kubeconfig', 'kubeconfig'], {
    home,
    cluster: clusterWithin(fake),
  });
const run = (...args: string[]) => start(...args).result;

const web = (node: string, count = 2): void => {
  for (let index = 0; index < count; index += 1)
    fake.addPod({
      name: `web-${node}-${index}`,
      node,
      owner: { kind: 'ReplicaSet', name: 'web' },
      labels: { app: 'web' },
    });
};
const cordoned = (): readonly string[] =>
  [...fake.nodes].filter(([, node]) => node.spec.unschedulable === true).map(([name]) => name);
const marked = (): readonly string[] =>
  [...fake.nodes]
    .filter(([, node]) => node.metadata.annotations?.['kmend.io/owner'] !== undefined)
    .map(([name]) => name);
const hold = (node: string, name: string): void =>
  fake.changeNode(node, {
    metadata: {
      annotations: {
        'kmend.io/owner': JSON.stringify({ run: name, number: 1, wasUnschedulable: false, at: '' }),
      },
    },
    spec: { unschedulable: true },
  });
/** A mark of `kmend drain`, by a process of this machine or of another one. */
const holdByHand = (node: string, cordoned: boolean, process: object = {}): void => {
  const holder = { ...ownHolder(), ...process };
  const mark = { run: 'drain-1', number: 1, wasUnschedulable: false, at: '', holder };
  fake.changeNode(node, {
    metadata: { annotations: { 'kmend.io/owner': JSON.stringify(mark) } },
    spec: { unschedulable: cordoned },
  });
};
const ended = { pid: 4_194_305, started: '1' };
const elsewhere = { machine: 'ops2', boot: 'another', namespaces: 'pid:[1]' };
const evicted = (): number => fake.seen.filter((seen) => seen.path.endsWith('/eviction')).length;

describe('kmend drain', () => {
  it('drains several nodes, all cordoned before the first pod goes; no mark is left', async () => {
    web('n1');
    web('n2');
    const done = await run('drain', 'n1', 'n2', 'n1');
    expect(done).toMatchObject({ exit: 0, err: '' });
    expect(done.out.split('\n').filter((line) => line.startsWith('node/'))).toEqual([
      'node/n1 cordoned',
      'node/n2 cordoned',
      'node/n1 drained',
      'node/n2 drained',
    ]);
    const firstEviction = fake.seen.findIndex((seen) => seen.path.endsWith('/eviction'));
    expect(
      fake.seen.slice(0, firstEviction).filter((seen) => seen.method === 'PATCH'),
    ).toHaveLength(2);
    expect([cordoned(), marked()]).toEqual([['n1', 'n2'], []]);
  });

  it('exits with 1 if one node cannot be drained: it stays cordoned, and the others are drained', async () => {
    fake.addPod({ name: 'bare', node: 'n1' });
    web('n2');
    const done = await run('drain', 'n1', 'n2');
    expect(done.exit).toBe(1);
    expect(done.err).toMatch(/error: node n1 cannot be drained: .*shop\/bare/);
    expect(done.out).toMatch(/node\/n2 drained/);
    expect([cordoned(), marked(), evicted()]).toEqual([['n1', 'n2'], [], 2]);
  });

  it.each([
    [
      'is uncordoned',
      () => fake.changeNode('n1', { spec: { unschedulable: null } }),
      /^node\/n1 is not cordoned$/m,
    ],
    ['stays cordoned', () => fake.addPdb('web', { app: 'web' }), /^node\/n1 stays cordoned$/m],
  ])('reports the state of a node that %s during a drain that fails', async (_, change, says) => {
    fake.addPod({
      name: 'web',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'web' },
      annotations: { 'fake/stop': 'never' },
    });
    fake.afterEviction(change);
    expect(await run('drain', 'n1', '--timeout=6s')).toMatchObject({
      exit: 1,
      err: expect.stringMatching(says),
    });
  });

  it('reports no cordon of a node that was deleted during the drain', async () => {
    fake.addPod({
      name: 'web',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'web' },
      annotations: { 'fake/stop': 'never' },
    });
    fake.afterEviction(() => void fake.nodes.delete('n1'));
    const { exit, err } = await run('drain', 'n1', '--timeout=20s');
    expect([exit, err]).toEqual([
      1,
      expect.stringContaining('node n1 is not in the cluster any more'),
    ]);
    expect(err).not.toMatch(/cordoned|mark/);
  });

  it('fails for a node on which an option leaves pods', async () => {
    web('n1');
    fake.addPod({ name: 'other', node: 'n1', labels: { app: 'other' } });
    const done = await run('drain', 'n1', '--pod-selector=app=web', '--timeout=3s');
    expect(done.exit).toBe(1);
    expect(done.err).toMatch(
      /2 of 2 pods gone; also on the node: shop\/other \(--pod-selector leaves it out\)/,
    );
    expect(done.err).toContain('or leave them there: `--left-behind accept`');
    expect(done.out).not.toContain('pod_selector');
    expect(done.out).not.toContain('node/n1 drained');
  });

  it('refuses an unknown node before any change', async () => {
    web('n1');
    const done = await run('drain', 'n1', 'n9');
    expect(done).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/the cluster has no node n9/),
    });
    expect(fake.seen.filter((seen) => seen.method !== 'GET')).toEqual([]);
  });

  it('selects nodes by labels', async () => {
    web('n1', 1);
    expect((await run('drain', '-l', 'pool=a')).exit).toBe(0);
    expect(cordoned()).toEqual(['n1', 'n2']);
    expect(await run('drain', '-l', 'pool=c')).toMatchObject({
      exit: 11,
      err: expect.stringMatching(/no node has the labels pool=c/),
    });
  });

  it('refuses a node that a run owns, unless it is taken over', async () => {
    web('n1');
    hold('n1', 'r7');
    const refused = await run('drain', 'n1');
    expect(refused).toMatchObject({
      exit: 7,
      err: expect.stringMatching(/node n1 is held by run r7.*\n.*--takeover RUN/),
    });
    expect(evicted()).toBe(0);
    expect((await run('drain', 'n1', '--takeover', 'r8')).exit).toBe(7);
    expect((await run('drain', 'n1', '--takeover', 'r7')).exit).toBe(0);
    expect([cordoned(), marked(), evicted()]).toEqual([['n1'], [], 2]);
  });

  it.each([
    ['--force=true', 0],
    ['--force=false', 1],
    ['--force', 0],
  ])('accepts %s as kubectl does', async (flag, exit) => {
    fake.addPod({ name: 'bare', node: 'n1' });
    expect((await run('drain', flag, 'n1')).exit).toBe(exit);
  });

  it.each([
    [
      ['--timeout=soon', 'n1'],
      /--timeout must be seconds or a duration such as 90s or 1m30s, not `soon`/,
    ],
    [['--timeout=-3', 'n1'], /--timeout must not be negative/],
    [['--pod-selector=size>x', 'n1'], /--pod-selector: "size>x" is not a label selector/],
    [['--left-behind=maybe', 'n1'], /--left-behind must be fail or accept, not `maybe`/],
    [['--single-replica=x', 'n1'], /--single-replica must be restart or surge, not `x`/],
    [['--jobs=x', 'n1'], /--jobs must be evict or wait, not `x`/],
    [['--dry-run=maybe', 'n1'], /--dry-run must be none, client or server/],
    [[], /which node/],
    [['n1', '-l', 'pool=a'], /names of nodes or --selector, not both/],
  ])('refuses %s without a call to the cluster', async (args, message) => {
    const done = await run('drain', ...args);
    expect(done.exit).toBe(3);
    expect(done.err).toMatch(message);
    expect(fake.seen).toEqual([]);
  });

  it('keeps a deadline of 1.5 s as kubectl writes it', async () => {
    web('n1');
    fake.addPdb(
      'web',
      { app: 'web' },
      { spec: { minAvailable: 2 }, status: { desiredHealthy: 2 } },
    );
    const began = performance.now();
    const done = await run('drain', 'n1', '--timeout=1s500ms');
    expect(done.exit).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(1_400);
    expect(done.err).toMatch(/not done within 1.5 s.*can never allow/);
  });

  it.each(['--dry-run', '--dry-run=client', '--dry-run=server'])(
    '%s writes nothing',
    async (flag) => {
      web('n1');
      fake.addPod({ name: 'bare', node: 'n2' });
      const done = await run('drain', 'n1', 'n2', flag);
      expect(done.exit).toBe(1);
      expect(done.out).toMatch(/would evict shop\/web-n1-0/);
      expect(done.err).toMatch(/blocked: shop\/bare/);
      expect(fake.seen.filter((seen) => seen.method !== 'GET')).toEqual([]);
    },
  );

  it.each([
    [[], 7, true],
    [['--takeover', 'r9'], 0, false],
  ] as const)(
    'a dry run ends for a node that a run holds as the drain does: %s',
    async (more, exit, held) => {
      web('n1');
      const mark = JSON.stringify({ run: 'r9', number: 2, at: '', wasUnschedulable: false });
      fake.changeNode('n1', { metadata: { annotations: { 'kmend.io/owner': mark } } });
      for (const how of [['--dry-run'], []]) {
        const done = await run('drain', 'n1', ...more, ...how);
        expect(done.exit).toBe(exit);
        expect(done.err.includes('node n1 is held by run r9, number 2')).toBe(held);
      }
    },
  );

  it('exits with 130 after a signal: nodes stay cordoned and carry no mark', async () => {
    web('n1');
    fake.addPdb('web', { app: 'web' });
    const running = start('drain', 'n1', 'n2');
    while (evicted() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    running.stop('SIGINT');
    const done = await running.result;
    expect(done.exit).toBe(130);
    expect(done.err).toMatch(/drain of n1 was interrupted/);
    expect([cordoned(), marked()]).toEqual([['n1', 'n2'], []]);
  });

  it('names the flags that would allow the drain, and accepts them', async () => {
    fake.addPod({ name: 'bare', node: 'n1' });
    fake.addPod({
      name: 'tmp',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'x' },
      emptyDir: true,
    });
    fake.changeNode('n1', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    const seen = await run('drain', 'n1', '--dry-run');
    expect(seen.err).toMatch(/ends no pods \(needs --dead-node-skip-wait-after\)/);
    expect(seen.err).toMatch(/shop\/bare: .*\(needs --force\)/);
    expect(seen.err).toMatch(/shop\/tmp: .*\(needs --delete-emptydir-data\)/);
    expect((await run('drain', 'n1')).err).toMatch(
      /^ {2}hint: .*`--dead-node-skip-wait-after 60s --left-behind accept`$/m,
    );
    const allowed = ['--force', '--delete-emptydir-data', '--dead-node-skip-wait-after=60s'];
    expect(await run('drain', 'n1', '--dry-run', ...allowed)).toMatchObject({ exit: 0 });
    expect(await run('drain', 'n1', ...allowed)).toMatchObject({ exit: 0, err: '' });
  });

  it('deletes pods only if the server has no eviction API and the flag allows it', async () => {
    await fake.stop();
    fake = await startFakeKube({ noEviction: true, stopAfter: 50 });
    fake.addNode('n1');
    web('n1');
    fake.addPdb('web', { app: 'web' });
    expect((await run('drain', 'n1')).err).toMatch(
      /offers no eviction \(--fallback-without-eviction deletes the pods instead/,
    );
    const allowed = ['drain', 'n1', '--fallback-without-eviction'];
    expect((await run(...allowed, '--dry-run')).err).toMatch(
      /warning: deletes shop\/web-n1-0, shop\/web-n1-1 and breaks their budget \(--fallback-without-eviction\): PDB web/,
    );
    expect([(await run(...allowed)).exit, fake.pods.size]).toEqual([0, 0]);
  });

  it('does not report a node as cordoned that was removed during the drain', async () => {
    web('n1');
    fake.addPdb('web', { app: 'web' });
    const running = start('drain', 'n1');
    while (evicted() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    fake.nodes.delete('n1');
    expect(await running.result).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/node\/n1 is not in the cluster any more$/),
    });
  });

  it('refuses the cordon if the account may neither evict nor delete pods', async () => {
    await fake.stop();
    fake = await startFakeKube({ forbid: ['create pods/eviction', 'delete pods'] });
    fake.addNode('n1');
    web('n1');
    const done = await run('drain', 'n1');
    expect(done).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/may not create pods\/eviction: no pod could be evicted/),
    });
    expect([cordoned(), fake.seen.filter(({ method }) => method === 'PATCH')]).toEqual([[], []]);
  });

  it('prints the number of calls with -v', async () => {
    web('n1');
    expect((await run('drain', 'n1', '-v')).err).toMatch(
      /^\d+ API calls on 1 connection, \d+ bytes of content sent, \d+ received$/,
    );
  });
});

describe('kmend cordon', () => {
  it('cordons several nodes by name or labels; their pods stay', async () => {
    web('n1');
    fake.changeNode('n2', { spec: { unschedulable: true } });
    expect(await run('cordon', '-l', 'pool=a', '--dry-run')).toMatchObject({
      exit: 0,
      out: 'node/n1 cordoned (dry run)\nnode/n2 already cordoned (dry run)',
    });
    expect(cordoned()).toEqual(['n2']);
    expect(await run('cordon', 'n1', 'n2')).toMatchObject({
      exit: 0,
      err: '',
      out: 'node/n1 cordoned\nnode/n2 already cordoned',
    });
    expect([cordoned(), marked(), evicted()]).toEqual([['n1', 'n2'], [], 0]);
  });

  it("refuses a node that a run owns, unless it is taken over: then it is an operator's cordon", async () => {
    hold('n1', 'r7');
    expect(await run('cordon', 'n1')).toMatchObject({
      exit: 7,
      err: expect.stringMatching(/held by run r7/),
      out: '',
    });
    expect(await run('cordon', 'n1', '--takeover', 'r7')).toMatchObject({
      exit: 0,
      out: 'node/n1 already cordoned',
    });
    expect([cordoned(), marked()]).toEqual([['n1'], []]);
  });
});

describe('the mark of a manual drain', () => {
  it('is stale after its process was killed: the next drain continues and reports it', async () => {
    const child = spawn('sleep', ['60']);
    const living = { pid: child.pid, started: startOf(child.pid ?? 0) };
    web('n1');
    holdByHand('n1', true, living);
    const refused = await run('drain', 'n1');
    expect(refused).toMatchObject({
      exit: 7,
      err: expect.stringMatching(
        /node n1 is held by drain-1, by hand \(process \d+ on \S+: it runs\)/,
      ),
    });
    for (const command of ['uncordon', 'cordon']) expect((await run(command, 'n1')).exit).toBe(7);
    expect(evicted()).toBe(0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const done = await run('drain', 'n1');
    expect(done).toMatchObject({
      exit: 0,
      err: expect.stringMatching(
        /^warning: node n1: the mark of drain-1 is stale: process \d+ on \S+ has ended$/,
      ),
    });
    expect([cordoned(), marked(), evicted()]).toEqual([['n1'], [], 2]);
  });

  it('of another machine is not stale until an operator uncordons the node', async () => {
    web('n1');
    holdByHand('n1', true, elsewhere);
    expect(await run('drain', 'n1')).toMatchObject({
      exit: 7,
      err: expect.stringMatching(/process \d+ on ops2: it is on another machine/),
    });
    expect((await run('uncordon', 'n1')).exit).toBe(7);
    holdByHand('n1', false, elsewhere);
    expect(await run('uncordon', 'n1', '--dry-run')).toMatchObject({
      exit: 0,
      out: 'node/n1 already uncordoned (dry run)',
    });
    expect(marked()).toEqual(['n1']);
    const done = await run('drain', 'n1');
    expect(done).toMatchObject({
      exit: 0,
      err: expect.stringMatching(
        /the mark of drain-1 is stale: process \d+ on ops2 no longer holds it: somebody uncordoned the node/,
      ),
    });
    expect([cordoned(), marked()]).toEqual([['n1'], []]);
  });

  it.each(['cordon', 'uncordon'])('is removed by %s if it is stale', async (command) => {
    holdByHand('n1', command === 'cordon', ended);
    expect(await run(command, 'n1')).toMatchObject({
      exit: 0,
      out: `node/n1 already ${command}ed`,
      err: expect.stringMatching(/is stale: process 4194305 on \S+ /),
    });
    expect([cordoned(), marked()]).toEqual([command === 'cordon' ? ['n1'] : [], []]);
  });

  it('identifies its process, and is gone after an uncordon during the drain', async () => {
    web('n1');
    fake.addPdb('web', { app: 'web' });
    const running = start('drain', 'n1');
    while (evicted() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const mark = JSON.parse(fake.nodes.get('n1').metadata.annotations['kmend.io/owner']);
    expect(mark).toMatchObject({ run: expect.stringMatching(/^drain-/), holder: ownHolder() });
    fake.changeNode('n1', { spec: { unschedulable: null } });
    expect(await running.result).toMatchObject({
      exit: 1,
      err: expect.stringMatching(
        /node n1 was uncordoned by somebody else.*\n(?:.*\n)*node\/n1 is not cordoned$/,
      ),
    });
    expect(marked()).toEqual([]);
  });

  it('owns the node if its process cannot be read', async () => {
    fake.changeNode('n1', {
      metadata: { annotations: { 'kmend.io/owner': '{"run":"drain-1","holder":{"pid":"x"}}' } },
      spec: { unschedulable: true },
    });
    expect(await run('uncordon', 'n1')).toMatchObject({
      exit: 7,
      err: expect.stringMatching(/what it wrote of itself cannot be read/),
    });
  });
});

describe('kmend uncordon', () => {
  it('uncordons several nodes, whoever cordoned them', async () => {
    fake.changeNode('n1', { spec: { unschedulable: true } });
    expect(await run('uncordon', 'n1', 'n2', '--dry-run=client')).toMatchObject({
      exit: 0,
      out: 'node/n1 uncordoned (dry run)\nnode/n2 already uncordoned (dry run)',
    });
    expect(cordoned()).toEqual(['n1']);
    expect(await run('uncordon', 'n1', 'n2')).toMatchObject({
      exit: 0,
      out: 'node/n1 uncordoned\nnode/n2 already uncordoned',
    });
    expect(cordoned()).toEqual([]);
  });

  it('refuses a node that a run owns, unless it is taken over', async () => {
    hold('n1', 'r7');
    fake.changeNode('n2', { spec: { unschedulable: true } });
    const refused = await run('uncordon', 'n1', 'n2');
    expect(refused).toMatchObject({
      exit: 7,
      err: expect.stringMatching(/held by run r7/),
      out: 'node/n2 uncordoned',
    });
    expect((await run('uncordon', 'n1', '--takeover', 'r7')).exit).toBe(0);
    expect([cordoned(), marked()]).toEqual([[], []]);
  });

  it('needs get and patch of nodes, and no other right', async () => {
    await fake.stop();
    fake = await startFakeKube({
      forbid: ['list nodes', 'list pods', 'create pods/eviction', 'watch pods', 'get daemonsets'],
    });
    fake.addNode('n1', { spec: { unschedulable: true } });
    holdByHand('n1', true, ended);
    expect(await run('uncordon', 'n1')).toMatchObject({ exit: 0, out: 'node/n1 uncordoned' });
    expect(new Set(fake.seen.map(({ method, path }) => `${method} ${path}`))).toEqual(
      new Set(['GET /api/v1/nodes/n1', 'PATCH /api/v1/nodes/n1']),
    );
  });

  it('names a missing right and exits with 1', async () => {
    await fake.stop();
    fake = await startFakeKube({ forbid: ['patch nodes'] });
    fake.addNode('n1', { spec: { unschedulable: true } });
    expect(await run('uncordon', 'n1')).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/may not patch nodes n1 \(403\)/),
    });
  });
});
