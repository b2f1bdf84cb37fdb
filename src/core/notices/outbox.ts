// The outbox of a run, by its journal: which notices are owed to which target. A notice belongs to
// one entry, so its key is the same however often the journal is read.
import { present } from '../../model/present.ts';
import type { Event, NoticeTargetKind } from '../../model/run/event.ts';
import { failuresOf, type HostFailure } from '../run-state/failures.ts';
import { countHosts, type HostCounts, type RunState } from '../run-state/state.ts';

/**
 * `canary`: a canary waits for its promotion. `waits`: a question is open, or failed hosts keep their
 * slots. `paused`: an operator paused the run.
 */
export const noticeKinds = ['started', 'canary', 'brake', 'waits', 'paused', 'finished'] as const;

export type NoticeKind = (typeof noticeKinds)[number];

/** What happened, as data. */
export interface RunNotice {
  readonly kind: NoticeKind;
  readonly run: string;
  /** Number of the entry. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly play: string;
  readonly why: string;
  /** Hosts that it is about. */
  readonly hosts: readonly string[];
  /** Hosts by their status then. */
  readonly counts: Partial<HostCounts>;
  readonly exit?: number;
  readonly failures?: readonly HostFailure[];
  /** Head of the journal with this entry as its last one. */
  readonly head?: string;
}

export interface Wanted {
  readonly kinds: ReadonlySet<NoticeKind>;
  readonly targets: readonly NoticeTargetKind[];
}

/** A notice, and the targets that have not taken it. */
export interface Owed {
  readonly notice: RunNotice;
  readonly targets: readonly NoticeTargetKind[];
}

/** The oldest first. */
export type Outbox = readonly Owed[];

/** The outbox after one more entry; `state` includes it. */
export function withEntry(outbox: Outbox, event: Event, state: RunState, wanted: Wanted): Outbox {
  const before = outbox.map((owed) =>
    owed.notice.seq === event.seq - 1
      ? { ...owed, notice: { ...owed.notice, head: event.prev } }
      : owed,
  );
  if (event.type === 'notice.sent') return withoutSent(before, event.notice, event.target);
  const notice = noticeOf(event, state);
  return notice === undefined || !wanted.kinds.has(notice.kind) || wanted.targets.length === 0
    ? before
    : [...before, { notice, targets: wanted.targets }];
}

const withoutSent = (outbox: Outbox, seq: number, target: NoticeTargetKind): Outbox =>
  outbox.flatMap((owed) => {
    if (owed.notice.seq !== seq) return [owed];
    const targets = owed.targets.filter((one) => one !== target);
    return targets.length === 0 ? [] : [{ ...owed, targets }];
  });

interface Happened extends Pick<RunNotice, 'kind' | 'why'> {
  readonly hosts?: readonly string[];
  readonly exit?: number;
}

/** What an entry says to people who are not at the terminal. */
function happened(event: Event): Happened | undefined {
  switch (event.type) {
    case 'run.started':
      return { kind: 'started', why: `started by ${event.who}` };
    case 'brake.tripped':
      return { kind: 'brake', why: event.why, hosts: [event.host] };
    case 'run.paused':
      return event.hosts === undefined
        ? { kind: 'paused', why: `paused by ${event.who}: ${event.why}` }
        : { kind: 'waits', why: event.why, hosts: event.hosts };
    case 'run.finished':
      return { kind: 'finished', why: event.why, exit: event.exit };
    case 'waiting':
      if (event.needs === undefined) return undefined;
      return { kind: event.needs === 'promotion' ? 'canary' : 'waits', why: event.why };
    default:
      return undefined;
  }
}

/** The notice of an entry; undefined where it is of no interest to others. */
export function noticeOf(event: Event, state: RunState): RunNotice | undefined {
  const found = happened(event);
  if (found === undefined) return undefined;
  const { kind, why, hosts = [], exit } = found;
  const { run, seq, at } = event;
  const failures = kind === 'finished' && exit !== 0 ? failuresOf(state) : undefined;
  return {
    ...{ kind, run, seq, at, play: state.play, why, hosts, counts: countsOf(state) },
    ...present({ exit, failures }),
  };
}

const countsOf = (state: RunState): RunNotice['counts'] =>
  Object.fromEntries(Object.entries(countHosts(state)).filter(([, count]) => count > 0));
