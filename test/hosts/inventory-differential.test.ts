// Inventories and patterns that are made at random, read by kmend and by the Ansible that is
// installed here: both must agree.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  inventoryGraph,
  inventoryList,
  listTagsText,
  listTasksText,
  loadInventory,
  loadPlaybook,
  type Read,
  type Reader,
  resolvePattern,
  sortedJson,
} from '../../src/load/index.ts';
import { globMatcher } from '../../src/load/inventory/glob.ts';
import { iniValue } from '../../src/load/inventory/python-literal.ts';
import { hasErrors } from '../../src/model/diagnostic.ts';
import type { Inventory } from '../../src/model/host.ts';
import { smallModules } from '../fakes/small-modules.ts';

const interpreter = ansiblePython();
const scratch = mkdtempSync(join(tmpdir(), 'kmend-differential-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function ansiblePython(): string | undefined {
  if (!existsSync('/usr/bin/ansible-inventory')) return undefined;
  const first = readFileSync('/usr/bin/ansible-inventory', 'utf8').split('\n')[0] ?? '';
  return first.startsWith('#!') ? first.slice(2).trim() : undefined;
}

const readText = (path: string): Read =>
  existsSync(path)
    ? { ok: true, text: readFileSync(path, 'utf8') }
    : { ok: false, why: 'there is no such file' };
const disk: Reader = {
  readText,
  readFound: readText,
  readData: readText,
  list: (path) =>
    existsSync(path) && statSync(path).isDirectory() ? readdirSync(path) : undefined,
};

interface Case {
  /** Files by name; the inventories are those without a slash, in order. */
  readonly files: Readonly<Record<string, string>>;
  readonly patterns: readonly string[];
}

interface Answer {
  readonly broken: boolean;
  readonly hostvars: Readonly<Record<string, unknown>>;
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Per pattern: hosts, or null for an error. */
  readonly patterns: readonly (readonly string[] | null)[];
}

// One process for all cases: starting Ansible takes longer than what it is asked.
const script = `
import json, sys, warnings
from ansible.parsing.dataloader import DataLoader
from ansible.inventory.manager import InventoryManager
from ansible.vars.manager import VariableManager
from ansible.plugins.loader import init_plugin_loader
from ansible import constants as C
init_plugin_loader()
def plain(x):
    if isinstance(x, dict): return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, set)): return [plain(v) for v in x]
    if isinstance(x, bool) or x is None: return x
    if isinstance(x, (int, float)): return x + 0
    return str(x)
out = []
for case in json.load(sys.stdin):
    loader = DataLoader()
    try:
        inv = InventoryManager(loader=loader, sources=case['sources'])
        vm = VariableManager(loader=loader, inventory=inv)
        drop = {'inventory_file','inventory_dir','inventory_hostname','inventory_hostname_short','group_names','groups','omit','playbook_dir','ansible_playbook_python','ansible_config_file','hostvars','ansible_version','ansible_facts'}
        hv = {h.name: {k: plain(v) for k, v in vm.get_vars(host=h, include_hostvars=False).items() if k not in drop} for h in inv.get_hosts('all')}
        groups = {g: sorted(h.name for h in inv.groups[g].get_hosts()) for g in inv.groups}
        pats = []
        for p in case['patterns']:
            try: pats.append([h.name for h in inv.get_hosts(p)])
            except Exception as e: pats.append(None)
        out.append({'broken': False, 'hostvars': hv, 'groups': groups, 'patterns': pats})
    except Exception as e:
        out.append({'broken': True, 'why': str(e), 'hostvars': {}, 'groups': {}, 'patterns': []})
print(json.dumps(out))
`;

function askAnsible(cases: readonly Case[]): {
  readonly answers: readonly Answer[];
  readonly sources: readonly (readonly string[])[];
} {
  const sources = cases.map((one, index) => {
    const dir = join(scratch, `case-${index}-${Math.abs(hash(JSON.stringify(one)))}`);
    for (const [name, text] of Object.entries(one.files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    return Object.keys(one.files)
      .filter((name) => !name.includes('/'))
      .map((name) => join(dir, name));
  });
  const input = JSON.stringify(
    cases.map((one, index) => ({ sources: sources[index], patterns: one.patterns })),
  );
  const file = join(scratch, 'ask.py');
  writeFileSync(file, script);
  const env = {
    ...process.env,
    ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED: '1',
    ANSIBLE_LOCALHOST_WARNING: '0',
  };
  const text = execFileSync(interpreter ?? '', [file], {
    input,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return { answers: JSON.parse(text.slice(text.indexOf('[{'))), sources };
}

const hash = (text: string): number =>
  [...text].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7);

/** What Python's own functions make of each text. */
const askPython = (program: string, input: unknown): unknown =>
  JSON.parse(
    execFileSync(interpreter ?? '', ['-W', 'ignore', '-c', program], {
      input: JSON.stringify(input),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    }),
  );

const literals = `
import ast, json, sys
def plain(x):
    if x is ...: return '...'
    if isinstance(x, complex): return str(x)
    if isinstance(x, (list, tuple, set)): return [plain(v) for v in x]
    return x
def read(text):
    try:
        value = plain(ast.literal_eval(text))
        json.dumps(value, allow_nan=False)
        return value
    except (ValueError, SyntaxError): return text
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`;

const globs = `
import fnmatch, json, sys
globs, names = json.load(sys.stdin)
print(json.dumps([[name for name in names if fnmatch.fnmatchcase(name, glob)] for glob in globs]))
`;

// ---- Inventories at random ----

const groupNames = ['web', 'db', 'zone_a', 'rack1', 'rack2', 'site', 'canary'];
const hostPatterns = [
  'n1',
  'n2',
  'node[01:03]',
  'db-[a:c]',
  'x[1:9:3]',
  'r[1:2]-[a:b]',
  'h.example.org',
  'node02',
  'db-a',
  'k[08:11]',
  'p:2222',
];
const iniValues = [
  '1',
  '01',
  '1.5',
  '20.10',
  'yes',
  'True',
  'None',
  '"q"',
  '\'"20.10"\'',
  '[1,2]',
  "{'k':'v'}",
  '0x1F',
  '1_000',
  '10,000',
  'a=b',
  '-3',
  '1e3',
  'C:\\temp',
  '()',
  '0b11',
  "'a b'",
  '1+2j',
  '"a" "b"',
  '08',
  '1__0',
  '.5',
  '5.',
  'null',
  '--1',
  '+-1',
  '+1',
  '0777',
  '~1',
];
const yamlValues = [
  '1',
  '010',
  '1.5',
  '20.10',
  'yes',
  'off',
  '~',
  '"q"',
  "'20.10'",
  '[1, 2]',
  '{k: v}',
  '0x1F',
  '1_000',
  '22:30',
  '1e3',
  '0o17',
  '0b11',
  '-3',
  '.5',
  '+1',
  'text',
  '1.5e+3',
  '12e03',
  '-0',
  '1:2:3',
  '2020-01-01x',
  '0.1',
];
const names = ['a', 'b', 'ntp', 'zone', 'peer'];

const variable = (values: readonly string[]) =>
  fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values));

const iniInventory = fc
  .record({
    loose: fc.array(fc.constantFrom(...hostPatterns), { maxLength: 2 }),
    groups: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...groupNames),
        hosts: fc.array(
          fc.tuple(
            fc.constantFrom(...hostPatterns),
            fc.array(variable(iniValues.filter((value) => !/ /.test(value))), { maxLength: 2 }),
          ),
          { maxLength: 4 },
        ),
        vars: fc.array(variable(iniValues), { maxLength: 3 }),
        priority: fc.option(fc.integer({ min: 0, max: 5 })),
      }),
      { minLength: 1, maxLength: 6, selector: (group) => group.name },
    ),
    links: fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 5 }),
  })
  .map(({ loose, groups, links }) => {
    const lines = [...loose];
    for (const { name, hosts, vars, priority } of groups) {
      lines.push(
        `[${name}]`,
        ...hosts.map(([host, more]) =>
          [host, ...more.map(([key, value]) => `${key}=${value}`)].join(' '),
        ),
      );
      lines.push(
        `[${name}:vars]`,
        ...vars.map(([key, value]) => `${key}=${value}`),
        ...(priority === null ? [] : [`ansible_group_priority=${priority}`]),
      );
    }
    // Only from an earlier group to a later one: no circles.
    for (const [from, to] of links) {
      const [parent, child] = [
        groups[Math.min(from, to) % groups.length],
        groups[Math.max(from, to) % groups.length],
      ];
      if (
        parent !== undefined &&
        child !== undefined &&
        groups.indexOf(parent) < groups.indexOf(child)
      )
        lines.push(`[${parent.name}:children]`, child.name);
    }
    return `${lines.join('\n')}\n`;
  });

