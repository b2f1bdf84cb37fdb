// The runs of a state directory as they are now, also those of other processes: their journals are
// read on as they grow.

import { plannedCurve } from '../../core/view/curve.ts';
import type { ViewContext } from '../../core/view/head.ts';
import type { Point, RunView, ViewDelta } from '../../core/view/model.ts';
import { readView, type ViewReader } from '../../core/view/read-view.ts';
import type { Forecaster } from '../../engine/ports/forecaster.ts';
import type { JournalEnd } from '../../engine/ports/history.ts';
import { DamagedError, reasonOf } from '../../engine/ports/state-errors.ts';
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
  /** While a process works on it: a run of nobody has no end to forecast. */
  readonly forecaster: Forecaster | undefined;
  /** Since when the database that has its journal does not answer. */
  readonly databaseAway: number | undefined;
  /** Why its journal cannot be read on. */
  readonly damaged: string | undefined;
}

/** What the journal does not say. */
export const contextOf = ({ holder, forecaster, databaseAway }: LiveRun): ViewContext =>
  present({ holder, forecast: forecaster?.newest(), databaseAway });

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
  /** Shows that the state does not answer since then; undefined = it answers. */
  readonly away: (since: number | undefined) => void;
  readonly close: () => Promise<void>;
  /** The oldest first; those that are not finished were read before. */
  readonly known: () => Promise<readonly KnownRun[]>;
}

/** Milliseconds: how often each thing is read. */
const every = { list: 1_000, unwatched: 1_000, holder: 2_000 };
/** Milliseconds that a finished run stays in memory after the last watcher has left. */
const kept = 60_000;
/** Unfinished runs that are followed without a watcher: the newest. */
const mostUnwatched = 30;

interface Draft extends LiveRun {
  holder: string | undefined;
  forecaster: Forecaster | undefined;
  databaseAway: number | undefined;
  /** The last entry that the forecaster had before it was there: the others come as they are read. */
  forecastFrom: number;
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
  context: ViewContext;
  planned: readonly Point[] | undefined;
}

export const liveRuns = (sources: Sources): LiveRuns => new FollowedRuns(sources);

interface Sources {
  readonly store: Store;
  readonly now: () => number;
  readonly forecaster: () => Promise<Forecaster>;
}

/** Holds the threads of forecasts, and the runs in memory. */
class FollowedRuns implements LiveRuns {
  readonly #sources: Sources;
  readonly #infos = new Map<string, RunInfo>();
  readonly #drafts = new Map<string, Draft>();
  #sizes: ReadonlyMap<string, number> = new Map();
  #listedAt = 0;
  #begun: Promise<void> | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Reads the list of runs, and the newest of those that are not finished. */
  async #begin(): Promise<void> {
    const { store, now } = this.#sources;
    this.#listedAt = now();
    this.#sizes = await store.history.sizes();
    for (const info of await store.runs()) this.#infos.set(info.run, info);
    for (const { run } of [...this.#infos.values()].filter(isOpen).slice(-mostUnwatched))
      await this.#open(run);
  }

  #ready(): Promise<void> {
    this.#begun ??= this.#begin();
    return this.#begun;
  }

