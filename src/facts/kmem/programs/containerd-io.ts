// containerd.io: the package with runc since Docker 18.09. Its el7 builds had the tag nokmem, lost
// it for a year, and got it again.

import type { Answer } from '../../../model/facts/values.ts';
import { compareRpm, compareUpstream, versionInRange } from '../../../model/text/versions.ts';
import type { Row } from './row.ts';

interface ContainerdIoRow extends Row {
  readonly name: string;
  readonly range: string;
  readonly accounts: Answer;
  /** Good by its build files, but reports contradict it. */
  readonly disputed: boolean;
}

const packaging = 'docker/containerd-packaging';

/**
 * el7 rpms, first match wins. The ranges come from dates of build files and are no proof: no
 * shipped package was opened.
 */
export const containerdIoRows: readonly ContainerdIoRow[] = [
  {
    name: '1.2.0',
    range: '<1.2.1',
    accounts: 'yes',
    disputed: false,
    basis: 'source',
    source: `${packaging}: rpm/containerd.spec until 2018-11-29`,
  },
  {
    name: '1.2.1 to 1.2.6',
    range: '>=1.2.1 <1.2.7',
    accounts: 'no',
    disputed: true,
    basis: 'source',
    source: `${packaging} 13a657e (#66); disputed by docker/docker-ce-packaging#308`,
  },
  {
    name: '1.2.7 and 1.2.8',
    range: '>=1.2.7 <1.2.9',
    accounts: 'unknown',
    disputed: false,
    basis: 'model',
    source: `${packaging}: built around the merge of #75 (aed8455, 2019-07-10), which dropped the tag`,
  },
  {
    name: '1.2.9 to 1.2.13',
    range: '>=1.2.9 <1.3.7',
    accounts: 'yes',
    disputed: false,
    basis: 'source',
    source: `${packaging}#75 (aed8455) dropped the tag, ${packaging}#196 says so; opencontainers/runc#1725, kubernetes/kubernetes#61937 (2019-12)`,
  },
  {
    name: '1.3.7',
    range: '>=1.3.7 <1.4.1',
    accounts: 'unknown',
    disputed: false,
    basis: 'model',
    source: `${packaging}: merged 34 minutes before the repair f436318 (#199)`,
  },
  {
    name: '1.4.1 to 1.4.4',
    range: '>=1.4.1 <1.4.5',
    accounts: 'no',
    disputed: false,
    basis: 'source',
    source: `${packaging} scripts/build-rpm: tag for el7 builds`,
  },
  {
    name: '1.4.5 and later',
    range: '>=1.4.5',
    accounts: 'no',
    disputed: false,
    basis: 'source',
    source: `${packaging} 6832aad: runc v1.0.0-rc94, clean without a tag`,
  },
];

/**
 * The row of a containerd.io package, by [epoch:]version-release. Debs were never built with the
 * tag: they are clean from 1.4.5 on, and not before.
 */
export function containerdIoRow(evr: string): ContainerdIoRow | undefined {
  return evr === ''
    ? undefined
    : containerdIoRows.find(({ range }) => versionInRange(evr, range, compareRpm));
}

export function containerdIoAccounts(evr: string, rpm: boolean): Answer {
  const row = containerdIoRow(evr);
  if (row === undefined) return 'unknown';
  if (rpm) return row.accounts;
  return versionInRange(
    evr.replace(/^\d+:/, '').replace(/[-~].*$/s, ''),
    '>=1.4.5',
    compareUpstream,
  )
    ? 'no'
    : 'yes';
}
