// The workers of a database: the holders that are alive, and the runs that they may carry on.
import type {
  LiveWorker,
  OpenRun,
  Workers,
  WorkerWords,
  WorkUnderWay,
} from '../../../engine/ports/workers.ts';
import { dataIn, listOf, number, object, text } from '../../../model/shape/shape.ts';
import { toJson } from '../../../model/text/printable.ts';
import type { Db } from '../link/db.ts';

interface WorkerRow {
  readonly id: number;
  readonly says: string;
  readonly runs: readonly string[];
  readonly hosts: readonly WorkUnderWay[];
}

interface OpenRow {
  readonly run: string;
  /** Null = its leader is not proven dead yet. */
  readonly alive: boolean | null;
}

/** `judge` is asked in the session: only who watched long enough may call another process dead. */
export const createWorkers = (db: Db): Workers => ({
  say: async (words) => {
    const me = await db.me();
    await db.inSession('select say($1, $2)', [me, toJson(words)]);
    return me;
  },
  alive: async () => {
    const rows = await db.query<WorkerRow>(
      `select id, says, array(select run from run where leader = holder.id order by run) as runs,
         (select coalesce(json_agg(json_build_object('run', run, 'host', host, 'site', site, 'work', kind)
            order by e.id), '[]') from errand e where e.holder = holder.id and run is not null) as hosts
       from holder where kind = 'worker' and is_alive(id) order by id`,
    );
    return rows.map(
      ({ id, says, runs, hosts }): LiveWorker => ({ ...wordsIn(says), id, runs, hosts }),
    );
  },
  open: async (watching) => {
    const rows = watching
      ? await db.inSession<OpenRow>(
          'select run, judge(leader, $1) as alive from run where open or rest order by run',
          [await db.me()],
        )
      : await db.query<OpenRow>(
          `select run, case when leader is null then false when is_alive(leader) then true end as alive
           from run where open or rest order by run`,
        );
    return rows.map(({ run, alive }): OpenRun => ({ run, leader: leaderOf(alive) }));
  },
  sayRest: async (run, rest) => {
    await db.inSession('select say_rest($1, $2, $3)', [await db.me(), run, rest]);
  },
});

const shape = object({
  machine: text,
  pid: number,
  bootId: text,
  version: text,
  since: number,
  sites: listOf(text),
  ready: listOf(text),
  most: number,
  refused: listOf(object({ run: text, why: text })),
});

/** Of a version that says something else it is only known that it lives, and takes no run. */
const unknown: WorkerWords = {
  machine: '',
  pid: 0,
  bootId: '',
  version: '',
  since: 0,
  sites: [],
  ready: [],
  most: 0,
  refused: [],
};

export const wordsIn = (says: string): WorkerWords => {
  const data = dataIn(says);
  return shape(data, 'words') === undefined ? (data as WorkerWords) : unknown;
};

const leaderOf = (alive: boolean | null): OpenRun['leader'] => {
  if (alive === null) return 'watched';
  return alive ? 'led' : 'free';
};
