// Work that is handed to the workers of sites: who may claim it, who may append for it, and what a
// leader that has not seen their entries may decide.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Db, openDb } from '../../src/adapters/postgres/link/db.ts';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { createSites } from '../../src/adapters/postgres/rows/sites.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import type { Claim, HostErrand, Sites } from '../../src/engine/ports/sites.ts';
import { RunTakenError } from '../../src/engine/ports/state-errors.ts';
import type { Journal } from '../../src/engine/ports/store.ts';
import type { Event } from '../../src/model/run/event.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

let server: Postgres;
let url: string;
const opened: Db[] = [];
beforeAll(async () => {
  if (postgresBin === undefined) return;
  server = await startPostgres();
  url = server.createDatabase('sites');
  await migrate(url);
});
afterAll(async () => {
  for (const db of opened) await db.close();
  await server?.close();
});

async function open(): Promise<Db> {
  const db = await openDb(url, { kind: 'worker', about: { who: 'eve' } });
  opened.push(db);
  return db;
}

const first = {
  type: 'run.started',
  tool: '1.2.3',
  playbook: 'p.yaml',
  play: 'Test',
  hosts: [],
  leftOut: [],
} as never;
const started = (host: string) => ({ type: 'host.started', host, why: 'wave 1' }) as const;
const warning = (text: string) => ({ type: 'warning', text }) as const;
const settled = 5_100;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A run of its own, with its leader. */
async function lead(run: string): Promise<{
  readonly db: Db;
  readonly sites: Sites;
  readonly journal: Journal;
  readonly end: () => Promise<void>;
}> {
  const db = await open();
  const { lock, createJournal } = journalsOf(db);
  const held = await lock([`${run}:22`], run);
  if (!held.held) throw new Error('the run is held');
  const journal = await createJournal(run);
  await journal.append(first, true);
  return { db, sites: createSites(db), journal, end: held.release };
}

const errand = (host: string, work: HostErrand['work'] = 'walk'): HostErrand => ({
  host,
  site: 'fra',
  work,
});
const claimOf = (more: Partial<Claim>): Claim => ({
  sites: ['fra'],
  runs: [],
  version: '1.2.3',
  bootId: 'boot',
  have: [],
  most: 10,
  ...more,
});

