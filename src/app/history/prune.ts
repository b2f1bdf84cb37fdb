// `kmend runs prune`: removes old runs that nothing looks at any more, and keeps the heads of their journals.

import { JournalError, prunedRuns, pruneRuns as removeRuns, scanEvents } from '../../adapters/store/index.ts';
import { beyond, type Keep, keepOf, type Needed, readRetention } from '../../core/history/retention.ts';
import type { RunInfo } from '../../engine/ports/store.ts';
import { plural } from '../../screens/layout.ts';
import { CommandError, type World } from '../session/world.ts';

/** What jobs keep where nobody says otherwise. */
export const jobsKeep = '365d';

export function keepFlag(text: string | undefined): Keep {
  const keep = keepOf(text ?? '');
  if (keep === undefined)
    throw new CommandError(3, `--keep must be days or a number of runs, as 90d or 500${text === undefined ? '' : `, not \`${text}\``}`);
  return keep;
}

type Stays = Needed | 'changed' | 'under_way';

const reasons: Readonly<Record<Stays, string>> = {
  not_over: 'not over: `kmend report RUN` says what each waits for',
  drift: 'needed by `kmend drift`: they remediated a host last',
  rollback: 'needed by the rollback of an older run that stays',
  changed: 'changed after they were written: see `kmend audit verify`',
  under_way: 'under way',
};

export interface Pruned {
  readonly removed: readonly string[];
  /** Runs that are old enough and stay. */
  readonly stays: ReadonlyMap<string, Stays>;
}

/** @param isCheck only says what would be removed */
export async function pruneRuns(keep: Keep, stateDir: string, world: World, isCheck = false): Promise<Pruned> {
  const store = await world.store(stateDir);
  const runs = await store.runs();
  const old = beyond(runs, keep, world.clock.now()).map(({ run }) => run);
  if (old.length === 0) return { removed: [], stays: new Map() };
  const { needed, words } = await readAll(runs, old, stateDir);
  const stays = new Map<string, Stays>(needed);
  for (const run of old) if (!stays.has(run) && (await store.holder(run)) !== undefined) stays.set(run, 'under_way');
  const going = new Map(old.filter((run) => !stays.has(run)).map((run) => [run, words.get(run) ?? []]));
  const left = isCheck ? new Map<string, Stays>() : await removeRuns(stateDir, { who: world.who, at: world.clock.now(), runs: going });
  return { removed: [...going.keys()].filter((run) => !left.has(run)), stays: new Map([...stays, ...left]) };
}

/** What cannot be removed now is a warning: the turn ends as it did. */
export async function pruneAfterTurn(keep: Keep, stateDir: string, world: World): Promise<void> {
  try {
    for (const line of pruneLines({ ...(await pruneRuns(keep, stateDir, world)), stays: new Map() })) world.out(line);
  } catch (error) {
    world.err(`warning: old runs are not removed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What the journals say of the runs, and which heads other runs name. Journals that do not hold count as changed. */
async function readAll(
  runs: readonly RunInfo[],
  old: readonly string[],
  stateDir: string,
): Promise<{ readonly needed: ReadonlyMap<string, Stays>; readonly words: ReadonlyMap<string, readonly string[]> }> {
  const words = new Map<string, string[]>();
  const name = (previous: RunInfo['previous']): void => {
    if (previous !== undefined) words.set(previous.run, [...(words.get(previous.run) ?? []), previous.head]);
  };
  for (const { previous } of await prunedRuns(stateDir)) name(previous);
  const reader = readRetention();
  const damaged: string[] = [];
  for (const { run } of runs) {
    try {
      await scanEvents(stateDir, run, (event) => {
        reader.see(run, event);
        if (event.type === 'run.started') name(event.previous);
      });
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      damaged.push(run);
    }
  }
  const needed = new Map<string, Stays>(reader.needed(old));
  for (const run of damaged) if (old.includes(run)) needed.set(run, 'changed');
  return { needed, words };
}

/** Sentences for people; none where nothing was old enough. */
export function pruneLines({ removed, stays }: Pruned, isCheck = false): readonly string[] {
  const [first, last] = [removed[0], removed.at(-1)];
  const range = first === last ? first : `${first} to ${last}`;
  const by = new Map<Stays, string[]>();
  for (const [run, why] of stays) by.set(why, [...(by.get(why) ?? []), run]);
  return [
    ...(first === undefined
      ? []
      : [`${isCheck ? 'would remove' : 'removed'} ${plural(removed.length, 'run')}: ${range}; the heads of their journals are kept`]),
    ...[...by].map(([why, names]) => `${plural(names.length, 'older run stays', 'older runs stay')}, ${reasons[why]}: ${some(names)}`),
  ];
}

const some = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
