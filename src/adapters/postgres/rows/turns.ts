// Turns of jobs: a row each, which one process has at a time.
import type { TakenTurn, Turns } from '../../../engine/ports/turns.ts';
import type { Db } from '../link/db.ts';

interface TurnRow {
  readonly job: string;
  readonly at: string;
  readonly ended: boolean;
  /** Null = its process is not proven dead. */
  readonly alive: boolean | null;
  readonly own: boolean | null;
}

/** In the session: only a process that watched long enough may call another one dead. */
export function turnsIn(db: Db): Turns {
  const give = async (job: string, at: number, ended: boolean): Promise<void> => {
    await db.inSession('select leave_turn($1, $2, $3, $4)', [await db.me(), job, at, ended]);
  };
  return {
    newest: async () => {
      const rows = await db.inSession<TurnRow>(
        `select distinct on (job) job, at, ended, judge(holder, $1) as alive, holder = $1 as own
         from turn order by job, at desc`,
        [await db.me()],
      );
      return new Map(rows.map((row) => [row.job, turnOf(row)]));
    },
    take: async (job, at) => {
      const [row] = await db.inSession<{ taken: boolean }>(
        'select take_turn($1, $2, $3) as taken',
        [await db.me(), job, at],
      );
      return row?.taken === true;
    },
    leave: (job, at) => give(job, at, false),
    end: (job, at) => give(job, at, true),
  };
}

/** The driver gives a bigint as text. */
const turnOf = ({ at, ended, alive, own }: TurnRow): TakenTurn => ({
  at: Number(at),
  state: ended ? 'ended' : alive === false ? 'left' : 'under_way',
  isOwn: own === true,
});
