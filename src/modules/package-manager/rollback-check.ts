// Could a rollback restore the packages of now? Checked before anything moves, because the old
// version may then be unavailable.

import type { FactView } from '../../model/fact.ts';
import type { PlanContext, Refusal } from '../../model/run/change.ts';
import type { Step } from './choose.ts';
import { failedRepositories } from './missing.ts';
import { noRepositories } from './repositories.ts';
import { type PackageFacts, packageFacts } from './state.ts';
import { type Manager, orderOf } from './version.ts';

/** A replaced or removed package can only come from a repository. A new package is just removed. */
export function rollbackImpossible(
  steps: readonly Step[],
  facts: FactView,
  manager: Manager,
  { acceptNoRollback }: PlanContext,
  repositories = noRepositories,
): Refusal | undefined {
  if (acceptNoRollback) return undefined;
  const order = orderOf(manager);
  const seen = (name: string): PackageFacts => packageFacts(facts, name, repositories);
  const lost = steps.filter(
    ({ name, from }) => from !== '' && !seen(name).available.some((evr) => order(evr, from) === 0),
  );
  if (lost.length === 0) return undefined;
  const named = lost.map(({ name, from }) => `${name} ${from}`).join(', ');
  const failed = failedRepositories(lost.map(({ name }) => seen(name)));
  return {
    why: `no enabled repository has ${named}, which ${lost.length === 1 ? 'is' : 'are'} installed now: once replaced, ${lost.length === 1 ? 'it' : 'they'} could not be rolled back${failed === '' ? '' : ` (${failed})`}`,
    hint: 'enable a repository that has it (`enablerepo`; for CentOS 7 the vault, or an archive of your own), or give its package file (`files`); or go on without a rollback: `rollback: none` under `rollout` of the play, or `--rollback none`',
  };
}
