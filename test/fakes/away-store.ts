// A state in memory whose answers stay away for a while, from a chosen call on, as those of a database.
import type { Journal, Slots, Store } from '../../src/engine/ports/store.ts';
import { overStateOutages } from '../../src/engine/state/outage.ts';
import { slotsOf } from '../../src/engine/state/slots.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { emptyWorld, memorySlots, type SlotWorld } from './slots.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface StateAway {
  /** It begins with the so many-th call of the state. */
  readonly at: number;
  readonly seconds: number;
  /** The call that it begins with is carried out, and only its answer waits. */
  readonly late: boolean;
}

export interface AwayStore {
  readonly store: Store;
  /** The calls so far, by name; entries by their type. */
  readonly calls: readonly string[];
  /** The time at which the outage began and ends. */
  readonly times: () => { readonly from: number; readonly until: number } | undefined;
}

/** The parts of a store that a run under way uses. */
export function awayStore(
  journal: Journal,
  clock: VirtualClock,
  {
    away,
    stop,
    kill,
    slotWorld = emptyWorld(),
    pool = new Set<string>(),
    commands = () => [],
  }: {
    readonly away?: StateAway | undefined;
    readonly stop: AbortSignal;
    readonly kill: AbortSignal;
    readonly slotWorld?: SlotWorld;
    readonly pool?: ReadonlySet<string>;
    readonly commands?: () => readonly EventBody[];
  },
): AwayStore {
  const calls: string[] = [];
  let outage: { readonly from: number; readonly until: number } | undefined;
  const answered = async (): Promise<void> => {
    const left = (outage?.until ?? 0) - clock.now();
    if (left > 0) await clock.sleep(left);
  };
  const through = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    calls.push(name);
    if (calls.length === away?.at) {
      outage = { from: clock.now(), until: clock.now() + away.seconds * 1000 };
      if (away.late) {
        const answer = await call();
        await answered();
        return answer;
      }
    }
    await answered();
    return call();
  };
  // Entries that wait keep their order, as in a journal.
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
  const slots = (run: string): Slots => {
    const kept = slotsOf(memorySlots(slotWorld), run, pool);
    return {
      claim: (slot) => through('claim', () => kept.claim(slot)),
      keep: (slot) => through('keep', () => kept.keep(slot)),
      drop: (address) => through('drop', () => kept.drop(address)),
      clear: (address) => through('clear', () => kept.clear(address)),
      forget: () => through('forget', kept.forget),
      others: () => through('others', kept.others),
    };
  };
  const raw: Pick<Store, 'place' | 'createJournal' | 'slots' | 'commands'> = {
    place: 'postgres://db/kmend',
    createJournal: async () => ({
      ...journal,
      append: (body, sync) => inOrder(() => through(body.type, () => journal.append(body, sync))),
    }),
    slots,
    commands: () => ({
      see: () => {},
      take: (() => through('commands', async () => commands())) as never,
    }),
  };
  return {
    // The rest of the port is not used by a run under way.
    store: overStateOutages(raw as Store, { clock, stop, kill }),
    calls,
    times: () => outage,
  };
}
