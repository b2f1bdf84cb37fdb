// `kmend serve` over a state directory that other processes write.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import type { RunView } from '../../src/core/view/model.ts';
import type { Overview } from '../../src/core/view/overview.ts';
import { viewOf, withDelta } from '../../src/core/view/read-view.ts';
import type { Journal } from '../../src/engine/ports/store.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { lineOf } from '../../src/screens/run/lines.ts';
import { until } from '../cli/practice.ts';
import { command, type RunningCommand, startCommand } from '../cli/real-world.ts';
import { begin, hostFor } from '../core/fleet.ts';
import { type EventStream, listen, send } from './client.ts';

let home: string;
let state: string;
const servers: RunningCommand[] = [];
const journals: Journal[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-serve-'));
  state = join(home, 'state');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.stop('SIGTERM');
    await server.result;
  }
  for (const journal of journals.splice(0)) await journal.close();
  rmSync(home, { recursive: true, force: true });
});

const store = () => createStore(state, Date.now);
const run = '20261127-120000-aaaa';

/** The server of this state directory, and somebody who is logged in. */
async function serve(...flags: readonly string[]) {
  const server = startCommand(['serve', '--port', '0', '--state-dir', state, ...flags], { home });
  servers.push(server);
  const linkFile = flags[flags.indexOf('--link-file') + 1] ?? '';
  const link = (): string =>
    flags.includes('--link-file') && existsSync(linkFile)
      ? readFileSync(linkFile, 'utf8')
      : server.out();
  await until('the link', () => link().includes('/login?token='));
  await until('the server', () => server.out().includes('kmend serves'));
  const port = Number(/kmend serves .* on http:\/\/\S+:(\d+)/.exec(server.out())?.[1]);
  const [, token = ''] = /token=(\S+)/.exec(link()) ?? [];
  const { headers } = await send(port, `/login?token=${token}`);
  const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  return {
    server,
    port,
    link,
    overview: async (): Promise<Overview> =>
      JSON.parse((await send(port, '/api/overview', { headers: { cookie } })).text),
    watch: (name = run): Promise<EventStream> =>
      listen(port, `/api/runs/${name}/events`, { headers: { cookie, 'accept-encoding': 'gzip' } }),
    order: (body: object, name = run) =>
      send(port, `/api/runs/${name}/command`, {
        body: JSON.stringify(body),
        headers: {
          cookie,
          origin: `http://127.0.0.1:${port}`,
          'content-type': 'application/json',
        },
      }),
  };
}

/** A run that another process writes. */
async function otherProcess(name = run) {
  const journal = await store().createJournal(name);
  journals.push(journal);
  await store().keepFiles(name, { plan: '{}', settings: '{}' });
  const events: Event[] = [];
  return {
    events,
    write: async (...bodies: readonly EventBody[]): Promise<void> => {
      for (const body of bodies) events.push(await journal.append(body, true));
    },
  };
}

const started = begin(['h1', 'h2', 'h3'].map((host) => hostFor(host)));
const hostStarted = (host: string): EventBody => ({ type: 'host.started', host, why: 'its turn' });
const failed = (host: string): EventBody => ({
  type: 'host.failed',
  host,
  failure: { kind: 'exit', message: '<img src=x onerror=alert(1)>' },
  touched: true,
  state: 'left as it is',
});
const done = (host: string): EventBody => ({
  type: 'host.done',
  host,
  changed: true,
  proven: 'yes',
});

/** What a page has after its snapshot and deltas. */
function shown({ events }: EventStream): RunView | undefined {
  const [first, ...more] = events.filter(({ event }) => event !== 'gone');
  if (first?.event !== 'snapshot') return undefined;
  return more.reduce((view, { data }) => withDelta(view, data), first.data.view);
}