describe.skipIf(postgresBin === undefined)('work for workers of sites', () => {
  it('is claimed once, by a worker of its site and its version that is ready for the run', async () => {
    const { sites, journal } = await lead('r1');
    await sites.announce('r1', ['fra', 'ber'], '1.2.3');
    const [one, two] = [createSites(await open()), createSites(await open())];
    expect(await one.runsAt(['ber', 'waw'])).toEqual([{ run: 'r1', version: '1.2.3' }]);
    expect(await one.runsAt(['waw'])).toEqual([]);
    await sites.hand('r1', errand('h1'), '1.2.3');
    await sites.hand('r1', errand('h1'), '1.2.3');
    await sites.hand('r1', errand('h2'), '1.2.3');
    for (const other of [{ runs: [] }, { sites: ['ber'] }, { version: '1.2.4' }])
      expect(await one.claim(claimOf({ runs: ['r1'], ...other }))).toEqual([]);
    const claims = await Promise.all(
      [one, two].map((sites) => sites.claim(claimOf({ runs: ['r1'], most: 1 }))),
    );
    expect(claims.flat().map(({ kind }) => kind)).toEqual(['host', 'host']);
    const taken = claims.flat().map((claimed) => (claimed.kind === 'host' ? claimed : undefined));
    expect(new Set(taken.map((claimed) => claimed?.host))).toEqual(new Set(['h1', 'h2']));
    expect(new Set(taken.map((claimed) => claimed?.number))).toEqual(new Set([2, 3]));
    expect(journal.end().entries).toBe(1);
  });

  it('is given again to a worker that did not learn of it', async () => {
    const { sites } = await lead('r2');
    const one = createSites(await open());
    await sites.hand('r2', errand('h1'), '1.2.3');
    const claim = claimOf({ runs: ['r2'] });
    const [claimed] = await one.claim(claim);
    expect(await one.claim(claim)).toEqual([claimed]);
    expect(await one.claim({ ...claim, have: [claimed?.id ?? 0] })).toEqual([]);
  });

  it('lets only its worker append, and shows its entries to the leader', async () => {
    const { sites, journal } = await lead('r3');
    const db = await open();
    const worker = createSites(db);
    await sites.hand('r3', errand('h1'), '1.2.3');
    const [claimed] = await worker.claim(claimOf({ runs: ['r3'] }));
    if (claimed?.kind !== 'host') throw new Error('nothing was claimed');
    const seen: Event[] = [];
    const own = await worker.openJournal('r3', (event) => seen.push(event));
    await Promise.all(['a', 'b'].map((text) => own.append(warning(text), claimed)));
    expect(seen.map(({ seq, type }) => [seq, type])).toEqual([
      [0, 'run.started'],
      [1, 'warning'],
      [2, 'warning'],
    ]);
    const lines: string[] = [];
    journal.follow((_, line) => lines.push(line));
    const event = await journal.append(warning('c'), true);
    expect(event.seq).toBe(3);
    expect(lines).toHaveLength(3);
    expect(own.end().entries).toBe(3);
    await own.catchUp();
    expect(own.end()).toEqual(journal.end());
    for (const other of [
      { id: claimed.id, number: claimed.number - 1 },
      { id: claimed.id + 999, number: claimed.number },
    ])
      await expect(own.append(warning('d'), other)).rejects.toBeInstanceOf(RunTakenError);
    const other = await createSites(await open()).openJournal('r3', () => {});
    await expect(other.append(warning('e'), claimed)).rejects.toBeInstanceOf(RunTakenError);
    await own.append(warning('x'.repeat(300_000)), claimed);
    await journal.catchUp?.();
    expect(journal.end()).toEqual(own.end());
    await worker.end(claimed.id);
    await expect(own.append(warning('f'), claimed)).rejects.toBeInstanceOf(RunTakenError);
    expect(await sites.handed('r3')).toEqual([{ ...errand('h1'), ended: true }]);
    await sites.forget('r3', ['h1']);
    expect(await sites.handed('r3')).toEqual([]);
  });

  it('refuses a decision of a leader that has not seen what a worker appended', async () => {
    const { sites, journal } = await lead('r4');
    const worker = createSites(await open());
    await sites.hand('r4', errand('h1'), '1.2.3');
    const [claimed] = await worker.claim(claimOf({ runs: ['r4'] }));
    if (claimed?.kind !== 'host') throw new Error('nothing was claimed');
    const own = await worker.openJournal('r4', () => {});
    const { entries } = journal.end();
    await own.append(warning('h1 has failed'), claimed);
    const seen: string[] = [];
    journal.follow(({ type }) => seen.push(type));
    expect(await journal.appendAfter?.(entries, started('h2'))).toBeUndefined();
    expect(seen).toEqual(['warning']);
    expect(await journal.appendAfter?.(entries, started('h2'))).toBeUndefined();
    const event = await journal.appendAfter?.(journal.end().entries, started('h2'));
    expect(event).toMatchObject({ type: 'host.started', seq: 2 });
  });

  it('goes to another worker when its own is proven dead, with a greater number, and never back', async () => {
    const { sites } = await lead('r5');
    const [dying, other] = [await open(), createSites(await open())];
    const first = createSites(dying);
    await sites.hand('r5', errand('h1'), '1.2.3');
    const claim = claimOf({ runs: ['r5'] });
    const [claimed] = await first.claim(claim);
    expect(await other.claim(claim)).toEqual([]);
    await wait(settled);
    await dying.close();
    await expect
      .poll(() => other.claim(claim), { timeout: 2_000, interval: 100 })
      .toMatchObject([{ id: claimed?.id, number: 3 }]);
    expect(await sites.handed('r5')).toHaveLength(1);
  });

  it('is left to another machine, and learns why it must end', async () => {
    const { sites } = await lead('r6');
    const [one, two] = [createSites(await open()), createSites(await open())];
    await sites.hand('r6', errand('h1'), '1.2.3');
    const claim = claimOf({ runs: ['r6'] });
    const [claimed] = await one.claim(claim);
    const id = claimed?.id ?? 0;
    await one.leave(id, 'boot');
    expect(await one.claim(claim)).toEqual([]);
    expect(await one.stopped([id])).toEqual(new Map([[id, 'another worker has it']]));
    expect(await two.claim({ ...claim, bootId: 'boot 2' })).toHaveLength(1);
    expect(await two.stopped([id])).toEqual(new Map());
    await sites.abort('r6', 'h1', 'deadline');
    expect(await two.stopped([id])).toEqual(new Map([[id, 'deadline']]));
  });

  it('goes on while its run has another leader, and ends where another run takes its hosts', async () => {
    const { sites, end } = await lead('r7');
    const worker = createSites(await open());
    await sites.hand('r7', errand('h1'), '1.2.3');
    const [claimed] = await worker.claim(claimOf({ runs: ['r7'] }));
    if (claimed?.kind !== 'host') throw new Error('nothing was claimed');
    const own = await worker.openJournal('r7', () => {});
    const next = await open();
    server.psql('sites', "update kmend.run set open = true where run = 'r7'");
    await end();
    expect((await journalsOf(next).lock(['r7:22'], 'r7')).held).toBe(true);
    await own.append(warning('a'), claimed);
    const third = await open();
    expect((await journalsOf(third).lock(['r7:22'], 'r8', 'r7')).held).toBe(true);
    await expect(own.append(warning('b'), claimed)).rejects.toBeInstanceOf(RunTakenError);
  });

  it('answers questions once to who asked, also long ones, and none after they were withdrawn', async () => {
    const asker = createSites(await open());
    const worker = createSites(await open());
    const id = await asker.ask(
      { site: 'waw', reading: 'check', request: '{"hosts":["h1"]}' },
      '1.2.3',
    );
    const [claimed] = await worker.claim(claimOf({ sites: ['waw'] }));
    expect(claimed).toEqual({
      id,
      kind: 'reading',
      site: 'waw',
      reading: 'check',
      request: '{"hosts":["h1"]}',
    });
    expect(await asker.answers([id])).toEqual(new Map());
    const answer = 'ü'.repeat(200_000);
    await worker.end(id, answer);
    expect(await asker.answers([id])).toEqual(new Map([[id, answer]]));
    await asker.withdraw([id]);
    expect(await asker.answers([id])).toEqual(new Map());
  });
});
