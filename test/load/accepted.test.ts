// Keywords of Ansible that are accepted: without effect, or because they say what holds anyway.
import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../src/load/index.ts';
import { isMapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';

const load = (text: string) => loadPlaybook('p.yml', text, { modules, facts: [] });
const play = (keys: string, task = 'command: id') =>
  load(`- hosts: all\n  ${keys}\n  tasks:\n    - {${task}}\n`);
const summaries = ({ diagnostics }: ReturnType<typeof load>) =>
  diagnostics.map(({ severity, summary }) => `${severity}: ${summary}`);

describe('accepted with a note', () => {
  it.each([
    ['gather_subset: [min]', 'command: id', 'gather_subset'],
    ['gather_timeout: 30', 'command: id', 'gather_timeout'],
    ['strategy: free', 'command: id', 'strategy'],
    ['collections: [kubernetes.core]', 'command: id', 'collections'],
    ['diff: yes', 'command: id', 'diff'],
    ['name: x', 'command: id, diff: no', 'diff'],
    ['name: x', 'command: id, throttle: 1', 'throttle'],
    ['name: x', 'block: [{command: id}], collections: [a.b]', 'collections'],
  ])('%s, %s', (keys, task, key) => {
    const loaded = play(keys, task);
    expect(loaded.value).toBeDefined();
    expect(summaries(loaded)).toEqual([`note: \`${key}\` changes nothing`]);
  });
});

describe('accepted because it holds anyway', () => {
  it('the users of the play, on a task', () => {
    expect(summaries(play('remote_user: ops', 'command: id, become_user: root'))).toEqual([]);
    expect(play('remote_user: ops').value?.plays[0]?.remoteUser).toBe('ops');
    expect(play('user: ops').value?.plays[0]?.remoteUser).toBe('ops');
    expect(
      summaries(play('become_user: app', 'command: id, become_user: app, remote_user: x')),
    ).toEqual(['error: a task cannot have another `remote_user` than its play (none)']);
    expect(summaries(play('name: x', 'command: id, become_user: app'))).toEqual([]);
  });

  describe('a command of the dry run that changes nothing only reads', () => {
    const marks = 'check_mode: false, changed_when: false';
    const readOnlyOf = (task: string) => {
      const [found] = play('name: x', task).value?.plays[0]?.tasks ?? [];
      return found?.kind === 'task' && isMapping(found.args) && found.inPlans === true
        ? found.args.read_only
        : undefined;
    };
    it.each([
      `command: uname -r, ${marks}`,
      'shell: uname -r | head -1, check_mode: no, changed_when: no',
      `command: {argv: [uname, -r]}, ${marks}`,
      `command: uname -r chdir=/tmp, args: {creates: /x}, ${marks}`,
      `ansible.builtin.command: kubectl wait --for=condition=Ready node/x, ${marks}`,
    ])('%s', (task) => {
      expect(readOnlyOf(task)).toBe(true);
    });
    it.each([
      'command: uname -r, changed_when: false',
      `command: kubectl drain x, ${marks}`,
      `shell: reboot, ${marks}`,
      'command: uname -r, check_mode: false, changed_when: x.rc == 1, vars: {x: {rc: 0}}',
      'command: {argv: [uname], read_only: false}, changed_when: false, check_mode: true',
    ])('not %s', (task) => {
      expect(readOnlyOf(task)).not.toBe(true);
    });
  });

  it('async with a poll is a time limit', () => {
    const timeoutOf = (task: string) => {
      const [found] = play('name: x', task).value?.plays[0]?.tasks ?? [];
      return found?.kind === 'task' ? found.timeout : undefined;
    };
    expect(timeoutOf('command: id, async: 600, poll: 5')).toBe(600);
    expect(timeoutOf('command: id, async: 600')).toBe(600);
    expect(timeoutOf('command: id, async: "{{ t }}", poll: "{{ t // 2 }}", vars: {t: 9}')).toBe(9);
    expect(timeoutOf('command: id, async: 0, poll: 0')).toBeUndefined();
    expect(summaries(play('name: x', 'command: id, async: 600, poll: 0'))).toEqual([
      'error: kmend leaves no step behind: `poll: 0` would not wait for its end',
    ]);
  });

  it.each([
    'shell: sleep 2 && reboot, async: 1, poll: 0, ignore_errors: true',
    'shell: "sleep 5; /sbin/shutdown -r now \'kernel update\'", async: 1, poll: 0',
    'command: /sbin/reboot, async: 0, poll: 0, changed_when: false',
    'shell: {cmd: "(sleep 3 && shutdown -r +1) &"}, async: 10, poll: 0',
  ])('a reboot that is sent is one: %s', (task) => {
    const loaded = play('name: x', task);
    expect(summaries(loaded)).toEqual([
      expect.stringMatching(/^note: this \w+ is done as `reboot`$/),
    ]);
    const [found] = loaded.value?.plays[0]?.tasks ?? [];
    expect(found).toMatchObject({ module: 'reboot', args: {} });
    expect(found).not.toHaveProperty('ignoreErrors');
  });

  it.each([
    'shell: "sleep 2 && reboot && rm -rf /var/x", async: 1, poll: 0',
    'shell: "echo reboot", async: 1, poll: 0',
    'shell: "reboot $(cat /x)", async: 1, poll: 0',
    'shell: {cmd: reboot}, async: 1, poll: 5',
  ])('anything else stays what it is: %s', (task) => {
    const loaded = play('name: x', task);
    expect(summaries(loaded).join()).not.toContain('is done as');
  });

  it('templates of retries and delay that are known early', () => {
    const known = play(
      'vars: {n: 7}',
      'command: id, until: "true", retries: "{{ n }}", delay: "{{ n * 2 }}"',
    );
    expect(known.value?.plays[0]?.tasks[0]).toMatchObject({ retries: 7, delay: 14 });
    expect(summaries(play('name: x', 'command: id, until: "true", retries: "{{ nope }}"'))).toEqual(
      [expect.stringContaining("'nope' is undefined")],
    );
  });

  it('label and index_var of a loop', () => {
    const loaded = play(
      'name: x',
      'command: "echo {{ i }}", loop: [a], loop_control: {label: "{{ item }}", index_var: i}',
    );
    expect(summaries(loaded)).toEqual([]);
    expect(loaded.value?.plays[0]?.tasks[0]).toMatchObject({ indexVar: 'i' });
  });
});