  async tick(): Promise<void> {
    const { now } = this.#sources;
    await this.#ready();
    if (now() - this.#listedAt >= every.list) {
      this.#listedAt = now();
      await this.#list();
    }
    for (const draft of [...this.#drafts.values()]) {
      if (draft.watchers.size > 0 || now() - draft.readAt >= every.unwatched)
        await this.#readOn(draft);
      if (draft.damaged === undefined) {
        foresee(draft);
        update(draft);
      } else for (const watching of draft.watchers) watching.watcher.gone(draft.damaged);
      this.#release(draft);
    }
  }

  async follow(run: string): Promise<LiveRun | undefined> {
    const { store, now } = this.#sources;
    const isThere = this.#sizes.has(run) || (await store.history.sizes()).has(run);
    if (!isThere) return undefined;
    const draft = await this.#open(run);
    draft.watchedAt = now();
    return draft;
  }

  watch({ run }: LiveRun, watcher: Watcher): () => void {
    const draft = this.#drafts.get(run);
    if (draft === undefined) {
      watcher.gone('the run was removed');
      return () => {};
    }
    const watching: Watching = { watcher, since: undefined, context: {}, planned: undefined };
    draft.watchers.add(watching);
    update(draft);
    return () => draft.watchers.delete(watching);
  }

  away(since: number | undefined): void {
    for (const draft of this.#drafts.values()) {
      draft.databaseAway = since;
      if (draft.damaged === undefined) update(draft);
    }
  }

  async close(): Promise<void> {
    for (const { forecaster } of this.#drafts.values()) await forecaster?.close();
  }

  async known(): Promise<readonly KnownRun[]> {
    await this.#ready();
    return [...this.#infos.values()]
      .sort((a, b) => a.startedAt - b.startedAt)
      .map((info) => ({ info, ...present({ live: this.#drafts.get(info.run) }) }));
  }

  async #open(run: string): Promise<Draft> {
    const draft = this.#drafts.get(run) ?? newDraft(run, this.#sources.now());
    this.#drafts.set(run, draft);
    await this.#readOn(draft);
    return draft;
  }

  async #readOn(draft: Draft): Promise<void> {
    const { store, now } = this.#sources;
    if (now() - draft.holderAt >= every.holder) {
      draft.holderAt = now();
      draft.holder = await store.holder(draft.run);
    }
    draft.reading ??= scan(draft, this.#sources).finally(() => {
      draft.reading = undefined;
      draft.readAt = now();
    });
    await draft.reading;
  }

  /** Finds runs that are new, have grown or were removed. */
  async #list(): Promise<void> {
    const before = this.#sizes;
    this.#sizes = await this.#sources.store.history.sizes();
    for (const run of before.keys()) {
      if (this.#sizes.has(run)) continue;
      this.#infos.delete(run);
      const draft = this.#drafts.get(run);
      if (draft === undefined) continue;
      this.#drop(draft);
      for (const { watcher } of draft.watchers) watcher.gone('the run was removed');
    }
    for (const [run, size] of this.#sizes) if (size !== before.get(run)) await this.#open(run);
  }

  #release(draft: Draft): void {
    const { now } = this.#sources;
    const { finished } = draft.reader.state();
    const info = infoOf(draft, this.#infos.get(draft.run));
    if (info !== undefined) this.#infos.set(draft.run, info);
    if (draft.watchers.size > 0) draft.watchedAt = now();
    else if (finished !== undefined && now() - draft.watchedAt > kept) this.#drop(draft);
  }

  #drop(draft: Draft): void {
    this.#drafts.delete(draft.run);
    void draft.forecaster?.close();
  }
}

const isOpen = ({ finished, begun }: RunInfo): boolean => finished === undefined && begun !== false;

const newDraft = (run: string, at: number): Draft => ({
  run,
  reader: readView(lineOf),
  forecaster: undefined,
  forecastFrom: -1,
  holder: undefined,
  databaseAway: undefined,
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
async function scan(draft: Draft, sources: Sources): Promise<void> {
  if (draft.damaged !== undefined) return;
  try {
    await changeForecaster(draft, sources);
    const see = (event: Event): void => {
      if (event.type === 'run.started') draft.started = event;
      draft.reader.see(event);
      if (event.seq > draft.forecastFrom) draft.forecaster?.see(event);
    };
    draft.end = await sources.store.scanEvents(draft.run, see, draft.end);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
      draft.damaged = whyUnread(error);
  }
}

/** Without the path: it is of this machine, and others read the page. */
const whyUnread = (error: unknown): string =>
  error instanceof DamagedError ? error.why : (reasonOf(error) ?? 'its journal cannot be read');

/** Begins to forecast a run that a process works on, and ends it with that process. */
async function changeForecaster(draft: Draft, { store, forecaster }: Sources): Promise<void> {
  const { run, holder, forecaster: before, end } = draft;
  if ((holder === undefined) === (before === undefined)) return;
  draft.forecaster = undefined;
  await before?.close();
  if (holder === undefined) return;
  const next = await forecaster();
  draft.forecastFrom = -1;
  // It needs what was read before, which nobody has kept.
  if (end !== undefined)
    await store.scanEvents(run, (event) => {
      next.see(event);
      draft.forecastFrom = event.seq;
    });
  draft.forecaster = next;
}

/** Makes the planned curve once a snapshot is through: nobody has to wait for it. */
function foresee(draft: Draft): void {
  const { started, watchers } = draft;
  const isThrough = [...watchers].some(
    ({ since, watcher }) => since !== undefined && watcher.ready(),
  );
  if (started !== undefined && isThrough) draft.planned ??= plannedCurve(started);
}

/** Sends what changed to those who watch and have taken what came before. */
function update(draft: Draft): void {
  const { reader, watchers, started, planned } = draft;
  // Before the first entry there is nothing that a delta could follow.
  if (started === undefined || watchers.size === 0) return;
  const { lastSeq } = reader.state();
  const context = contextOf(draft);
  const deltas = new Map<number, ViewDelta>();
  for (const watching of watchers) {
    const { watcher, since } = watching;
    const isNew =
      since === lastSeq &&
      watching.context.holder === context.holder &&
      watching.context.databaseAway === context.databaseAway &&
      watching.context.forecast === context.forecast &&
      watching.planned === planned;
    if (isNew || !watcher.ready()) continue;
    watching.since = lastSeq;
    watching.context = context;
    if (since === undefined) watcher.snapshot(reader.view(context, planned));
    else {
      const delta = deltas.get(since) ?? reader.delta(since, context);
      deltas.set(since, delta);
      watcher.changed(watching.planned === planned ? delta : { ...delta, ...present({ planned }) });
    }
    watching.planned = planned;
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
