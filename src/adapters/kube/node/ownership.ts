// The ownership of a node (an annotation beside the cordon), and the decisions to cordon, continue
// and uncordon. Pure.

import type { NodeState, Owner } from '../../../engine/ports/cluster.ts';
import { present } from '../../../model/present.ts';
import { type Failure, keptOut } from '../../../model/run/failure.ts';
import { oneLine } from '../../../model/text/printable.ts';
import { pasteable } from '../../../model/text/quote.ts';
import { isMapping } from '../../../model/value.ts';
import type { NodeObject } from '../objects/objects.ts';
import { pendingRun, withoutPending } from './taint.ts';

export const ownerAnnotation = 'kmend.io/owner';
/** An operator's annotation that keeps the node out of every rollout. Its value is the reason. */
export const holdAnnotation = 'kmend.io/hold';

/** Why an operator keeps the node out, in one line. Undefined: nothing does. */
function holdReason(node: NodeObject): string | undefined {
  const text = node.metadata?.annotations?.[holdAnnotation];
  return text === undefined ? undefined : oneLine(text, 200) || 'no reason given';
}

export interface Ownership extends Owner {
  readonly wasUnschedulable: boolean;
  /** Time of the cordon, ISO 8601, controller's clock, for messages. */
  readonly at: string;
  /** For a manual drain: identifies its process. */
  readonly holder?: object;
}

/** The owner of a node. An annotation that cannot be read still counts as an owner. */
export function ownershipOf(node: NodeObject): Ownership | undefined {
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
    // Not our format: reported below as an unreadable owner.
  }
  return { run: `unreadable (${text.slice(0, 60)})`, number: 0, at: '', wasUnschedulable: true };
}

type Write = { readonly kind: 'write'; readonly patch: object };
type Refusal = { readonly kind: 'failure'; readonly failure: Failure; readonly patch?: never };

/**
 * A merge patch with `resourceVersion`: the server refuses it (409) if the node changed since it
 * was read. It also removes the pending taint, since the node's turn has come.
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

function fenced(node: NodeObject, ownership: Ownership): Refusal {
  const since = ownership.at === '' ? '' : ` since ${ownership.at}`;
  const hint = `if that run is over for good, remove its mark: kubectl annotate node ${pasteable(nameOf(node))} ${ownerAnnotation}-`;
  const by =
    node.ownedBy === undefined
      ? `run ${ownership.run}, number ${ownership.number}${since}`
      : `${ownership.run}${since}, by hand (${node.ownedBy})`;
  return {
    kind: 'failure',
    failure: { kind: 'fenced', message: `node ${nameOf(node)} is held by ${by}`, hint },
  };
}

const operatorHold = (node: NodeObject): Failure | undefined => {
  const why = holdReason(node);
  return why === undefined ? undefined : keptOut(nameOf(node), why);
};

function uncordonedByOthers(node: NodeObject): Refusal {
  return {
    kind: 'failure',
    failure: {
      kind: 'blocked',
      message: `node ${nameOf(node)} was uncordoned by somebody else while this run owned it`,
      hint: 'pods may have come back to it, so it is not rebooted; find out who needs the node, then run again',
    },
  };
}

const isOlder = (owner: Owner, ownership: Ownership): boolean =>
  ownership.run === owner.run && ownership.number > owner.number;

export interface CordonRequest {
  readonly owner: Owner;
  readonly at: string;
  /** A run that the operator allows to take over. */
  readonly takeover?: string;
  readonly holder?: object;
}

/** Decides the write of a cordon. `held`: the node is ours already. */
export function decideCordon(
  node: NodeObject,
  request: CordonRequest,
):
  | (Write & { readonly ownership: Ownership })
  | Refusal
  | { readonly kind: 'owned'; readonly ownership: Ownership; readonly patch?: never } {
  const { owner, at, takeover, holder } = request;
  const ownership = ownershipOf(node);
  const unschedulable = node.spec?.unschedulable === true;
  if (ownership !== undefined && ownership.run !== owner.run && ownership.run !== takeover)
    return fenced(node, ownership);
  if (ownership !== undefined && isOlder(owner, ownership)) return fenced(node, ownership);
  const kept = operatorHold(node);
  if (kept !== undefined) return { kind: 'failure', failure: kept };
  if (ownership !== undefined && ownership.run === owner.run && !unschedulable)
    return uncordonedByOthers(node);
  if (ownership?.run === owner.run && ownership.number === owner.number)
    return { kind: 'owned', ownership };
  // After a resume or takeover, the mark keeps the state from before the first cordon.
  const wasUnschedulable =
    ownership === undefined ? unschedulable : ownership.wasUnschedulable && unschedulable;
  const mark: Ownership = {
    run: owner.run,
    number: owner.number,
    wasUnschedulable,
    at,
    ...present({ holder }),
  };
  return {
    kind: 'write',
    ownership: mark,
    patch: patchOf(node, { unschedulable: true }, JSON.stringify(mark)),
  };
}

