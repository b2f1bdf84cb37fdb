// runc: does it ask for kernel-memory accounting for a container with a memory setting (cgroupfs
// driver)?

import type { Answer } from '../../../model/facts/values.ts';
import { compareUpstream, versionInRange } from '../../../model/text/versions.ts';
import type { Row } from './row.ts';

interface RuncRow extends Row {
  readonly name: string;
  readonly range: string;
  readonly accounts: Answer;
}

export const runcRows: readonly RuncRow[] = [
  {
    name: 'before rc3',
    range: '<1.0.0-rc3',
    accounts: 'no',
    basis: 'source',
    source: 'opencontainers/runc#1350 (fe898e786) came with rc3',
  },
  {
    name: 'rc3 to rc5',
    range: '>=1.0.0-rc3 <1.0.0-rc6',
    accounts: 'yes',
    basis: 'measured',
    source: 'opencontainers/runc#1350; rc5 run on 3.10.0-1062',
  },
  {
    name: 'rc6 to rc93',
    range: '>=1.0.0-rc6 <1.0.0-rc94',
    accounts: 'unknown',
    basis: 'measured',
    source:
      'opencontainers/runc#1921: off only if built with the tag nokmem, which `runc --version` does not show; rc10 with and without, rc93 without run on 3.10.0-1062',
  },
  {
    name: 'rc94 and later',
    range: '>=1.0.0-rc94',
    accounts: 'no',
    basis: 'measured',
    source: 'opencontainers/runc#2840 (52390d680); rc95 and 1.1.15 run on 3.10.0-1062',
  },
];

/** By version alone. For rc6 to rc93 the package must show how it was built. */
export function runcAccounts(version: string): Answer {
  if (!/^\d/.test(version)) return 'unknown';
  return (
    runcRows.find(({ range }) => versionInRange(version, range, compareUpstream))?.accounts ??
    'unknown'
  );
}