describe('a run of another process', () => {
  it('is shown whole first, then as it grows; nothing is lost on a new connection', async () => {
    const other = await otherProcess();
    await other.write(started, hostStarted('h1'));
    const { watch } = await serve();
    const early = await watch();
    await until('the snapshot', () => early.events.length > 0);
    await other.write(failed('h1'), hostStarted('h2'));
    await until('a delta', () => early.events.length > 1);
    const late = await watch();
    for (const host of ['h2', 'h3']) await other.write(hostStarted(host), done(host));
    await other.write({ type: 'run.finished', exit: 4, why: '1 failed' }, { type: 'run.closed' });
    const last = (stream: EventStream) => shown(stream)?.head.lastSeq;
    await until('the end', () => [early, late].every((stream) => last(stream) === 9));
    const whole = JSON.parse(JSON.stringify(viewOf(other.events, lineOf)));
    for (const stream of [early, late]) {
      expect(shown(stream)).toEqual(whole);
      expect(stream.events.map(({ event }) => event)).toEqual(
        stream.events.map((_, index) => (index === 0 ? 'snapshot' : 'delta')),
      );
      expect(stream.events.at(-1)?.id).toBe('9');
      stream.close();
    }
    expect(early.events[0]?.data.control).toBe(false);
  });

  it('gets at most five deltas a second', async () => {
    const other = await otherProcess();
    await other.write(started);
    const { watch } = await serve();
    const stream = await watch();
    const from = Date.now();
    for (let count = 0; count < 300; count++)
      await other.write({ type: 'warning', text: `line ${count}` });
    await until('all lines', () => shown(stream)?.lines.at(-1)?.text.includes('299') === true);
    const seconds = (Date.now() - from) / 1000;
    expect(stream.events.length - 1).toBeLessThanOrEqual(Math.ceil(seconds * 5) + 1);
    stream.close();
  });

  it('is found when it begins later, and waited for until its first entry', async () => {
    const { overview, watch } = await serve();
    expect((await overview()).runs).toEqual([]);
    const other = await otherProcess();
    const stream = await watch();
    await other.write(started);
    await until('the snapshot', () => shown(stream)?.hosts.length === 3);
    const { runs } = await overview();
    expect(runs[0]).toMatchObject({ run, head: { phase: 'interrupted', counts: { planned: 3 } } });
    stream.close();
  });

  it('that is removed is gone, and so is one whose journal was changed', async () => {
    const other = await otherProcess();
    await other.write(started, hostStarted('h1'), { type: 'run.finished', exit: 0, why: 'done' });
    const changed = await otherProcess('20261127-120000-bbbb');
    await changed.write(started, hostStarted('h1'));
    const { watch } = await serve();
    const [stream, second] = [await watch(), await watch('20261127-120000-bbbb')];
    await until('both', () => [stream, second].every(({ events }) => events.length > 0));
    rmSync(join(state, 'runs', run), { recursive: true });
    const path = join(state, 'runs/20261127-120000-bbbb/journal.ndjson');
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 40));
    await Promise.all([stream.ended, second.ended]);
    expect(stream.events.at(-1)).toMatchObject({ event: 'gone' });
    expect(second.events.at(-1)).toMatchObject({
      event: 'gone',
      data: { why: expect.stringMatching(/^entry \d+: .*the journal was changed$/) },
    });
  });

  it.each(['20261127-120000-zzzz', '..%2f..%2fetc', '%ff', 'x'])('%s is none', async (name) => {
    const { watch, order } = await serve('--allow-control');
    expect((await watch(name)).status).toBe(404);
    expect((await order({ command: 'pause', reason: 'x' }, name)).status).toBe(404);
  });
});

