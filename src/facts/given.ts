// Facts that no probe reads: from the connection, from other hosts, and from the operator. They are
// merged with the facts of the probe before `derive`.
import type { Facts } from '../model/fact.ts';
import type { Accepted } from '../model/facts/values.ts';

/** An active probe's answer for one exact kernel release, and the host that gave it. */
export interface SeenKernel {
  readonly obeys: 'yes' | 'no';
  readonly host: string;
}

export type SeenKernels = ReadonlyMap<string, SeenKernel>;

/** Declarations of the operator for a host: `kmem.kernels` and `kmem.asks`. */
export type DeclaredFacts = Readonly<
  Partial<Record<'kmem.kernels' | 'kmem.asks', Readonly<Record<string, string>>>>
>;

export const givenFacts = (
  declared: DeclaredFacts = {},
  seen: SeenKernels = new Map(),
  accepted: readonly Accepted[] = [],
): Facts => ({
  'kernel.seen': Object.fromEntries([...seen].map(([release, { obeys }]) => [release, obeys])),
  'kernel.seen_on': Object.fromEntries([...seen].map(([release, { host }]) => [release, host])),
  'kmem.kernels': declared['kmem.kernels'] ?? {},
  'kmem.asks': declared['kmem.asks'] ?? {},
  'kmem.accepted': accepted.map(({ key, name }) => ({ key, name })),
});
