// Modules that only read, against those of the installed ansible-core on this machine: the same
// results, whatever the module.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isList, isMapping, type Mapping, type Value } from '../../src/model/value.ts';
import { planOf } from '../modules/laws.ts';
import { answersOf, wantsOf } from '../modules/readings.ts';

const hasAnsible = spawnSync('ansible-playbook', ['--version']).status === 0;

/** What Ansible gives beside the result of the module. */
const around = ['ansible_loop_var', 'item', 'invocation', 'changed', 'failed', 'warnings'];

function without(result: Mapping, names: readonly string[]): Mapping {
  return Object.fromEntries(Object.entries(result).filter(([name]) => !names.includes(name)));
}

describe.skipIf(!hasAnsible)('readings as those of ansible-core (skipped without it)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-readings-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const tasks: readonly (readonly [name: string, module: string, args: Mapping])[] = [
    ...['file', 'dir', 'link', 'dangling', 'none', 'dev-null', 'suid'].map(
      (name) => [`stat ${name}`, 'stat', { path: join(dir, name) }] as const,
    ),
    ['stat followed', 'stat', { path: join(dir, 'link'), follow: true, checksum_algorithm: 'md5' }],
    ['stat device', 'stat', { path: '/dev/null' }],
    ...['file', 'suid', 'none', 'dir'].map(
      (name) => [`slurp ${name}`, 'slurp', { src: join(dir, name) }] as const,
    ),
    ...finds.map((args, index): [string, string, Mapping] => [
      `find ${index} ${JSON.stringify(args)}`,
      'find',
      { paths: join(dir, 'tree'), ...args },
    ]),
    ['find elsewhere', 'find', { paths: [join(dir, 'none'), `${dir}//dir/`], file_type: 'any' }],
    ['package_facts', 'package_facts', {}],
    ['stat below a file', 'stat', { path: join(dir, 'file/x') }],
  ];
  let said: Mapping = {};

  beforeAll(() => {
    writeFileSync(join(dir, 'file'), 'hi\n');
    writeFileSync(join(dir, 'suid'), '#!/bin/sh\n', { mode: 0o755 });
    spawnSync('chmod', ['6751', join(dir, 'suid')]);
    mkdirSync(join(dir, 'dir'));
    plant(join(dir, 'tree'));
    symlinkSync('file', join(dir, 'link'));
    symlinkSync('nowhere', join(dir, 'dangling'));
    symlinkSync('/dev/null', join(dir, 'dev-null'));
    said = byAnsible(dir, tasks);
  }, 180_000);

  it.each(tasks)('%s', (name, module, args) => {
    const facts = answersOf(wantsOf(module, args), (script) => {
      const ran = spawnSync('sh', ['-s'], { input: script, encoding: 'utf8' });
      return { code: ran.status, out: ran.stdout, err: ran.stderr };
    });
    const plan = planOf(module, { args, facts });
    const theirs = said[name];
    if (!isMapping(theirs)) throw new Error(`Ansible says nothing about ${name}`);
    expect(plan.unmet !== undefined, 'it fails where Ansible fails').toBe(theirs.failed === true);
    if (theirs.failed === true) return;
    if (module === 'package_facts')
      return expect(withoutOrigin(plan.sets?.['ansible_facts.packages'])).toEqual(
        withoutOrigin(isMapping(theirs.ansible_facts) ? theirs.ansible_facts.packages : {}),
      );
    expect(rounded(inOrder(plan.result ?? {}))).toEqual(rounded(inOrder(without(theirs, around))));
  });
});

const finds: readonly Mapping[] = [
  {},
  { recurse: true },
  { recurse: true, file_type: 'any', hidden: true },
  { recurse: true, file_type: 'any', depth: 1 },
  { recurse: true, file_type: 'any', depth: 2, hidden: true },
  { recurse: true, file_type: 'directory' },
  { recurse: true, file_type: 'link', hidden: true },
  { patterns: '*.log,*.txt', recurse: true },
  { patterns: ['*.LOG', '[!a]*', 'a?b*'], recurse: true },
  { patterns: ['[]]*', '[', '[a-c]*', '[^a]*', 'x\\*'], recurse: true },
  { patterns: ['?.txt', 'na?ve*'], recurse: true, hidden: true },
  { patterns: '*', excludes: '*.log', recurse: true },
  { excludes: ['a*', '.*'], recurse: true, hidden: true, file_type: 'any' },
  { patterns: ['.*\\.log$', 'a'], use_regex: true, recurse: true },
  { patterns: '^b', excludes: '.*x', use_regex: true, recurse: true, file_type: 'any' },
  { age: '1d', recurse: true },
  { age: '-1d', recurse: true, file_type: 'any' },
  { age: '2w', age_stamp: 'atime', recurse: true },
  { size: '1k', recurse: true },
  { size: '-1k', recurse: true, file_type: 'any' },
  { size: '0', recurse: true },
];