describe('a command of the page', () => {
  const commands = async (): Promise<readonly EventBody[]> =>
    (await store().commands(run).take()).map(({ command: _, ...body }) => body);

  it.each<[object, object]>([
    [{ command: 'pause' }, { type: 'run.paused', who: 'eve', why: 'why' }],
    [{ command: 'continue' }, { type: 'run.continued', who: 'eve', why: 'why' }],
    [{ command: 'abort' }, { type: 'run.aborted', who: 'eve', why: 'why' }],
    [{ command: 'promote' }, { type: 'canary.promoted', by: 'eve', why: 'why' }],
    ...(['retry', 'skip', 'done'] as const).map((as): [object, object] => [
      { command: as, host: 'h1' },
      { type: 'host.resolved', host: 'h1', who: 'eve', note: 'why', as },
    ]),
  ])('%j is left for the process of the run', async (body, left) => {
    const other = await otherProcess();
    const canary = { hosts: { count: 1 }, soak: 0, promote: 'manual' } as const;
    const begun = { ...started, rollout: { ...started.rollout, canary } };
    await other.write(begun, hostStarted('h1'), failed('h1'));
    const { order } = await serve('--allow-control');
    const { status } = await order({ ...body, reason: ' why ' });
    expect([status, await commands()]).toEqual([202, [{ ...left, via: 'page' }]]);
  });

  it.each<[object, string]>([
    [{ command: 'pause', reason: ' ' }, 'a command needs a reason'],
    [{ command: 'pause' }, 'reason is missing'],
    [{ command: 'pause', reason: 'x'.repeat(501) }, 'of 500 characters at most'],
    [{ command: 'reboot', reason: 'x' }, 'command should be pause,'],
    [{ command: 'retry', host: 'h2', reason: 'x' }, 'h2 did not fail'],
    [{ command: 'retry', host: 'all', reason: 'x' }, 'has no host all'],
    [{ command: 'skip', reason: 'x' }, 'has no host'],
    [{ command: 'promote', reason: 'x' }, 'has no canary'],
    [{ command: 'approve', reason: 'x' }, 'no question is open'],
    [[], 'should be a mapping'],
  ])('%j is refused, with the reason', async (body, why) => {
    const other = await otherProcess();
    await other.write(started, hostStarted('h1'), failed('h1'));
    const { order } = await serve('--allow-control');
    const { status, text } = await order(body);
    expect([status, text, await commands()]).toEqual([409, expect.stringContaining(why), []]);
  });

  it('answers the question that it shows, and no other one', async () => {
    const other = await otherProcess();
    await other.write({
      ...started,
      attended: true,
      rollout: { ...started.rollout, approve: 'reboot' },
    });
    const { order } = await serve('--allow-control');
    const approve = (question?: string) =>
      order({ command: 'approve', reason: 'read the plan', ...(question && { question }) });
    // The page may still show a question that somebody else has answered.
    for (const question of [undefined, '2 hosts cannot be planned for. Go on without?'])
      expect(await approve(question)).toMatchObject({
        status: 409,
        text: 'another question is open now: This run may reboot on 3 hosts. Go on?\n',
      });
    expect(await commands()).toEqual([]);
    expect((await approve('This run may reboot on 3 hosts. Go on?')).status).toBe(202);
    expect(await commands()).toEqual([
      {
        ...{ type: 'approved', risk: 'reboot', who: 'eve', how: 'asked', about: 'risk' },
        ...{ why: 'read the plan', via: 'page' },
      },
    ]);
  });

  it('is refused without --allow-control', async () => {
    await (await otherProcess()).write(started);
    const { order, overview } = await serve();
    expect((await order({ command: 'pause', reason: 'x' })).status).toBe(403);
    expect([await commands(), (await overview()).control]).toEqual([[], false]);
  });

  it('has no control characters, and no known secret', async () => {
    await (await otherProcess()).write(started);
    const { order } = await serve('--allow-control');
    await order({ command: 'pause', reason: 'a\u001b[31mb\u202e' });
    expect(await commands()).toMatchObject([{ why: 'a?[31mb?' }]);
  });
});

