// Answers about one exact kernel beyond its version number: from active probes, its System.map, and
// the operator.
import { type Facts, known } from '../../model/fact.ts';
import type { Answer, KernelSource } from '../../model/facts/values.ts';
import { asksForNokmem } from '../areas/boot/boot-args.ts';
import { parsesNokmem, readRelease } from './kernels.ts';

/** Does this exact release obey nokmem? `try`: the operator lets a canary test it. */
export interface KernelAnswer {
  readonly obeys: 'yes' | 'no';
  /**
   * The source: an active probe of this host or of another host in this run, a System.map, or the
   * operator.
   */
  readonly by: Exclude<KernelSource, 'table' | 'groups' | ''>;
}

const entry = (
  facts: Facts,
  name: 'kernel.maps' | 'kernel.seen' | 'kernel.seen_on' | 'kmem.kernels',
  release: string,
): string => {
  const byRelease = known(facts, name, {});
  return (Object.hasOwn(byRelease, release) ? byRelease[release] : undefined) ?? '';
};

const isYesNo = (word: string): word is 'yes' | 'no' => word === 'yes' || word === 'no';

/**
 * The answer of an active probe of this host in this boot, with the argument on the command line.
 * It counts only on kernels whose slabinfo gives EIO for a group that is not accounted.
 */
export function ownAnswer(
  facts: Facts,
): { readonly release: string; readonly obeys: 'yes' | 'no' } | undefined {
  const release = known(facts, 'kernel.release', '');
  const probe = known(facts, 'kmem.active_probe', '');
  const { generation } = readRelease(release);
  if ((probe !== 'off' && probe !== 'on') || (generation !== 'el7' && generation !== 'upstream-3'))
    return undefined;
  return asksForNokmem(known(facts, 'boot.cmdline', ''), generation === 'el7')
    ? { release, obeys: probe === 'off' ? 'yes' : 'no' }
    : undefined;
}

/**
 * The best answer for a release, and its source. A declaration counts for the next boot (`next`),
 * never for this one, which can be tested.
 */
export function kernelAnswer(
  facts: Facts,
  release: string,
  boot: 'now' | 'next',
): KernelAnswer | undefined {
  const own = ownAnswer(facts);
  if (own?.release === release) return { obeys: own.obeys, by: 'probe' };
  const seen = entry(facts, 'kernel.seen', release);
  if (isYesNo(seen)) return { obeys: seen, by: 'seen' };
  const declared = boot === 'next' ? entry(facts, 'kmem.kernels', release) : '';
  if (declared === 'try') return { obeys: 'yes', by: 'try' };
  if (isYesNo(declared)) return { obeys: declared, by: 'declared' };
  const map = entry(facts, 'kernel.maps', release);
  return isYesNo(map) ? { obeys: map, by: 'map' } : undefined;
}

/** The answer of the table for this kernel, without what this host or run saw. */
export const tableAnswer = (facts: Facts, release: string): Answer =>
  parsesNokmem(release, { suse: known(facts, 'os.family', '') === 'suse' });

/** The same for a full el7 release as `uname -r` prints it; `undefined` for any other. */
export const parsedByTable = (release: string): Answer | undefined =>
  /^3\.10\.0-\d[\w.]*$/.test(release) &&
  release.includes('.el7.') &&
  /\.(?:x86_64|i686|aarch64|ppc64le|ppc64|s390x)$/.test(release)
    ? parsesNokmem(release, { suse: false })
    : undefined;

/**
 * Source of the answer for this kernel: `table`, or the `by` of `kernelAnswer`; empty where there
 * is no answer.
 */
export const sourceOf = (facts: Facts, release: string, boot: 'now' | 'next'): KernelSource =>
  tableAnswer(facts, release) === 'unknown'
    ? (kernelAnswer(facts, release, boot)?.by ?? '')
    : 'table';

/**
 * A System.map is only an inference, so the operator's declaration overrides it. Both are shown.
 */
function againstMap(facts: Facts, release: string, obeys: 'yes' | 'no'): string {
  const map = entry(facts, 'kernel.maps', release);
  return isYesNo(map) && map !== obeys ? ', against its System.map' : '';
}

/**
 * Why a remedy was chosen, where this run or the operator decided it. Empty where the table, a
 * System.map or the host itself did.
 */
export function kernelReason(facts: Facts, release: string): string {
  const answer = kernelAnswer(facts, release, 'next');
  const table = tableAnswer(facts, release);
  const host = entry(facts, 'kernel.seen_on', release);
  if (table !== 'unknown')
    return answer?.by === 'seen' && answer.obeys !== table
      ? `but ${host} saw that ${release} does ${answer.obeys === 'yes' ? '' : 'not '}obey`
      : '';
  const obeys = `kernel ${release} ${answer?.obeys === 'yes' ? 'obeys' : 'does not obey'} nokmem`;
  switch (answer?.by) {
    case 'seen':
      return `${obeys}: seen on ${host} in this run`;
    case 'declared':
      return `${obeys}: declared in kmem_kernels${againstMap(facts, release, answer.obeys)}`;
    case 'try':
      return `the canary tries whether kernel ${release} obeys nokmem: declared in kmem_kernels${againstMap(facts, release, 'yes')}`;
    default:
      return '';
  }
}

/** The answer of this host's kernel, where the table has another one. */
export function newAnswer(
  facts: Facts,
): { readonly release: string; readonly obeys: 'yes' | 'no' } | undefined {
  const own = ownAnswer(facts);
  return own === undefined || tableAnswer(facts, own.release) === own.obeys ? undefined : own;
}
