// Summaries of journals: read where they are kept, made from the journal where they are not.
import { type JournalSummary, readSummary } from '../../core/history/journal-summary.ts';
import { fold } from '../../core/run-state/fold.ts';
import { type HostChanges, type Remediated, remember } from '../../core/run-state/host-history.ts';
import { emptyState } from '../../core/run-state/state.ts';
import type { JournalHead, RunInfo, Store } from '../../engine/ports/store.ts';
import {
  changesIn,
  changesText,
  memoryIn,
  memoryText,
  summaryIn,
  summaryText,
} from '../../engine/state/summaries.ts';

/** A summary has the name of its run; what is longer is apart. */
const names = { changes: (run: string) => `${run}.changes`, memory: 'remediated' };

type Summaries = Pick<Store, 'summaries' | 'scanEvents'>;

export interface Summarized {
  readonly summary: JournalSummary;
  readonly changes: readonly HostChanges[];
}

/** The summary of a run. */
export async function summaryOf(info: RunInfo, store: Summaries): Promise<JournalSummary> {
  const kept = await store.summaries.read(info.run);
  return summaryIn(kept ?? '', info) ?? (await summarize(info, store)).summary;
}

/** The changes of a run, with the hosts on which it changed nothing. */
export const changesOf = async (info: RunInfo, store: Summaries): Promise<readonly HostChanges[]> =>
  (await keptChanges(info, store)) ?? (await summarize(info, store)).changes;

/** The same without its journal; undefined where no summary of it is kept. */
export async function keptChanges(
  info: RunInfo,
  { summaries }: Pick<Store, 'summaries'>,
): Promise<readonly HostChanges[] | undefined> {
  return changesIn((await summaries.read(names.changes(info.run))) ?? '', info);
}

async function summarize({ run }: RunInfo, store: Summaries): Promise<Summarized> {
  const reader = readSummary();
  let state = emptyState;
  const end = await store.scanEvents(run, (event) => {
    state = fold(state, event);
    reader.see(event);
  });
  const made = { summary: reader.summary(state), changes: reader.changes() };
  await keepSummary(run, end, made, store);
  return made;
}

/**
 * Keeps the summary of a journal with this head. Where it cannot be written, the next command reads
 * the journal again.
 */
export async function keepSummary(
  run: string,
  head: JournalHead,
  { summary, changes }: Summarized,
  { summaries }: Pick<Store, 'summaries'>,
): Promise<void> {
  try {
    await summaries.write(names.changes(run), changesText(head, changes));
    await summaries.write(run, summaryText(head, summary));
  } catch {
    // As above.
  }
}

/** Hosts that were remediated, by all journals, the oldest run first. */
export async function remediatedHosts(
  store: Summaries & Pick<Store, 'runs'>,
): Promise<ReadonlyMap<string, Remediated>> {
  const runs = await store.runs();
  const kept = memoryIn((await store.summaries.read(names.memory)) ?? '', runs);
  let { memory } = kept ?? { memory: new Map() };
  for (const info of runs.slice(kept?.runs ?? 0))
    memory = remember(memory, info.run, byHost(await changesOf(info, store)));
  if (kept?.runs !== runs.length)
    await store.summaries.write(names.memory, memoryText(runs, memory)).catch(() => {});
  return memory;
}

const byHost = (changes: readonly HostChanges[]): ReadonlyMap<string, HostChanges> =>
  new Map(changes.map((one) => [one.host, one]));

/** Removes the summaries of runs that are not there any more. */
export async function removeSummaries({
  summaries,
  history,
}: Pick<Store, 'summaries' | 'history'>): Promise<void> {
  const runs = new Set(await history.names());
  const isOfNone = (name: string): boolean =>
    name === names.memory || !runs.has(name.replace(/\.changes$/, ''));
  for (const name of (await summaries.names()).filter(isOfNone)) await summaries.remove(name);
}
