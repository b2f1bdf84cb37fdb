// The arguments `enablerepo` and `disablerepo` of every module that installs: they choose the
// repositories of a task.
import { noRepositories, type Repositories } from '../../facts/areas/packages/repositories.ts';
import type { Refusal } from '../../model/run/change.ts';
import { listOf, text } from '../../model/shape/schema.ts';
import type { Manager } from './version.ts';

export { noRepositories, type Repositories };

const repositoryId = text.regex(
  /^[A-Za-z0-9_.*?[\]:][A-Za-z0-9_.*?[\]:-]{0,199}$/,
  'should be the id of a repository, or a pattern such as elrepo*',
);

/** Spread into the arguments of a module. */
export const repositoryArgs = {
  enablerepo: listOf(repositoryId)
    .optional()
    .describe(
      'Repositories that are enabled for this task: ids, or patterns as yum takes them (`elrepo*`). yum and dnf only.',
    ),
  disablerepo: listOf(repositoryId)
    .optional()
    .describe(
      'Repositories that are disabled for this task, before `enablerepo` counts: `"*"` leaves only those. yum and dnf only.',
    ),
};

/** For the notes of `package`, to which those of the other modules refer. */
export const repositoryNotes = `\`enablerepo\` and \`disablerepo\` choose repositories for one task (yum and dnf): for the plan, the download and the transaction, and where the plan
looks for the old versions that a rollback would need. Hosts with apt or zypper, which have no such choice, are refused; edit the sources on the host there.

A version that cannot be had because a repository fails is refused with the cause, before any host is touched: \`kmend docs repositories\` has all causes and the
ways out. That holds also where the package manager skipped the repository and only says that there is no such package (\`skip_if_unavailable\`). yum 3 follows a
redirect without saying so: a repository that moved shows what its new place answers. apt is not asked over the network: run \`apt-get update\` yourself.`;

interface Given {
  readonly enablerepo?: readonly string[] | undefined;
  readonly disablerepo?: readonly string[] | undefined;
}

export const repositoriesOf = ({ enablerepo = [], disablerepo = [] }: Given): Repositories => ({
  enable: enablerepo,
  disable: disablerepo,
});

/** apt and zypper have no such choice for one transaction. */
export function choiceRefusal(
  manager: Manager,
  { enable, disable }: Repositories,
): Refusal | undefined {
  if ((enable.length === 0 && disable.length === 0) || manager === 'yum' || manager === 'dnf')
    return undefined;
  return {
    why: `${manager} cannot enable or disable repositories for one transaction`,
    hint: `${instead[manager]}; leave \`enablerepo\` and \`disablerepo\` out for hosts with ${manager}`,
  };
}

const instead = {
  apt: 'add or take away the entry in /etc/apt/sources.list.d, then `apt-get update`',
  zypper: 'on the host: `zypper modifyrepo --enable ID` (or `--disable`)',
};
