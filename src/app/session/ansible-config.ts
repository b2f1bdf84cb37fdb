// What kmend takes from ansible.cfg: where the passwords of ansible-vault are.
import { dirname, isAbsolute, join } from 'node:path';
import { present } from '../../model/present.ts';
import type { World } from './world.ts';

export interface VaultConfig {
  readonly passwordFile?: string;
  /** As `--vault-id` has them. */
  readonly identities: readonly string[];
  /** Why an ansible.cfg is not used. */
  readonly refused?: string;
}

const isSet = (text: string | undefined): text is string => text !== undefined && text !== '';

/** Variables of the environment win over the first ansible.cfg that exists, as in Ansible. */
export function vaultConfig(world: World): VaultConfig {
  const { ANSIBLE_VAULT_PASSWORD_FILE, ANSIBLE_VAULT_IDENTITY_LIST } = world.env;
  const config = readConfig(world);
  const home = (path: string): string =>
    path.startsWith('~/') ? join(world.home, path.slice(2)) : path;
  const inFile = config.values.get('vault_password_file');
  const file = isSet(ANSIBLE_VAULT_PASSWORD_FILE)
    ? home(ANSIBLE_VAULT_PASSWORD_FILE)
    : isSet(inFile)
      ? beside(home(inFile), config.path)
      : undefined;
  const list = isSet(ANSIBLE_VAULT_IDENTITY_LIST)
    ? ANSIBLE_VAULT_IDENTITY_LIST
    : (config.values.get('vault_identity_list') ?? '');
  const identities = list.split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim()]));
  return present({ passwordFile: file, identities, refused: config.refused });
}

const beside = (path: string, config: string): string =>
  isAbsolute(path) ? path : join(dirname(config), path);

interface Config {
  readonly path: string;
  readonly values: ReadonlyMap<string, string>;
  readonly refused?: string;
}

function readConfig(world: World): Config {
  const { env, cwd, home, reader } = world;
  const named = env.ANSIBLE_CONFIG;
  const files = [
    ...(isSet(named)
      ? [reader.list(named) === undefined ? named : join(named, 'ansible.cfg')]
      : []),
    join(cwd, 'ansible.cfg'),
    join(home, '.ansible.cfg'),
    '/etc/ansible/ansible.cfg',
  ];
  for (const path of files) {
    const read = reader.readText(path);
    if (read.ok) return { path, values: defaultsIn(read.text) };
    if (read.distrusted === true)
      return { path, values: new Map(), refused: `${path} is not used: ${read.why}` };
  }
  return { path: '', values: new Map() };
}

/** The section `[defaults]` of an INI text. */
export function defaultsIn(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line.startsWith('[')) section = line;
    const equals = line.search(/[=:]/);
    if (section !== '[defaults]' || equals <= 0 || /^[#;[]/.test(line)) continue;
    const [value = ''] = line.slice(equals + 1).split(' ;', 1);
    values.set(line.slice(0, equals).trim().toLowerCase(), value.trim());
  }
  return values;
}
