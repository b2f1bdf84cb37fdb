// ansible.cfg files and variables ANSIBLE_*, made at random, read by kmend and by the Ansible that
// is installed here: both must agree.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { diskReader, trustOf } from '../../src/adapters/local/index.ts';
import {
  ansibleFlags,
  passwordConfig,
  rolesPathOf,
} from '../../src/app/session/ansible/settings.ts';
import {
  flagSettings,
  passwordSettings,
  rolesSetting,
  untakenSettings,
} from '../../src/app/session/ansible/table.ts';
import { CommandError } from '../../src/app/session/world.ts';

const interpreter = ansiblePython();
const scratch = mkdtempSync(join(tmpdir(), 'kmend-config-'));
const home = join(scratch, 'home');
mkdirSync(home);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function ansiblePython(): string | undefined {
  if (!existsSync('/usr/bin/ansible-config')) return undefined;
  const first = readFileSync('/usr/bin/ansible-config', 'utf8').split('\n')[0] ?? '';
  return first.startsWith('#!') ? first.slice(2).trim() : undefined;
}

const taken = { ...flagSettings, ...passwordSettings, rolesPath: rolesSetting };

const names = {
  inventory: ['DEFAULT_HOST_LIST'],
  user: ['DEFAULT_REMOTE_USER'],
  port: ['DEFAULT_REMOTE_PORT'],
  privateKey: ['DEFAULT_PRIVATE_KEY_FILE'],
  connection: ['DEFAULT_TRANSPORT'],
  hostKeyChecking: ['host_key_checking', 'ssh'],
  sshArgs: ['ssh_args', 'ssh'],
  sshCommonArgs: ['ssh_common_args', 'ssh'],
  sshExtraArgs: ['ssh_extra_args', 'ssh'],
  sshProgram: ['ssh_executable', 'ssh'],
  pkcs11Provider: ['pkcs11_provider', 'ssh'],
  timeout: ['timeout', 'ssh'],
  forks: ['DEFAULT_FORKS'],
  become: ['DEFAULT_BECOME'],
  becomeUser: ['DEFAULT_BECOME_USER'],
  becomeMethod: ['DEFAULT_BECOME_METHOD'],
  askPass: ['DEFAULT_ASK_PASS'],
  askBecomePass: ['DEFAULT_BECOME_ASK_PASS'],
  askVaultPass: ['DEFAULT_ASK_VAULT_PASS'],
  vaultPasswordFile: ['DEFAULT_VAULT_PASSWORD_FILE'],
  vaultIdentities: ['DEFAULT_VAULT_IDENTITY_LIST'],
  vaultIdMatch: ['DEFAULT_VAULT_ID_MATCH'],
  becomePasswordFile: ['BECOME_PASSWORD_FILE'],
  connectionPasswordFile: ['CONNECTION_PASSWORD_FILE'],
  rolesPath: ['DEFAULT_ROLES_PATH'],
} as const satisfies Readonly<Record<keyof typeof taken, readonly string[]>>;

// One process for all cases: starting Ansible takes longer than what it is asked.
const script = `
import json, os, sys
from ansible import constants as C
from ansible.plugins.loader import init_plugin_loader, connection_loader
from ansible.config.manager import find_ini_config_file
init_plugin_loader()
connection_loader.get('ssh', class_only=True)
given = json.load(sys.stdin)
def known(manager, name, plugin):
    value, origin = manager.get_config_value_and_origin(name, plugin_type='connection' if plugin else None, plugin_name=plugin)
    if origin == 'default': return None
    return value if isinstance(value, (bool, list)) else str(value)
out = []
before = dict(os.environ)
for case in given['cases']:
    os.environ.clear(); os.environ.update(before); os.environ.update(case['env'])
    os.chdir(case['cwd'])
    try:
        manager = C.config
        manager._config_file, manager._parsers = find_ini_config_file(), {}
        manager._parse_config_file()
        out.append({key: known(manager, *(name + [None])[:2]) for key, name in given['names'].items()})
    except Exception as e:
        out.append(None)
defs = C.config.get_configuration_definitions()
everything = [d for d in defs.values()] + list(C.config.get_configuration_definitions('connection', 'ssh').values())
print(json.dumps({'answers': out, 'keys': [i['section'] + '.' + i['key'] for d in everything for i in d.get('ini') or []], 'variables': [e['name'] for d in everything for e in d.get('env') or []]}))
`;

