// Every option that a message, a hint or a page names exists: flags of kmend or of the named other
// program, keys of the playbook schema.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { parseSync, Visitor } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { drainOptionNames } from '../../src/cli/node-flags.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { factDefs } from '../../src/facts/index.ts';
import { modules } from '../../src/modules/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Text {
  readonly at: string;
  readonly text: string;
}

const walk = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : path.endsWith('.ts') ? [path] : [];
  });

/**
 * Texts of the source that people may read: what is only one word is a key, what has several lines
 * is a script or a document.
 */
function textsOf(file: string): readonly Text[] {
  const at = relative(root, file);
  const texts: Text[] = [];
  const add = (text: string): void => {
    if (/\S \S/.test(text) && !text.includes('\n')) texts.push({ at, text });
  };
  new Visitor({
    Literal: ({ value }) => {
      if (typeof value === 'string') add(value);
    },
    TemplateLiteral: ({ quasis }) => add(quasis.map(({ value }) => value.cooked ?? '').join('…')),
  }).visit(parseSync(file, readFileSync(file, 'utf8')).program);
  return texts;
}

const inSource: readonly Text[] = walk(join(root, 'src')).flatMap(textsOf);
const pages = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));
const inPages: readonly Text[] = pages.flatMap((at) =>
  read(at)
    .split('\n')
    .map((text) => ({ at, text })),
);
const all = [...inSource, ...inPages];

const printed: string[] = [];
const program: Command = buildProgram(
  {
    version: '0',
    who: '',
    out: (line: string) => printed.push(line),
    err: () => {},
  } as unknown as World,
  () => {},
);
const commands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap(commands),
];
const flags = new Set([
  '--help',
  ...commands(program).flatMap((command) => command.options.map((option) => option.long ?? '')),
]);

/** Flags of other programs in our words and pages. */
const ofOthers: Readonly<Record<string, string>> = {
  '--collector': 'node_exporter',
  '--for': 'kubectl',
  '--value': 'timedatectl',
  '--target': 'aws',
  '--document-name': 'aws',
  '--parameters': 'aws',
  '--listen-on-stdin': 'gcloud',
  '--zone': 'gcloud',
  '--hostname': 'cloudflared',
  '--global': 'npm',
  '--schemafile': 'check-jsonschema',
  '--no-git-tag-version': 'npm',
  '--configure': 'dpkg',
  '--assumeno': 'dnf',
  '--with-new-pkgs': 'apt-get',
  '--reinstall': 'apt-get',
  '--cleandupes': 'package-cleanup',
  '--duplicates': 'dnf',
  '--kernel-memory': 'docker',
  '--default-kernel': 'grubby',
  '--set-default': 'grubby',
  '--update-kernel': 'grubby',
  '--args': 'grubby',
  '--cgroup-parent': 'docker',
  '--cgroups': 'podman',
  '--memory': 'docker',
  '--pids-limit': 'docker',
  '--pod-max-pids': 'kubelet',
  '--system-reserved': 'kubelet',
  '--kube-reserved': 'kubelet',
  '--feature-gates': 'kubelet',
  '--import': 'rpm',
  '--scripts': 'rpm',
  '--strip-components': 'tar',
  '--rebuilddb': 'rpm',
  '--qf': 'rpm',
  '--cleanup-only': 'yum-complete-transaction',
  '--disableexcludes': 'yum',
  '--disableplugin': 'yum',
  '--enable': 'yum-config-manager',
  '--disable': 'yum-config-manager',
  '--setopt': 'yum',
  '--downloadonly': 'yum',
  '--runtime': 'docker',
  '--now': 'systemctl',
  '--no-pager': 'systemctl',
  '--all-namespaces': 'kubectl',
  '--field-selector': 'kubectl',
  '--watch': 'kubectl',
  '--replicas': 'kubectl',
  '--build-arg': 'buildah',
  '--config': 'zypper',
  '--non-interactive': 'zypper',
  '--step': 'ansible-playbook',
  '--alert-filter-regexp': 'kured',
  '--annotate-nodes': 'kured',
  '--blocking-pod-selector': 'kured',
  '--concurrency': 'kured',
  '--drain-grace-period': 'kured',
  '--drain-pod-selector': 'kured',
  '--drain-timeout': 'kured',
  '--end-time': 'kured',
  '--force-reboot': 'kured',
  '--lock-release-delay': 'kured',
  '--metrics-port': 'kured',
  '--notify-url': 'kured',
  '--period': 'kured',
  '--prometheus-url': 'kured',
  '--reboot-command': 'kured',
  '--reboot-days': 'kured',
  '--reboot-delay': 'kured',
  '--skip-wait-for-delete-timeout': 'kured',
  '--slack-hook-url': 'kured',
  '--start-time': 'kured',
  '--time-zone': 'kured',
  '--project': 'vitest',
  '--kills': 'npm run test:chaos',
  '--seed': 'npm run test:chaos',
  '--parser': 'npm run fuzz',
  '--seconds': 'npm run fuzz',
  '--hosts': 'npm run bench',
  '--playbook-hosts': 'npm run bench',
  '--rounds': 'npm run bench',
};

const named = (texts: readonly Text[], pattern: RegExp): readonly (readonly [string, string])[] =>
  texts.flatMap(({ at, text }) =>
    [...text.matchAll(pattern)].map((match) => [match[1] ?? match[0], at] as const),
  );

describe('the help of a command', () => {
  it.each(commands(program).map((command) => [command.name(), command] as const))(
    '%s fits into 80 columns',
    (_, command) => {
      printed.length = 0;
      command.outputHelp();
      expect(printed.length).toBeGreaterThan(3);
      expect(printed.filter((line) => line.length > 80)).toEqual([]);
    },
  );
});

