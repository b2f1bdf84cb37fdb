// Who works on a run when its process is killed, stopped or cut off, or the server restarts: real
// processes, a real server.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openDb } from '../../src/adapters/postgres/link/db.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import type { Event } from '../../src/model/run/event.ts';
import { buildHolder, type Holder, startHolder } from './holders.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

/** A network of this process: this side and the side of a namespace. */
const near = `198.18.${process.pid % 250}.1`;
const far = `198.18.${process.pid % 250}.2`;
const namespace = `kmend-a${process.pid}`;
const cable = `kma${process.pid % 100_000}`;

const mayCut = process.getuid?.() === 0;

describe.skipIf(postgresBin === undefined)('the lead of a run', () => {
  let server: Postgres;
  let url: string;
  let directory: string;
  let program: string;
  const holders: Holder[] = [];
  const measured: string[] = [];
  const start = (run: string, name: string, prefix?: readonly string[]): Holder => {
    const place = prefix === undefined ? url : `${url.replace('127.0.0.1', near)}?sslmode=disable`;
    const holder = startHolder(program, [place, run, `host of ${run}`, name], prefix);
    holders.push(holder);
    return holder;
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'kmend-holders-'));
    program = await buildHolder(directory);
    if (mayCut) {
      ip('netns', 'add', namespace);
      ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'far', 'netns', namespace);
      ip('addr', 'add', `${near}/30`, 'dev', cable);
      ip('link', 'set', cable, 'up');
      ip('-n', namespace, 'addr', 'add', `${far}/30`, 'dev', 'far');
      ip('-n', namespace, 'link', 'set', 'far', 'up');
    }
    server = await startPostgres({ listen: mayCut ? `127.0.0.1,${near}` : '127.0.0.1' });
    appendFileSync(join(server.dir, 'data/pg_hba.conf'), `host all all ${far}/32 trust\n`);
    server.psql('postgres', 'select pg_reload_conf()');
    url = server.createDatabase('t');
    const schema = readFileSync('src/adapters/postgres/schema/1.sql', 'utf8');
    server.psql('t', `create schema kmend; set search_path = kmend; ${schema}`);
  });
  afterEach(() => {
    for (const { child } of holders.splice(0)) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
    if (mayCut) ip('netns', 'delete', namespace);
    process.stderr.write(`${measured.join('\n')}\n`);
  });

  /** Two processes: the first works, the second has watched for long enough to take over. */
  const pair = async (run: string, prefix?: readonly string[]): Promise<[Holder, Holder]> => {
    const first = start(run, 'first', prefix);
    await first.when('entry');
    const second = start(run, 'second');
    await second.when('ready');
    await sleep(5_500);
    return [first, second];
  };

  /** The journal of a run: whole, each entry there once, none of an older number after a newer one. */
  const journalOf = async (run: string): Promise<readonly string[]> => {
    const db = await openDb(url, { kind: 'command', about: { who: 'test' } });
    const events: Event[] = [];
    await journalsOf(db).openJournal(run, (event) => events.push(event));
    await db.close();
    const texts = events.map((event) => (event.type === 'warning' ? event.text : event.type));
    expect(new Set(texts).size).toBe(texts.length);
    const numbers = texts.map((text) => Number(text.split(' ')[1]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    return texts;
  };

  it('goes to another process within 3 seconds after kill -9', async () => {
    const [first, second] = await pair('killed');
    const at = Date.now();
    first.child.kill('SIGKILL');
    const held = await second.when('held', at);
    measured.push(`kill -9: held by the other after ${held.t - at} ms`);
    expect(held).toMatchObject({ number: 2 });
    expect(held.t - at).toBeLessThan(3_000);
    await second.when('entry', at);
    await journalOf('killed');
  });

  it('goes to another process within 10 seconds after SIGSTOP, and the first one may do nothing', async () => {
    const [first, second] = await pair('stopped');
    const at = Date.now();
    first.child.kill('SIGSTOP');
    const held = await second.when('held', at);
    measured.push(`SIGSTOP: held by the other after ${held.t - at} ms`);
    expect(held.t - at).toBeLessThan(10_000);
    await second.when('entry', at);
    const woken = Date.now();
    first.child.kill('SIGCONT');
    const ended = await first.when('ended', woken);
    measured.push(`SIGCONT: the first one ended after ${ended.t - woken} ms`);
    expect(ended).toMatchObject({
      error: 'RunTakenError',
      why: 'another process leads run stopped',
    });
    await second.when('entry', ended.t + 200);
    const texts = await journalOf('stopped');
    expect(texts.slice(texts.findIndex((text) => text.startsWith('second')))).not.toContainEqual(
      expect.stringContaining('first'),
    );
  });

  it.skipIf(!mayCut)(
    'goes to another process within 10 seconds after its cable was cut',
    async () => {
      const [first, second] = await pair('cut', ['ip', 'netns', 'exec', namespace]);
      ip('link', 'set', cable, 'down');
      const at = Date.now();
      const held = await second.when('held', at);
      measured.push(`cut: held by the other after ${held.t - at} ms`);
      expect(held.t - at).toBeLessThan(10_000);
      ip('link', 'set', cable, 'up');
      expect(await first.when('ended', at)).toMatchObject({ error: 'RunTakenError' });
      await journalOf('cut');
    },
  );

  it.skipIf(!mayCut)('stays with a process whose cable was cut for a moment', async () => {
    const [first, second] = await pair('touched', ['ip', 'netns', 'exec', namespace]);
    ip('link', 'set', cable, 'down');
    await sleep(1_000);
    ip('link', 'set', cable, 'up');
    const at = Date.now();
    await first.when('entry', at);
    await sleep(3_000);
    await first.when('entry', at + 2_000);
    expect(second.said.map(({ what }) => what)).toEqual(['ready']);
  });

  it.each(['fast', 'immediate'] as const)(
    'stays where it is when the server restarts (%s)',
    async (mode) => {
      const [first, second] = await pair(`restart_${mode}`);
      const at = Date.now();
      await server.stop(mode);
      await sleep(1_500);
      // The other one comes back before it, and sees that nobody leads the run.
      first.child.kill('SIGSTOP');
      await server.start();
      const up = Date.now();
      await sleep(2_000);
      first.child.kill('SIGCONT');
      const entry = await first.when('entry', up);
      measured.push(`restart ${mode}: away ${up - at} ms, next entry ${entry.t - up} ms later`);
      // Longer than a process must watch before it may call another one dead.
      await sleep(7_000);
      await first.when('entry', up + 7_000);
      expect(second.said.map(({ what }) => what)).toEqual(['ready']);
      expect(await journalOf(`restart_${mode}`)).not.toContainEqual(
        expect.stringContaining('second'),
      );
    },
  );

  it('goes to exactly one of two processes, 200 times', async () => {
    const dbs = await Promise.all(
      ['a', 'b'].map((about) => openDb(url, { kind: 'command', about: { who: about } })),
    );
    const [a, b] = dbs.map((db) => journalsOf(db));
    if (a === undefined || b === undefined) throw new Error('two are open');
    for (let turn = 0; turn < 200; turn += 1) {
      // Hosts in both orders: neither may have half of them.
      const locks = await Promise.all([
        a.lock(['x', 'y'], `race ${turn} a`),
        b.lock(['y', 'x'], turn % 2 === 0 ? `race ${turn} a` : `race ${turn} b`),
      ]);
      expect(locks.filter(({ held }) => held)).toHaveLength(1);
      for (const lock of locks) if (lock.held) await lock.release();
    }
    await Promise.all(dbs.map((db) => db.close()));
  });
});
