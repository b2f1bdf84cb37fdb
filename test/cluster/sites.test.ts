// Workers of two sites as real processes, over a real PostgreSQL: the process that leads a run has no
// way to any host, and each of the others is killed, stopped or asked to end.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newKeyPair } from '../../practice/keys.ts';
import type { Child } from '../cli/child.ts';
import { eventsOf, play } from '../cli/practice.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';
import { type WorkersLab, workersLab } from './workers-lab.ts';

/** Each line of `ran` is one time that a command ran. */
const tasks = `    - name: First
      shell: {cmd: 'echo first >> "$KMEND_ROOT/var/ran"; sleep 3'}
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Reboot
      reboot: {when_pending: true, timeout: 30s, stable_for: 1s}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
    - name: Last
      shell: {cmd: 'echo last >> "$KMEND_ROOT/var/ran"; sleep 1'}
`;

/** Milliseconds after which a process has watched long enough to judge another one dead. */
const watchTime = 5_500;

let lab: WorkersLab;
let server: Postgres;
beforeAll(async () => {
  if (postgresBin !== undefined) server = await startPostgres();
});
afterEach(() => lab?.close());
afterAll(() => server?.close());

interface Machines {
  /** It leads runs, and its SSH configuration leads nowhere. */
  readonly leader: Child;
  /** Starts a worker of a site, in a home of its own. */
  readonly at: (site: string, home?: string) => Promise<Child>;
  /** The home of these. */
  readonly home: string;
}

/** Hosts at their sites, a worker that leads, and machines at the sites that start when asked. */
async function machines(sites: Readonly<Record<string, string>>): Promise<Machines> {
  lab = await workersLab(server, Object.keys(sites), 0.5, sites);
  const nowhere = join(lab.fleet.dir, 'nowhere');
  mkdirSync(join(nowhere, '.ssh'), { recursive: true });
  writeFileSync(
    join(nowhere, '.ssh/config'),
    'Host *\n  ProxyJump nobody@127.0.0.1:1\n  ConnectTimeout 1\n',
  );
  const leader = await lab.worker({ home: nowhere });
  const home = withKey(takeKey());
  const at: Machines['at'] = (site, own = home) =>
    lab.worker({ args: ['--sites', site], home: own });
  return { leader, at, home };
}

/** Takes the key out of the inventory: each machine has its own, and so has the operator. */
function takeKey(): string {
  const { inventoryFile } = lab.fleet.fleet;
  const text = readFileSync(inventoryFile, 'utf8');
  const [line = '', file = ''] = /^ *ansible_ssh_private_key_file: "(.*)"\n/m.exec(text) ?? [];
  writeFileSync(inventoryFile, text.replace(line, ''));
  const key = readFileSync(file, 'utf8');
  keepKey(key, join(lab.fleet.dir, 'home'));
  return key;
}

let homes = 0;

/** A home whose SSH configuration has this key. */
function withKey(key: string): string {
  homes += 1;
  const home = join(lab.fleet.dir, `home-${homes}`);
  keepKey(key, home);
  return home;
}

function keepKey(key: string, home: string): void {
  mkdirSync(join(home, '.ssh'), { recursive: true });
  writeFileSync(join(home, '.ssh/key'), key, { mode: 0o600 });
  writeFileSync(join(home, '.ssh/config'), `Host *\n  IdentityFile ${join(home, '.ssh/key')}\n`);
}

const detach = (): Promise<string> =>
  lab.detach(lab.fleet.file('play.yaml', play(tasks, '{max_unavailable: 4}')));

/** The same, planned on a machine that reaches all hosts itself and keeps its state in files. */
async function detachPlanned(): Promise<string> {
  const { dir, fleet, file } = lab.fleet;
  const plan = join(dir, 'plan.json');
  const playbook = file('play.yaml', play(tasks, '{max_unavailable: 4}'));
  const planned = await lab.kmend(['plan', playbook, '-i', fleet.inventoryFile, '-o', plan], {
    url: join(dir, 'files'),
  });
  expect([planned.exit, planned.err]).toEqual([2, expect.anything()]);
  return lab.detach(plan, []);
}

