// Facts that no probe reads: what the connection and other hosts showed, and what the operator declares. They are merged with what was read, before `derive`.
import type { FactDef, Facts } from '../model/fact.ts';
import type { Accepted } from '../model/run/plan.ts';

const def = (name: string, summary: string, example: FactDef['example']): FactDef => ({ name, lifetime: 'outside', summary, example });

export const givenFactDefs: readonly FactDef[] = [
  def(
    'ssh.host_key',
    'Fingerprint of the SSH host key of the host; empty where the probe came as a file.',
    'SHA256:uOjkzDqJ2N6hRkeQm2b8mUeXcSRkA2dIYZ1Qz3cAqkM',
  ),
  def(
    'kernel.seen',
    'By kernel release, what active probes of this run found where the table does not say the same: does it obey the argument, yes or no.',
    { '3.10.0-862.el7.x86_64': 'yes' },
  ),
  def('kernel.seen_on', 'By kernel release, the host on which the active probe found it.', { '3.10.0-862.el7.x86_64': 'node-a1' }),
  def(
    'kmem.kernels',
    'The variable `kmem_kernels`: yes, no or try for each release that the operator declares; empty where it is not set.',
    {
      '3.10.0-862.el7.x86_64': 'try',
    },
  ),
  def(
    'kmem.accepted',
    "With `partial: accept`: programs that go on asking for accounting, as the host's plan names them; `drift`: as the proof names them. Empty elsewhere.",
    [{ key: 'kubelet', name: 'kubelet 1.12.3' }],
  ),
  def('kmem.asks', 'The variable `kmem_asks`: does this program ask for accounting, yes or no; empty where it is not set.', {
    kubelet: 'no',
  }),
];

/** An active probe's answer for one exact kernel release, and the host that gave it. */
export interface SeenKernel {
  readonly obeys: 'yes' | 'no';
  readonly host: string;
}

export type SeenKernels = ReadonlyMap<string, SeenKernel>;

/** What the operator declares of a host: `kmem.kernels` and `kmem.asks`. */
export type DeclaredFacts = Readonly<Partial<Record<'kmem.kernels' | 'kmem.asks', Readonly<Record<string, string>>>>>;

export const givenFacts = (declared: DeclaredFacts = {}, seen: SeenKernels = new Map(), accepted: readonly Accepted[] = []): Facts => ({
  'kernel.seen': Object.fromEntries([...seen].map(([release, { obeys }]) => [release, obeys])),
  'kernel.seen_on': Object.fromEntries([...seen].map(([release, { host }]) => [release, host])),
  'kmem.kernels': declared['kmem.kernels'] ?? {},
  'kmem.asks': declared['kmem.asks'] ?? {},
  'kmem.accepted': accepted.map(({ key, name }) => ({ key, name })),
});