/** A tree with names, sizes and ages of all kinds. */
function plant(root: string): void {
  mkdirSync(join(root, 'sub/deep/deeper'), { recursive: true });
  mkdirSync(join(root, '.hid/in'), { recursive: true });
  const names = [
    'a.log',
    'b.LOG',
    'a b.txt',
    'naïve.txt',
    'x\\y',
    ']z',
    '[',
    '^c',
    'n.txt',
    "it's",
    '.dot.log',
  ];
  for (const [index, name] of names.entries())
    for (const place of ['', 'sub', 'sub/deep', 'sub/deep/deeper', '.hid/in'].slice(
      0,
      1 + (index % 5),
    ))
      writeFileSync(join(root, place, name), 'x'.repeat(index * 200));
  symlinkSync('a.log', join(root, 'link.log'));
  symlinkSync('sub', join(root, 'link-to-sub'));
  symlinkSync('nowhere', join(root, 'sub/dangling'));
  spawnSync('mkfifo', [join(root, 'pipe')]);
  spawnSync('chmod', ['6711', join(root, 'a.log')]);
  spawnSync('chown', ['12345:54321', join(root, 'sub/n.txt')]);
  const old = Date.now() / 1000 - 20 * 86_400;
  for (const name of ['a.log', 'sub/b.LOG', 'sub/deep']) {
    if (existsSync(join(root, name))) utimesSync(join(root, name), old, old);
  }
}

/** A directory has no order. */
const inOrder = (result: Mapping): Mapping =>
  isList(result.files)
    ? {
        ...result,
        files: result.files.toSorted((one, other) =>
          JSON.stringify(isMapping(one) ? one.path : '') <
          JSON.stringify(isMapping(other) ? other.path : '')
            ? -1
            : 1,
        ),
      }
    : result;

/** In apt's lists, which dpkg does not read; they may have another `category`. */
function withoutOrigin(packages: Value | undefined): Mapping {
  const plain = Object.entries(isMapping(packages) ? packages : {}).map(([name, rows]) => [
    name,
    isList(rows)
      ? rows.map((row) => (isMapping(row) ? without(row, ['origin', 'category']) : row))
      : rows,
  ]);
  return Object.fromEntries(plain);
}

/** Times without what a float does not hold; whoever reads a file first changes its `atime`. */
function rounded(value: Value): Value {
  if (typeof value === 'number') return Number(value.toFixed(5));
  if (isList(value)) return value.map(rounded);
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, name === 'atime' ? 0 : rounded(one)]),
  );
}

/** Runs all tasks in one play on this machine; the results by the names of the tasks. */
function byAnsible(
  dir: string,
  tasks: readonly (readonly [name: string, module: string, args: Mapping])[],
): Mapping {
  const book = join(dir, 'play.yml');
  const results = join(dir, 'results.json');
  const registered = tasks.map(([name], index) => [name, `{{ r${index} }}`]);
  const play = {
    ...{ hosts: 'localhost', gather_facts: false },
    tasks: [
      ...tasks.map(([, module, args], index) => ({
        ...{ [`ansible.builtin.${module}`]: args, register: `r${index}`, ignore_errors: true },
      })),
      {
        copy: { content: '{{ all | to_json }}', dest: results },
        vars: { all: Object.fromEntries(registered) },
      },
    ],
  };
  writeFileSync(book, JSON.stringify([play]));
  const ran = spawnSync(
    'ansible-playbook',
    ['-i', 'localhost,', '-c', 'local', '-e', 'ansible_python_interpreter=/usr/bin/python3', book],
    {
      encoding: 'utf8',
      timeout: 170_000,
      env: { ...process.env, ANSIBLE_LOCALHOST_WARNING: 'false', ANSIBLE_NOCOLOR: '1' },
    },
  );
  if (ran.status !== 0) throw new Error(ran.stdout + ran.stderr);
  return JSON.parse(readFileSync(results, 'utf8')) as Mapping;
}
