// What a PodDisruptionBudget says about a pod: passes, busy now, or can never allow; with the
// numbers, as pure functions.
import { isPodReady, type PdbObject, type PodObject } from './objects.ts';
import { selects } from './selector.ts';

export type PdbApi = 'policy/v1' | 'policy/v1beta1';

export type PdbAnswer =
  | { readonly kind: 'passes'; readonly pdb?: PdbObject }
  /** Allows none now, and could once its pods are healthy again. */
  | { readonly kind: 'busy'; readonly why: string; readonly pdb?: PdbObject }
  /** No state of its pods would ever allow one. */
  | { readonly kind: 'never'; readonly why: string; readonly pdb?: PdbObject };

/** `minAvailable 2` as it is written in the object. */
function rule(pdb: PdbObject): string {
  const { minAvailable, maxUnavailable } = pdb.spec ?? {};
  if (maxUnavailable !== undefined) return `maxUnavailable ${maxUnavailable}`;
  return `minAvailable ${minAvailable ?? 1}`;
}

/** A whole number, or a share of `of`, which the disruption controller rounds up. */
export function amount(
  value: number | string | undefined,
  of: number,
  round = Math.ceil,
): number | undefined {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value ?? '');
  if (percent !== null) return round((Number(percent[1]) / 100) * of);
  return undefined;
}

/** True when not even all pods being healthy would let one go. */
export function canNeverAllow(pdb: PdbObject): boolean {
  const expected = pdb.status?.expectedPods ?? 0;
  const most = amount(pdb.spec?.maxUnavailable, expected);
  if (most !== undefined) return most <= 0;
  return expected > 0 && (amount(pdb.spec?.minAvailable, expected) ?? 1) >= expected;
}

const nameOf = (pdb: PdbObject): string => pdb.metadata?.name ?? '?';

export function describePdb(pdb: PdbObject): string {
  const {
    disruptionsAllowed = 0,
    expectedPods = 0,
    currentHealthy = 0,
    desiredHealthy = 0,
  } = pdb.status ?? {};
  const base = `PDB ${nameOf(pdb)} allows ${disruptionsAllowed} of ${expectedPods} (${rule(pdb)}`;
  if (canNeverAllow(pdb)) return `${base}): it can never allow one`;
  if (disruptionsAllowed > 0) return `${base})`;
  return `${base}; ${currentHealthy} healthy, ${desiredHealthy} needed)`;
}

/** An empty selector selects every pod of the namespace in policy/v1 and none in policy/v1beta1. */
export const pdbsOf = (
  pod: PodObject,
  pdbs: readonly PdbObject[],
  api: PdbApi,
): readonly PdbObject[] =>
  pdbs.filter(
    (pdb) =>
      pdb.metadata?.namespace === pod.metadata?.namespace &&
      selects(pdb.spec?.selector, pod.metadata?.labels ?? {}, api === 'policy/v1'),
  );

/** The server lets pods go that do not count for the budget anyway. */
const isOutside = (pod: PodObject): boolean =>
  ['Succeeded', 'Failed', 'Pending'].includes(pod.status?.phase ?? '') ||
  pod.metadata?.deletionTimestamp !== undefined;

/**
 * A pod that is not ready takes nothing from a budget that is met: servers with policy/v1 let it go
 * then, and always where the PDB says AlwaysAllow. Older servers refuse it like any other (measured
 * on 1.20).
 */
function passesUnready(pod: PodObject, pdb: PdbObject, api: PdbApi): boolean {
  if (isPodReady(pod) || api === 'policy/v1beta1') return false;
  if (pdb.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = pdb.status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

export function askPdbs(pod: PodObject, pdbs: readonly PdbObject[], api: PdbApi): PdbAnswer {
  const matching = pdbsOf(pod, pdbs, api);
  const [pdb] = matching;
  if (isOutside(pod) || pdb === undefined) return { kind: 'passes' };
  if (matching.length > 1) {
    const names = matching.map(nameOf).join(', ');
    return {
      kind: 'never',
      why: `has ${matching.length} PDBs (${names}): the API server refuses every eviction of such a pod`,
    };
  }
  if ((pdb.status?.disruptionsAllowed ?? 0) > 0 || passesUnready(pod, pdb, api))
    return { kind: 'passes', pdb };
  return { kind: canNeverAllow(pdb) ? 'never' : 'busy', why: describePdb(pdb), pdb };
}
