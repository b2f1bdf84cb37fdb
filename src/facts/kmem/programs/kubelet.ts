// kubelet: it makes /kubepods and the groups below with its own copy of runc's code. No upgrade of
// Docker or runc changes that.

import type { Answer } from '../../../model/facts/values.ts';
import { compareKubernetes, versionInRange } from '../../../model/text/versions.ts';
import type { Row } from './row.ts';

interface KubeletRow extends Row {
  readonly name: string;
  readonly range: string;
  readonly accounts: Answer;
}

/**
 * Official binaries with the cgroupfs driver. A binary rebuilt with GOFLAGS=-tags=nokmem looks the
 * same.
 */
export const kubeletRows: readonly KubeletRow[] = [
  {
    name: '1.8 and before',
    range: '<1.9.0-alpha',
    accounts: 'no',
    basis: 'report',
    source: 'kubernetes/kubernetes#61937: 1.6 good, 1.9 bad',
  },
  {
    name: '1.9 to 1.13',
    range: '>=1.9.0-alpha <1.14.0-alpha',
    accounts: 'yes',
    basis: 'report',
    source: 'kubernetes/kubernetes#61937; no build tag yet',
  },
  {
    name: '1.14 to 1.21.1',
    range: '>=1.14.0-alpha <1.21.2',
    accounts: 'yes',
    basis: 'source',
    source:
      'kmem.go is there, the official build sets no tag; kubernetes/kubernetes#72998 was never merged',
  },
  {
    name: '1.21.2 and later',
    range: '>=1.21.2 <1.22.0-alpha || >=1.22.0',
    accounts: 'no',
    basis: 'report',
    source: 'kubernetes/kubernetes#102147, #102196 (runc rc95); #104530, #103882',
  },
  {
    name: '1.22 before its release',
    range: '>=1.22.0-alpha <1.22.0',
    accounts: 'unknown',
    basis: 'model',
    source: 'kubernetes/kubernetes#102147 came in between',
  },
];

export function kubeletAccounts(version: string, driver: string): Answer {
  if (driver === 'systemd') return 'no';
  if (!/^v?\d+\.\d+\.\d+/.test(version)) return 'unknown';
  return (
    kubeletRows.find(({ range }) => versionInRange(version, range, compareKubernetes))?.accounts ??
    'unknown'
  );
}

export const systemdDriverRow: Row = {
  basis: 'source',
  source:
    'opencontainers/runc: the systemd manager asks only for an explicit kernel-memory limit, in every version rc2 to rc93; not run on a real el7 host',
};