interface YamlGroup {
  readonly hosts: readonly (readonly [string, readonly (readonly [string, string])[]])[];
  readonly vars: readonly (readonly [string, string])[];
  readonly children: readonly (readonly [string, YamlGroup])[];
}

const yamlGroup = (depth: number): fc.Arbitrary<YamlGroup> =>
  fc.record({
    hosts: fc.uniqueArray(
      fc.tuple(
        fc.constantFrom(...hostPatterns),
        fc.uniqueArray(variable(yamlValues), { maxLength: 2, selector: ([key]) => key }),
      ),
      {
        maxLength: 3,
        selector: ([host]) => host,
      },
    ),
    vars: fc.uniqueArray(variable(yamlValues), { maxLength: 3, selector: ([key]) => key }),
    children:
      depth === 0
        ? fc.constant([])
        : fc.uniqueArray(
            fc.tuple(
              fc.constantFrom(...groupNames).map((name) => `${name}_${depth}`),
              yamlGroup(depth - 1),
            ),
            { maxLength: 3, selector: ([name]) => name },
          ),
  });

function yamlText(name: string, group: YamlGroup, indent: string): string {
  const inner = `${indent}    `;
  const lines = [`${indent}${name}:`];
  if (group.hosts.length > 0) lines.push(`${indent}  hosts:`);
  for (const [host, more] of group.hosts) {
    lines.push(`${inner}${host.includes(':') || host.includes('[') ? `"${host}"` : host}:`);
    for (const [key, value] of more) lines.push(`${inner}  ${key}: ${value}`);
  }
  if (group.vars.length > 0)
    lines.push(`${indent}  vars:`, ...group.vars.map(([key, value]) => `${inner}${key}: ${value}`));
  if (group.children.length > 0)
    lines.push(
      `${indent}  children:`,
      ...group.children.map(([child, body]) => yamlText(child, body, inner)),
    );
  return lines.join('\n');
}

