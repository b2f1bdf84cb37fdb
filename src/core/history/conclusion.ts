// What `check` concludes from the facts of a host. Summary and exit code share the answer, so that
// no unknown host counts as fine.
import { type Facts, known } from '../../model/fact.ts';

export type Conclusion =
  | { readonly kind: 'needs_remedy' | 'fine' | 'not_applicable' }
  /** Nothing shows that it is fine. `why` is short, so that hosts can be counted by it. */
  | { readonly kind: 'unknown'; readonly why: string };

/** Accounting that is on needs an operator, whether or not kmend knows a remedy. */
export function conclusionOf(facts: Facts): Conclusion {
  const [verdict, remedy] = [known(facts, 'kmem.verdict', ''), known(facts, 'kmem.remedy', '')];
  if (verdict === 'on' || verdict === 'leaking' || !['none', 'unknown', ''].includes(remedy))
    return { kind: 'needs_remedy' };
  if (verdict !== 'off' && verdict !== 'not_applicable')
    return { kind: 'unknown', why: whyUnknown(facts, verdict) };
  if (remedy !== 'none') return { kind: 'unknown', why: 'remedy not known' };
  return { kind: verdict === 'off' ? 'fine' : 'not_applicable' };
}

/** `kmem.parts` is known and empty where no container program and no group of one was found. */
function whyUnknown(facts: Facts, verdict: string): string {
  if (verdict === 'unknown' && known(facts, 'kmem.parts')?.length === 0)
    return 'no container runtime and no kubelet found';
  return verdict === 'at_risk' ? 'at risk' : 'no proof';
}
