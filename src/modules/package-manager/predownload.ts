// Downloads into the package manager's cache, and does nothing else. It runs before a drain, so
// that a failing repository costs no pod.
import { withPrelude } from '../../facts/probe/prelude.ts';
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import { flag } from '../../model/shape/schema.ts';
import type { Step } from './choose.ts';
import { packageErrors, packageHints } from './errors.ts';
import { copiedFacts, copyChanges } from './files.ts';
import { noRepositories } from './repositories.ts';
import { canDownload, downloadSteps } from './script.ts';
import type { Manager } from './version.ts';

/** The argument of every module that installs. */
export const predownloadArg = flag
  .default(false)
  .describe(
    'Only download what the task would install, once a run: for a copy of the task before the drain. Where it fails, the host is refused and untouched.',
  );

/** For the notes of `kernel` and `container_runtime`. */
export const sourceNotes =
  '`enablerepo`, `disablerepo`, `files` and `predownload` work as in the module `package`: `kmend docs package` says how.';

export const predownloadNotes = `\`predownload: true\` makes a task that only downloads, into the cache of the package manager, and has all the refusals of the task itself (versions, holds, space).
Put such a copy before the drain: a repository that fails then costs no pod its place, and the time out of service is shorter. It touches nothing: a host where it
fails is refused, and its slot is free.`;

/** The plan of a task that only downloads; `lockWait` in seconds. */
export function predownload(
  manager: Manager,
  steps: readonly Step[],
  lockWait: number,
  facts: FactView,
  repositories = noRepositories,
): ModulePlan {
  const copies = copyChanges(steps, facts);
  const promises = steps.some((step) => step.file !== undefined)
    ? { promises: copiedFacts(steps) }
    : {};
  if (!canDownload(manager, steps))
    return {
      changes: copies,
      ...promises,
      note: steps.every((step) => step.kind === 'remove') ? 'nothing to download' : notAhead,
    };
  const what = steps
    .flatMap((step) => (step.to === '' ? [] : [`${step.name} ${step.to}`]))
    .join(', ');
  return {
    ...promises,
    changes: [
      ...copies,
      {
        sign: '!',
        what: 'download',
        after: what,
        risk: 'write',
        effects: [
          {
            kind: 'run',
            what: `${manager}: download ${what}`,
            script: withPrelude(downloadSteps(manager, steps, lockWait, repositories)),
            detached: true,
            harmless: true,
            timeout: 1800 + lockWait,
            errors: packageErrors,
            hints: packageHints,
          },
        ],
      },
    ],
  };
}

const notAhead =
  'packages that go and packages that come in one transaction are not downloaded beforehand';