const varsFile = fc
  .uniqueArray(variable(yamlValues), { minLength: 1, maxLength: 3, selector: ([key]) => key })
  .map((vars) => `${vars.map(([key, value]) => `${key}: ${value}`).join('\n')}\n`);

const varsFiles = (groups: readonly string[]) =>
  fc.dictionary(
    fc.oneof(
      fc
        .tuple(fc.constantFrom('all', ...groups), fc.constantFrom('', '.yml', '.yaml', '.json'))
        .map(([group, ending]) => `group_vars/${group}${ending}`),
      fc
        .tuple(
          fc.constantFrom('n1', 'node02', 'db-a'),
          fc.constantFrom('', '.yml', '/a.yml', '/b.yaml'),
        )
        .map(([host, ending]) => `host_vars/${host}${ending}`),
    ),
    varsFile,
    { maxKeys: 4 },
  );

// A name cannot be a file and a directory at once.
const consistent = (files: Readonly<Record<string, string>>) =>
  Object.keys(files).every(
    (name) => !Object.keys(files).some((other) => other.startsWith(`${name}/`)),
  );

const flatCase: fc.Arbitrary<Readonly<Record<string, string>>> = fc
  .tuple(
    fc.oneof(
      iniInventory.map((text) => ({ 'hosts.ini': text })),
      yamlGroup(2).map((group) => ({ 'hosts.yml': `${yamlText('all', group, '')}\n` })),
      iniInventory.map((text) => ({ hosts: text })),
      fc
        .tuple(
          yamlGroup(2),
          fc.constantFrom('all:', 'all: # fleet', '"all":', "'all' :", '# c\n\nall:', '---\nall:'),
        )
        .map(([group, head]) => ({
          hosts: `${yamlText('all', group, '').replace('all:', head)}\n`,
        })),
      fc.tuple(iniInventory, iniInventory).map(([a, b]) => ({ 'a.ini': a, 'b.ini': b })),
    ),
    varsFiles(groupNames),
  )
  .map(([inventory, files]) => ({ ...files, ...inventory }))
  .filter(consistent);

