// Modules of systems that kmend does not manage: behind a `when` they load with a warning.
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { factDefs } from '../../src/facts/index.ts';
import { draftPlaybook, loadPlaybook } from '../../src/load/index.ts';
import { moduleHints } from '../../src/load/playbook/ansible/hints.ts';
import { ansibleModules } from '../../src/load/playbook/ansible/modules.ts';
import { otherSystem, otherSystems } from '../../src/load/playbook/ansible/other-systems.ts';
import { moduleTasksOf } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';

const options = { modules, facts: factDefs.map(({ name }) => name) };
const load = (text: string, files: Readonly<Record<string, string>> = {}) =>
  loadPlaybook('site/p.yml', text, { ...options, reader: tableReader(files) });
const inPlay = (task: string): string => `- hosts: all\n  tasks:\n    - ${task}\n`;
type Loaded = ReturnType<typeof load>;
const problems = ({ diagnostics }: Loaded) =>
  diagnostics.map(({ severity, place, code, summary }) =>
    [severity, `${place?.file}:${place?.line}:${place?.column}`, code, summary].join(' '),
  );
const missing = ({ value }: Loaded) =>
  moduleTasksOf(value?.plays[0]?.tasks ?? []).map(({ missing: name, when }) => [
    name,
    when.map(({ source }) => source),
  ]);

const arch = "ansible_os_family == 'Archlinux'";
const pacman = 'pacman: {name: "{{ nowhere }}", nosuch: 1}';
const warning = (place: string, name = 'pacman', system = 'Arch Linux') =>
  `warning ${place} other-system kmend has no module \`${name}\`: it is for ${system}`;

describe('behind a `when`, a task loads with a warning at its module', () => {
  it.each<[string, string, string]>([
    [`{${pacman}, when: x is defined}`, 'pacman', 'Arch Linux'],
    ['{community.general.pacman: {}, when: false}', 'community.general.pacman', 'Arch Linux'],
    ['{ansible.builtin.pacman: {}, when: false}', 'ansible.builtin.pacman', 'Arch Linux'],
    ['{homebrew: name=a, when: false}', 'homebrew', 'macOS'],
    ['{homebrew: "{{ a", when: false}', 'homebrew', 'macOS'],
    ['{apk: {name: [a]}, when: [true, false]}', 'apk', 'Alpine Linux'],
    ['{apk: {}, args: {name: a}, when: false, register: r}', 'apk', 'Alpine Linux'],
    ['{win_ping: , when: false}', 'win_ping', 'Windows'],
    ['{ansible.windows.setup: , when: false}', 'ansible.windows.setup', 'Windows'],
    ['{microsoft.ad.user: , when: false}', 'microsoft.ad.user', 'Windows'],
    ['{local_action: {module: openbsd_pkg}, when: false}', 'openbsd_pkg', 'OpenBSD'],
  ])('%s', (task, name, system) => {
    const loaded = load(inPlay(task));
    expect(problems(loaded)).toEqual([warning('site/p.yml:3:8', name, system)]);
    expect(missing(loaded).map(([one]) => one)).toEqual([name]);
  });

  it.each<[string, string, Readonly<Record<string, string>>, string]>([
    ['a block', `{block: [{${pacman}}], when: false}`, {}, 'p.yml:3:17'],
    ['a rescue', `{block: [{command: id}], rescue: [{${pacman}}], when: false}`, {}, 'p.yml:3:42'],
    [
      'an import',
      '{import_tasks: a.yml, when: false}',
      { 'site/a.yml': `- ${pacman}` },
      'a.yml:1:3',
    ],
    [
      'an include',
      '{include_tasks: a.yml, when: false}',
      { 'site/a.yml': `- ${pacman}` },
      'a.yml:1:3',
    ],
    [
      'a role',
      '{include_role: {name: r}, when: false}',
      { 'site/roles/r/tasks/main.yml': `- block:\n    - ${pacman}` },
      'main.yml:2:7',
    ],
  ])('the `when` of %s counts', (_, task, files, place) => {
    const loaded = load(inPlay(task), files);
    expect(problems(loaded)).toHaveLength(1);
    expect(problems(loaded)[0]).toContain(`${place} other-system`);
    expect(missing(loaded).at(-1)).toEqual(['pacman', ['false']]);
  });

  it('so does that of a role of the play, and each condition is there once', () => {
    const roles = `- hosts: all\n  roles: [{role: r, when: ${arch}}]\n`;
    const file = `- block:\n    - {${pacman}, when: a is defined}\n  when: b is defined`;
    const loaded = load(roles, { 'site/roles/r/tasks/main.yml': file });
    expect(missing(loaded)).toEqual([['pacman', [arch, 'b is defined', 'a is defined']]]);
  });

  it('a later task may read what it registers', () => {
    const text = `{${pacman}, when: false, register: r}\n    - debug: {msg: "{{ r.changed }}"}`;
    expect(problems(load(inPlay(text)))).toEqual([warning('site/p.yml:3:8')]);
  });
});

