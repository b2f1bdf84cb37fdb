// The runs of a state directory as they are now, also those of other processes: their journals are
// read on as they grow.

import { plannedCurve } from '../../core/view/curve.ts';
import type { Point, RunView, ViewDelta } from '../../core/view/model.ts';
import { readView, type ViewReader } from '../../core/view/read-view.ts';
import type { JournalEnd } from '../../engine/ports/history.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import { present } from '../../model/present.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import { lineOf } from '../../screens/run/lines.ts';

/** A run whose journal is followed. */
export interface LiveRun {
  readonly run: string;
  readonly reader: ViewReader;
  /** The process that works on it. */
  readonly holder: string | undefined;
  /** Why its journal cannot be read on. */
  readonly damaged: string | undefined;
}

/** Somebody who watches a run. */
export interface Watcher {
  /** False while it has not taken what was sent before. */
  readonly ready: () => boolean;
  /** The whole, once, before what changes. */
  readonly snapshot: (view: RunView) => void;
  readonly changed: (delta: ViewDelta) => void;
  /** The run was removed, or its journal was changed. */
  readonly gone: (why: string) => void;
}

export interface KnownRun {
  readonly info: RunInfo;
  readonly live?: LiveRun;
}

export interface LiveRuns {
  /** Reads the state directory once; called at most five times a second. */
  readonly tick: () => Promise<void>;
  /** The run, read to its end; undefined where there is none. */
  readonly follow: (run: string) => Promise<LiveRun | undefined>;
  /** Shows the run and what changes of it; returns how to stop. */
  readonly watch: (live: LiveRun, watcher: Watcher) => () => void;
  /** The oldest first. */
  readonly known: () => readonly KnownRun[];
}

/** Milliseconds: how often each thing is read. */
const every = { list: 1_000, unwatched: 1_000, holder: 2_000 };
/** Milliseconds that a finished run stays in memory after the last watcher has left. */
const kept = 60_000;
/** Unfinished runs that are followed without a watcher: the newest. */
const mostUnwatched = 30;

interface Draft extends LiveRun {
  holder: string | undefined;
  damaged: string | undefined;
  end: JournalEnd | undefined;
  readAt: number;
  holderAt: number;
  watchedAt: number;
  /** A scan under way. */
  reading: Promise<void> | undefined;
  readonly watchers: Set<Watching>;
  started: (Event & EventOf<'run.started'>) | undefined;
  planned: readonly Point[] | undefined;
}

interface Watching {
  readonly watcher: Watcher;
  /** The last entry of what it has; undefined before the snapshot. */
  since: number | undefined;
  holder: string | undefined;
}

