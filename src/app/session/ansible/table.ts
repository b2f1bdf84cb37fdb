// Ansible's settings, by what kmend does with each: those it takes, and those that it reports, since
// Ansible would do something else. What is in neither table has no meaning for kmend (colours,
// callbacks, facts caches, ControlPersist).

/** `paths` are separated by commas, `search` by colons. */
export type Kind = 'text' | 'arguments' | 'path' | 'paths' | 'search' | 'switch' | 'whole';

/** Keys are `SECTION.KEY`. Of several keys, as of several variables, the last that is set counts. */
export interface AnsibleSetting {
  readonly kind: Kind;
  readonly keys: readonly string[];
  readonly variables: readonly string[];
}

const setting = (
  kind: Kind,
  keys: readonly string[],
  ...variables: readonly string[]
): AnsibleSetting => ({ kind, keys, variables });

/** Settings that become a flag of the command. */
export const flagSettings = {
  inventory: setting('paths', ['defaults.inventory'], 'ANSIBLE_INVENTORY'),
  user: setting('text', ['defaults.remote_user'], 'ANSIBLE_REMOTE_USER'),
  port: setting('whole', ['defaults.remote_port'], 'ANSIBLE_REMOTE_PORT'),
  privateKey: setting('path', ['defaults.private_key_file'], 'ANSIBLE_PRIVATE_KEY_FILE'),
  connection: setting('text', ['defaults.transport'], 'ANSIBLE_TRANSPORT'),
  hostKeyChecking: setting(
    'switch',
    ['defaults.host_key_checking', 'ssh_connection.host_key_checking'],
    'ANSIBLE_HOST_KEY_CHECKING',
    'ANSIBLE_SSH_HOST_KEY_CHECKING',
  ),
  sshArgs: setting('arguments', ['ssh_connection.ssh_args'], 'ANSIBLE_SSH_ARGS'),
  sshCommonArgs: setting(
    'arguments',
    ['ssh_connection.ssh_common_args'],
    'ANSIBLE_SSH_COMMON_ARGS',
  ),
  sshExtraArgs: setting('arguments', ['ssh_connection.ssh_extra_args'], 'ANSIBLE_SSH_EXTRA_ARGS'),
  sshProgram: setting('text', ['ssh_connection.ssh_executable'], 'ANSIBLE_SSH_EXECUTABLE'),
  pkcs11Provider: setting('text', ['ssh_connection.pkcs11_provider'], 'ANSIBLE_PKCS11_PROVIDER'),
  timeout: setting(
    'whole',
    ['defaults.timeout', 'ssh_connection.timeout'],
    'ANSIBLE_TIMEOUT',
    'ANSIBLE_SSH_TIMEOUT',
  ),
  forks: setting('whole', ['defaults.forks'], 'ANSIBLE_FORKS'),
  become: setting('switch', ['privilege_escalation.become'], 'ANSIBLE_BECOME'),
  becomeUser: setting('text', ['privilege_escalation.become_user'], 'ANSIBLE_BECOME_USER'),
  becomeMethod: setting('text', ['privilege_escalation.become_method'], 'ANSIBLE_BECOME_METHOD'),
  askPass: setting('switch', ['defaults.ask_pass'], 'ANSIBLE_ASK_PASS'),
  askBecomePass: setting(
    'switch',
    ['privilege_escalation.become_ask_pass'],
    'ANSIBLE_BECOME_ASK_PASS',
  ),
  askVaultPass: setting('switch', ['defaults.ask_vault_pass'], 'ANSIBLE_ASK_VAULT_PASS'),
} as const satisfies Readonly<Record<string, AnsibleSetting>>;

/** Where passwords are on this machine: read by each process, and kept by no run. */
export const passwordSettings = {
  vaultPasswordFile: setting(
    'path',
    ['defaults.vault_password_file'],
    'ANSIBLE_VAULT_PASSWORD_FILE',
  ),
  vaultIdentities: setting('text', ['defaults.vault_identity_list'], 'ANSIBLE_VAULT_IDENTITY_LIST'),
  vaultIdMatch: setting('switch', ['defaults.vault_id_match'], 'ANSIBLE_VAULT_ID_MATCH'),
  becomePasswordFile: setting(
    'path',
    ['defaults.become_password_file'],
    'ANSIBLE_BECOME_PASSWORD_FILE',
  ),
  connectionPasswordFile: setting(
    'path',
    ['defaults.connection_password_file'],
    'ANSIBLE_CONNECTION_PASSWORD_FILE',
  ),
} as const satisfies Readonly<Record<string, AnsibleSetting>>;

