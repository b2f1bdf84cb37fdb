// Modules of Ansible that kmend does not have, and that a task of kmend does exactly.
import { type Outcome, undecided } from './account.ts';
import { inShell } from './boot-tasks.ts';
import type { OldTask } from './old-task.ts';

type Equivalent = (task: OldTask) => Outcome | undefined;

const dropped =
  (why: string): Equivalent =>
  () => ({ fate: 'dropped', why });

/** A change that a shell makes where it is needed; it is changed where the shell says so. */
function unlessSo(task: OldTask, test: string, act: string): Outcome {
  const { register } = task.keys;
  const name = typeof register === 'string' ? register : 'import_result';
  return {
    fate: 'replaced',
    by: 'shell',
    edit: {
      module: ['shell', `if ${test}; then :; else ${act} && echo changed; fi`],
      set: { register: name, changed_when: `'changed' in ${name}.stdout` },
    },
  };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** By the name without its collection. Only used where kmend has no such module. */
export const equivalents: Readonly<Record<string, Equivalent>> = {
  ping: dropped('a host that does not answer is not started'),
  gather_facts: dropped('facts are always there'),
  mail: dropped('`--notify-mail` of `kmend apply` sends one'),
  slack: dropped('`--notify-url-file` of `kmend apply` posts to a webhook'),
  set_stats: dropped('`kmend report RUN --json` has what a run did'),
  raw: (task) => ({ fate: 'replaced', by: 'shell', edit: { module: ['shell', task.text] } }),
  sysvinit: (task) => {
    const { name, ...given } = task.args;
    const isSame = Object.keys(given).every((key) => key === 'state' || key === 'enabled');
    return text(name) === undefined || !isSame
      ? undefined
      : { fate: 'replaced', by: 'service', edit: { module: ['service', task.args] } };
  },
  hostname: (task) => {
    const name = text(task.args.name);
    return name === undefined
      ? undefined
      : unlessSo(
          task,
          `[ "$(hostname)" = ${inShell(name)} ]`,
          `hostnamectl set-hostname ${inShell(name)}`,
        );
  },
  timezone: (task) => {
    const name = text(task.args.name);
    return name === undefined || task.args.hwclock !== undefined
      ? undefined
      : unlessSo(
          task,
          `[ "$(timedatectl show -p Timezone --value)" = ${inShell(name)} ]`,
          `timedatectl set-timezone ${inShell(name)}`,
        );
  },
  async_status: () => undecided('kmend waits for each step: what does this wait for?'),
};