interface Case {
  readonly text: string;
  readonly env: Readonly<Record<string, string>>;
}

type Answer = Readonly<Record<string, unknown>>;

interface Reported {
  readonly answers: readonly (Answer | null)[];
  readonly keys: readonly string[];
  readonly variables: readonly string[];
}

function place(cases: readonly Case[]) {
  return cases.map(({ text, env }, index) => {
    const cwd = join(scratch, `${index}`, 'project');
    mkdirSync(cwd, { recursive: true });
    writeFileSync(join(cwd, 'ansible.cfg'), text);
    return { cwd, env };
  });
}

function askAnsible(cases: readonly { readonly cwd: string; readonly env: object }[]): Reported {
  const file = join(scratch, 'ask.py');
  writeFileSync(file, script);
  const text = execFileSync(interpreter ?? '', ['-W', 'ignore', file], {
    input: JSON.stringify({ cases, names }),
    env: { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return JSON.parse(text.slice(text.indexOf('{"answers')));
}

function askKmend(cwd: string, env: Readonly<Record<string, string>>): Answer | null {
  const trust = trustOf({}, '');
  trust.trustAll();
  const world = { cwd, env: { HOME: home, ...env }, home, trust, reader: diskReader(trust) };
  try {
    const { flags } = ansibleFlags(world);
    const { vaultIdentities, vaultIdMatch, ...files } = passwordConfig(world);
    const rolesPath = rolesPathOf(world);
    const known = Object.fromEntries([...flags].map(([name, { value }]) => [name, value]));
    return {
      ...known,
      ...files,
      ...(vaultIdentities.length > 0 && { vaultIdentities }),
      ...(vaultIdMatch && { vaultIdMatch }),
      ...(rolesPath.includes('/etc/ansible/roles') ? {} : { rolesPath }),
    };
  } catch (error) {
    if (error instanceof CommandError) return null;
    throw error;
  }
}

/** Without what both read as nothing. */
const plain = (answer: Answer | null): Answer | null =>
  answer &&
  Object.fromEntries(
    Object.entries(answer)
      // To Ansible nothing behind the last comma or colon is the directory itself.
      .map(
        ([name, value]) =>
          [
            name,
            ['inventory', 'rolesPath'].includes(name) && Array.isArray(value)
              ? value.filter((one) => !String(one).endsWith('/project'))
              : value,
          ] as const,
      )
      .filter(
        ([name, value]) =>
          value !== null &&
          // Ansible takes any text for yes, `false` too.
          name !== 'vaultIdMatch' &&
          (value !== '' || name.startsWith('ssh')),
      ),
  );

const texts = [
  'ops',
  '"a b"',
  "'x'",
  'a ; b',
  'a;b',
  'a # b',
  'x%(y)s',
  '%%',
  '$HOME',
  '{{ x }}',
  '"',
  'ä',
];
const paths = [
  'hosts',
  '../up//x',
  '~/k',
  '$HOME/k',
  '$'.concat('{HOME}/k'),
  '$NOPE/k',
  '/etc/k',
  '{{CWD}}/k',
  'a b',
];
const switches = ['yes', 'No', 'true', '1', 'off', 'f'];
const words = [
  '-C -o ControlMaster=auto',
  '-o ProxyCommand="ssh -W %h:%p b"',
  '-J bastion',
  '"-4"',
  '',
];
const valuesOf = {
  text: texts,
  path: paths,
  paths: [...paths, 'a,b', 'a , ~/b,', 'h1;x'],
  search: [...paths, 'a:b', 'a : ~/b:', '/r;x:$HOME'],
  switch: switches,
  whole: ['5', '22', '007'],
  arguments: words,
} as const;

const settings = Object.values(taken);
const delimiters = ['=', ' = ', ': ', ':', ' =', '= '];
const noise = [
  '',
  '# x',
  '; x',
  '  # in',
  '[empty]',
  '[colors]\nverbose = blue',
  'Unknown = 1',
  '[defaults ]',
];
const broken = ['no delimiter', '= x', '[defaults]'];

const line = fc.constantFrom(...settings).chain(({ kind, keys }) =>
  fc.record({
    key: fc.constantFrom(...keys),
    delimiter: fc.constantFrom(...delimiters),
    value: fc.constantFrom(...valuesOf[kind]),
    end: fc.constantFrom(
      ...['', '', '', ' ; note', '\r'],
      ...(kind === 'text' || kind === 'arguments'
        ? ['\n  -v', '\n# x\n   more', '\n\n  after']
        : []),
    ),
    upper: fc.boolean(),
  }),
);

/** Lines in their sections, the noise between them. */
const config = fc
  .record({
    lines: fc.uniqueArray(line, { maxLength: 8, selector: ({ key }) => key }),
    noise: fc.uniqueArray(fc.constantFrom(...noise), { maxLength: 2 }),
    shared: fc.boolean(),
    broken: fc.constantFrom(...broken, ...Array.from({ length: 20 }, () => null)),
  })
  .map((made) => {
    const sections = new Set(made.lines.map(({ key }) => key.split('.')[0] ?? ''));
    const inSection = (section: string) =>
      made.lines.filter(({ key }) => key.startsWith(`${section}.`));
    const text = [...sections].flatMap((section) => [
      `[${section}]`,
      ...made.noise.filter((one) => !one.startsWith('[')),
      ...inSection(section).map(({ key, delimiter, value, end, upper }) => {
        const name = key.split('.')[1] ?? '';
        return `${upper ? name.toUpperCase() : name}${delimiter}${value}${end}`;
      }),
    ]);
    const more = made.noise.filter((one) => one.startsWith('['));
    const shared = made.shared ? ['[DEFAULT]', 'remote_user = shared', 'ssh_args = -4'] : [];
    return [...text, ...more, ...shared, ...(made.broken === null ? [] : [made.broken]), ''].join(
      '\n',
    );
  });

const environment = fc
  .array(
    fc
      .constantFrom(...settings)
      .chain(({ kind, variables }) =>
        fc.tuple(fc.constantFrom(...variables), fc.constantFrom(...valuesOf[kind])),
      ),
    { maxLength: 3 },
  )
  .map((pairs) => Object.fromEntries(pairs));

describe.skipIf(interpreter === undefined)('ansible.cfg, against ansible-core', () => {
  it('is read as Ansible reads it', () => {
    const cases = fc.sample(fc.record({ text: config, env: environment }), {
      numRuns: 300,
      seed: 17,
    });
    const placed = place(cases);
    const { answers } = askAnsible(placed);
    for (const [index, { cwd, env }] of placed.entries()) {
      const own = plain(askKmend(cwd, env));
      const theirs = plain(answers[index] ?? null);
      const { text } = cases[index] ?? { text: '' };
      expect({ text, env, read: own }).toEqual({ text, env, read: theirs });
    }
    expect(answers.filter((one) => one !== null).length).toBeGreaterThan(150);
  });

  it('each setting of the tables is one of Ansible', () => {
    const { keys, variables } = askAnsible([]);
    const own = [
      ...settings,
      ...untakenSettings.map((one) => ({ keys: [one.key ?? ''], variables: [one.variable ?? ''] })),
    ];
    const ofPlugins = /_become_plugin\.|^ANSIBLE_(?:SUDO|SU|DOAS)_|paramiko|PARAMIKO|^$/;
    const unknown = own.flatMap((one) => [
      ...one.keys.filter((key) => !keys.includes(key)),
      ...one.variables.filter((name) => !variables.includes(name)),
    ]);
    expect(unknown.filter((name) => !ofPlugins.test(name))).toEqual([]);
  });
});