/** Where roles are looked for that are not beside the playbook. */
export const rolesSetting = setting('search', ['defaults.roles_path'], 'ANSIBLE_ROLES_PATH');

export interface UntakenSetting {
  readonly key?: string;
  readonly variable?: string;
  /** Values, in lower case, that change nothing. */
  readonly same?: readonly string[];
}

const off = ['false', 'no', 'off', '0', 'f', 'n', ''];
const on = ['true', 'yes', 'on', '1', 't', 'y'];
const untaken = (key: string, variable?: string, same?: readonly string[]): UntakenSetting => ({
  key,
  ...(variable !== undefined && { variable }),
  ...(same !== undefined && { same }),
});
const becomePlugins = (['sudo', 'su', 'doas'] as const).flatMap((method) =>
  ['user', 'executable', 'flags', 'password'].map((key) =>
    untaken(
      `${method}_become_plugin.${key}`,
      `ANSIBLE_${method.toUpperCase()}_${{ user: 'USER', executable: 'EXE', flags: 'FLAGS' }[key] ?? 'PASS'}`,
    ),
  ),
);

/** Settings that change what Ansible does, and that kmend does not take. */
export const untakenSettings: readonly UntakenSetting[] = [
  untaken('defaults.any_errors_fatal', 'ANSIBLE_ANY_ERRORS_FATAL', off),
  untaken('defaults.error_on_undefined_vars', 'ANSIBLE_ERROR_ON_UNDEFINED_VARS', on),
  untaken('defaults.executable', 'ANSIBLE_EXECUTABLE', ['/bin/sh']),
  untaken('defaults.force_handlers', 'ANSIBLE_FORCE_HANDLERS', off),
  untaken('defaults.force_valid_group_names', 'ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS', [
    'never',
    'ignore',
  ]),
  untaken('defaults.hash_behaviour', 'ANSIBLE_HASH_BEHAVIOUR', ['replace']),
  untaken('defaults.inventory_ignore_extensions', 'ANSIBLE_INVENTORY_IGNORE'),
  untaken('defaults.inventory_ignore_patterns', 'ANSIBLE_INVENTORY_IGNORE_REGEX'),
  untaken('defaults.jinja2_extensions', 'ANSIBLE_JINJA2_EXTENSIONS'),
  untaken('defaults.log_path', 'ANSIBLE_LOG_PATH'),
  untaken('defaults.no_log', 'ANSIBLE_NO_LOG', off),
  untaken('defaults.playbook_dir', 'ANSIBLE_PLAYBOOK_DIR'),
  untaken('defaults.playbook_vars_root', 'ANSIBLE_PLAYBOOK_VARS_ROOT', ['top']),
  untaken('defaults.precedence', 'ANSIBLE_PRECEDENCE'),
  untaken('defaults.private_role_vars', 'ANSIBLE_PRIVATE_ROLE_VARS', off),
  untaken('defaults.strategy', 'ANSIBLE_STRATEGY', ['linear', 'ansible.builtin.linear']),
  untaken('defaults.task_timeout', 'ANSIBLE_TASK_TIMEOUT', ['0']),
  untaken('defaults.vars_plugins', 'ANSIBLE_VARS_PLUGINS'),
  untaken('defaults.vars_plugins_enabled', 'ANSIBLE_VARS_ENABLED', [
    'host_group_vars',
    'ansible.builtin.host_group_vars',
  ]),
  untaken('defaults.vault_identity', 'ANSIBLE_VAULT_IDENTITY', ['default']),
  untaken('inventory.enable_plugins', 'ANSIBLE_INVENTORY_ENABLED'),
  untaken('inventory.ignore_extensions'),
  untaken('inventory.ignore_patterns'),
  untaken('paramiko_connection.proxy_command', 'ANSIBLE_PARAMIKO_PROXY_COMMAND'),
  untaken('privilege_escalation.become_exe', 'ANSIBLE_BECOME_EXE', ['sudo', 'su', 'doas']),
  untaken('privilege_escalation.become_flags', 'ANSIBLE_BECOME_FLAGS'),
  ...becomePlugins,
  untaken('tags.run', 'ANSIBLE_RUN_TAGS', ['', 'all']),
  untaken('tags.skip', 'ANSIBLE_SKIP_TAGS', ['']),
  { variable: 'ANSIBLE_PRIVATE_KEY' },
  { variable: 'ANSIBLE_PRIVATE_KEY_PASSPHRASE' },
];
