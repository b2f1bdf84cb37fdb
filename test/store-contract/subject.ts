// What the suite of all stores needs of one: two processes that use it, and somebody who changes what
// is kept behind their back.
import type { Store } from '../../src/engine/ports/store.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { begin, fleet } from '../core/fleet.ts';

export interface Subject {
  readonly store: Store;
  /** The same state, as another process has it. */
  readonly other: Store;
  readonly forge: Forge;
}

/** Changes what is kept, past all checks. */
export interface Forge {
  /** Replaces the lines of a journal. */
  readonly journal: (run: string, change: (lines: readonly string[]) => readonly string[]) => void;
  /** Adds to the plan of a run. */
  readonly plan: (run: string, text: string) => void;
  /** Replaces all of a host's output. */
  readonly output: (run: string, host: string, text: string) => void;
  /** Puts something that is no slot among the slots. */
  readonly slot: (name: string, text: string) => void;
  /** Puts something among the commands of a run. */
  readonly command: (run: string, text: string) => void;
  /** How many slots, and how many commands of a run, are kept. */
  readonly count: (run: string) => { readonly slots: number; readonly commands: number };
}

/** Makes an empty state; it is removed after the test. */
export type MakeSubject = () => Promise<Subject>;

export const warning = (text: string): EventBody => ({ type: 'warning', text });

/** A run that is over: its journal has these entries, after its beginning. */
export async function endedRun(
  store: Store,
  run: string,
  ...bodies: readonly EventBody[]
): Promise<string> {
  const lock = await store.lock([`${run}:22`], run);
  if (!lock.held) throw new Error(lock.by);
  const journal = await store.createJournal(run);
  for (const body of [begin(fleet(2)), ...bodies]) await journal.append(body, true);
  await journal.close();
  await lock.release();
  return journal.end().head;
}

export const textsOf = async (store: Store, run: string): Promise<readonly string[]> => {
  const texts: string[] = [];
  await store.scanEvents(run, (event: Event) => {
    if (event.type === 'warning') texts.push(event.text);
  });
  return texts;
};
