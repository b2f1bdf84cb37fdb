// Who holds a node: the annotation beside the cordon, and the decisions to cordon, to go on and to
// give back, as pure functions.

import type { NodeState, Owner } from '../../../engine/ports/cluster.ts';
import { present } from '../../../model/present.ts';
import { type Failure, keptOut } from '../../../model/run/failure.ts';
import { oneLine } from '../../../model/text/printable.ts';
import { pasteable } from '../../../model/text/quote.ts';
import { isMapping } from '../../../model/value.ts';
import type { NodeObject } from '../objects/objects.ts';
import { pendingRun, withoutPending } from './taint.ts';

export const ownerAnnotation = 'kmend.io/owner';
/** Its value says why; whoever writes it keeps the node out of every rollout. */
export const holdAnnotation = 'kmend.io/hold';

/** Why a person holds a node, in one line; undefined = nobody does. */
function heldFor(node: NodeObject): string | undefined {
  const text = node.metadata?.annotations?.[holdAnnotation];
  return text === undefined ? undefined : oneLine(text, 200) || 'no reason given';
}

export interface Hold extends Owner {
  readonly wasUnschedulable: boolean;
  /** When it was taken, ISO 8601, controller's clock: for people. */
  readonly at: string;
  /** Of a drain by hand: what its process wrote of itself. */
  readonly holder?: object;
}

/**
 * The hold on a node; an annotation that we cannot read is somebody's all the same, so it never
 * counts as none.
 */
export function holdOf(node: NodeObject): Hold | undefined {
  const text = node.metadata?.annotations?.[ownerAnnotation];
  if (text === undefined) return undefined;
  try {
    const read: unknown = JSON.parse(text);
    if (
      typeof read === 'object' &&
      read !== null &&
      'run' in read &&
      typeof read.run === 'string'
    ) {
      const number = 'number' in read && typeof read.number === 'number' ? read.number : 0;
      const at = 'at' in read && typeof read.at === 'string' ? read.at : '';
      const wasUnschedulable = 'wasUnschedulable' in read && read.wasUnschedulable === true;
      const holder = 'holder' in read && isMapping(read.holder) ? { holder: read.holder } : {};
      return { run: read.run, number, at, wasUnschedulable, ...holder };
    }
  } catch {
    // Not ours to interpret: falls through to "held by somebody".
  }
  return { run: `unreadable (${text.slice(0, 60)})`, number: 0, at: '', wasUnschedulable: true };
}

type Write = { readonly kind: 'write'; readonly patch: object };
type Refusal = { readonly kind: 'failure'; readonly failure: Failure; readonly patch?: never };

/**
 * A merge patch with `resourceVersion`: the server refuses it (409) when the node changed since we
 * read it. A node that is taken or returned is no longer one whose turn is still to come.
 */
const patchOf = (
  node: NodeObject,
  unschedulable: { readonly unschedulable: true | null } | undefined,
  annotation: string | null,
): object => {
  const spec = { ...unschedulable, ...withoutPending(node) };
  return {
    metadata: {
      resourceVersion: node.metadata?.resourceVersion,
      annotations: { [ownerAnnotation]: annotation },
    },
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  };
};

const nameOf = (node: NodeObject): string => node.metadata?.name ?? '?';

function fenced(node: NodeObject, hold: Hold): Refusal {
  const since = hold.at === '' ? '' : ` since ${hold.at}`;
  const hint = `if that run is over for good, remove its mark: kubectl annotate node ${pasteable(nameOf(node))} ${ownerAnnotation}-`;
  const by =
    node.heldBy === undefined
      ? `run ${hold.run}, number ${hold.number}${since}`
      : `${hold.run}${since}, by hand (${node.heldBy})`;
  return {
    kind: 'failure',
    failure: { kind: 'fenced', message: `node ${nameOf(node)} is held by ${by}`, hint },
  };
}

const heldByPerson = (node: NodeObject): Failure | undefined => {
  const why = heldFor(node);
  return why === undefined ? undefined : keptOut(nameOf(node), why);
};

function uncordonedByOthers(node: NodeObject): Refusal {
  return {
    kind: 'failure',
    failure: {
      kind: 'blocked',
      message: `node ${nameOf(node)} was uncordoned by somebody else while this run held it`,
      hint: 'pods may have come back to it, so it is not rebooted; find out who needs the node, then run again',
    },
  };
}

const isOlder = (owner: Owner, hold: Hold): boolean =>
  hold.run === owner.run && hold.number > owner.number;

export interface CordonRequest {
  readonly owner: Owner;
  readonly at: string;
  /** A run whose hold may be taken over, by a person's word. */
  readonly takeover?: string;
  readonly holder?: object;
}

