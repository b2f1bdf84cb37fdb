// The fold behind every screen: journal entries, one at a time, to the view of a run.
import { present } from '../../model/present.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import { fold } from '../run-state/fold.ts';
import { inOrder } from '../run-state/ranked.ts';
import { isUnresolved } from '../run-state/resolve.ts';
import { emptyState, hostAt, noHosts, type RunState } from '../run-state/state.ts';
import { changedIn, values } from '../run-state/table.ts';
import { plannedCurve } from './curve.ts';
import { headOf, type ViewContext } from './head.ts';
import type {
  HostRow,
  Line,
  Point,
  RowStatus,
  RunHead,
  RunView,
  ViewDelta,
  Zone,
} from './model.ts';
import { leftOutRow, rowOf } from './row.ts';
import { begin, type Durations, end, follow, type Track } from './steps.ts';

/** The most lines of a view. */
const mostLines = 200;

/** The text of an entry for people; undefined for entries that only the journal needs. */
export type Say = (event: Event) => Pick<Line, 'text' | 'level'> | undefined;

/** Takes the events of one run, oldest first. What it returns is never changed afterwards. */
export interface ViewReader {
  readonly see: (event: Event) => void;
  readonly state: () => RunState;
  readonly head: (context?: ViewContext) => RunHead;
  /** @param planned the curve of `plannedCurve`; absent = none */
  readonly view: (context?: ViewContext, planned?: readonly Point[]) => RunView;
  /** What changed after the entry `since`: the `lastSeq` of the view that the reader has. */
  readonly delta: (since: number, context?: ViewContext) => ViewDelta;
}

interface Draft {
  state: RunState;
  started: Pick<EventOf<'run.started'>, 'who' | 'tool'>;
  zones: readonly Zone[];
  /** A row is made when it is asked for; undefined = it must be made again. */
  readonly rows: (HostRow | undefined)[];
  /** By row: the entry that changed it last. */
  readonly changed: number[];
  readonly tracks: Map<number, Track>;
  readonly durations: Durations;
  readonly counts: Record<RowStatus, number>;
  readonly unresolved: Set<number>;
  lines: Line[];
  readonly done: (Point & { readonly seq: number })[];
}

/** @param say makes the lines; absent = the view has none */
export function readView(say: Say = () => undefined): ViewReader {
  const draft: Draft = {
    state: emptyState,
    started: { who: '', tool: '' },
    zones: [],
    rows: [],
    changed: [],
    tracks: new Map(),
    durations: new Map(),
    counts: { ...noHosts },
    unresolved: new Set(),
    lines: [],
    done: [],
  };
  return {
    see: (event) => see(draft, event, say),
    state: () => draft.state,
    head: (context = {}) => headOf(draft, context),
    view: (context = {}, planned = []) => ({
      head: headOf(draft, context),
      zones: draft.zones,
      hosts: draft.rows.map((_, index) => rowAt(draft, index)),
      lines: draft.lines.slice(-mostLines),
      done: draft.done.map(({ at, done }) => ({ at, done })),
      planned,
    }),
    delta: (since, context = {}) => deltaOf(draft, since, context),
  };
}

/** The view after all these events, with its planned curve. */
export function viewOf(events: Iterable<Event>, say?: Say, context?: ViewContext): RunView {
  const reader = readView(say);
  let planned: readonly Point[] = [];
  for (const event of events) {
    if (event.type === 'run.started') planned = plannedCurve(event);
    reader.see(event);
  }
  return reader.view(context, planned);
}

/** The view of a reader that had the earlier one. */
export const withDelta = (view: RunView, delta: ViewDelta): RunView => {
  const hosts = [...view.hosts];
  for (const [index, row] of delta.hosts) hosts[index] = row;
  return {
    ...view,
    head: delta.head,
    zones: delta.zones ?? view.zones,
    planned: delta.planned ?? view.planned,
    hosts,
    lines: [...view.lines, ...delta.lines].slice(-mostLines),
    done: [...view.done, ...delta.done],
  };
};

function deltaOf(draft: Draft, since: number, context: ViewContext): ViewDelta {
  const hosts: [number, HostRow][] = [];
  // The view may be from before the first entry of a journal, whose number is 0.
  const isNew = since <= 0;
  // A comparison a host costs next to nothing: only rows that changed are made anew.
  for (const [index, seq] of draft.changed.entries())
    if (seq > since || isNew) hosts.push([index, rowAt(draft, index)]);
  return {
    head: headOf(draft, context),
    hosts,
    ...(isNew ? { zones: draft.zones } : {}),
    lines: newest(draft.lines, since).slice(-mostLines),
    done: newest(draft.done, since).map(({ at, done }) => ({ at, done })),
  };
}

