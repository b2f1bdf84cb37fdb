// Docker: engines with a runc of their own (before 18.09), and engines for which runc is another
// package.

import type { Answer } from '../../../model/facts/values.ts';
import { compareUpstream, versionInRange } from '../../../model/text/versions.ts';
import type { Row } from './row.ts';

interface DockerRow extends Row {
  readonly name: string;
  readonly packages: readonly string[];
  readonly range: string;
  /** `runc`: its runc decides, not the engine. */
  readonly accounts: Answer | 'runc';
}

/** First match wins. */
export const dockerRows: readonly DockerRow[] = [
  {
    name: '17.06.2-ee-18',
    packages: ['docker-ee'],
    range: '>=17.06.2-ee-18 <17.07',
    accounts: 'no',
    basis: 'vendor',
    source: 'Docker EE release notes: docker/escalation#614',
  },
  {
    name: '18.03.1-ee-5',
    packages: ['docker-ee'],
    range: '>=18.03.1-ee-5 <18.04',
    accounts: 'no',
    basis: 'vendor',
    source: 'Docker EE release notes: docker/escalation#692, docker-archive/runc#5',
  },
  {
    name: 'docker of RHEL',
    packages: ['docker'],
    range: '>=1.13',
    accounts: 'yes',
    basis: 'report',
    source: 'projectatomic/runc#26 (2019, open)',
  },
  {
    name: '17.05 and before',
    packages: [],
    range: '<17.06',
    accounts: 'no',
    basis: 'report',
    source: 'opencontainers/runc#1725: 17.05.0 good, 17.06.0 bad',
  },
  {
    name: '17.06 to 18.06',
    packages: [],
    range: '>=17.06 <18.09',
    accounts: 'yes',
    basis: 'source',
    source:
      'docker/engine runc.installer and binaries-commits: 17.09.0, 17.12.1, 18.03.1 and 18.06.3 pin a runc with #1350, without #1921',
  },
  {
    name: '18.09.0',
    packages: [],
    range: '=18.09.0',
    accounts: 'runc',
    basis: 'source',
    source: 'docker/engine#121 is in 18.09.1; from 18.09 on the rpm takes runc from containerd.io',
  },
  {
    name: '18.09.1 and later',
    packages: [],
    range: '>=18.09.1',
    accounts: 'runc',
    basis: 'vendor',
    source:
      "release note docker/engine#121; true of the engine's own build script only, packages take runc from containerd.io",
  },
];

interface OwnerRow extends Row {
  readonly package: string;
  readonly engine: string;
  /** The owner's remedy for the leak. */
  readonly says: string;
}

/** Engines that kmend does not upgrade: only their owner can offer a remedy. */
export const ownerRows: readonly OwnerRow[] = [
  {
    package: 'docker-ee',
    engine: 'Docker EE',
    says: 'its vendor has builds that leave accounting off: 17.06.2-ee-18, 18.03.1-ee-5, and 18.09.1 or later with such a containerd.io',
    basis: 'vendor',
    source:
      'Docker EE release notes: docker/escalation#614, docker/escalation#692; docker/engine#121',
  },
  {
    package: 'docker',
    engine: "Red Hat's docker",
    says: 'no build without accounting is known; projectatomic/runc#26 asks for one and is open',
    basis: 'report',
    source: 'projectatomic/runc#26 (2019, open)',
  },
];

/**
 * `Docker EE: its vendor has builds that ...`; empty for an engine that kmend upgrades, or that is
 * not in the table.
 */
export function ownerSays(name: string): string {
  const row = ownerRows.find((owner) => owner.package === name);
  return row === undefined ? '' : `${row.engine}: ${row.says}`;
}

/** By the package of the engine and the engine's version (`18.06.1-ce`, `17.06.2-ee-18`). */
export function dockerAccounts(name: string, version: string): Answer | 'runc' {
  if (!/^\d/.test(version)) return 'unknown';
  const row = dockerRows.find(
    ({ packages, range }) =>
      (packages.length === 0 || packages.includes(name)) &&
      versionInRange(version, range, compareUpstream),
  );
  return row?.accounts ?? 'unknown';
}

/**
 * The engine's version from its package version: `18.06.1.ce-3.el7`, `3:18.09.1-3.el7`,
 * `5:18.09.1~3-0~ubuntu-xenial`, `18.06.1~ce~3-0~ubuntu`.
 */
export function engineVersion(evr: string): string {
  const parts = /^(?:\d+:)?(\d+(?:\.\d+)*)(?:[.~](ce|ee)(?:[.~](\d+))?)?/.exec(evr);
  if (parts?.[1] === undefined) return '';
  return [parts[1], parts[2], parts[2] === 'ee' ? parts[3] : undefined]
    .filter((part) => part !== undefined)
    .join('-');
}