export async function liveRuns(store: Store, now: () => number): Promise<LiveRuns> {
  const infos = new Map((await store.runs()).map((info) => [info.run, info]));
  let sizes = await store.history.sizes();
  let listedAt = now();
  const drafts = new Map<string, Draft>();

  const readOn = async (draft: Draft): Promise<void> => {
    draft.reading ??= scan(draft, store).finally(() => {
      draft.reading = undefined;
      draft.readAt = now();
    });
    await draft.reading;
    if (now() - draft.holderAt < every.holder) return;
    draft.holderAt = now();
    draft.holder = await store.holder(draft.run);
  };
  const begin = async (run: string): Promise<Draft> => {
    const draft = drafts.get(run) ?? newDraft(run, now());
    drafts.set(run, draft);
    await readOn(draft);
    return draft;
  };
  const forget = (draft: Draft, why: string): void => {
    drafts.delete(draft.run);
    for (const { watcher } of draft.watchers) watcher.gone(why);
  };
  const list = async (): Promise<void> => {
    const before = sizes;
    sizes = await store.history.sizes();
    for (const run of before.keys()) {
      if (sizes.has(run)) continue;
      infos.delete(run);
      const draft = drafts.get(run);
      if (draft !== undefined) forget(draft, 'the run was removed');
    }
    for (const [run, size] of sizes) if (size !== before.get(run)) await begin(run);
  };
  const release = (draft: Draft): void => {
    const { finished } = draft.reader.state();
    const info = infoOf(draft, infos.get(draft.run));
    if (info !== undefined) infos.set(draft.run, info);
    if (draft.watchers.size > 0) draft.watchedAt = now();
    else if (finished !== undefined && now() - draft.watchedAt > kept) drafts.delete(draft.run);
  };
  for (const { run } of [...infos.values()].filter(isOpen).slice(-mostUnwatched)) await begin(run);

  return {
    tick: async () => {
      if (now() - listedAt >= every.list) {
        listedAt = now();
        await list();
      }
      for (const draft of [...drafts.values()]) {
        if (draft.watchers.size > 0 || now() - draft.readAt >= every.unwatched) await readOn(draft);
        if (draft.damaged === undefined) update(draft);
        else for (const watching of draft.watchers) watching.watcher.gone(draft.damaged);
        release(draft);
      }
    },
    follow: async (run) => {
      const isThere = sizes.has(run) || (await store.history.sizes()).has(run);
      if (!isThere) return undefined;
      const draft = await begin(run);
      draft.watchedAt = now();
      return draft;
    },
    watch: ({ run }, watcher) => {
      const draft = drafts.get(run);
      if (draft === undefined) {
        watcher.gone('the run was removed');
        return () => {};
      }
      const watching: Watching = { watcher, since: undefined, holder: undefined };
      draft.watchers.add(watching);
      update(draft);
      return () => draft.watchers.delete(watching);
    },
    known: () =>
      [...infos.values()]
        .sort((a, b) => a.startedAt - b.startedAt)
        .map((info) => ({ info, ...present({ live: drafts.get(info.run) }) })),
  };
}

const isOpen = ({ finished, begun }: RunInfo): boolean => finished === undefined && begun !== false;

const newDraft = (run: string, at: number): Draft => ({
  run,
  reader: readView(lineOf),
  holder: undefined,
  damaged: undefined,
  end: undefined,
  readAt: 0,
  holderAt: 0,
  watchedAt: at,
  reading: undefined,
  watchers: new Set(),
  started: undefined,
  planned: undefined,
});

/** A run that is removed in this moment is noticed by the list. */
async function scan(draft: Draft, store: Store): Promise<void> {
  if (draft.damaged !== undefined) return;
  try {
    const see = (event: Event): void => {
      if (event.type === 'run.started') draft.started = event;
      draft.reader.see(event);
    };
    draft.end = await store.scanEvents(draft.run, see, draft.end);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
      draft.damaged = error instanceof Error ? error.message : String(error);
  }
}

/** Sends what changed to those who watch and have taken what came before. */
function update(draft: Draft): void {
  const { reader, watchers, holder, started } = draft;
  // Before the first entry there is nothing that a delta could follow.
  if (started === undefined) return;
  const { lastSeq } = reader.state();
  const context = present({ holder });
  const deltas = new Map<number, ViewDelta>();
  for (const watching of watchers) {
    const { watcher, since } = watching;
    const isNew = since === lastSeq && watching.holder === holder;
    if (isNew || !watcher.ready()) continue;
    watching.since = lastSeq;
    watching.holder = holder;
    if (since === undefined) {
      draft.planned ??= plannedCurve(started);
      watcher.snapshot(reader.view(context, draft.planned));
    } else {
      const delta = deltas.get(since) ?? reader.delta(since, context);
      deltas.set(since, delta);
      watcher.changed(delta);
    }
  }
}

/** Undefined before the first entry. */
function infoOf({ run, reader, end }: Draft, before: RunInfo | undefined): RunInfo | undefined {
  const { begun, startedAt, play, playbook, finished } = reader.state();
  if (!begun || end === undefined) return before;
  const { entries, head } = end;
  return {
    run,
    startedAt,
    play,
    playbook,
    entries,
    head,
    ...present({
      job: before?.job,
      previous: before?.previous,
      finished: finished && { exit: finished.exit, why: finished.why },
    }),
  };
}
