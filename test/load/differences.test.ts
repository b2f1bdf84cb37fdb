// Each deliberate difference from Ansible that the docs list has its test: here, or where it says.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { foresee } from '../../src/core/plan/overlay.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import { withSetting } from '../../src/modules/file/kernel-settings/setting-lines.ts';
import { modules } from '../../src/modules/index.ts';
import { el7 } from '../modules/facts.ts';
import { moduleNamed, parseArgs, planOf } from '../modules/laws.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/coming-from-ansible.md'), 'utf8');
const rows = (page.split('## Modules')[0] ?? '')
  .split('\n')
  .filter((line) => /^\| (?!in Ansible|---)/.test(line));

const load = (play: string, task = 'command: id') =>
  loadPlaybook('p.yml', `- hosts: all\n  ${play}\n  tasks: [{${task}}]\n`, { modules, facts: [] });
const errors = (play: string, task?: string) =>
  load(play, task).diagnostics.filter(({ severity }) => severity === 'error').length;

/** By the first words of the row: a check, or the file and the words of the test. */
const tests: Readonly<Record<string, (() => void) | readonly [string, string]>> = {
  '`reboot` restarts as often': ['test/modules/reboot.test.ts', 'nothing asks for another reboot'],
  '`reboot_timeout` is 600': () =>
    expect(parseArgs(moduleNamed('reboot'), {})).toMatchObject({ timeout: 1200 }),
  '`reboot` returns when': () =>
    expect(parseArgs(moduleNamed('reboot'), {})).toMatchObject({ stable_for: 30 }),
  '`reboot` restarts a node': ['test/modules/reboot.test.ts', "'required'"],
  '`pre_reboot_delay`, `msg`': ['test/load/ansible-modules.test.ts', 'pre_reboot_delay: 0'],
  '`apt`, `yum`, `dnf`': ['test/load/ansible-modules.test.ts', "'apt: {name: nginx}'"],
  '`upgrade`, and `state': ['test/modules/os-update.test.ts', 'what nobody named is on hold'],
  '`upgrade: yes` and': ['test/load/ansible-modules.test.ts', "upgrade: 'safe'"],
  '`update_cache` with': ['test/load/ansible-modules.test.ts', '`update_cache` changes nothing'],
  '`daemon_reload` alone': ['test/modules/service.test.ts', 'daemon_reload: true }'],
  '`creates`, `removes`': ['test/modules/command.test.ts', "creates: '/x*'"],
  '`serial: 0`': () => {
    for (const serial of ['0', '-1', '"-10%"', '"0%"', '[1, 0]'])
      expect(errors(`serial: ${serial}`)).toBe(1);
    expect(errors('serial: "10%"')).toBe(0);
  },
  '`dpkg_selections`, `yum_versionlock`': ['test/modules/hold.test.ts', 'is not installed'],
  'a module of another system': ['test/core/other-systems.property.test.ts', 'law: it never has'],
  'a condition may hold': ['test/load/playbook.test.ts', 'has no templates in its texts'],
  'an unreachable host': () =>
    expect(load('any_errors_fatal: true').value?.plays[0]?.rollout.brake.unreachable).toBe('count'),
  'facts are those': () => {
    const next = '3.10.0-1160.2.el7.x86_64';
    const facts = el7({
      'kernel.next': next,
      ansible_kernel: 'old',
      'ansible_facts.kernel': 'old',
    });
    const { changes, promises = {} } = planOf('reboot', { args: null, facts });
    const after = foresee(facts, changes, promises, undefined);
    for (const name of ['kernel.release', 'ansible_kernel', 'ansible_facts.kernel'] as const)
      expect(after[name]).toBe(next);
  },
  'a task may have': ['test/load/accepted.test.ts', 'cannot have another `remote_user`'],
  'each task of': ['test/load/become.test.ts', 'another task alone'],
  '`become_user` on': ['test/modules/command-user.test.ts', 'refuses the host'],
  '`environment` reaches': [
    'test/load/environment.test.ts',
    'runs its programs in an environment of its own',
  ],
  '`include_vars` may': ['test/load/include-vars.test.ts', 'site/p.yml:4:21 early-template'],
  '`lookup` runs': ['test/load/lookups.test.ts', 'what kmend does not look up is an error'],
  '`fileglob` gives': ['test/load/lookups.test.ts', "query('fileglob', 'c/*.conf')"],
  'a host that failed': ['test/engine/handlers.test.ts', 'the resume still runs it'],
  '`notify` of': () =>
    expect(errors('handlers: [{name: a, command: x}]', 'command: x, notify: "{{ r }}"')).toBe(1),
  'a `rescue` runs': ['test/core/rescuable.test.ts', 'is not rescued'],
  'a rescued host': ['test/engine/rescue.test.ts', 'it counts for the brake'],
  '`pause`, `wait_for` with': [
    'test/modules/pause.test.ts',
    'does not wait on a host that was not',
  ],
  'a command with `poll: 0`': ['test/load/accepted.test.ts', 'a reboot that is sent is one'],
  '`pause` waits once': ['test/modules/pause.test.ts', "{ prompt: 'Go on?' }"],
  '`wait_for` reads from': ['test/modules/wait-for.test.ts', 'search_regex'],
  '`stat`, `slurp`, `find` take': ['test/modules/stat.test.ts', "'~/x', '/home/$USER'"],
  '`find` returns': ['test/modules/find.test.ts', 'at most 500 are read'],
  '`package_facts` sets': ['test/modules/package-facts.test.ts', 'reads packages of Debian'],
  '`service_facts` reads': ['test/modules/service-facts.test.ts', 'has both'],
  '`copy` sends': ['test/load/sources.test.ts', 'site/files/dir is a directory'],
  '`template` knows': ['test/load/sources.test.ts', '`{% macro %}` is not supported'],
  '`copy`, `file`, `lineinfile`, `blockinfile`, `replace` take': () => {
    for (const [name, place] of [
      ['copy', 'dest: ~/x, content: a'],
      ['file', 'path: $HOME/x'],
      ['lineinfile', 'path: ~/x, line: a'],
      ['blockinfile', 'path: $HOME/x, block: a'],
      ['replace', 'path: x, regexp: a'],
    ])
      expect(errors('name: x', `${name}: {${place}}`)).toBe(1);
  },
  '`lineinfile`, `blockinfile`, `replace` do': [
    'test/modules/lineinfile.test.ts',
    'done again by each run',
  ],
  '`lineinfile`, `blockinfile`, `replace` edit': [
    'test/modules/replace.test.ts',
    'is not UTF-8 text',
  ],
  '`blockinfile` takes': ['test/modules/blockinfile.test.ts', 'should have {mark}'],
  '`sysctl` with': ['test/modules/sysctl.test.ts', 'the value alone'],
  '`sysctl` keeps': () => expect(withSetting('a=1\na=2\n', 'b', '3')).toBe('a=2\nb=3\n'),
  '`modprobe` with': ['test/modules/modprobe.test.ts', 'only lines of the module'],
  '`file` has': () => {
    for (const args of [
      'state: touch, access_time: "1"',
      'state: hard, src: /y',
      'recurse: true, mode: "0755"',
    ])
      expect(errors('name: x', `file: {path: /x, ${args}}`)).toBe(1);
  },
  '`file` with `state: absent`': ['test/modules/file.test.ts', 'never removes the system'],
  '`backup: true`': ['test/cli-commands/file-modules.test.ts', 'its rollback restores them'],
  '`delegate_to` names': ['test/load/delegate.test.ts', 'because it has its own slot'],
  'a delegated task becomes': ['test/load/delegate.test.ts', 'of the play does not count'],
  'a delegated `shell`': ['test/engine/delegate.test.ts', 'is never a part of the command'],
  'a delegated `copy`': ['test/core/delegate.test.ts', 'one name of letters'],
  'a delegated task has': ['test/engine/delegate.test.ts', "not.toContain('KMEND_TOKEN')"],
  '`run_once` runs': ['test/load/run-once.test.ts', 'is done once for the play with %s'],
  '`yum: name=kernel': ['test/modules/kernel.test.ts', 'the newest that is known'],
  '`async` with': ['test/load/accepted.test.ts', 'kmend leaves no step behind'],
  '`throttle` on a task': ['test/load/accepted.test.ts', 'throttle: 1'],
  '`shell` refuses': () => expect(errors('name: x', 'shell: "echo it\'s # fine"')).toBe(0),
};

it.each(rows.map((row) => [row.slice(2, 60), row]))('%s', (_, row) => {
  const found = Object.entries(tests).filter(([words]) => row.startsWith(`| ${words}`));
  expect(found).toHaveLength(1);
  for (const [, test] of found) {
    if (typeof test === 'function') test();
    else {
      const file = join(root, test[0]);
      expect(existsSync(file) && readFileSync(file, 'utf8').includes(test[1]), test[0]).toBe(true);
    }
  }
});

it('every test is of a row', () => {
  expect(Object.keys(tests)).toHaveLength(rows.length);
});
