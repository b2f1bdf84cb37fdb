// The errands of a database: work that is handed to the workers of sites.
import { randomUUID } from 'node:crypto';
import type {
  Errand,
  HandedErrand,
  HostWork,
  Reading,
  Sites,
} from '../../../engine/ports/sites.ts';
import { present } from '../../../model/present.ts';
import type { Db } from '../link/db.ts';
import { keepParts, openSiteJournal } from '../runs/journal.ts';
import { wordsIn } from './workers.ts';

interface ErrandRow {
  /** The driver gives a bigint as text. */
  readonly id: string;
  readonly run: string | null;
  readonly host: string;
  readonly site: string;
  readonly kind: string;
  readonly request: string | null;
  readonly number: number | null;
}

interface HandedRow {
  readonly host: string;
  readonly site: string;
  readonly kind: HostWork;
  readonly ended: boolean;
  /** Of the live worker that has it. */
  readonly says: string | null;
}

/** All that changes an errand goes through the session: its end is this process's death. */
export const createSites = (db: Db): Sites => ({
  announce: async (run, sites, version) => {
    await db.inSession('select announce($1, $2, $3, $4)', [await db.me(), run, sites, version]);
  },
  hand: async (run, { host, site, work }, version) => {
    const values = [await db.me(), run, host, site, work, version];
    await db.inSession('select hand($1, $2, $3, $4, $5, $6)', values);
  },
  abort: async (run, host, reason) => {
    await db.inSession('select stop_errand($1, $2, $3, $4)', [await db.me(), run, host, reason]);
  },
  handed: async (run) => {
    const rows = await db.query<HandedRow>(
      `select e.host, e.site, e.kind, e.ended, h.says
       from errand e left join holder h on h.id = e.holder and is_alive(h.id)
       where e.run = $1 order by e.id`,
      [run],
    );
    return rows.map(handedOf);
  },
  forget: async (run, hosts) => {
    await db.inSession('select forget_errands($1, $2, $3)', [await db.me(), run, hosts]);
  },
  ask: async ({ site, reading, request }, version) => {
    const key = randomUUID();
    const [row] = await db.inSession<{ id: string }>('select ask($1, $2, $3, $4, $5, $6) as id', [
      await db.me(),
      key,
      site,
      reading,
      version,
      request,
    ]);
    return Number(row?.id);
  },
  answers: async (ids) => {
    const rows = await db.query<{ id: string; answer: string | null }>(
      'select id, answer from errand where id = any($1) and run is null and ended',
      [ids.map(String)],
    );
    return new Map(rows.map(({ id, answer }) => [Number(id), answer ?? '']));
  },
  withdraw: async (ids) => {
    await db.inSession('select withdraw($1, $2)', [await db.me(), ids.map(String)]);
  },
  runsAt: (sites) =>
    db.query('select distinct run, version from run_site where site = any($1) order by run', [
      sites,
    ]),
  claim: async ({ have, sites, runs, version, bootId, most }) => {
    const rows = await db.inSession<ErrandRow>('select * from claim($1, $2, $3, $4, $5, $6, $7)', [
      await db.me(),
      have.map(String),
      sites,
      runs,
      version,
      bootId,
      most,
    ]);
    return rows.map(errandOf);
  },
  stopped: async (ids) => {
    const rows = await db.query<{ id: string; stop: string }>(
      `select i.id, case when e.id is null then 'another worker has it' else e.stop end as stop
       from unnest($1::bigint[]) i (id) left join errand e on e.id = i.id and e.holder = $2
       where e.id is null or e.stop is not null`,
      [ids.map(String), await db.me()],
    );
    return new Map(rows.map(({ id, stop }) => [Number(id), stop]));
  },
  leave: async (id, bootId = '') => {
    await db.inSession('select leave_errand($1, $2, $3)', [await db.me(), id, bootId]);
  },
  end: async (id, answer) => {
    const batch = randomUUID();
    const parts = answer === undefined ? 0 : await keepParts(db, batch, Buffer.from(answer));
    await db.inSession('select end_errand($1, $2, $3, $4)', [await db.me(), id, batch, parts]);
  },
  openJournal: (run, see) => openSiteJournal(db, run, see),
});

const handedOf = ({ host, site, kind, ended, says }: HandedRow): HandedErrand => ({
  host,
  site,
  work: kind,
  ended,
  ...present({ worker: says === null ? undefined : wordsIn(says).machine }),
});

function errandOf({ id, run, host, site, kind, request, number }: ErrandRow): Errand {
  if (run === null)
    return {
      id: Number(id),
      kind: 'reading',
      site,
      reading: kind as Reading,
      request: request ?? '',
    };
  return {
    id: Number(id),
    kind: 'host',
    run,
    number: number ?? 0,
    host,
    site,
    work: kind as HostWork,
  };
}
