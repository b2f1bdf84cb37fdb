// What kmend takes from ansible.cfg and from the variables ANSIBLE_*, and what it does not.
import { dirname } from 'node:path';
import { present } from '../../../model/present.ts';
import { CommandError } from '../../command-error.ts';
import { ansibleConfig, ansiblePath, type ConfigFile, isSet, type Place } from './config-file.ts';
import {
  type AnsibleSetting,
  flagSettings,
  passwordSettings,
  rolesSetting,
  type UntakenSetting,
  untakenSettings,
} from './table.ts';

type Value = string | boolean | readonly string[];

interface Found {
  readonly text: string;
  /** For messages: the variable, or the key with its file and line. */
  readonly where: string;
  /** Undefined = a variable. */
  readonly file?: ConfigFile;
}

/** Variables win over the file. One that is empty counts as not set, except that of arguments. */
function find(
  { kind, keys, variables }: AnsibleSetting,
  { env }: Place,
  file: ConfigFile | undefined,
): Found | undefined {
  const variable = variables.findLast((name) =>
    kind === 'arguments' ? env[name] !== undefined : isSet(env[name]),
  );
  if (variable !== undefined) return { text: env[variable] ?? '', where: variable };
  const found = keys.flatMap((key) => writtenAs(key, file) ?? []).at(-1);
  return found && file && { text: found.text, where: found.where, file };
}

function writtenAs(key: string, file: ConfigFile | undefined) {
  const [section = '', name = ''] = key.split('.');
  const value = file?.sections.get(section)?.get(name);
  const shown = section === 'defaults' ? name : key;
  return value && { text: value.text, where: `${shown} (${file?.path}:${value.line})` };
}