describe('an error stays', () => {
  it.each<[string, RegExp]>([
    [`{${pacman}}`, /^it is for Arch Linux: a task with a `when` loads/],
    [`{block: [{${pacman}}]}`, /^it is for Arch Linux/],
    ['{block: [{win_ping: }], rescue: [{meta: noop, when: false}]}', /^it is for Windows/],
    ['{pacmann: {}, when: false}', /./],
    ['{communty.general.pacman: {}, when: false}', /./],
    ['{community.general.win_ping: {}, when: false}', /./],
    ['{comand: id, when: false}', /did you mean `command`/],
    ['{user: {name: a}, when: false}', /./],
  ])('%s', (task, hint) => {
    const { value, diagnostics } = load(inPlay(task));
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ code }) => code)).toContain('unknown-module');
    expect(diagnostics.find(({ code }) => code === 'unknown-module')?.hint).toMatch(hint);
  });

  it.each<[string, string]>([
    ['{pacman: {}, apk: {}, when: false}', 'several-modules'],
    ['{pacman: {}, command: id, when: false}', 'several-modules'],
    ['{pacman: {}, wen: 1, when: false}', 'unknown-key'],
    ['{pacman: {}, when: "a ="}', 'expression-syntax'],
    ['{pacman: {}, when: os.idd == 1}', 'unknown-name'],
  ])('%s: %s', (task, code) => {
    expect(
      load(inPlay(task)).diagnostics.flatMap((one) => (one.severity === 'error' ? one.code : [])),
    ).toEqual([code]);
  });

  it('for a handler of a role whose inclusion has the only `when`', () => {
    const loaded = load(inPlay('{include_role: {name: r}, when: false}'), {
      'site/roles/r/tasks/main.yml': '- {command: id, notify: h}',
      'site/roles/r/handlers/main.yml': `- {name: h, ${pacman}}`,
    });
    expect(problems(loaded)).toContainEqual(
      expect.stringMatching(/^error site\/roles\/r\/handlers\/main.yml:1:13 unknown-module/),
    );
  });
});

it('`kmend import` keeps such a task as it is written', () => {
  const { value } = draftPlaybook(
    'p.yml',
    inPlay(`{${pacman}, when: ${arch}}\n    - {${pacman}}`),
    options,
  );
  expect(value?.account.map(({ fate }) => fate)).toEqual(['kept', 'undecided']);
});

const names = Object.values(otherSystems).flat();

it('is none that kmend has, or has a hint for', () => {
  for (const name of names)
    expect([modules.has(name), ansibleModules.has(name), name in moduleHints], name).toEqual([
      ...[false, false, false],
    ]);
  expect(new Set(names).size).toBe(names.length);
  expect(otherSystem('zypper')).toBeUndefined();
});

const installed = '/usr/lib/python3/dist-packages/ansible_collections/community/general';

it.skipIf(!existsSync(installed))('each is a module of community.general', () => {
  const there = new Set(
    readdirSync(`${installed}/plugins/modules`).map((file) => file.replace(/\.py$/, '')),
  );
  expect(names.filter((name) => !there.has(name))).toEqual([]);
});