/** What a cordon has to write; `held` = nothing, it is ours already. */
export function decideCordon(
  node: NodeObject,
  request: CordonRequest,
):
  | (Write & { readonly hold: Hold })
  | Refusal
  | { readonly kind: 'held'; readonly hold: Hold; readonly patch?: never } {
  const { owner, at, takeover, holder } = request;
  const hold = holdOf(node);
  const unschedulable = node.spec?.unschedulable === true;
  if (hold !== undefined && hold.run !== owner.run && hold.run !== takeover)
    return fenced(node, hold);
  if (hold !== undefined && isOlder(owner, hold)) return fenced(node, hold);
  const kept = heldByPerson(node);
  if (kept !== undefined) return { kind: 'failure', failure: kept };
  if (hold !== undefined && hold.run === owner.run && !unschedulable)
    return uncordonedByOthers(node);
  if (hold?.run === owner.run && hold.number === owner.number) return { kind: 'held', hold };
  // A hold that is taken on (resume, takeover) keeps the state that was found first.
  const wasUnschedulable =
    hold === undefined ? unschedulable : hold.wasUnschedulable && unschedulable;
  const mark: Hold = {
    run: owner.run,
    number: owner.number,
    wasUnschedulable,
    at,
    ...present({ holder }),
  };
  return {
    kind: 'write',
    hold: mark,
    patch: patchOf(node, { unschedulable: true }, JSON.stringify(mark)),
  };
}

/** Undefined = still cordoned and ours. */
export function holdFailure(node: NodeObject, owner: Owner): Failure | undefined {
  const hold = holdOf(node);
  if (hold === undefined) {
    return {
      kind: 'blocked',
      message: `node ${nameOf(node)} does not carry this run's mark any more`,
      hint: `somebody removed the annotation ${ownerAnnotation}; the node is left as it is`,
    };
  }
  if (hold.run !== owner.run || hold.number !== owner.number) return fenced(node, hold).failure;
  return node.spec?.unschedulable === true ? heldByPerson(node) : uncordonedByOthers(node).failure;
}

/** What giving back has to write: never more than what this run put there. */
export function decideUncordon(
  node: NodeObject,
  owner: Owner,
):
  | (Write & { readonly uncordoned: boolean; readonly why: string })
  | { readonly kind: 'nothing'; readonly why: string; readonly patch?: never }
  | Refusal {
  const hold = holdOf(node);
  if (hold === undefined)
    return { kind: 'nothing', why: 'it does not carry the mark of this run: left as it is' };
  if (hold.run !== owner.run || isOlder(owner, hold)) return fenced(node, hold);
  const unschedulable = node.spec?.unschedulable === true;
  const why = hold.wasUnschedulable
    ? 'it was cordoned before this run came: it stays so'
    : 'somebody else has uncordoned it already';
  if (hold.wasUnschedulable || !unschedulable) {
    return { kind: 'write', patch: patchOf(node, undefined, null), uncordoned: false, why };
  }
  return {
    kind: 'write',
    patch: patchOf(node, { unschedulable: null }, null),
    uncordoned: true,
    why: 'this run had cordoned it',
  };
}

/** Takes our mark off and leaves the cordon. Undefined patch = there is no mark of ours. */
export function decideRelease(node: NodeObject, owner: Owner): { readonly patch?: object } {
  const hold = holdOf(node);
  return hold?.run === owner.run && hold.number === owner.number
    ? { patch: patchOf(node, undefined, null) }
    : {};
}

/**
 * `kmend cordon NODE` and `kmend uncordon NODE` alone, as kubectl does: whichever person cordoned
 * it. What a run holds is left to it.
 */
export function decidePlain(
  node: NodeObject,
  cordoned: boolean,
  takeover?: string,
):
  | (Write & { readonly changed: boolean })
  | Refusal
  | { readonly kind: 'nothing'; readonly changed: false; readonly patch?: never } {
  const hold = holdOf(node);
  if (hold !== undefined && hold.run !== takeover) return fenced(node, hold);
  const changed = (node.spec?.unschedulable === true) !== cordoned;
  const isClean =
    hold === undefined &&
    node.staleMark === undefined &&
    (cordoned || pendingRun(node) === undefined);
  if (!changed && isClean) return { kind: 'nothing', changed };
  return {
    kind: 'write',
    changed,
    patch: patchOf(node, { unschedulable: cordoned ? true : null }, null),
  };
}

/** Taints that say that the node is not well; the cordon's own taint is not one of them. */
const badTaint =
  /^node(\.alpha)?(\.cloudprovider)?\.kubernetes\.io\/(not-ready|notReady|unreachable|uninitialized|shutdown|out-of-service|network-unavailable)$/;

export function nodeState(node: NodeObject): NodeState {
  const info = node.status?.nodeInfo;
  const hold = holdOf(node);
  const pending = pendingRun(node);
  const kept = heldFor(node);
  return {
    name: nameOf(node),
    ready:
      node.status?.conditions?.some(
        (condition) => condition.type === 'Ready' && condition.status === 'True',
      ) ?? false,
    unschedulable: node.spec?.unschedulable === true,
    bootId: info?.bootID ?? '',
    kernel: info?.kernelVersion ?? '',
    runtime: info?.containerRuntimeVersion ?? '',
    kubelet: info?.kubeletVersion ?? '',
    labels: node.metadata?.labels ?? {},
    badTaints: (node.spec?.taints ?? [])
      .map((taint) => taint.key)
      .filter((key) => badTaint.test(key)),
    ...(hold === undefined
      ? {}
      : { owner: { run: hold.run, number: hold.number, wasUnschedulable: hold.wasUnschedulable } }),
    ...present({ pending, hold: kept }),
    addresses: (node.status?.addresses ?? []).map((entry) => entry.address),
  };
}
