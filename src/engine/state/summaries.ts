// Summaries of journals as texts: what is kept of each run, for later commands. A text counts only
// for the journal that it was made from, and only as it was written.
import type { JournalSummary } from '../../core/history/journal-summary.ts';
import type { HostChanges, Remediated } from '../../core/run-state/host-history.ts';
import { proof, remedy, risk } from '../../model/shape/plan-shape.ts';
import {
  dataIn,
  listOf,
  number,
  object,
  oneOf,
  type Shape,
  text,
} from '../../model/shape/shape.ts';
import { toJson } from '../../model/text/printable.ts';
import type { JournalHead, RunInfo } from '../ports/history.ts';
import { hashOf } from './chain.ts';

/** Another version makes its own: what follows from a journal may differ. */
const schema = 'kmend.summary/1';

const summaryShape = object(
  {
    hosts: listOf(text),
    left: listOf(object({ host: text, kind: oneOf('interrupted', 'failed') }, { left: text })),
    durations: listOf(object({ host: text, remedy, seconds: number, drain: number })),
  },
  { aborted: text },
);

/** A `PlannedChange`, and the task that made it. */
const madeChange = object(
  { sign: oneOf('+', '~', '-', '!'), what: text, risk, task: text, module: text },
  { before: text, after: text },
);

const changesShape = listOf(
  object(
    {
      host: text,
      changes: listOf(madeChange),
      end: oneOf('done', 'failed', 'under_way'),
      at: number,
    },
    { proof },
  ),
);

const headShape = object({ schema: oneOf(schema), entries: number, head: text, sha256: text });

/** A text of two lines: which journal it is about, and what is kept of it. */
function keptText({ entries, head }: JournalHead, data: unknown): string {
  const body = toJson(data);
  return `${JSON.stringify({ schema, entries, head, sha256: hashOf(body) })}\n${body}\n`;
}

interface About extends JournalHead {
  readonly sha256: string;
}

/** The first line of a text; undefined where no version of this form wrote it. */
function aboutIn(kept: string): About | undefined {
  const data = dataIn(kept.slice(0, Math.max(0, kept.indexOf('\n'))));
  return headShape(data, '') === undefined ? (data as About) : undefined;
}

/** What was kept of a journal with this head; undefined where the text is not of it, or damaged. */
function keptIn(kept: string, { entries, head }: JournalHead, shape: Shape): unknown {
  const about = aboutIn(kept);
  if (about?.entries !== entries || about.head !== head) return undefined;
  const body = kept.slice(kept.indexOf('\n') + 1, -1);
  if (about.sha256 !== hashOf(body)) return undefined;
  const data = dataIn(body);
  return shape(data, '') === undefined ? data : undefined;
}

export const summaryText = (head: JournalHead, summary: JournalSummary): string =>
  keptText(head, summary);

export const changesText = (head: JournalHead, changes: readonly HostChanges[]): string =>
  keptText(head, changes);

export const summaryIn = (kept: string, head: JournalHead): JournalSummary | undefined =>
  keptIn(kept, head, summaryShape) as JournalSummary | undefined;

export const changesIn = (kept: string, head: JournalHead): readonly HostChanges[] | undefined =>
  keptIn(kept, head, changesShape) as readonly HostChanges[] | undefined;

const memoryShape = listOf(
  object({
    host: text,
    made: object({ run: text, at: number, changes: listOf(madeChange), proof }),
  }),
);

/** What is remembered of hosts by so many of the oldest runs. */
export interface KeptMemory {
  readonly runs: number;
  readonly memory: ReadonlyMap<string, Remediated>;
}

/** One head for many journals: it changes with each of them, and with their order. */
const headOfAll = (runs: readonly RunHead[]): JournalHead => ({
  entries: runs.length,
  head: hashOf(runs.map(({ run, head }) => `${run} ${head}\n`).join('')),
});

type RunHead = Pick<RunInfo, 'run' | 'head'>;

export const memoryText = (
  runs: readonly RunHead[],
  memory: ReadonlyMap<string, Remediated>,
): string =>
  keptText(
    headOfAll(runs),
    [...memory].map(([host, made]) => ({ host, made })),
  );

/** @param runs all of them, the oldest first: the text is of the first of these, or does not count */
export function memoryIn(kept: string, runs: readonly RunHead[]): KeptMemory | undefined {
  const count = aboutIn(kept)?.entries;
  if (count === undefined || count > runs.length) return undefined;
  const data = keptIn(kept, headOfAll(runs.slice(0, count)), memoryShape);
  if (data === undefined) return undefined;
  const rows = data as readonly { readonly host: string; readonly made: Remediated }[];
  return { runs: count, memory: new Map(rows.map(({ host, made }) => [host, made])) };
}
