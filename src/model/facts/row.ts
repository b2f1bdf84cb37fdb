// A row of the table of facts: its lifetime, its summary, and an example of its type.
import type { Value } from '../value.ts';

/**
 * How long a fact stays true: `disk` outlives a reboot, `boot` ends with it, `cluster` comes from
 * the API, `outside` from elsewhere.
 */
export type Lifetime = 'disk' | 'boot' | 'cluster' | 'outside';

export interface FactRow<T extends Value = Value> {
  readonly lifetime: Lifetime;
  /** For `kmend docs facts`: the meaning, the unit, and what an empty value means. */
  readonly summary: string;
  readonly example: T;
  /**
   * Counters, clocks, free space, reasons: the value changes by itself, so it never makes a plan
   * stale.
   */
  readonly volatile?: true;
}

export type Texts = readonly string[];
export type ByName<T extends Value> = { readonly [name: string]: T };

const row =
  (lifetime: Lifetime) =>
  <T extends Value>(summary: string, example: NoInfer<T>): FactRow<T> => ({
    lifetime,
    summary,
    example,
  });

export const disk = row('disk');
export const boot = row('boot');
export const cluster = row('cluster');
export const outside = row('outside');

export const volatile = <T extends Value>(fact: FactRow<T>): FactRow<T> => ({
  ...fact,
  volatile: true,
});