describe('the overview', () => {
  it('has runs, jobs, and what the last check found', async () => {
    const other = await otherProcess();
    await other.write(started, { type: 'run.finished', exit: 0, why: 'all done' });
    const open = await otherProcess('20261127-110000-aaaa');
    await open.write(started);
    const args = [
      '--every',
      'daily',
      '--state-dir',
      state,
      '--',
      'check',
      '-i',
      '/etc/fleet/hosts.ini',
    ];
    await command(['schedule', 'install', 'nightly', ...args], { home });
    const found = await (await serve()).overview();
    expect(found).toMatchObject({
      who: 'eve',
      control: false,
      olderRuns: 0,
      fleets: [],
      runs: [
        { run: '20261127-110000-aaaa', head: { lastSeq: 0 } },
        { run, finished: { exit: 0, why: 'all done' } },
      ],
      jobs: [{ name: 'nightly', every: 'daily', command: 'check -i hosts.ini' }],
    });
    expect(found.jobs[0]?.next).toBeGreaterThan(Date.now());
    expect(found.runs[1]).not.toHaveProperty('head');
  });
});

describe('metrics', () => {
  it('are those of the runs, jobs and last checks, in the format that is asked for', async () => {
    await (await otherProcess()).write(started);
    const fleet = {
      schema: 'kmend.fleet/1',
      inventory: 'inventory.yaml',
      check: {
        ...{ at: 1_000, who: 'eve', pattern: 'all', exit: 2 },
        hosts: [{ host: 'h1', verdict: 'leaking', remedy: 'kernel_arg', idsDaysLeft: 3 }],
      },
    };
    await store().fleets.write('x', JSON.stringify(fleet));
    const token = (await command(['token', 'new', 'prometheus', '--state-dir', state], { home }))
      .out;
    const { port } = await serve();
    const scrape = (accept: string) =>
      send(port, '/metrics', { headers: { authorization: `Bearer ${token}`, accept } });
    const { text, headers } = await scrape('text/plain');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain(`{run="${run}",state="planned"} 3`);
    expect(text).toContain('verdict="leaking"} 1');
    expect((await scrape('application/openmetrics-text')).text).toMatch(/# EOF\n$/);
    expect((await send(port, '/metrics')).status).toBe(401);
  });

  it('have no series twice where two inventories have one name', async () => {
    for (const place of ['a/prod', 'b/prod', 'a/stage']) {
      mkdirSync(join(home, place), { recursive: true });
      const inventory = join(home, place, 'hosts.ini');
      writeFileSync(inventory, 'h1 ansible_host=127.0.0.1 ansible_port=1\n');
      await command(['check', '-i', inventory, '--state-dir', state], { home });
    }
    const labels = (await (await serve()).overview()).fleets.map(({ inventory }) => inventory);
    expect(new Set(labels).size).toBe(3);
    expect(labels.toSorted()).toEqual([
      expect.stringMatching(/^prod\/hosts\.ini \([0-9a-f]{4}\)$/),
      expect.stringMatching(/^prod\/hosts\.ini \([0-9a-f]{4}\)$/),
      'stage/hosts.ini',
    ]);
  });
});

describe('kmend serve', () => {
  it('ends at once on a signal, with its streams', async () => {
    await (await otherProcess()).write(started);
    const { server, watch } = await serve();
    const stream = await watch();
    const from = Date.now();
    server.stop('SIGTERM');
    expect((await server.result).exit).toBe(0);
    await stream.ended;
    expect(Date.now() - from).toBeLessThan(1_000);
  });

  it('writes the link to a file that only its user reads, and a new one when it was used', async () => {
    const file = join(home, 'link');
    const { server, link } = await serve('--link-file', file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [, next = ''] = /token=(\S+)/.exec(link()) ?? [];
    await until('the next link', () => !readFileSync(file, 'utf8').includes(next) || next !== '');
    expect(server.out()).not.toContain('token=');
  });

  it('says that a port is taken, and what to do', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { exit, err } = await command(['serve', '--port', String(port)], { home });
    taken.close();
    expect([exit, err]).toEqual([
      1,
      `kmend: kmend serve cannot listen on 127.0.0.1 port ${port}: another program listens there\n  hint: choose another one with --port`,
    ]);
  });

  it.each<[readonly string[], string]>([
    [['--port', 'http'], '--port must be a whole number up to 65535, not `http`'],
    [['--port', '65536'], '--port must be a whole number'],
    [['--listen', '0.0.0.0'], '--listen 0.0.0.0 can be reached by others'],
    [['--listen', '::'], '--listen :: can be reached by others'],
    [
      ['--listen', '0.0.0.0', '--public-url', 'http://localhost:1'],
      'can be reached by others, and kmend serve has no TLS',
    ],
    [['--public-url', 'http://kmend.example.net'], '--public-url must be https://NAME'],
    [['--public-url', 'https://example.net/kmend'], 'without a path'],
    [['--public-url', 'example.net'], '--public-url must be https://NAME'],
    [['--user-header', 'Remote-User'], 'go together'],
    [['--proxy-secret-file', 'x'], 'go together'],
    [['--user-header', 'a b', '--proxy-secret-file', 'x'], 'must be the name of a header'],
    [['--user-header', 'X', '--proxy-secret-file', 'nothing'], 'cannot be read'],
  ])('refuses %j', async (flags, why) => {
    const { exit, err } = await command(['serve', ...flags], { home });
    expect([exit, err]).toEqual([3, expect.stringContaining(why)]);
  });

  it('refuses a secret of a proxy that can be guessed', async () => {
    const file = join(home, 'secret');
    writeFileSync(file, 'short\n', { mode: 0o600 });
    const flags = ['--user-header', 'Remote-User', '--proxy-secret-file', file];
    const { exit, err } = await command(['serve', ...flags], { home });
    expect([exit, err]).toEqual([3, expect.stringContaining('shorter than 16 characters')]);
  });

  it('writes nothing but the index of runs into the state directory', async () => {
    await (await otherProcess()).write(started);
    const files = (): readonly string[] =>
      readdirSync(state, { recursive: true, encoding: 'utf8' });
    const before = files();
    const { watch, overview } = await serve();
    const stream = await watch();
    await until('the snapshot', () => shown(stream)?.hosts.length === 3);
    await overview();
    stream.close();
    expect(files().filter((file) => !before.includes(file))).toEqual(['index.json']);
  });
});

describe('a token', () => {
  it('is printed once, kept as a digest, reads, and is revoked', async () => {
    await (await otherProcess()).write(started);
    const at = ['--state-dir', state];
    const made = await command(['token', 'new', 'wall', ...at], { home });
    const token = made.out;
    expect(token).toMatch(/^[\w-]{32}$/);
    const file = join(state, 'tokens/wall.json');
    expect(readFileSync(file, 'utf8')).not.toContain(token);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { port } = await serve('--allow-control');
    const headers = { authorization: `Bearer ${token}` };
    const read = await send(port, '/api/overview', { headers });
    expect(JSON.parse(read.text)).toMatchObject({ who: 'token wall', control: false });
    expect((await command(['token', 'new', 'wall', ...at], { home })).exit).toBe(3);
    const { out } = await command(['token', 'list', '--json', ...at], { home });
    expect(JSON.parse(out)).toMatchObject({ schema: 'kmend.token/1', name: 'wall', who: 'eve' });
    expect(out).not.toContain('sha256');
    await command(['token', 'revoke', 'wall', ...at], { home });
    expect((await send(port, '/api/overview', { headers })).status).toBe(401);
    expect((await command(['token', 'revoke', 'wall', ...at], { home })).exit).toBe(3);
  });

  it.each(['', 'a b', '../x', 'A'])('is not called `%s`', async (name) => {
    const { exit } = await command(['token', 'new', name, '--state-dir', state], { home });
    expect([exit, existsSync(state)]).toEqual([3, false]);
  });
});
