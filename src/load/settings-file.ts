// `kmend.yaml` and the user's own `config.yaml`: flags that an operator would otherwise repeat in
// every command.
import { type Checked, type Diagnostic, hasErrors } from '../model/diagnostic.ts';
import { asArgs, filled, flag, listOf, object, oneOf, whole, word } from '../model/shape/schema.ts';
import { collectorOf } from './text/diagnostics-collector.ts';
import { fitTree } from './text/fit.ts';
import { sourceOf } from './text/source.ts';
import { parseYaml } from './text/yaml.ts';

/** One key of a settings file. Its environment variable is `KMEND_` and the key in capitals. */
export interface SettingKey {
  readonly key: string;
  /**
   * Paths are relative to the file that names them; `~/` is the home directory. A `place` is a path
   * or a URL.
   */
  readonly kind: 'text' | 'path' | 'place' | 'paths' | 'words' | 'switch';
  readonly what: string;
  /** The flag, where it is not the key with dashes. */
  readonly flag?: string;
}

export const settingKeys: readonly SettingKey[] = [
  {
    key: 'inventory',
    kind: 'paths',
    what: 'inventory file, directory or program, or a list of them; in the variable with `:` between them',
  },
  {
    key: 'secrets',
    kind: 'words',
    what: 'names of variables that are secret, a list; `*` stands for anything: `pin`, `*_dsn`; in the variable with `,` between them',
  },
  { key: 'forks', kind: 'text', what: 'hosts read at the same moment' },
  { key: 'user', kind: 'text', what: 'login user' },
  { key: 'private_key', kind: 'path', what: 'key file to log in with' },
  { key: 'become', kind: 'switch', what: 'become root after login' },
  { key: 'become_user', kind: 'text', what: 'become this user' },
  { key: 'become_method', kind: 'text', what: 'sudo, su or doas' },
  { key: 'ssh_common_args', kind: 'text', what: 'options as for ssh' },
  { key: 'timeout', kind: 'text', what: 'seconds to wait for an answer when connecting' },
  { key: 'kubeconfig', kind: 'path', what: 'the cluster that the hosts are nodes of' },
  { key: 'context', kind: 'text', what: 'context of the kubeconfig' },
  {
    key: 'state',
    kind: 'place',
    what: 'where runs are kept: a directory, or `postgres://HOST/DATABASE` for several machines',
  },
  { key: 'state_dir', kind: 'path', what: 'the directory where runs are kept' },
  {
    key: 'audit_forward',
    kind: 'text',
    what: 'where entries of the journal are sent to: `syslog`, `journald`, or `udp://`, `tcp://`, `tls://HOST:PORT`',
  },
  {
    key: 'notify_url_file',
    kind: 'path',
    what: 'file with the address of the webhook that takes notices of runs',
  },
  { key: 'notify_command', kind: 'text', what: 'command that takes notices of runs' },
  { key: 'notify_mail', kind: 'text', what: 'e-mail addresses that notices of runs go to' },
  {
    key: 'notify_on',
    kind: 'words',
    what: 'kinds of notices, a list: `started`, `canary`, `brake`, `waits`, `paused`, `finished`; all where it is not set',
  },
  { key: 'notify_text', kind: 'text', what: 'template of the text of notices' },
  {
    key: 'runs_keep',
    kind: 'text',
    flag: 'keep',
    what: 'what `runs prune`, and each turn of a job, keeps: the runs of so many days (`90d`), or so many of the newest (`500`)',
  },
];

const schema = object({
  inventory: listOf(filled).optional(),
  secrets: listOf(filled).optional(),
  forks: whole(1, 999_999).optional(),
  user: word.optional(),
  private_key: filled.optional(),
  become: flag.optional(),
  become_user: word.optional(),
  become_method: oneOf('sudo', 'su', 'doas').optional(),
  ssh_common_args: filled.optional(),
  timeout: whole(1, 86_400).optional(),
  kubeconfig: filled.optional(),
  context: filled.optional(),
  state: filled.optional(),
  state_dir: filled.optional(),
  audit_forward: filled.optional(),
  notify_url_file: filled.optional(),
  notify_command: filled.optional(),
  notify_mail: filled.optional(),
  notify_on: listOf(filled).optional(),
  notify_text: filled.optional(),
  runs_keep: filled.optional(),
});

/** The keys that a settings file sets. Numbers are text, as a flag gives them. */
export type SettingValues = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Reads a settings file. */
export function parseSettings(path: string, text: string): Checked<SettingValues> {
  const source = sourceOf(path, text);
  const parsed = parseYaml(source);
  if (hasErrors(parsed.diagnostics)) return { diagnostics: parsed.diagnostics };
  if (parsed.value === undefined) return { diagnostics: parsed.diagnostics, value: {} };
  const diagnostics: Diagnostic[] = [...parsed.diagnostics];
  const { data } = fitTree(
    collectorOf(source, diagnostics),
    parsed.value,
    asArgs(schema),
    'a settings file',
  );
  if (data === undefined || hasErrors(diagnostics)) return { diagnostics };
  const values: Record<string, string | boolean | readonly string[]> = {};
  for (const [key, value] of Object.entries(data))
    if (value !== undefined) values[key] = typeof value === 'number' ? String(value) : value;
  return { value: values, diagnostics };
}
