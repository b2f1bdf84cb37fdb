// Amounts of hosts: numbers and shares, by Ansible's arithmetic.
import type { Amount } from '../../model/playbook.ts';

/**
 * `(percent / 100) * base`, in this order and then truncated, as Ansible does it: 29 % of 100 is
 * 28.
 */
export const shareOf = (percent: number, base: number): number =>
  Math.trunc((percent / 100) * base);

/**
 * How many hosts may be out of service, in all or in a zone. A share is rounded down, but is at
 * least one host.
 */
export const hostsOf = (amount: Amount, base: number): number =>
  'count' in amount ? amount.count : Math.max(1, shareOf(amount.percent, base));

/**
 * The size of a wave, as Ansible's `serial`: 0 and less mean all hosts that are left; a share is at
 * least one host.
 */
export function waveSize(amount: Amount, base: number, left: number): number {
  if ('count' in amount) return amount.count > 0 ? Math.min(amount.count, left) : left;
  return Math.min(Math.max(1, shareOf(amount.percent, base)), left);
}

/** Is the count over the limit? A share of `base` is compared exactly: 1 of 10 is not over 10 %. */
export const exceeds = (count: number, allowed: Amount, base: number): boolean =>
  'count' in allowed ? count > allowed.count : count > 0 && count * 100 > allowed.percent * base;

export const amountText = (amount: Amount): string =>
  'count' in amount ? `${amount.count}` : `${amount.percent} %`;
