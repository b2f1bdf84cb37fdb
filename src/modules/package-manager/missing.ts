// Why a version is not available, in the same words for `package`, `kernel` and
// `container_runtime`: which repositories failed, and what to do.
import {
  hostCauses,
  isOfHost,
  repositoryCauses,
} from '../../facts/areas/packages/repository-causes.ts';
import type { Unusable } from '../../model/facts/values.ts';
import type { Refusal } from '../../model/run/change.ts';
import type { PackageFacts } from './state.ts';

/** `what`: the package with its version. `hint`: what to do where every repository answered. */
export function missingRefusal(
  what: string,
  packages: readonly PackageFacts[],
  hint: string,
): Refusal {
  const failed = failedOf(packages);
  const ofHost = failed.find(({ cause }) => isOfHost(cause) || cause === 'failed');
  if (ofHost !== undefined)
    return {
      why: `the package manager cannot look for ${what}: ${sentence(ofHost)}`,
      hint: wayOut(ofHost),
    };
  const known = packages.some(({ available }) => available.length > 0);
  const why = `no enabled repository has ${what}`;
  if (failed.length === 0) return { why, hint };
  const ways = [...new Set(failed.map(wayOut))].join('; ');
  return {
    why: `${why}: ${failed.map(sentence).join('; ')}`,
    hint: known ? `${hint}; ${ways}` : ways,
  };
}

/**
 * What is wrong with the repositories, for a refusal with a reason of its own; empty where all
 * answered.
 */
export const failedRepositories = (packages: readonly PackageFacts[]): string =>
  failedOf(packages).map(sentence).join('; ');

/** Each once: a repository fails for all packages of a task. */
const failedOf = (packages: readonly PackageFacts[]): readonly Unusable[] => {
  const rows = packages.flatMap(({ unusable }) => unusable);
  return rows
    .filter(
      (row, index) =>
        rows.findIndex((one) => one.cause === row.cause && one.repository === row.repository) ===
        index,
    )
    .slice(0, 3);
};

const bare: Readonly<Record<string, { readonly message: string; readonly hint: string }>> = {
  none: {
    message: 'this host has no repository at all',
    hint: 'put a .repo file (or a sources entry) on it: vault.centos.org for CentOS 7, a vendor of extended support, or a mirror of your own (playbooks/repository.yaml); or give the packages by `files`',
  },
  disabled: {
    message: 'all repositories of this host are disabled',
    hint: 'name the right one by `enablerepo` (yum, dnf), or enable it on the host; or give the packages by `files`',
  },
  failed: {
    message: 'it failed',
    hint: 'do on the host what failed: `yum list available NAME`, `apt-cache policy NAME`; then plan again',
  },
  ...Object.fromEntries(hostCauses.map(({ name, message, hint }) => [name, { message, hint }])),
  unread: {
    message: 'this host never read the index of its repositories',
    hint: '`apt-get update` on the host, and plan again',
  },
};

function sentence({ cause, repository, said, skipped }: Unusable): string {
  const own = bare[cause];
  if (cause === 'full' && repository !== '')
    return `${repository} ${repository.includes(' ') ? 'are' : 'is'} full${quoted(said)}`;
  if (own !== undefined)
    return `${own.message}${repository === '' ? '' : ` (${repository})`}${quoted(said)}`;
  const row = repositoryCauses.find(({ name }) => name === cause);
  const which = repository === '' ? 'a repository' : `the repository ${repository}`;
  return `${which} ${row?.message ?? 'could not be used'}${skipped ? ', and was skipped (skip_if_unavailable)' : ''}${quoted(said)}`;
}

const quoted = (said: string): string => (said === '' ? '' : ` [${said}]`);

const wayOut = ({ cause }: Unusable): string =>
  bare[cause]?.hint ?? repositoryCauses.find(({ name }) => name === cause)?.hint ?? '';
