// What becomes of each task of a playbook that is imported.
import type { Place } from '../../model/diagnostic.ts';
import type { Mapping, Value } from '../../model/value.ts';

/** `undecided`: only a person can answer it. */
export type Fate = 'kept' | 'replaced' | 'dropped' | 'undecided';

/** A task of the old files, or a key or role of a play that does not stay as it is. */
export interface Accounted {
  /** Where it stands in the old file. */
  readonly place: Place;
  readonly what: 'task' | 'key' | 'role';
  /** The name of a task, its module where it has none, or the key. */
  readonly name: string;
  readonly fate: Fate;
  /** Modules that do it now; only of a replaced task. */
  readonly by?: string;
  /** Why, or the question. */
  readonly why?: string;
}

/** How a task is written anew. Its name and all other keys stay. */
export interface Edit {
  /** In place of the old module. */
  readonly module?: readonly [string, Value];
  /** Keys that are taken away. */
  readonly without?: readonly string[];
  /** Keys with their new value. */
  readonly set?: Mapping;
}

/** Without an `edit` a replaced task is done by another one, and goes. */
export type Outcome =
  | { readonly fate: 'kept'; readonly edit?: Edit; readonly why?: string }
  | { readonly fate: 'replaced'; readonly by: string; readonly edit?: Edit; readonly why?: string }
  | { readonly fate: 'dropped'; readonly why: string }
  | { readonly fate: 'undecided'; readonly why: string };

export const undecided = (why: string): Outcome => ({ fate: 'undecided', why });

export interface DraftFile {
  /** Path of the old file. */
  readonly path: string;
  readonly text: string;
  /** More than comments differs from the old file. */
  readonly isChanged: boolean;
}

export interface Draft {
  /** The playbook first, then each file that it reads. */
  readonly files: readonly DraftFile[];
  readonly account: readonly Accounted[];
}

/** Share of the tasks that are kept or replaced, from 0 to 1. */
export function usableShare(account: readonly Accounted[]): number {
  const tasks = account.filter(({ what }) => what === 'task');
  const usable = tasks.filter(({ fate }) => fate === 'kept' || fate === 'replaced');
  return tasks.length === 0 ? 0 : usable.length / tasks.length;
}

/** A smaller share is less work to write anew. */
export const leastShare = 0.7;