const atom = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'all',
      '*',
      'web',
      'db',
      'zone_a',
      'rack1',
      'site',
      'web_2',
      'db_1',
      'ungrouped',
      'n1',
      'node02',
      'db-a',
      'nosuch',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'node*',
      'db-?',
      'w*',
      '~node0[13]',
      '~(web|db)',
      'n[!1]',
      'NODE*',
      'node0',
      '*.org',
      'h.example.org',
      'node0[1-3]',
      '~x.$',
      'x[147]',
      'n[!]',
      'node0[]',
      'node0[!13]',
      'node0[^1]',
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('all', 'web', 'db', 'node*', 'nosuch', 'rack1'),
        fc.constantFrom(
          '[0]',
          '[-1]',
          '[1:2]',
          '[1:]',
          '[0:100]',
          '[99]',
          '[2:0]',
          '[3:1]',
          '[-2:]',
          '[1-2]',
          '[-9]',
        ),
      )
      .map(([name, subscript]) => `${name}${subscript}`),
  },
);
const pattern = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom('', '', '', '!', '&'), atom), { minLength: 1, maxLength: 4 }),
    fc.constantFrom(':', ',', ' ', ', '),
  )
  .map(([parts, separator]) => parts.map(([sign, name]) => sign + name).join(separator));

const load = (sources: readonly string[]) => loadInventory(sources, { reader: disk });

/**
 * kmend refuses what Ansible lets pass: an exclusion of nothing. Such patterns are not compared.
 */
const isOurChoice = (text: string, inventory: Inventory): boolean =>
  resolvePattern(text, inventory).diagnostics.some((one) =>
    ['exclusion-matches-nothing', 'empty-pattern'].includes(one.code),
  );

/** Host order of groups nested two deep is chance in Ansible: there the same hosts are enough. */
const isNested = (inventory: Inventory): boolean =>
  [...inventory.groups.values()]
    .filter((group) => group.name !== 'all')
    .some((group) => group.children.length > 0);

