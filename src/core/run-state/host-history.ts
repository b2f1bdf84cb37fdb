// History of hosts: what the journal of a run says that it changed on each of them, and how each of
// them ended. Pure; events come in.
import { present } from '../../model/present.ts';
import type { Proof } from '../../model/run/change.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import type { PlannedChange } from '../../model/run/plan.ts';

/**
 * A difference that a run made on a disk (packages, boot arguments, files), from the first value
 * before to the last one after.
 */
export interface MadeChange extends PlannedChange {
  readonly task: string;
  readonly module: string;
}

/** What one run did on one host. */
export interface HostChanges {
  readonly host: string;
  /** In the order in which they were first made; announced with an effect that was begun. */
  readonly changes: readonly MadeChange[];
  readonly end: 'done' | 'failed' | 'under_way';
  /** When it ended, else when it was last heard of. Milliseconds since 1970. */
  readonly at: number;
  /** The last proof of accounting being off, or of a kernel on which it cannot hurt. */
  readonly proof?: Proof;
}

/**
 * Modules whose effects act on pods or on the run of the host, and leave nothing on its disk that
 * could be lost or taken back.
 */
const passing: ReadonlySet<string> = new Set(['drain', 'uncordon', 'reboot', 'verify_kmem']);

export const leavesNothing = (module: string): boolean => passing.has(module);

interface Draft {
  changes: Map<string, MadeChange>;
  planned: readonly MadeChange[];
  end: HostChanges['end'];
  at: number;
  proof?: Proof;
}

/** What a proof says, without the place of its event. */
export const proofIn = ({ verdict, by, evidence, accepted }: EventOf<'proof'>): Proof => ({
  verdict,
  by,
  evidence,
  ...present({ accepted }),
});

/** Takes the events of one run, oldest first, and keeps none of them. */
export interface ChangesReader {
  readonly see: (event: Event) => void;
  /** What the run did, by host; hosts that it changed nothing on are there too, with no changes. */
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
        : event.changes.map((change) => ({ ...change, task: event.name, module: event.module }));
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
 * A thing that was changed twice (a task that was repeated after a crash) has one value before and
 * one after.
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
 * A host that a run mended: it ended well, proven, and something on its disk had been changed for
 * it.
 */
export interface Remediated {
  readonly run: string;
  readonly at: number;
  readonly changes: readonly MadeChange[];
  readonly proof: Proof;
}

/**
 * The memory of earlier runs with one more, the newest so far. A later run that changed the same
 * things and proved nothing (a rollback) ends what was remembered: then the host has not lost its
 * remedy, it was taken back on purpose.
 */
export function remember(
  memory: ReadonlyMap<string, Remediated>,
  run: string,
  hostChanges: ReadonlyMap<string, HostChanges>,
): ReadonlyMap<string, Remediated> {
  const next = new Map(memory);
  for (const [host, deed] of hostChanges) {
    if (deed.changes.length === 0) continue;
    if (deed.end === 'done' && deed.proof !== undefined && isRemedied(deed.proof)) {
      next.set(host, {
        run,
        at: deed.at,
        changes: merged(next.get(host)?.changes ?? [], deed.changes),
        proof: deed.proof,
      });
    } else if (
      next
        .get(host)
        ?.changes.some((change) => deed.changes.some((other) => other.what === change.what)) ===
      true
    ) {
      next.delete(host);
    }
  }
  return next;
}

const isRemedied = ({ verdict, by, accepted }: Proof): boolean =>
  verdict === 'off' || verdict === 'not_applicable' || (accepted !== undefined && by !== 'none');

/** What an earlier remedy set still counts, unless the later one set it anew. */
const merged = (
  earlier: readonly MadeChange[],
  later: readonly MadeChange[],
): readonly MadeChange[] => [
  ...earlier.filter((change) => !later.some((other) => other.what === change.what)),
  ...later,
];
