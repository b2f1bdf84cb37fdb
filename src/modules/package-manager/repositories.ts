// The arguments `enablerepo` and `disablerepo` of every module that installs: which repositories count for this task.
import { noRepositories, type Repositories } from '../../facts/repositories.ts';
import type { Refusal } from '../../model/change.ts';
import { listOf, text } from '../../model/schema.ts';
import type { Manager } from './version.ts';

export { noRepositories, type Repositories };

const repositoryId = text.regex(
  /^[A-Za-z0-9_.*?[\]:][A-Za-z0-9_.*?[\]:-]{0,199}$/,
  'should be the id of a repository, or a pattern such as elrepo*',
);

/** To be spread into the arguments of a module. */
export const repositoryArgs = {
  enablerepo: listOf(repositoryId)
    .optional()
    .describe('Repositories that are enabled for this task: ids, or patterns as yum takes them (`elrepo*`). yum and dnf only.'),
  disablerepo: listOf(repositoryId)
    .optional()
    .describe('Repositories that are disabled for this task, before `enablerepo` counts: `"*"` leaves only those. yum and dnf only.'),
};

interface Given {
  readonly enablerepo?: readonly string[] | undefined;
  readonly disablerepo?: readonly string[] | undefined;
}

export const repositoriesOf = ({ enablerepo = [], disablerepo = [] }: Given): Repositories => ({
  enable: enablerepo,
  disable: disablerepo,
});

/** apt and zypper know no such choice for one transaction. */
export function choiceRefusal(manager: Manager, { enable, disable }: Repositories): Refusal | undefined {
  if ((enable.length === 0 && disable.length === 0) || manager === 'yum' || manager === 'dnf') return undefined;
  return {
    why: `${manager} cannot enable or disable repositories for one transaction`,
    hint: `${instead[manager]}; leave \`enablerepo\` and \`disablerepo\` out for hosts with ${manager}`,
  };
}

const instead = {
  apt: 'add or take away the entry in /etc/apt/sources.list.d, then `apt-get update`',
  zypper: 'on the host: `zypper modifyrepo --enable ID` (or `--disable`)',
};
