// The session and the journal when the connection is lost in the worst moment, the server is away, or
// the database comes back without its last entries.
import { readFileSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Db, openDb } from '../../src/adapters/postgres/link/db.ts';
import { type Journals, journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import {
  JournalLostError,
  StateAwayError,
  StateWriteError,
} from '../../src/engine/ports/state-errors.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const warning = (text: string): EventBody => ({ type: 'warning', text });
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What happens to a statement that contains a mark: nothing, or a cut before or after it. */
interface Cut {
  readonly mark: string;
  readonly when: 'before' | 'after';
}

/** A server between kmend and PostgreSQL that cuts a connection once. */
class CuttingProxy {
  cut: Cut | undefined;
  /** Connections that were made through it. */
  made = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(port: number) {
    this.#server = createServer((client) => {
      this.made += 1;
      const behind = dial(port, '127.0.0.1');
      let silent = false;
      for (const socket of [client, behind]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          client.destroy();
          behind.destroy();
        });
      }
      client.on('data', (data) => {
        const { cut } = this;
        if (cut !== undefined && data.includes(cut.mark)) {
          this.cut = undefined;
          if (cut.when === 'before') {
            client.destroy();
            return;
          }
          silent = true;
        }
        behind.write(data);
      });
      behind.on('data', (data) => {
        // The server has done it, and its answer is lost.
        if (silent) client.destroy();
        else client.write(data);
      });
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe.skipIf(postgresBin === undefined)('the session of a process', () => {
  let server: Postgres;
  let proxy: CuttingProxy;
  let url: string;
  let db: Db;
  let store: Journals;
  let runs = 0;
  const nextRun = (): string => {
    runs += 1;
    return `run${runs}`;
  };
  beforeAll(async () => {
    server = await startPostgres();
    server.createDatabase('t');
    const schema = readFileSync('src/adapters/postgres/schema/1.sql', 'utf8');
    server.psql('t', `create schema kmend; set search_path = kmend; ${schema}`);
    proxy = new CuttingProxy(server.port);
    url = `postgres://postgres@127.0.0.1:${await proxy.listen()}/t`;
  });
  afterAll(async () => {
    proxy.close();
    await server.close();
  });
  beforeEach(async () => {
    db = await openDb(url, { kind: 'command', about: { who: 'process 1 on a' } });
    store = journalsOf(db);
  });
  afterEach(() => db.close());

  const textsOf = (run: string): readonly string[] =>
    server
      .psql('t', `select line::json ->> 'text' from kmend.event where run = '${run}' order by seq`)
      .split('\n');

  it.each(['before', 'after'] as const)(
    'appends once where the connection is cut %s the server has the entry',
    async (when) => {
      const run = nextRun();
      const journal = await store.createJournal(run);
      await journal.append(warning('one'), true);
      const made = proxy.made;
      proxy.cut = { mark: 'from append(', when };
      const seen: number[] = [];
      journal.follow(({ seq }) => seen.push(seq));
      const events = await Promise.all([
        journal.append(warning('two'), true),
        journal.append(warning('three'), true),
      ]);
      expect(proxy.made).toBeGreaterThan(made);
      expect(events.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(seen).toEqual([1, 2]);
      expect(textsOf(run)).toEqual(['one', 'two', 'three']);
    },
  );

  it('keeps the lead where the answer to any of its statements is lost', async () => {
    const run = nextRun();
    for (const mark of ['enter(', 'lead(', 'begin_journal(']) {
      const own = await openDb(url, { kind: 'command', about: { who: mark } });
      const journals = journalsOf(own);
      proxy.cut = { mark, when: 'after' };
      const lock = await journals.lock([`host of ${mark}`], `${run}${mark}`);
      expect(lock.held).toBe(true);
      const journal = await journals.createJournal(`${run}${mark}`);
      await journal.append(warning('one'), true);
      expect(proxy.cut).toBeUndefined();
      if (!lock.held) throw new Error('it is held');
      expect(await lock.state()).toBe('held');
      await lock.release();
      expect(await store.lock([`host of ${mark}`], `${run}${mark}`)).toMatchObject({ held: true });
      await own.close();
    }
  });

  it('waits while the server is away, and says since when', async () => {
    const run = nextRun();
    const journal = await store.createJournal(run);
    await journal.append(warning('before'), true);
    const at = Date.now();
    await server.stop();
    const during = journal.append(warning('during'), true);
    await sleep(1_000);
    expect(db.away()?.since).toBeGreaterThanOrEqual(at);
    await server.start();
    expect((await during).seq).toBe(1);
    expect(db.away()).toBeUndefined();
    expect(textsOf(run)).toEqual(['before', 'during']);
  });

  it('ends the wait when it is closed', async () => {
    const journal = await store.createJournal(nextRun());
    await server.stop();
    const waits = [
      journal.append(warning('never'), true),
      db.query('select 1'),
      db.inSession('select 1'),
    ];
    const ended = Promise.allSettled(waits);
    await sleep(300);
    const at = performance.now();
    await db.close();
    for (const one of await ended)
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(StateAwayError) });
    expect(performance.now() - at).toBeLessThan(2_000);
    await server.start();
  });

  it('says at once that a server is not there when it is opened', async () => {
    await expect(
      openDb('postgres://postgres@127.0.0.1:1/t', { kind: 'command', about: { who: '' } }),
    ).rejects.toThrow('postgres://postgres@127.0.0.1:1/t cannot be reached: connect ECONNREFUSED');
  });

  it('does not wait for a right that its role has not', async () => {
    server.psql('t', 'create role looks login; grant usage on schema kmend to looks');
    const looks = await openDb(server.url('t', 'looks'), { kind: 'command', about: { who: '' } });
    server.psql('t', 'revoke execute on function kmend.enter from public');
    await expect(looks.inSession('select 1')).rejects.toThrow(
      'permission denied for function enter',
    );
    await expect(looks.me()).rejects.toThrow('permission denied for function enter');
    await looks.close();
  });

  it('stops where the database has lost entries', async () => {
    const run = nextRun();
    const journal = await store.createJournal(run);
    await journal.append(warning('kept'), true);
    const kept = server
      .psql('t', `select seq, head from kmend.run where run = '${run}'`)
      .split('|');
    await journal.append(warning('lost'), true);
    server.psql(
      't',
      `delete from kmend.event where run = '${run}' and seq = 1;
       update kmend.run set seq = ${kept[0]}, head = '${kept[1]}' where run = '${run}'`,
    );
    await expect(journal.append(warning('next'), true)).rejects.toThrow(JournalLostError);
    await expect(journal.append(warning('next'), true)).rejects.toThrow(
      `the journal of run ${run} has lost entries`,
    );
    expect(textsOf(run)).toEqual(['kept']);
  });

  it('stops where the database has lost the lead, also when another process took the same one', async () => {
    const run = nextRun();
    const lock = await store.lock(['lost'], run);
    const journal = await store.createJournal(run);
    server.psql('t', `update kmend.run set epoch = 0, leader = null where run = '${run}'`);
    await expect(journal.append(warning('next'), true)).rejects.toThrow(JournalLostError);
    const other = await openDb(url, { kind: 'command', about: { who: 'other' } });
    expect(await journalsOf(other).lock(['lost'], run)).toMatchObject({ held: true });
    expect(server.psql('t', `select epoch from kmend.run where run = '${run}'`)).toBe('1');
    const again = (await store.openJournal(run, () => {})).journal;
    await expect(again.append(warning('next'), true)).rejects.toThrow('another process leads run');
    expect(lock.held).toBe(true);
    await other.close();
  });

  it('does not go on with a run that moved since its journal was read', async () => {
    const run = nextRun();
    const other = await openDb(url, { kind: 'command', about: { who: 'other' } });
    const journal = await journalsOf(other).createJournal(run);
    await store.openJournal(run, () => {});
    await journal.append(warning('one'), true);
    await journal.close();
    await expect(store.lock([], run)).rejects.toThrow('has worked on run');
    const read = await store.openJournal(run, () => {});
    expect(await store.lock([], run)).toMatchObject({ held: true });
    expect((await read.journal.append(warning('two'), true)).seq).toBe(1);
    await other.close();
  });

  it('says what the database says where an entry cannot be written', async () => {
    const journal = await store.createJournal(nextRun());
    server.psql('t', 'alter table kmend.event add constraint small check (length(line) < 9999)');
    await expect(journal.append(warning('x'.repeat(10_000)), true)).rejects.toThrow(
      StateWriteError,
    );
    server.psql('t', 'alter table kmend.event drop constraint small');
    await expect(journal.append(warning('y'), true)).rejects.toThrow('violates check constraint');
  });

  it('gives the clock of the server', async () => {
    const [row] = await db.query<{ at: number }>(
      'select extract(epoch from clock_timestamp())::float8 * 1000 as at',
    );
    expect(Math.abs(db.now() - (row?.at ?? 0))).toBeLessThan(500);
  });

  it('is woken by entries, and after a gap', async () => {
    const woken: (string | undefined)[] = [];
    const stop = db.listen((run) => woken.push(run));
    const until = async (what: string | undefined, from: number): Promise<void> => {
      for (let tries = 0; !woken.slice(from).includes(what); tries += 1) {
        if (tries > 400) throw new Error(`not woken by ${what}`);
        await sleep(25);
      }
    };
    await until(undefined, 0);
    const run = nextRun();
    const journal = await store.createJournal(run);
    await journal.append(warning('one'), true);
    await until(run, 0);
    const before = woken.length;
    await server.stop('immediate');
    await server.start();
    await until(undefined, before);
    stop();
  });

  it('survives when this process was busy for longer than an answer may take', async () => {
    await db.me();
    const made = proxy.made;
    const answer = db.inSession('select 1');
    const until = performance.now() + 3_000;
    while (performance.now() < until);
    await answer;
    expect(proxy.made).toBe(made);
  });
});