function newest<T extends { readonly seq: number }>(
  all: readonly T[],
  since: number,
): readonly T[] {
  let from = all.length;
  while (from > 0 && (all[from - 1]?.seq ?? 0) > since) from -= 1;
  return all.slice(from);
}

function rowAt(draft: Draft, index: number): HostRow {
  const { rollout, canary } = draft.state;
  const row =
    draft.rows[index] ??
    rowOf(
      hostAt(draft.state, index),
      draft.tracks.get(index),
      rollout?.soak.host ?? 0,
      canary.begun ? 0 : 1,
    );
  draft.rows[index] = row;
  return row;
}

function see(draft: Draft, event: Event, say: Say): void {
  const before = draft.state;
  draft.state = fold(before, event);
  if (event.type === 'run.started') return start(draft, event, say);
  // Steps of hosts under way end with the last entry before a resume.
  if (event.type === 'run.resumed')
    for (const index of inOrder(draft.state.running)) restart(draft, index, before.lastAt, event);
  const own = 'host' in event ? draft.state.indexOf.get(event.host ?? '') : undefined;
  if (own !== undefined) walked(draft, own, before, event);
  else if (event.type === 'host.resolved') resolveLeftOut(draft, event);
  else
    for (const index of changedIn(before.hosts, draft.state.hosts))
      update(draft, index, before, event);
  note(draft, event, say);
}

function start(draft: Draft, event: Event & EventOf<'run.started'>, say: Say): void {
  const { state } = draft;
  draft.started = { who: event.who, tool: event.tool };
  const zones = [...values(state.zones)].map(({ name, size }) => ({ name, hosts: size }));
  const { leftOut } = event;
  // Hosts that were left out have no plan, and so no zone.
  const found = zones.findIndex(({ name }) => name === '');
  const zone = found < 0 ? zones.length : found;
  if (leftOut.length > 0)
    zones[zone] = { name: '', hosts: (zones[zone]?.hosts ?? 0) + leftOut.length };
  draft.zones = zones;
  for (const { index, status } of values(state.hosts)) {
    draft.rows[index] = undefined;
    draft.changed[index] = event.seq;
    draft.counts[status] += 1;
  }
  for (const { host, failure } of leftOut) {
    draft.rows.push(leftOutRow(host, zone, failure));
    draft.changed.push(event.seq);
    draft.counts.left_out += 1;
  }
  note(draft, event, say);
}

/** Records that an entry changed a host. */
function update(draft: Draft, index: number, before: RunState, event: Event): void {
  const { status } = hostAt(before, index);
  const host = hostAt(draft.state, index);
  draft.rows[index] = undefined;
  draft.changed[index] = event.seq;
  if (isUnresolved(host)) draft.unresolved.add(index);
  else draft.unresolved.delete(index);
  if (status === host.status) return;
  draft.counts[status] -= 1;
  draft.counts[host.status] += 1;
  if (status === 'done' || host.status === 'done')
    draft.done.push({ at: event.at, done: draft.counts.done, seq: event.seq });
  const track = draft.tracks.get(index);
  if (track === undefined) return;
  if (host.status === 'soaking') begin(track, 'soak', event.at, 'soaking', draft.durations);
  else if (host.status !== 'running') end(track, event.at, draft.durations);
}

/** Follows the walk of a host. An entry about a host changes no other one. */
function walked(draft: Draft, index: number, before: RunState, event: Event): void {
  update(draft, index, before, event);
  if (hostAt(draft.state, index).status === 'running')
    follow(trackOf(draft, index), event, draft.durations);
}

function trackOf(draft: Draft, index: number): Track {
  const track = draft.tracks.get(index) ?? { steps: [], text: '', usual: undefined };
  draft.tracks.set(index, track);
  return track;
}

function resolveLeftOut(draft: Draft, event: Event & EventOf<'host.resolved'>): void {
  const index = draft.rows.findIndex(
    (row) => row?.status === 'left_out' && row.host === event.host,
  );
  const row = draft.rows[index];
  if (row === undefined) return;
  const { who, note: text, as = 'skip' } = event;
  draft.rows[index] = { ...row, acknowledged: { by: who, as, note: text } };
  draft.changed[index] = event.seq;
}

/** The time between the last entry and a resume belongs to no step. */
function restart(draft: Draft, index: number, last: number, { at, seq }: Event): void {
  const track = trackOf(draft, index);
  end(track, last, draft.durations);
  begin(track, 'facts', at, 'reading facts', draft.durations);
  draft.rows[index] = undefined;
  draft.changed[index] = seq;
}

function note(draft: Draft, event: Event, say: Say): void {
  const line = say(event);
  if (line === undefined) return;
  const host = 'host' in event ? event.host : undefined;
  draft.lines.push({ seq: event.seq, at: event.at, ...line, ...present({ host }) });
  if (draft.lines.length >= 2 * mostLines) draft.lines = draft.lines.slice(-mostLines);
}
