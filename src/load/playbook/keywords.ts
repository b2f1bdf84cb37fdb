// Ansible's keywords that kmend does not have, each with what to do instead; and the keywords that
// kmend has, which mean the same as in Ansible.

const everywhere: Readonly<Record<string, string>> = {
  become_exe: 'put the program on the PATH of the host',
  become_flags: 'kmend chooses the flags of sudo, su and doas itself',
  debugger: 'there is no debugger; `-vvv` shows what is run',
  ignore_unreachable: 'use `rollout: {brake: {unreachable: ignore}}`',
  module_defaults: 'write the arguments where they are used',
  port: 'set `ansible_port` in the inventory',
};

/** Keywords of Ansible that are accepted, each with why nothing comes of it. */
const unusedEverywhere = {
  collections: 'the modules of kmend are found without it',
  diff: '`kmend plan` shows every difference',
};
export const unusedInPlay: Readonly<Record<string, string>> = {
  ...unusedEverywhere,
  gather_subset: 'one probe reads all facts',
  gather_timeout: 'one probe reads all facts',
  strategy: 'hosts run in slots, each at its own pace: see `rollout: {max_unavailable}`',
};
export const unusedInTask: Readonly<Record<string, string>> = {
  ...unusedEverywhere,
  throttle:
    'a host walks its tasks in one slot: `max_unavailable` or `throttle` of the play say how many hosts do so at once',
};

/** Words of `meta` that are accepted. */
export const unusedMeta: Readonly<Record<string, string>> = {
  noop: 'it does nothing in Ansible either',
  clear_facts: 'facts are read again after every change',
  refresh_inventory: 'hosts are those of the plan',
  reset_connection: 'a new login is made where one is needed',
};

/** On a play. */
export const refusedInPlay: Readonly<Record<string, string>> = {
  ...everywhere,
  connection: 'kmend reaches hosts over ssh only; on a task, `connection: local` is this machine',
  run_once: 'set it on the tasks that come before or behind all others',
  check_mode:
    '`kmend plan` shows what would be done; `check_mode` marks read-only commands that plans run too',
  fact_path: 'facts are read by `kmend probe`, whose script is fixed',
  force_handlers: 'a failed host is left as it is; put what must run into `always` of a block',
  ignore_errors: 'set it on the tasks that may fail',
  no_log: 'set it on the tasks that hold secrets',
  timeout: 'set it on tasks, or `rollout: {deadline: {host}}`',
  validate_argspec: 'leave it out',
  vars_prompt: 'give the value with -e',
  when: 'set it on tasks or on a block around them',
};

/** On a task or block. */
export const refusedInTask: Readonly<Record<string, string>> = {
  ...everywhere,
  action: 'write the module as the key: `command: uptime`',
  always: 'set it on a block around the task',
  any_errors_fatal: 'use `rollout: {brake: {failures: 0}}` on the play',
  async_status: 'long steps are waited for anyway',
  become_method: 'set it on the play',
  delegate_facts: 'each task acts on its own host',
  gather_facts: 'leave it out: facts are always there',
  handlers: 'set it on the play or in a role',
  include: 'it is `import_tasks` or `include_tasks` now',
  max_fail_percentage: 'set it on the play',
  order: 'set it on the play',
  rescue: 'set it on a block around the task',
  serial: 'set it on the play, or `rollout: {waves}`',
};

export const playKeys = [
  'name',
  'hosts',
  'vars',
  'become',
  'become_method',
  'become_user',
  'rollout',
  'partial',
  'tags',
  'remote_user',
  'user',
  'gather_facts',
  'environment',
  'vars_files',
  'pre_tasks',
  'roles',
  'tasks',
  'post_tasks',
  'handlers',
  'serial',
  'max_fail_percentage',
  'any_errors_fatal',
  'throttle',
  'order',
] as const;

const taskAndBlockKeys = [
  'name',
  'when',
  'tags',
  'vars',
  'ignore_errors',
  'become',
  'become_user',
  'remote_user',
  'no_log',
  'environment',
  'notify',
  'delegate_to',
  'connection',
  'run_once',
] as const;
export const blockKeys = [...taskAndBlockKeys, 'block', 'rescue', 'always'] as const;
export const taskKeys = [
  ...taskAndBlockKeys,
  'loop',
  'loop_control',
  'args',
  'register',
  'listen',
  'until',
  'retries',
  'delay',
  'changed_when',
  'failed_when',
  'timeout',
  'async',
  'poll',
  'idempotent',
  'check_mode',
] as const;
