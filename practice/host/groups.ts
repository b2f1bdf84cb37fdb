// Which memory groups a practice host has and which of them the kernel accounts: a model of what
// was measured on booted el7 kernels.
import { present } from '../../src/model/present.ts';

export interface Group {
  /** Below the memory root: `docker/<id>`, `kubepods/burstable/pod…/<id>`. */
  readonly path: string;
  /** Bytes; undefined = no memory limit. */
  readonly limit?: number;
  readonly accounted: boolean;
  /** It has a process, and so lines in slabinfo and bytes in use. */
  readonly busy: boolean;
}

export interface GroupInput {
  /** `cgroup.memory=nokmem` is in force: nothing is ever accounted. */
  readonly nokmem: boolean;
  /**
   * A running engine; `accounts` says whether its runc switches accounting on for a container with
   * a memory limit.
   */
  readonly engine?: { readonly accounts: boolean };
  /** A running kubelet; `accounts` says whether it switches accounting on for /kubepods. */
  readonly kubelet?: { readonly accounts: boolean };
}

const id = (digit: string): string => digit.repeat(64);
const mebibytes = (count: number): number => count * 1024 * 1024;

/** Slices that systemd makes: never accounted. */
const slices: readonly Group[] = ['system.slice', 'system.slice/sshd.service', 'user.slice'].map(
  (path) => ({
    path,
    accounted: false,
    busy: path.includes('/'),
  }),
);

/**
 * Containers of plain docker: one with a memory limit, one without. Their parent is never
 * accounted.
 */
export function dockerGroups(input: GroupInput): readonly Group[] {
  if (!input.engine) return [];
  return [
    { path: 'docker', accounted: false, busy: false },
    {
      path: `docker/${id('1')}`,
      limit: mebibytes(512),
      accounted: input.engine.accounts && !input.nokmem,
      busy: true,
    },
    { path: `docker/${id('2')}`, accounted: false, busy: true },
  ];
}

const burstable = 'kubepods/burstable/pod0a1b2c3d-0000-4000-8000-00000000c0de';
const guaranteed = 'kubepods/pod4e5f6a7b-0000-4000-8000-00000000beef';
const bestEffort = 'kubepods/besteffort/pod8c9d0e1f-0000-4000-8000-00000000f00d';

/** The kubelet's own groups: accounted all or none, because children inherit from /kubepods. */
export function kubeletGroups(input: GroupInput): readonly Group[] {
  if (!input.kubelet) return [];
  const accounted = input.kubelet.accounts && !input.nokmem;
  const groups = [
    'kubepods',
    'kubepods/burstable',
    'kubepods/besteffort',
    burstable,
    bestEffort,
  ].map((path) => ({
    path,
    accounted,
    busy: false,
  }));
  return [...groups, { path: guaranteed, limit: mebibytes(256), accounted, busy: false }];
}

/** Containers in pods: accounted when their pod is, or when their own runc asks for it. */
export function podGroups(input: GroupInput, podsAccounted: boolean): readonly Group[] {
  if (!input.engine || !input.kubelet) return [];
  const container = (pod: string, digit: string, limit?: number): Group => ({
    path: `${pod}/${id(digit)}`,
    ...present({ limit }),
    accounted:
      !input.nokmem && (podsAccounted || (limit !== undefined && input.engine?.accounts === true)),
    busy: true,
  });
  return [
    container(burstable, '3', mebibytes(128)),
    container(burstable, '4'),
    container(guaranteed, '5', mebibytes(256)),
    container(guaranteed, '6', mebibytes(64)),
    container(bestEffort, '7'),
  ];
}

/** All groups right after a boot. */
export const groupsAtBoot = (input: GroupInput): readonly Group[] => [
  ...slices,
  ...dockerGroups(input),
  ...kubeletGroups(input),
  ...podGroups(
    input,
    kubeletGroups(input).some((group) => group.accounted),
  ),
];
