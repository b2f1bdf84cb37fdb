// History of hosts: what a run changed on each host by its journal, and how each host ended.
import { present } from '../../model/present.ts';
import type { Proof } from '../../model/run/change.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import type { PlannedChange } from '../../model/run/plan.ts';

/**
 * A change that a run made on a disk (packages, boot arguments, files), from its first value before
 * to its last value after.
 */
export interface MadeChange extends PlannedChange {
  readonly task: string;
  readonly module: string;
}

/** What one run did on one host. */
export interface HostChanges {
  readonly host: string;
  /**
   * In the order in which they were first made. A change counts when its first effect is announced.
   */
  readonly changes: readonly MadeChange[];
  readonly end: 'done' | 'failed' | 'under_way';
  /** When the host ended, else the time of its last event. Milliseconds since 1970. */
  readonly at: number;
  /** The last proof that accounting is off, or that the kernel makes it harmless. */
  readonly proof?: Proof;
}

/** Modules that leave nothing on the disk that could be lost or rolled back. */
const passing: ReadonlySet<string> = new Set(['drain', 'uncordon', 'reboot', 'verify_kmem']);

export const leavesNothing = (module: string): boolean => passing.has(module);

interface Draft {
  changes: Map<string, MadeChange>;
  planned: readonly MadeChange[];
  end: HostChanges['end'];
  at: number;
  proof?: Proof;
}

/** The proof in an event. */
export const proofIn = ({ verdict, by, evidence, accepted }: EventOf<'proof'>): Proof => ({
  verdict,
  by,
  evidence,
  ...present({ accepted }),
});

/** Takes the events of one run, oldest first, and keeps none of them. */
export interface ChangesReader {
  readonly see: (event: Event) => void;
  /** What the run did, by host, with the hosts on which it changed nothing. */
  readonly hostChanges: () => ReadonlyMap<string, HostChanges>;
}

export function readChanges(): ChangesReader {
  const drafts = new Map<string, Draft>();
  const see = (event: Event): void => {
    if (!('host' in event) || event.host === undefined) return;
    if (event.type === 'host.started' && !drafts.has(event.host))
      drafts.set(event.host, { changes: new Map(), planned: [], end: 'under_way', at: event.at });
    const draft = drafts.get(event.host);
    if (draft !== undefined) take(draft, event);
  };
  return {
    see,
    hostChanges: () => new Map([...drafts].map(([host, draft]) => [host, finished(host, draft)])),
  };
}

function take(draft: Draft, event: Event): void {
  draft.at = event.at;
  switch (event.type) {
    case 'task.planned':
      draft.planned = leavesNothing(event.module)
        ? []
        : event.changes.map(({ diff: _diff, ...change }) => ({
            ...change,
            task: event.name,
            module: event.module,
          }));
      return;
    case 'effect.started':
      for (const change of draft.planned) add(draft.changes, change);
      draft.planned = [];
      return;
    case 'proof':
      draft.proof = proofIn(event);
      return;
    case 'host.done':
      draft.end = 'done';
      return;
    case 'host.failed':
      draft.end = 'failed';
      return;
    default:
      return;
  }
}

/**
 * A thing that was changed twice (a task repeated after a crash) has its first value before and its
 * last value after.
 */
function add(changes: Map<string, MadeChange>, change: MadeChange): void {
  const first = changes.get(change.what);
  if (first === undefined) {
    changes.set(change.what, change);
    return;
  }
  const { before: _before, ...rest } = change;
  changes.set(change.what, { ...rest, sign: first.sign, ...present({ before: first.before }) });
}

function finished(host: string, draft: Draft): HostChanges {
  const { changes, end, at, proof } = draft;
  return { host, changes: [...changes.values()], end, at, ...present({ proof }) };
}

/**
 * What a run did on a host that it remediated: the walk completed, the host is proven, and
 * something on its disk was changed.
 */
export interface Remediated {
  readonly run: string;
  readonly at: number;
  readonly changes: readonly MadeChange[];
  readonly proof: Proof;
}

/**
 * Adds a run, the newest so far, to what is remembered of earlier ones. A later run that changed
 * the same things and proved nothing (a rollback) removes the entry: the remedy was rolled back on
 * purpose, not lost.
 */
export function remember(
  memory: ReadonlyMap<string, Remediated>,
  run: string,
  hostChanges: ReadonlyMap<string, HostChanges>,
): ReadonlyMap<string, Remediated> {
  const next = new Map(memory);
  for (const [host, made] of hostChanges) {
    if (made.changes.length === 0) continue;
    if (made.end === 'done' && made.proof !== undefined && isRemedied(made.proof)) {
      next.set(host, {
        run,
        at: made.at,
        changes: merged(next.get(host)?.changes ?? [], made.changes),
        proof: made.proof,
      });
    } else if (
      next
        .get(host)
        ?.changes.some((change) => made.changes.some((other) => other.what === change.what)) ===
      true
    ) {
      next.delete(host);
    }
  }
  return next;
}

const isRemedied = ({ verdict, by, accepted }: Proof): boolean =>
  verdict === 'off' || verdict === 'not_applicable' || (accepted !== undefined && by !== 'none');

/** Changes of an earlier remedy still count, unless the later one made them again. */
const merged = (
  earlier: readonly MadeChange[],
  later: readonly MadeChange[],
): readonly MadeChange[] => [
  ...earlier.filter((change) => !later.some((other) => other.what === change.what)),
  ...later,
];
