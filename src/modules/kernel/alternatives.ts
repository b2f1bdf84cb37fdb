// Other kernel packages in a host's repositories on which accounting is healthy. The plan names
// them and never chooses them.

import { lookFact } from '../../facts/areas/packages/repositories.ts';
import { healthOf, readRelease } from '../../facts/kmem/kernels.ts';
import { type FactView, need } from '../../model/fact.ts';
import type { Repositories } from '../package-manager/repositories.ts';

/** ELRepo's long-term and mainline kernels, and Oracle's. */
export const otherLines: readonly string[] = ['kernel-lt', 'kernel-ml', 'kernel-uek'];

/** One line for each; none where the host already has a kernel that does not leak. */
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