describe('flags', () => {
  const seen = named(all, /(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9](?![a-z0-9(-])/g);

  it('are of kmend, or of a program that is named here', () => {
    expect(seen.length).toBeGreaterThan(200);
    expect(seen.filter(([flag]) => !flags.has(flag) && ofOthers[flag] === undefined)).toEqual([]);
  });

  it('of other programs are all in use', () => {
    const used = new Set(seen.map(([flag]) => flag));
    expect(Object.keys(ofOthers).filter((flag) => !used.has(flag))).toEqual([]);
  });

  it('of `kmend drain` are all options of the module drain', () => {
    const drain = program.commands.find((command) => command.name() === 'drain');
    const own = new Set(drain?.options.map((option) => option.long));
    expect(
      drainOptionNames
        .map((name) => `--${name.replaceAll('_', '-')}`)
        .filter((flag) => !own.has(flag)),
    ).toEqual([]);
    // `kmend drain` is the drain, and as with kubectl the node stays cordoned after it.
    const inPlaysOnly = ['none', 'command', 'keep_cordoned'];
    const keys = [...childrenOf('drain')].filter((key) => !inPlaysOnly.includes(key));
    expect(keys.length).toBeGreaterThan(8);
    expect(keys.filter((key) => !own.has(`--${key.replaceAll('_', '-')}`))).toEqual([]);
  });
});

/** What pods and units run, without the name of the program. */
const contributed: readonly (readonly [string, readonly string[]])[] = [
  ...parseAllDocuments(read('contrib/kubernetes/worker.yaml'))
    .flatMap((one): readonly Container[] => one.toJS().spec?.template?.spec.containers ?? [])
    .flatMap(({ args, readinessProbe: probe }) => [
      args,
      ...(probe === undefined ? [] : [probe.exec.command.slice(1)]),
    ]),
  ...readdirSync(join(root, 'contrib/systemd')).flatMap((name) =>
    [...read(`contrib/systemd/${name}`).matchAll(/^ExecStart=.* kmend (.+)$/gm)].map(
      ([, words = '']) => words.split(' '),
    ),
  ),
].map((argv) => [argv.join(' '), argv]);

interface Container {
  readonly args: readonly string[];
  readonly readinessProbe?: { readonly exec: { readonly command: readonly string[] } };
}

describe('the commands of contrib', () => {
  it.each(contributed)('kmend %s: has these options', (_, argv) => {
    let [command, rest]: [Command, readonly string[]] = [program, argv];
    for (;;) {
      const below = command.commands.find((one) => one.name() === rest[0]);
      if (below === undefined) break;
      [command, rest] = [below, rest.slice(1)];
    }
    expect(command).not.toBe(program);
    const { unknown } = command.parseOptions([...rest]);
    expect(unknown).toEqual([]);
  });

  it('are all seen', () => expect(contributed.length).toBe(5));
});

interface Schema {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;
const schema: Schema = JSON.parse(read('docs/schema/playbook.json'));
const words = new Set<string>();
const children = new Map<string, Set<string>>();

/** Keys that may stand below a key: in one of its alternatives, or in the entries of its list. */
function keysIn(place: Schema): readonly string[] {
  const below = ['anyOf', 'oneOf', 'allOf', 'items', 'additionalProperties']
    .flatMap((name) => place[name] ?? [])
    .filter(isSchema);
  return [...Object.keys(place.properties ?? {}), ...below.flatMap(keysIn)];
}
function learn(place: unknown): void {
  if (!isSchema(place)) return;
  for (const [key, value] of Object.entries(place.properties ?? {})) {
    words.add(key);
    children.set(key, new Set([...(children.get(key) ?? []), ...keysIn(value)]));
  }
  for (const word of [place.enum ?? [], place.const ?? []].flat()) words.add(String(word));
  for (const value of Object.values(place)) learn(value);
}
learn(schema);
for (const { name } of factDefs) for (const word of name.split('.')) words.add(word);
const childrenOf = (key: string): ReadonlySet<string> => children.get(key) ?? new Set();

describe('keys of a playbook', () => {
  const inMapping = new RegExp(
    `(?<![\\w.])(?:${[...modules.keys(), 'rollout'].join('|')}): \\{ ?[a-z_]+`,
    'g',
  );

  it('that are named below a module or `rollout` stand there in the schema', () => {
    const dotted = named(all, /(?<![\w./])(rollout(?:\.(?!md\b|test\b)[a-z_]+)+)(?![\w(/-])/g);
    const paths = [...named(all, inMapping), ...dotted];
    expect(paths.length).toBeGreaterThan(40);
    const wrong = paths.filter(([text]) => {
      const keys = text.split(/: \{ ?|\./);
      return keys.some((key, index) => index > 0 && !childrenOf(keys[index - 1] ?? '').has(key));
    });
    expect(wrong).toEqual([]);
  });

  /** Words of the inventory, of verdicts, of failures and of databases. */
  const others = new Set([
    'node_name',
    'ansible_host',
    'kmem_kernels',
    'at_risk',
    'not_verified',
    'kept_out',
    'kmend_worker',
    'kmend_site',
    'pool_mode',
    'synchronous_standby_names',
  ]);
  const places =
    /^src\/(?:adapters\/kube|engine|core|screens|app|cli)\/|^src\/modules\/(?:drain|uncordon)\.ts$|^docs\/(?:kubernetes|rollout)\.md$/;

  it('that are one word with underscores exist, where a run and its nodes are spoken of', () => {
    const seen = named(
      all.filter(({ at }) => places.test(at)),
      /(?<![\w./$-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w/(])/g,
    );
    expect(seen.length).toBeGreaterThan(100);
    expect(seen.filter(([word]) => !words.has(word) && !others.has(word))).toEqual([]);
  });
});