/** As Ansible does with texts of the file: quotes around the whole value are not part of it. */
const unquoted = (text: string): string => /^(['"])(.*[^\\])?\1$/s.exec(text)?.[2] ?? text;

function read({ kind }: AnsibleSetting, { text, where, file }: Found, world: Place): Value {
  const base = file === undefined ? world.cwd : dirname(file.path);
  const path = (given: string): string => ansiblePath(given.trim(), base, world);
  const plain = file === undefined ? text : unquoted(text);
  switch (kind) {
    case 'path':
      return path(text);
    case 'paths':
      return text
        .split(',')
        .filter((one) => one.trim() !== '')
        .map(path);
    case 'search':
      return text
        .split(':')
        .filter((one) => one !== '')
        .map((one) => ansiblePath(one, base, world));
    case 'whole':
      if (/^\d{1,9}$/.test(plain.trim())) return String(Number(plain));
      throw new CommandError(3, `${where} must be a whole number, not \`${plain}\``);
    case 'switch':
      if (/^(?:true|yes|on|1|t|y)$/i.test(plain)) return true;
      if (/^(?:false|no|off|0|f|n)$/i.test(plain)) return false;
      throw new CommandError(3, `${where} must be true or false, not \`${plain}\``);
    default:
      return plain;
  }
}

/** The value of one setting; undefined where it is not set, or has no text. */
function settingOf(
  setting: AnsibleSetting,
  world: Place,
  file: ConfigFile | undefined,
): { readonly value: Value; readonly found: Found } | undefined {
  const found = find(setting, world, file);
  if (found === undefined) return undefined;
  const value = read(setting, found, world);
  return setting.kind !== 'arguments' && (value === '' || (Array.isArray(value) && !value.length))
    ? undefined
    : { value, found };
}

/** Where a value comes from; `project`: a file of the working directory. */
export type AnsibleSource = 'env' | 'project' | 'config';

export interface AnsibleFlags {
  readonly flags: ReadonlyMap<string, { readonly value: Value; readonly source: AnsibleSource }>;
  /** What was taken, for the operator: the file with its keys, and the variables. */
  readonly used: readonly string[];
  /** What was not taken, and an ansible.cfg that is ignored. */
  readonly notes: readonly string[];
}

/** The flags of a command that its own command line and kmend's settings leave open. */
export function ansibleFlags(world: Place): AnsibleFlags {
  const { file, ignored } = ansibleConfig(world);
  const flags = new Map<string, { readonly value: Value; readonly source: AnsibleSource }>();
  const taken: Found[] = [];
  for (const [name, setting] of Object.entries(flagSettings)) {
    const known = settingOf(setting, world, file);
    if (known === undefined) continue;
    const { value, found } = known;
    taken.push(found);
    const source = found.file === undefined ? 'env' : found.file.isFound ? 'project' : 'config';
    flags.set(name, { value, source });
  }
  for (const setting of [...Object.values(passwordSettings), rolesSetting]) {
    const found = find(setting, world, file);
    if (found !== undefined) taken.push(found);
  }
  return { flags, used: usedText(taken, file), notes: notesOf(world, file, ignored) };
}

function usedText(taken: readonly Found[], file: ConfigFile | undefined): readonly string[] {
  const keys = taken
    .filter((one) => one.file !== undefined)
    .map(({ where }) => where.split(' ')[0]);
  const variables = taken.filter((one) => one.file === undefined).map(({ where }) => where);
  return [
    ...(file === undefined ? [] : [`${file.path}: ${keys.join(', ') || 'nothing is taken'}`]),
    ...(variables.length === 0 ? [] : [`the environment: ${variables.join(', ')}`]),
  ];
}

function notesOf(
  world: Place,
  file: ConfigFile | undefined,
  ignored: string | undefined,
): readonly string[] {
  const differs = (text: string | undefined, { same = [] }: UntakenSetting): text is string =>
    text !== undefined && !same.includes(unquoted(text).toLowerCase());
  const keys = untakenSettings.flatMap((one) => {
    const found = one.key === undefined ? undefined : writtenAs(one.key, file);
    return found !== undefined && differs(found.text, one) ? [found.where] : [];
  });
  const variables = untakenSettings.flatMap((one) => {
    const text = one.variable === undefined ? undefined : world.env[one.variable];
    return one.variable !== undefined && text !== '' && differs(text, one) ? [one.variable] : [];
  });
  return [
    ...(ignored === undefined ? [] : [ignored]),
    ...(keys.length === 0 ? [] : [`not taken from ansible.cfg: ${keys.join(', ')}`]),
    ...(variables.length === 0
      ? []
      : [`not taken from the environment: ${[...new Set(variables)].join(', ')}`]),
  ];
}

export interface PasswordConfig {
  readonly vaultPasswordFile?: string;
  /** As `--vault-id` has them. */
  readonly vaultIdentities: readonly string[];
  /** Only passwords with the label of a text are tried. */
  readonly vaultIdMatch: boolean;
  readonly becomePasswordFile?: string;
  readonly connectionPasswordFile?: string;
  /** ANSIBLE_BECOME_PASS. */
  readonly becomePassword?: string;
}

/** Where the passwords of this machine are. */
export function passwordConfig(world: Place): PasswordConfig {
  const { env } = world;
  const { file } = ansibleConfig(world);
  const text = (setting: AnsibleSetting) => {
    const value = settingOf(setting, world, file)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const { vaultPasswordFile, vaultIdentities, vaultIdMatch } = passwordSettings;
  const files = {
    vaultPasswordFile: text(vaultPasswordFile),
    becomePasswordFile: text(passwordSettings.becomePasswordFile),
    connectionPasswordFile: text(passwordSettings.connectionPasswordFile),
    becomePassword: isSet(env.ANSIBLE_BECOME_PASS) ? env.ANSIBLE_BECOME_PASS : undefined,
  };
  return {
    ...present(files),
    vaultIdentities: (text(vaultIdentities) ?? '')
      .split(',')
      .flatMap((one) => (one.trim() === '' ? [] : [unquoted(one.trim())])),
    vaultIdMatch: settingOf(vaultIdMatch, world, file)?.value === true,
  };
}

/** The directories that Ansible searches for roles where no setting names others. */
const rolesDirectories = ['~/.ansible/roles', '/usr/share/ansible/roles', '/etc/ansible/roles'];

/** The directories in which a role is looked for that is not beside the playbook. */
export function rolesPathOf(world: Place): readonly string[] {
  const value = settingOf(rolesSetting, world, ansibleConfig(world).file)?.value;
  return Array.isArray(value)
    ? value
    : rolesDirectories.map((directory) => ansiblePath(directory, world.cwd, world));
}
