// What a PodDisruptionBudget answers for a pod, with the numbers: passes, busy, or never. Pure.
import { isPodReady, type PdbObject, type PodObject } from './objects.ts';
import { selects } from './selector.ts';

export type PdbApi = 'policy/v1' | 'policy/v1beta1';

export type PdbAnswer =
  | { readonly kind: 'passes'; readonly pdb?: PdbObject }
  /** It allows none now, but could once its pods are healthy again. */
  | { readonly kind: 'busy'; readonly why: string; readonly pdb?: PdbObject }
  /** It could not allow one even if all its pods were healthy. */
  | { readonly kind: 'never'; readonly why: string; readonly pdb?: PdbObject };

/** The rule as the object has it: `minAvailable 2`. */
function rule(pdb: PdbObject): string {
  const { minAvailable, maxUnavailable } = pdb.spec ?? {};
  if (maxUnavailable !== undefined) return `maxUnavailable ${maxUnavailable}`;
  return `minAvailable ${minAvailable ?? 1}`;
}

/** A number, or a percentage of `of`, which the disruption controller rounds up. */
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

/** True: it would allow none even if all pods were healthy. */
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

/** An empty selector selects all pods of the namespace in policy/v1 and none in policy/v1beta1. */
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

/** Pods that no budget counts: the server evicts them anyway. */
const isOutside = (pod: PodObject): boolean =>
  ['Succeeded', 'Failed', 'Pending'].includes(pod.status?.phase ?? '') ||
  pod.metadata?.deletionTimestamp !== undefined;

/**
 * A pod that is not ready does not reduce a budget that is met. Servers with policy/v1 evict it
 * then, and always with AlwaysAllow. Older servers treat it like any other pod (measured on 1.20).
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
