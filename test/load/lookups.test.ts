// `lookup` and `query`: read from this machine while a playbook is loaded, found where Ansible finds it,
// data from then on, and remembered for the digests of a plan.
import { describe, expect, it } from 'vitest';
import { renderDeep } from '../../src/expression/index.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { BlockTask, ModuleTask, Play, Task } from '../../src/model/playbook.ts';
import type { Mapping, Value } from '../../src/model/value.ts';
import { smallModules } from '../fakes/small-modules.ts';
import { tableReader } from '../fakes/table-reader.ts';

const env = { HOME: '/root', BRACES: '{{ nope }}', EMPTY: '', A_TOKEN: 'sesame', __proto__x: 'p' };
const load = (
  text: string,
  files: Readonly<Record<string, string>> = {},
  extraVars: Mapping = {},
) =>
  loadPlaybook('site/p.yml', text, {
    modules: smallModules,
    facts: [],
    extraVars,
    reader: tableReader(files),
    env,
    cwd: '/srv',
  });

const play = (text: string): string => `- hosts: all\n${text.replace(/^/gm, '  ')}\n`;
const errorsOf = (text: string, files = {}): readonly string[] =>
  load(text, files).diagnostics.map(
    ({ place, code, summary, hint }) =>
      `${place?.file}:${place?.line}:${place?.column} ${code}: ${summary} (${hint})`,
  );

interface Found {
  readonly task: ModuleTask;
  readonly blocks: readonly BlockTask[];
}
const flat = (tasks: readonly Task[], blocks: readonly BlockTask[] = []): readonly Found[] =>
  tasks.flatMap((task): readonly Found[] =>
    task.kind === 'block' ? flat(task.tasks, [task, ...blocks]) : [{ task, blocks }],
  );

const inventory = { hosts: new Map(), groups: new Map(), files: [] };

/** What the variable `x`, or the loop, of each task is where it is walked. */
function seen(text: string, files = {}, extraVars: Mapping = {}): readonly Value[] {
  const { value, diagnostics } = load(text, files, extraVars);
  if (value === undefined) throw new Error(JSON.stringify(diagnostics, null, 1));
  return value.plays.flatMap((one: Play) =>
    flat(one.tasks).map(({ task, blocks }) => {
      const scope = hostScope(inventory, 'h', {
        extraVars,
        playVars: one.vars,
        taskVars: [task, ...blocks],
      });
      const shown = renderDeep(task.loop ?? '{{ x }}', scope);
      return shown.kind === 'value' ? shown.value : shown.kind;
    }),
  );
}
const task = (x: string): string => play(`tasks:\n- nothing:\n  vars: {x: ${JSON.stringify(x)}}`);

describe('env', () => {
  it.each([
    ["{{ lookup('env', 'HOME') }}", '/root'],
    ["{{ lookup('ansible.builtin.env', 'HOME') ~ '/x' }}", '/root/x'],
    ["{{ query('env', 'HOME', 'EMPTY') }}", ['/root', '']],
    ["{{ q('env', 'HOME') }}", ['/root']],
    ["{{ lookup('env', 'HOME', 'EMPTY') }}", '/root,'],
    ["{{ lookup('env', 'HOME', wantlist=true) }}", ['/root']],
    ["{{ lookup('env', 'NONE') }}", ''],
    ["{{ lookup('env', 'NONE') | default('d', true) }}", 'd'],
    ["{{ lookup('env', 'NONE', default='d') }}", 'd'],
    ["{{ lookup('env', 'BRACES') }}", '{{ nope }}'],
    ["{{ lookup('env', 'toString') }}", ''],
    ["{{ lookup('env', name) }}", '/root'],
  ])('%s', (text, wanted) => {
    expect(seen(task(text), {}, { name: 'HOME' })).toEqual([wanted]);
  });

  it('is remembered, also where there is none', () => {
    const text = play(
      `vars: {a: "{{ lookup('env', 'HOME') }}"}\ntasks:\n- nothing:\n  when: lookup('env', 'NONE') != ''`,
    );
    expect(load(text).value?.outside).toEqual({
      environment: { HOME: '/root', NONE: null },
      globs: {},
    });
  });

  it('may choose hosts, users and files', () => {
    const files = { 'site/root.yml': 'x: from the file\n' };
    const text = play(
      `vars_files: ["{{ lookup('env', 'HOME') | basename }}.yml"]\nbecome_user: "{{ lookup('env', 'HOME') }}"\ntasks:\n- nothing:`,
    );
    expect(seen(text, files)).toEqual(['from the file']);
    expect(load(text, files).value?.plays[0]?.becomeUser).toBe('/root');
  });
});

const files = {
  'site/files/a': 'in files\n\n',
  'site/a': 'beside\n',
  'site/b': '  {{ b }} \n',
  'site/roles/r/files/a': 'of the role\n',
  'site/roles/r/tasks/main.yml': `- nothing:\n  vars: {x: "{{ lookup('file', 'a') }}"}\n- nothing:\n  vars: {x: "{{ own }}"}\n- nothing:\n  vars: {x: "{{ outer }}"}\n`,
  'site/roles/r/vars/main.yml': `own: "{{ lookup('file', 'a') }}"\n`,
  'site/vars.yml': `y: "{{ lookup('file', 'b') }}"\n`,
};