const waitsBecause = (run: string, why: RegExp): Promise<unknown> =>
  lab.event(run, 'waiting', (event) => event.type === 'waiting' && why.test(event.why));

const ran = (host: string): string =>
  readFileSync(join(lab.fleet.host(host).root, 'var/ran'), 'utf8');

/** The run ended once and well, each command ran once, each host booted once. */
async function expectWhole(run: string, resumes = 1): Promise<void> {
  await lab.event(run, 'run.closed', () => true, 120);
  const events = lab.events(run);
  expect(eventsOf(events, 'run.finished').map(({ exit }) => exit)).toEqual([0]);
  expect(eventsOf(events, 'run.resumed')).toHaveLength(resumes);
  expect(eventsOf(events, 'host.failed')).toEqual([]);
  for (const host of lab.fleet.fleet.hosts) {
    expect([host.name, ran(host.name), host.boots()]).toEqual([host.name, 'first\nlast\n', 2]);
    expect(readFileSync(join(host.root, 'var/lib/kmend/fence'), 'utf8')).toMatch(/closed$/m);
  }
  const audit = await lab.kmend(['audit', 'verify', run]);
  expect([audit.exit, audit.err]).toEqual([0, '']);
}

describe.skipIf(postgresBin === undefined)('a run whose hosts are at sites', () => {
  it('is led by a process without a way to them, and each site does its own', async () => {
    const { at, leader } = await machines({ h1: 'fra', h2: 'ber' });
    const workers = [await at('fra'), await at('ber')];
    const run = await detach();
    await lab.event(run, 'effect.started');
    const listed = await lab.kmend(['workers']);
    expect(listed.out).toMatch(/fra .*h1/);
    expect(listed.out).toMatch(/ber .*h2/);
    await expectWhole(run);
    expect(leader.out() + leader.err()).not.toMatch(/h1: worked on/);
    expect(workers.map((one) => /h[12]: worked on, ended/.test(one.out() + one.err()))).toEqual([
      true,
      true,
    ]);
  });

  it('a delegated task is done by the worker, and once, although it is killed', async () => {
    const { at, home } = await machines({ h1: 'fra' });
    const log = join(lab.fleet.dir, 'delegated');
    const here = `    - shell: "echo begun $HOME >> '${log}'; sleep 4; echo ended >> '${log}'; echo said"
      delegate_to: localhost
      register: it
    - shell: "echo {{ it.stdout | quote }} >> '${log}'"
      delegate_to: localhost
`;
    const first = await at('fra');
    const run = await lab.detach(lab.fleet.file('here.yaml', play(here, '{}')));
    for (let waited = 0; !existsSync(log) && waited < 600; waited += 1) await sleep(50);
    first.signal('SIGKILL');
    await first.ended;
    await at('fra');
    await lab.event(run, 'run.closed', () => true, 120);
    expect(eventsOf(lab.events(run), 'run.finished').map(({ exit }) => exit)).toEqual([0]);
    expect(readFileSync(log, 'utf8')).toBe(`begun ${home}\nended\nsaid\n`);
  });

  it('waits for a site, says why, and starts no host of it: a worker there lacks the key', async () => {
    const { at } = await machines({ h1: 'fra', h2: 'ber' });
    await at('ber');
    const run = await detachPlanned();
    await waitsBecause(run, /^no worker of site fra is alive$/);
    const keyless = await at('fra', withKey(newKeyPair().private));
    await waitsBecause(run, /^no worker of site fra is ready \(.*cannot log in to h1: /);
    expect((await lab.kmend(['workers'])).out).toMatch(/cannot log in to h1/);
    await lab.event(run, 'host.done');
    expect(eventsOf(lab.events(run), 'host.started').map(({ host }) => host)).toEqual(['h2']);
    keyless.signal('SIGTERM');
    await at('fra');
    await expectWhole(run);
  });

  it('waits where the worker of a site is of another version', async () => {
    const { at } = await machines({ h1: 'fra' });
    const run = await detachPlanned();
    await waitsBecause(run, /^no worker of site fra is alive$/);
    server.psql(new URL(lab.url).pathname.slice(1), "update kmend.run_site set version = '9.9.9'");
    await at('fra');
    await waitsBecause(run, /is led by kmend 9\.9\.9, and this worker is /);
    expect(eventsOf(lab.events(run), 'host.started')).toEqual([]);
  });
});

describe.skipIf(postgresBin === undefined)('a worker of a site', () => {
  it('is killed in the middle of an effect: another one goes on', async () => {
    const { at } = await machines({ h1: 'fra' });
    const first = await at('fra');
    const run = await detach();
    await lab.event(run, 'effect.started');
    const second = await at('fra');
    await sleep(watchTime - 4_000);
    const killed = Date.now();
    first.signal('SIGKILL');
    const { seq } = lab.events(run).at(-1) ?? { seq: 0 };
    const next = await lab.event(run, 'facts.read', (event) => event.seq > seq);
    process.stderr.write(`kill -9 of a site's worker: ${(next.at - killed) / 1000} s\n`);
    await expectWhole(run);
    expect(second.out() + second.err()).toMatch(/h1: worked on, ended/);
  });

  it('is stopped: another one goes on, and the revived one does nothing', async () => {
    const { at } = await machines({ h1: 'fra' });
    const first = await at('fra');
    const run = await detach();
    await lab.event(run, 'effect.started');
    const second = await at('fra');
    first.signal('SIGSTOP');
    await lab.event(run, 'effect.started', (event) => 'kind' in event && event.kind === 'reboot');
    const { seq } = lab.events(run).at(-1) ?? { seq: 0 };
    first.signal('SIGCONT');
    await expectWhole(run);
    expect(second.out() + second.err()).toMatch(/h1: worked on, ended/);
    expect(lab.events(run).length).toBeGreaterThan(seq);
    expect(first.out() + first.err()).not.toMatch(/h1: worked on, ended/);
  });

  it('is asked to end: it finishes its step, and another one goes on', async () => {
    const { at } = await machines({ h1: 'fra' });
    const first = await at('fra');
    const run = await detach();
    await lab.event(run, 'effect.started');
    await at('fra');
    first.signal('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(first.out() + first.err()).toMatch(/h1: worked on, left to another worker/);
    await expectWhole(run);
  });

  it('gets a second signal: it ends at once, and another one goes on', async () => {
    const { at } = await machines({ h1: 'fra' });
    const first = await at('fra');
    const run = await detach();
    await lab.event(run, 'effect.started');
    await at('fra');
    first.signal('SIGTERM');
    await sleep(200);
    first.signal('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(eventsOf(lab.events(run), 'effect.done')).toEqual([]);
    await expectWhole(run);
  });
});

describe.skipIf(postgresBin === undefined)('an outage of PostgreSQL', () => {
  it.each(['fast', 'immediate'] as const)(
    'while hosts are worked on at sites (%s): nobody fails, nothing is done twice',
    async (mode) => {
      const { at } = await machines({ h1: 'fra', h2: 'ber' });
      await at('fra');
      await at('ber');
      const run = await detach();
      await lab.event(run, 'effect.started', (event) => 'host' in event && event.host === 'h2');
      await server.stop(mode);
      await sleep(8_000);
      await server.start();
      await lab.event(run, 'run.closed', () => true, 120);
      await expectWhole(run, eventsOf(lab.events(run), 'run.resumed').length);
    },
  );
});

describe.skipIf(postgresBin === undefined)('the process that leads', () => {
  it('is killed: the walks go on, another one leads, and the run ends once', async () => {
    const { at, leader } = await machines({ h1: 'fra', h2: 'ber' });
    await at('fra');
    await at('ber');
    const run = await detach();
    await lab.event(run, 'effect.started');
    expect(lab.leader(run)).toBeDefined();
    const pid = lab.leader(run);
    const { seq } = lab.events(run).at(-1) ?? { seq: 0 };
    if (pid === leader.pid) leader.signal('SIGKILL');
    else process.kill(pid ?? 0, 'SIGKILL');
    await lab.event(run, 'effect.done', (event) => event.seq > seq);
    await expectWhole(run, 2);
  });
});
