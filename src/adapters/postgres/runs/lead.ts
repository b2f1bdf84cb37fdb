// Who works on a run: one process, as long as its session lives, or until another has proof of its
// death.
import { RunTakenError } from '../../../engine/ports/state-errors.ts';
import type { LockState, Store } from '../../../engine/ports/store.ts';
import { rootOf } from '../../../engine/state/chain.ts';
import { dataIn } from '../../../model/shape/shape.ts';
import { isMapping } from '../../../model/value.ts';
import type { Db } from '../link/db.ts';
import { sleep } from '../link/session.ts';

/** The lead of a run by this process. `epoch` grows with each leader, `number` with each claim. */
export interface Lead {
  readonly epoch: number;
  readonly number: number;
}

interface Answer {
  readonly outcome: 'held' | 'busy' | 'watch';
  readonly other: string | null;
  readonly by_about: string | null;
  readonly new_epoch: number;
  readonly new_number: number;
}

/** How often to ask again while the death of a holder is not proven; milliseconds. */
const askAgain = 250;

/** Takes a run with its hosts, or says who has one of them: after 5 seconds of watching at most. */
async function take(
  db: Db,
  hosts: readonly string[],
  run: string,
  takeover?: string,
): Promise<Lead | { readonly run: string; readonly by: string }> {
  for (;;) {
    const me = await db.me();
    const [answer] = await db.inSession<Answer>('select * from lead($1, $2, $3, $4, $5)', [
      me,
      run,
      rootOf(run),
      hosts,
      takeover ?? null,
    ]);
    if (answer?.outcome === 'held') return { epoch: answer.new_epoch, number: answer.new_number };
    const other = answer?.other ?? run;
    if (answer?.outcome === 'busy')
      return { run: other, by: `run ${other} (${whoIn(answer.by_about)})` };
    await sleep(askAgain);
  }
}

/** The process that an `about` names. */
export function whoIn(about: string | null): string {
  const data = about === null ? undefined : dataIn(about);
  return isMapping(data) && typeof data.who === 'string' ? data.who : 'a worker will carry it on';
}

/** The leads of this process, by run. */
export interface Leads {
  readonly lock: Store['lock'];
  /** The lead of a run; one without hosts is taken where it has none. */
  readonly of: (run: string) => Promise<Lead>;
  /** Ends a lead that `of` took. */
  readonly done: (run: string) => Promise<void>;
}

export function leadsOf(db: Db): Leads {
  const leads = new Map<string, Lead>();
  const bare = new Set<string>();
  const release = async (run: string, { epoch }: Lead): Promise<void> => {
    if (leads.get(run)?.epoch === epoch) leads.delete(run);
    await db.inSession('select release($1, $2)', [run, epoch]);
  };
  const stateOf = async (run: string, { epoch }: Lead): Promise<LockState> => {
    const [row] = await db.inSession<{ epoch: number }>('select epoch from run where run = $1', [
      run,
    ]);
    return row?.epoch === epoch ? 'held' : 'taken';
  };
  return {
    lock: async (hosts, run, takeover) => {
      const lead = await take(db, hosts, run, takeover);
      if (!('epoch' in lead)) return { held: false, ...lead };
      leads.set(run, lead);
      bare.delete(run);
      return {
        held: true,
        number: lead.number,
        state: () => stateOf(run, lead),
        release: () => release(run, lead),
      };
    },
    of: async (run) => {
      const led = leads.get(run);
      if (led !== undefined) return led;
      const lead = await take(db, [], run);
      if (!('epoch' in lead)) throw new RunTakenError(`${lead.by} is at work`);
      leads.set(run, lead);
      bare.add(run);
      return lead;
    },
    done: async (run) => {
      const lead = leads.get(run);
      if (lead !== undefined && bare.delete(run)) await release(run, lead);
    },
  };
}
