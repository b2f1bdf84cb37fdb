// Explains by its disruption budgets why a pod does not go.
import type { Api } from '../client/api.ts';
import type { PodObject } from '../objects/objects.ts';
import { describePdb, pdbsOf } from '../objects/pdb.ts';
import type { DrainContext } from './drain-work.ts';

/** Without the right to read budgets it returns the server's message (`fallback`). */
export function createBudgetReader(
  context: DrainContext,
): (pod: PodObject, fallback: string) => Promise<string> {
  const kept = new Map<string, { readonly at: number; readonly read: ReturnType<Api['pdbs']> }>();
  return async (pod, fallback) => {
    const version = await context.pdbApi();
    if (!version.ok) return fallback;
    const namespace = pod.metadata?.namespace ?? 'default';
    const known = kept.get(namespace);
    const now = context.clock.now();
    const read =
      known !== undefined && now - known.at < 15_000
        ? known.read
        : context.api.pdbsIn(version.value, namespace, context.signal);
    if (known?.read !== read) kept.set(namespace, { at: now, read });
    const budgets = await read;
    const [pdb] = budgets.ok ? pdbsOf(pod, budgets.value, version.value) : [];
    return pdb === undefined ? fallback : describePdb(pdb);
  };
}
