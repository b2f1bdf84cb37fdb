// Modules that only read, against those of the installed ansible-core on this machine: the same
// results, whatever the module.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isList, isMapping, type Mapping, type Value } from '../../src/model/value.ts';
import { planOf } from '../modules/laws.ts';
import { answersOf, wantsOf } from '../modules/readings.ts';

const hasAnsible = spawnSync('ansible-playbook', ['--version']).status === 0;

/** What Ansible gives beside the result of the module. */
const around = ['ansible_loop_var', 'item', 'invocation', 'changed', 'failed'];

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
    ['package_facts', 'package_facts', {}],
    ['stat below a file', 'stat', { path: join(dir, 'file/x') }],
  ];
  let said: Mapping = {};

  beforeAll(() => {
    writeFileSync(join(dir, 'file'), 'hi\n');
    writeFileSync(join(dir, 'suid'), '#!/bin/sh\n', { mode: 0o755 });
    spawnSync('chmod', ['6751', join(dir, 'suid')]);
    mkdirSync(join(dir, 'dir'));
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
    if (module === 'package_facts') return expect(plan.sets).toEqual(withoutOrigin(theirs));
    expect(rounded(plan.result ?? {})).toEqual(rounded(without(theirs, around)));
  });
});

/** In apt's lists, which dpkg does not read; they may have another `category`. */
function withoutOrigin({ ansible_facts: facts }: Mapping): Mapping {
  const packages = isMapping(facts) && isMapping(facts.packages) ? facts.packages : {};
  const plain = Object.entries(packages).map(([name, rows]) => [
    name,
    isList(rows)
      ? rows.map((row) => (isMapping(row) ? without(row, ['origin', 'category']) : row))
      : rows,
  ]);
  return { 'ansible_facts.packages': Object.fromEntries(plain) };
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
