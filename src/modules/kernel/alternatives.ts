// Kernel lines of other names that a host's repositories have, and on which accounting is healthy:
// named in the plan, never chosen.

import { lookFact } from '../../facts/areas/packages/repositories.ts';
import { healthOf, readRelease } from '../../facts/kmem/kernels.ts';
import { type FactView, need } from '../../model/fact.ts';
import type { Repositories } from '../package-manager/repositories.ts';

/** ELRepo's long-term and mainline kernels, and Oracle's. */
export const otherLines: readonly string[] = ['kernel-lt', 'kernel-ml', 'kernel-uek'];

/** One a line; none where the host is off the affected kernels already. */
export function alternatives(facts: FactView, repositories: Repositories): readonly string[] {
  if (isHealthy(need(facts, 'kernel.next'))) return [];
  const beside = facts.get(lookFact('kernel', repositories, 'beside')) ?? [];
  return beside
    .filter(({ version }) => isHealthy(version))
    .map(
      ({ name, version, repository }) =>
        `${name} ${version} (repository ${repository}): \`kernel: {package: ${name}, min: "${lineOf(version)}"${enabled(repositories)}}\``,
    );
}

const isHealthy = (version: string): boolean =>
  healthOf(readRelease(version.replace(/^\d*:/, '')).generation) === 'healthy';

const lineOf = (version: string): string => /^(?:\d+:)?(\d+\.\d+)/.exec(version)?.[1] ?? version;

const enabled = ({ enable }: Repositories): string =>
  enable.length === 0 ? '' : `, enablerepo: [${enable.join(', ')}]`;
