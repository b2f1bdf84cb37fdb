// What `check` concludes from the facts of one host: one answer for the summary and for the exit code, so that no unknown host counts as fine.
import type { Facts } from '../model/fact.ts';
import { isMapping } from '../model/value.ts';

export type Conclusion =
  | { readonly kind: 'needs_remedy' | 'fine' | 'not_applicable' }
  /** Nothing says that it is fine; `why` is short, so that hosts can be counted by it. */
  | { readonly kind: 'unknown'; readonly why: string };

export const noSoftware = 'no container runtime and no kubelet found';

const word = (facts: Facts, name: string): string => (typeof facts[name] === 'string' ? facts[name] : '');

/** Accounting that is on needs an operator, whether or not kmend knows a remedy. */
export function conclusionOf(facts: Facts): Conclusion {
  const [verdict, remedy] = [word(facts, 'kmem.verdict'), word(facts, 'kmem.remedy')];
  if (verdict === 'on' || verdict === 'leaking' || !['none', 'unknown', ''].includes(remedy)) return { kind: 'needs_remedy' };
  if (hasNoSoftware(facts) && verdict === 'unknown') return { kind: 'unknown', why: noSoftware };
  if (verdict !== 'off' && verdict !== 'not_applicable') return { kind: 'unknown', why: verdict === 'at_risk' ? 'at risk' : 'no proof' };
  if (remedy !== 'none') return { kind: 'unknown', why: 'remedy not known' };
  return { kind: verdict === 'off' ? 'fine' : 'not_applicable' };
}

const programs = ['docker.installed', 'docker.running', 'containerd.installed', 'runc.installed', 'kubelet.installed', 'kubelet.running'];

/** No program that makes containers is there, no package of one, and no container's cgroup. A fact that could not be read is no "no". */
export function hasNoSoftware(facts: Facts): boolean {
  const samples = facts['kmem.samples'];
  const containers = isMapping(samples) ? samples.containers : undefined;
  return programs.every((name) => facts[name] === false) && facts['crio.evr'] === '' && containers === 0;
}
