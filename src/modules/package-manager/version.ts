// Matches versions as operators write them with versions of package managers.
import { text } from '../../model/shape/schema.ts';
import { type Compare, compareDeb, compareRpm } from '../../model/text/versions.ts';

export const packageName = text.regex(
  /^[A-Za-z0-9][A-Za-z0-9+._-]*$/,
  'should be the name of a package',
);

export type Manager = 'yum' | 'dnf' | 'apt' | 'zypper';

export const isManager = (text: string): text is Manager =>
  text === 'yum' || text === 'dnf' || text === 'apt' || text === 'zypper';

/** The order of versions of this package manager. */
export const orderOf = (manager: Manager): Compare => (manager === 'apt' ? compareDeb : compareRpm);

/**
 * The version as the program itself prints it: `3:18.09.1-3.el7` and `5:18.09.1~3-0~debian-stretch`
 * are 18.09.1, `18.06.1.ce-3.el7` and `18.06.1~ce~3-0~debian` are 18.06.1-ce.
 */
export function upstreamOf(evr: string): string {
  const plain = evr.replace(/^\d*:/, '');
  const numbers = /^\d+(?:\.\d+)*/.exec(plain)?.[0] ?? plain;
  const rest = plain.slice(numbers.length);
  const pre = /^[.~-]?(rc\.?\d+)/.exec(rest)?.[1];
  if (pre !== undefined) return `${numbers}-${pre}`;
  return /^[.~-]ce(?![a-z])/.test(rest) ? `${numbers}-ce` : numbers;
}

/**
 * Does this package version match the written one? Parts that were not written (epoch, release,
 * `-ce`) are not compared.
 */
export function answersTo(evr: string, wanted: string, manager: Manager): boolean {
  if (evr === wanted) return true;
  const order = orderOf(manager);
  const plain = /^\d+:/.test(wanted) ? evr : evr.replace(/^\d*:/, '');
  const dash = plain.lastIndexOf('-');
  if (
    order(plain, wanted) === 0 ||
    (dash > 0 && !wanted.includes('-') && order(plain.slice(0, dash), wanted) === 0)
  )
    return true;
  const upstream = upstreamOf(evr);
  return upstream === wanted || upstream.replace(/-ce$/, '') === wanted;
}

/** The newest version that matches the written one; `undefined` where none does. */
export function pick(
  available: readonly string[],
  wanted: string | undefined,
  manager: Manager,
): string | undefined {
  const fitting =
    wanted === undefined ? available : available.filter((evr) => answersTo(evr, wanted, manager));
  return [...fitting].sort(orderOf(manager)).at(-1);
}