describe('file', () => {
  it.each([
    ["{{ lookup('file', 'a') }}", 'in files'],
    ["{{ lookup('file', '../a') }}", 'beside'],
    ["{{ lookup('file', 'b') }}", '  {{ b }}'],
    ["{{ lookup('file', 'b', lstrip=true) }}", '{{ b }}'],
    ["{{ lookup('file', 'b', rstrip=false) }}", '  {{ b }} \n'],
    ["{{ lookup('file', 'a', 'b') }}", 'in files,  {{ b }}'],
    ["{{ query('file', 'a', 'b') }}", ['in files', '  {{ b }}']],
    ["{{ lookup('file', 'none', errors='ignore') }}", null],
    ["{{ query('file', 'none', errors='ignore') }}", []],
  ])('%s', (text, wanted) => {
    const dotted = { ...files, 'site/files/../a': 'beside\n' };
    expect(seen(task(text), dotted)).toEqual([wanted]);
  });

  it('is that of the role in its tasks and variables, and has its digest in the plan', () => {
    const text = play(`vars: {outer: "{{ lookup('file', 'b') }}"}\nroles: [r]`);
    expect(seen(text, files)).toEqual(['of the role', 'of the role', '  {{ b }}']);
    expect(load(text, files).value?.files).toContain('site/roles/r/files/a');
  });

  it('is found from files of variables', () => {
    const early = play('vars_files: [vars.yml]\ntasks:\n- nothing:\n  vars: {x: "{{ y }}"}');
    const later = play('tasks:\n- include_vars: vars.yml\n- nothing:\n  vars: {x: "{{ y }}"}');
    expect(seen(early, files)).toEqual(['  {{ b }}']);
    const names = load(later, files).value?.plays[0]?.tasks[0]?.vars ?? {};
    expect(Object.keys(names)).toEqual(['y', `lookup ["file",["b"],[]]`]);
  });
});

describe('fileglob', () => {
  const many = {
    'site/files/c/2.conf': '',
    'site/files/c/1.conf': '',
    'site/files/c/.hidden.conf': '',
    'site/files/c/d.conf/x': '',
    'site/files/top.txt': '',
    'site/other.txt': '',
  };
  it.each([
    ["loop: \"{{ query('fileglob', 'c/*.conf') }}\"", ['c/1.conf', 'c/2.conf']],
    ['with_fileglob: c/*.conf', ['c/1.conf', 'c/2.conf']],
    ["with_fileglob: [c/2*, '*.txt', none/*]", ['c/2.conf', 'top.txt']],
    ["with_fileglob: '{{ sub }}/[!1].conf'", ['c/2.conf']],
    ['with_fileglob: c/.h*', ['c/.hidden.conf']],
    ["with_fileglob: '{{ list }}'", ['c/1.conf', 'top.txt']],
  ])('%s', (loop, wanted) => {
    expect(
      seen(play(`tasks:\n- nothing:\n  ${loop}`), many, { sub: 'c', list: ['c/1*', '*.txt'] }),
    ).toEqual([wanted.map((name) => `/srv/site/files/${name}`)]);
  });

  it('is remembered', () => {
    const text = play('tasks:\n- nothing:\n  with_fileglob: c/*.conf');
    expect(load(text, many).value?.outside?.globs).toEqual({
      'site/files/c/*.conf': ['/srv/site/files/c/1.conf', '/srv/site/files/c/2.conf'],
    });
  });

  it('with_file gives what is in the files', () => {
    expect(seen(play('tasks:\n- nothing:\n  with_file: [a, b]'), files)).toEqual([
      ['in files', '  {{ b }}'],
    ]);
  });
});

describe('what kmend does not look up is an error at its place', () => {
  it.each([
    ["{{ lookup('pipe', 'id') }}", 'kmend has no lookup `pipe` (use a `command` with'],
    ["{{ 'x' ~ lookup('url', 'http://x') }}", 'kmend has no lookup `url` (use `uri` with'],
    ["{{ lookup('first_found', ['a']) }}", '`include_vars` with `with_first_found`'],
    ["{{ lookup('community.general.random', 1) }}", 'no lookup `community.general.random`'],
    ["{{ lookup('file', ['a']) }}", 'takes texts (a list is given with a `*`)'],
    ["{{ lookup('toString', 'a') }}", 'no lookup `toString` (it has `env`, `file`'],
    ['{{ lookup() }}', 'needs the name of what is looked up'],
    ["{{ lookup('file', 'none') }}", 'there is no file none (looked for site/files/none'],
    ["{{ lookup('file', inventory_hostname) }}", 'is read before any host is contacted'],
    ["{{ lookup('env', 'HOME', foo=1) }}", 'has no `foo` (it has default)'],
    ["{{ lookup('fileglob', 'a', foo=1) }}", 'has no `foo` (leave it out)'],
  ])('%s', (text, wanted) => {
    const [error = '', ...others] = errorsOf(task(text), files);
    expect(error).toContain(wanted);
    expect(error).toMatch(/^site\/p\.yml:4:\d+ /);
    expect(others).toEqual([]);
  });
});