describe.skipIf(interpreter === undefined)('compared with the installed ansible-core', () => {
  const seed = Number(process.env.KMEND_SEED ?? Math.floor(Math.random() * 1e9));
  const count = Number(process.env.KMEND_CASES ?? 150);
  const cases: readonly Case[] = fc
    .sample(fc.tuple(flatCase, fc.array(pattern, { minLength: 8, maxLength: 8 })), {
      numRuns: count,
      seed,
    })
    .map(([files, patterns]) => ({ files, patterns }));
  const { answers, sources } =
    interpreter === undefined ? { answers: [], sources: [] } : askAnsible(cases);

  it(`reads ${count} inventories to the same hosts, groups and variables (KMEND_SEED=${seed})`, () => {
    let good = 0;
    for (const [index, answer] of answers.entries()) {
      const read = load(sources[index] ?? []);
      const files = JSON.stringify(cases[index]?.files, null, 1);
      if (hasErrors(read.diagnostics)) {
        const empty = read.diagnostics.every(
          (one) => one.severity === 'warning' || one.code === 'empty-inventory',
        );
        if (empty) continue;
        expect(answer.broken, `${files}\n${JSON.stringify(read.diagnostics)}`).toBe(true);
        continue;
      }
      expect(answer.broken, files).toBe(false);
      good++;
      const hosts = [...(read.value?.hosts.values() ?? [])];
      expect(Object.fromEntries(hosts.map((host) => [host.name, host.vars])), files).toEqual(
        answer.hostvars,
      );
      const members = [...(read.value?.groups.keys() ?? [])].map((group) => {
        const found = hosts
          .filter((host) => group === 'all' || host.groups.includes(group))
          .map((host) => host.name);
        return [group, found.sort()];
      });
      expect(Object.fromEntries(members), files).toEqual(answer.groups);
    }
    expect(good).toBeGreaterThan(count / 2);
  });

  it(`finds the same hosts for ${count * 8} patterns (KMEND_SEED=${seed})`, () => {
    let compared = 0;
    for (const [index, answer] of answers.entries()) {
      const inventory = load(sources[index] ?? []).value;
      if (inventory === undefined || answer.broken || inventory.hosts.size === 0) continue;
      for (const [at, text] of (cases[index]?.patterns ?? []).entries()) {
        if (isOurChoice(text, inventory)) continue;
        const theirs = answer.patterns[at] ?? null;
        const found = resolvePattern(text, inventory).value ?? null;
        const nested = isNested(inventory);
        const label = `${text}\n${JSON.stringify(cases[index]?.files, null, 1)}`;
        if (nested && /\[-?\d/.test(text)) continue;
        expect(nested ? [...(found ?? ['(error)'])].sort() : found, label).toEqual(
          nested ? [...(theirs ?? ['(error)'])].sort() : theirs,
        );
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(count * 3);
  });

  it.each<[string, string]>([
    ['hosts', 'n1:\n[web]\nn2\n'],
    ['hosts', 'n1\nn2:\n'],
    ['h.ini', 'n[1:3\n'],
    ['h.ini', 'n[a]\n'],
    ['h.ini', 'n[]\n'],
    ['h.ini', 'all:\n  hosts:\n    n1:\n'],
    ['h.yml', 'all: {hosts: {"n[1:3": }}\n'],
    ['h.yml', 'all: {hosts: {"n[a]": }}\n'],
    ['hosts', 'all:\n  hosts:\n\tn1:\n'],
  ])('both refuse %s: %j', (name, text) => {
    const { answers: theirs, sources: paths } = askAnsible([
      { files: { [name]: text }, patterns: [] },
    ]);
    expect(theirs[0]?.broken).toBe(true);
    expect(hasErrors(load(paths[0] ?? []).diagnostics)).toBe(true);
  });

  it(`reads numbers of INI files as literal_eval does (KMEND_SEED=${seed})`, () => {
    const piece = fc.constantFrom(
      '-',
      '+',
      '~',
      '0',
      '1',
      '7',
      '8',
      '_',
      '.',
      'e',
      'j',
      'x',
      'o',
      'b',
      'f',
      '(',
      ')',
      ' ',
      ',',
    );
    const texts = fc
      .sample(fc.array(piece, { minLength: 1, maxLength: 7 }), { numRuns: count * 100, seed })
      .map((parts) => parts.join(''));
    const theirs = askPython(literals, texts);
    // Large imaginary parts are shown with other digits; nobody's variable is one.
    const isSafe = (text: string): boolean => !/e.*j/.test(text);
    const pairs = (values: unknown) =>
      Array.isArray(values)
        ? texts.flatMap((text, at) => (isSafe(text) ? [[text, values[at]]] : []))
        : [];
    expect(JSON.stringify(pairs(texts.map(iniValue)))).toBe(JSON.stringify(pairs(theirs)));
  });

  it(`matches globs as fnmatch does (KMEND_SEED=${seed})`, () => {
    const text = (maxLength: number) =>
      fc.string({ unit: fc.constantFrom(...'[]!^-ab*?c\\.'), maxLength });
    // fnmatch drops an empty range without looking where it stood: the `!` behind it then negates
    // the class.
    const isSound = (glob: string): boolean => !/\[(?:[^!]-.)+!/.test(glob);
    const patterns = fc.sample(text(9), { numRuns: count * 50, seed }).filter(isSound);
    const hosts = [
      ...new Set([...fc.sample(text(4), { numRuns: 60, seed }), 'a', 'b', 'c', '!', '^', '-']),
    ];
    const found = patterns.map((glob) => [glob, hosts.filter(globMatcher(glob))]);
    const theirs = askPython(globs, [patterns, hosts]);
    expect(found).toEqual(
      Array.isArray(theirs) ? patterns.map((glob, at) => [glob, theirs[at]]) : [],
    );
  });

  describe('its commands print the same text', () => {
    const run = (program: string, ...args: string[]): string =>
      execFileSync(program, args, {
        cwd: scratch,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trimEnd();
    const text = `all:
  vars: {ntp: a, f: 20.5}
  hosts:
    lone: {l: [], m: {}, quote: "it's", both: ["it's", 'say "x"']}
  children:
    web:
      hosts:
        n2: {z: 1, a: [1, {b: c}], none: }
        n1:
      vars: {w: , t: true, tpl: "{{ ntp }}"}
    site: {children: {web: , empty: }}
`;
    const write = (): Inventory => {
      writeFileSync(join(scratch, 'h.yml'), text);
      const { value } = load([join(scratch, 'h.yml')]);
      if (value === undefined) throw new Error('this inventory is broken');
      return value;
    };

    it('ansible-inventory --list, --host, --graph', () => {
      const inventory = write();
      expect(sortedJson(inventoryList(inventory))).toBe(
        run('ansible-inventory', '-i', 'h.yml', '--list'),
      );
      expect(sortedJson(inventoryList(inventory, ['n1']))).toBe(
        run('ansible-inventory', '-i', 'h.yml', '--list', '--limit', 'n1'),
      );
      expect(sortedJson(inventory.hosts.get('n2')?.vars ?? {})).toBe(
        run('ansible-inventory', '-i', 'h.yml', '--host', 'n2'),
      );
      expect(inventoryGraph(inventory).value?.join('\n')).toBe(
        run('ansible-inventory', '-i', 'h.yml', '--graph'),
      );
      expect(inventoryGraph(inventory, 'site', true).value?.join('\n')).toBe(
        run('ansible-inventory', '-i', 'h.yml', '--graph', 'site', '--vars'),
      );
      expect(inventoryGraph(inventory, 'all', true).value?.join('\n')).toBe(
        run('ansible-inventory', '-i', 'h.yml', '--graph', '--vars'),
      );
    });

    it('ansible-playbook --list-tasks, --list-tags', () => {
      const inventory = write();
      const playbook = `- hosts: web
  tags: p
  tasks:
    - command: uptime
    - {name: Named, command: uptime, tags: [b, a]}
    - block: [{name: inner, command: uptime, tags: x}]
      tags: y
- {name: second, hosts: all, tasks: []}
`;
      writeFileSync(join(scratch, 'p.yml'), playbook);
      const loaded = loadPlaybook('p.yml', playbook, {
        modules: smallModules,
        facts: [],
        inventory,
      }).value ?? { file: '', plays: [], files: [] };
      expect(listTasksText(loaded).join('\n')).toBe(
        run('ansible-playbook', '-i', 'h.yml', 'p.yml', '--list-tasks'),
      );
      expect(listTagsText(loaded).join('\n')).toBe(
        run('ansible-playbook', '-i', 'h.yml', 'p.yml', '--list-tags'),
      );
    });
  });
});