/** Undefined: the node is still cordoned and ours. */
export function ownershipFailure(node: NodeObject, owner: Owner): Failure | undefined {
  const ownership = ownershipOf(node);
  if (ownership === undefined) {
    return {
      kind: 'blocked',
      message: `node ${nameOf(node)} does not carry this run's mark any more`,
      hint: `somebody removed the annotation ${ownerAnnotation}; the node is left as it is`,
    };
  }
  if (ownership.run !== owner.run || ownership.number !== owner.number)
    return fenced(node, ownership).failure;
  return node.spec?.unschedulable === true ? operatorHold(node) : uncordonedByOthers(node).failure;
}

/** Decides the write of an uncordon. It undoes only what this run wrote. */
export function decideUncordon(
  node: NodeObject,
  owner: Owner,
):
  | (Write & { readonly uncordoned: boolean; readonly why: string })
  | { readonly kind: 'nothing'; readonly why: string; readonly patch?: never }
  | Refusal {
  const ownership = ownershipOf(node);
  if (ownership === undefined)
    return { kind: 'nothing', why: 'it does not carry the mark of this run: left as it is' };
  if (ownership.run !== owner.run || isOlder(owner, ownership)) return fenced(node, ownership);
  const unschedulable = node.spec?.unschedulable === true;
  const why = ownership.wasUnschedulable
    ? 'it was cordoned before this run came: it stays so'
    : 'somebody else has uncordoned it already';
  if (ownership.wasUnschedulable || !unschedulable) {
    return { kind: 'write', patch: patchOf(node, undefined, null), uncordoned: false, why };
  }
  return {
    kind: 'write',
    patch: patchOf(node, { unschedulable: null }, null),
    uncordoned: true,
    why: 'this run had cordoned it',
  };
}

/** Removes our mark and leaves the cordon. Without `patch`: it has no mark of ours. */
export function decideRelease(node: NodeObject, owner: Owner): { readonly patch?: object } {
  const ownership = ownershipOf(node);
  return ownership?.run === owner.run && ownership.number === owner.number
    ? { patch: patchOf(node, undefined, null) }
    : {};
}

/**
 * Decides for `kmend cordon NODE` and `kmend uncordon NODE`: as in kubectl, any operator's cordon
 * counts. A node that a run owns is refused.
 */
export function decidePlain(
  node: NodeObject,
  cordoned: boolean,
  takeover?: string,
):
  | (Write & { readonly changed: boolean })
  | Refusal
  | { readonly kind: 'nothing'; readonly changed: false; readonly patch?: never } {
  const ownership = ownershipOf(node);
  if (ownership !== undefined && ownership.run !== takeover) return fenced(node, ownership);
  const changed = (node.spec?.unschedulable === true) !== cordoned;
  const isClean =
    ownership === undefined &&
    node.staleMark === undefined &&
    (cordoned || pendingRun(node) === undefined);
  if (!changed && isClean) return { kind: 'nothing', changed };
  return {
    kind: 'write',
    changed,
    patch: patchOf(node, { unschedulable: cordoned ? true : null }, null),
  };
}

/** Taints of an unhealthy node. The taint of a cordon is not one of them. */
const notReadyTaint =
  /^node(\.alpha)?(\.cloudprovider)?\.kubernetes\.io\/(not-ready|notReady|unreachable|uninitialized|shutdown|out-of-service|network-unavailable)$/;

export function nodeState(node: NodeObject): NodeState {
  const info = node.status?.nodeInfo;
  const ownership = ownershipOf(node);
  const pending = pendingRun(node);
  const kept = holdReason(node);
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
    notReadyTaints: (node.spec?.taints ?? [])
      .map((taint) => taint.key)
      .filter((key) => notReadyTaint.test(key)),
    ...(ownership === undefined
      ? {}
      : {
          owner: {
            run: ownership.run,
            number: ownership.number,
            wasUnschedulable: ownership.wasUnschedulable,
          },
        }),
    ...present({ pending, hold: kept }),
    addresses: (node.status?.addresses ?? []).map((entry) => entry.address),
  };
}
