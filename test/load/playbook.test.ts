// Playbooks: what is read, and each error with its place and hint.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadInventory, loadPlaybook, type PlaybookOptions } from '../../src/load/index.ts';
import { refusedInPlay, refusedInTask } from '../../src/load/playbook/keywords.ts';
import type { ModuleTask, Play } from '../../src/model/playbook.ts';
import { smallModules } from '../fakes/small-modules.ts';
import { tableReader } from '../fakes/table-reader.ts';

const { value: inventory } = loadInventory(['h.yml'], {
  reader: tableReader({
    'h.yml':
      'all: {children: {web: {hosts: {"n[1:4]": {zone: a, port: 1}}}, db: {hosts: {d1: {dbvar: 1}}}}}\n',
  }),
});
const options: PlaybookOptions = {
  modules: smallModules,
  facts: [
    'kernel.release',
    'kernel.generation',
    'docker.version',
    'kmem.verdict',
    'kmem.samples',
    'package.*.installed',
  ],
  ...(inventory && { inventory }),
};
const load = (text: string, more: Partial<PlaybookOptions> = {}) =>
  loadPlaybook('p.yml', text, { ...options, ...more });
const reported = (text: string, more: Partial<PlaybookOptions> = {}): readonly string[] =>
  load(text, more).diagnostics.map(
    (one) =>
      `${one.place?.line}:${one.place?.column} ${one.code}: ${one.summary}${one.hint === undefined ? '' : ` -> ${one.hint}`}`,
  );

const playOf = (text: string, more: Partial<PlaybookOptions> = {}): Play => {
  const { value, diagnostics } = load(text, more);
  const [play] = value?.plays ?? [];
  if (play === undefined) throw new Error(JSON.stringify(diagnostics));
  return play;
};
/** The text of a play with these lines before its tasks and these tasks. */
const withPlay = (keys: string, tasks = '    - nothing:\n'): string =>
  `- hosts: web\n${keys}  tasks:\n${tasks}`;
const withTask = (task: string): string => withPlay('', task.replace(/^/gm, '    ').trimEnd());
const taskOf = (task: string): ModuleTask => {
  const [first] = playOf(withTask(task)).tasks;
  if (first?.kind !== 'task') throw new Error('no task');
  return first;
};

describe('arguments', () => {
  it.each<[string, unknown]>([
    ['{name: off}', { name: 'off' }],
    ['{name: 010, version: 20.10}', { name: '010', version: '20.10' }],
    ['{name: x, version: 1.10, count: 5}', { name: 'x', version: '1.10', count: 5 }],
    ['{name: x, state: off}', { name: 'x', state: false }],
    ['{name: x, timeout: 10m}', { name: 'x', timeout: '10m' }],
    ['{name: x, timeout: 90}', { name: 'x', timeout: 90 }],
    ['{name: x, mode: 0644}', { name: 'x', mode: '0644' }],
    ['{name: x, packages: [18.10, 1.20]}', { name: 'x', packages: ['18.10', '1.20'] }],
    ['{name: x, packages: 18.10}', { name: 'x', packages: '18.10' }],
    ['{name: x, nested: {label: 1.0, size: 1}}', { name: 'x', nested: { label: '1.0', size: 1 } }],
    [
      '{name: "{{ zone }}", count: "{{ port }}", force: "{{ port == 1 }}"}',
      { name: '{{ zone }}', count: '{{ port }}', force: '{{ port == 1 }}' },
    ],
  ])('thing: %s', (args, expected) => {
    expect(taskOf(`- thing: ${args}`).args).toEqual(expected);
  });

  it.each<[string, string[]]>([
    ['{}', ['3:14 missing-argument: thing: `name` is required']],
    ['', ['3:7 missing-argument: thing: `name` is required']],
    [
      '{name: x, timeout: 1x}',
      [
        '3:33 bad-argument: thing: `timeout` should be a length of time such as 90, 90s, 10m or 1h30m',
      ],
    ],
    ['{name: x, count: 10}', ['3:31 bad-argument: thing: `count` should be 9 or less']],
    ['{name: x, count: -1}', ['3:31 bad-argument: thing: `count` should be 1 or more']],
    ['{name: x, count: "5"}', ['3:31 bad-argument: thing: `count` should be a number, not text']],
    [
      '{name: x, tiemout: 5}',
      ['3:24 unknown-argument: thing has no argument `tiemout` -> did you mean `timeout`?'],
    ],
    ['{name: a b}', ['3:21 bad-argument: thing: `name` should be one word, without blanks']],
    [
      '{name: x, state: maybe}',
      ['3:31 bad-argument: thing: `state` should be enabled or disabled'],
    ],
    [
      '{name: x, hosts: 33.5%}',
      [
        '3:31 bad-argument: thing: `hosts` should be a number of hosts or a whole percentage such as 10%',
      ],
    ],
    [
      '{name: x, packages: [a, "b c"]}',
      [
        '3:38 bad-argument: thing: `packages[1]` should be a version such as 18.09.9 or 3.10.0-1160.el7',
      ],
    ],
    [
      '{name: x, nested: {labl: y, size: 1}}',
      [
        '3:24 missing-argument: thing: `nested.label` is required',
        '3:33 unknown-argument: thing `nested` has no argument `labl` -> did you mean `label`?',
      ],
    ],
    [
      '{name: x, version: 1.2.3, packages: a}',
      ['3:14 bad-argument: thing takes version or packages, not both'],
    ],
    ['name=x now', ['3:14 bad-argument: thing should be a mapping, not text']],
    [
      'name=x stat=on',
      ['3:14 unknown-argument: thing has no argument `stat` -> did you mean `state`?'],
    ],
    ['[x]', ['3:14 bad-argument: thing should be a mapping, not a list']],
  ])('thing: %s is reported', (args, expected) => {
    expect(reported(withTask(`- thing: ${args}`))).toEqual(expected);
  });

  it('a short form is kept as written, with the places of its parts', () => {
    const task = taskOf('- command: 1.10');
    expect(task.args).toBe('1.10');
    expect(task.argPlaces['']).toEqual({ file: 'p.yml', line: 3, column: 16 });
    expect(
      taskOf('- thing: {name: x, nested: {label: y, size: 1}}').argPlaces['nested.size'],
    ).toEqual({
      file: 'p.yml',
      line: 3,
      column: 49,
    });
  });
});

describe('tasks', () => {
  it('may have all keywords', () => {
    const task = taskOf(`- name: Do {{ zone }}
  ansible.builtin.command: echo {{ thing }}
  when: [kernel.release is defined, "zone == 'a'"]
  loop: [1, 2]
  loop_control: {loop_var: thing}
  register: out
  until: out.rc == 0
  retries: 5
  delay: 1m
  changed_when: false
  failed_when: out.rc > 1
  timeout: 1h30m
  no_log: yes
  ignore_errors: true
  become: false
  idempotent: true
  tags: a,b
  vars: {thing2: 1}
`);
    const { place, argPlaces, when, until, failedWhen, ...rest } = task;
    expect(rest).toMatchInlineSnapshot(`
      {
        "args": "echo {{ thing }}",
        "become": false,
        "changedWhen": false,
        "delay": 60,
        "id": "0",
        "idempotent": true,
        "ignoreErrors": true,
        "kind": "task",
        "loop": [
          1,
          2,
        ],
        "loopVar": "thing",
        "module": "command",
        "name": "Do {{ zone }}",
        "noLog": true,
        "register": "out",
        "retries": 5,
        "tags": [
          "a",
          "b",
        ],
        "timeout": 5400,
        "vars": {
          "thing2": 1,
        },
      }
    `);
    expect(when.map((one) => one.source)).toEqual(['kernel.release is defined', "zone == 'a'"]);
    expect(when[1]?.place).toEqual({ file: 'p.yml', line: 5, column: 42 });
    expect([until, failedWhen]).toMatchObject([
      [{ source: 'out.rc == 0' }],
      [{ source: 'out.rc > 1' }],
    ]);
    expect([place.line, argPlaces.loop?.line]).toEqual([3, 6]);
  });

  it('with `until` alone retry three times, every five seconds, as in Ansible', () => {
    expect(taskOf('- {command: x, register: r, until: r.rc == 0}')).toMatchObject({
      retries: 3,
      delay: 5,
    });
  });

  it('in blocks get numbers and inherit tags', () => {
    const play = playOf(
      '- hosts: web\n  tags: p\n  tasks:\n    - nothing:\n    - when: zone is defined\n      tags: [b]\n      block:\n        - nothing:\n        - block: [{nothing: , tags: x}]\n',
    );
    expect(play.tasks).toMatchObject([
      { id: '0', tags: ['p'] },
      {
        id: '1',
        kind: 'block',
        tags: ['p', 'b'],
        tasks: [
          { id: '1.0', tags: ['p', 'b'] },
          { id: '1.1', tasks: [{ id: '1.1.0', tags: ['p', 'b', 'x'] }] },
        ],
      },
    ]);
  });
});

describe('names in expressions', () => {
  it.each([
    [
      "- {command: 'x {{ kernel.relase }}'}",
      '3:23 unknown-name: `kernel.relase` is not defined -> did you mean `kernel.release`?',
    ],
    [
      "- {nothing: , when: kmem.verdct == 'on'}",
      '3:25 unknown-name: `kmem.verdct` is not defined -> did you mean `kmem.verdict`?',
    ],
    [
      '- {nothing: , when: zoen is none}',
      '3:25 unknown-name: `zoen` is not defined -> did you mean `zone`?',
    ],
    ['- {nothing: , when: dbvar == 1}', '3:25 unknown-name: `dbvar` is not defined'],
    ['- {command: x, register: out, when: out.rc == 0}', '3:41 unknown-name: `out` is not defined'],
    ['- {command: "{{ item }}"}', '3:21 unknown-name: `item` is not defined'],
    ['- {nothing: , when: "a =="}', '3:30 expression-syntax: '],
    ['- {command: "{{ zone | bogus }}"}', '3:28 expression-syntax: '],
    ['- {command: "{{ zone"}', '3:25 expression-syntax: '],
    [
      "- {nothing: , when: '{{ zone }}'}",
      '3:25 condition-braces: a condition is an expression already -> leave out the {{ and }}',
    ],
    [
      `- {nothing: , when: "'{{ zone }}' in 'ab'"}`,
      '3:27 condition-braces: a condition has no templates in its texts -> ',
    ],
    [
      `- {nothing: , when: "'{% raw %}' in zone"}`,
      '3:27 condition-braces: a condition has no templates in its texts -> ',
    ],
    [
      '- {nothing: , when: [1]}',
      '3:26 bad-condition: `when` should be an expression, true or false',
    ],
    ['- {nothing: , vars: {v: "{{ nope }}"}}', '3:33 unknown-name: `nope` is not defined'],
    ['- command: >\n    one\n    two {{ nope }}', '5:16 unknown-name: `nope` is not defined'],
  ])('%s', (task, expected) => {
    const [first, ...more] = reported(withTask(task));
    expect(first?.startsWith(expected), first).toBe(true);
    expect(more).toEqual([]);
  });

  it.each([
    ['- {nothing: , when: nope is defined}'],
    ['- {nothing: , when: "nope | default(1) == 1"}'],
    ['- {command: "{{ nope }}", when: nope is defined}'],
    ['- {command: "{{ item }}", loop: [1]}'],
    [
      '- {command: x, register: out, changed_when: "out.rc == 0"}\n- {nothing: , when: out is changed}',
    ],
    ['- {set_fact: {mine: 1}}\n- {nothing: , when: mine == 1}'],
    ["- {nothing: , when: kmem.samples.eio == 0 and docker.version.startswith('18')}"],
    [
      '- {nothing: , when: "hostvars[groups.web[0]].zone == inventory_hostname_short and group_names and play_var and extra"}',
    ],
    ['- block: [{command: "{{ nope }}"}]\n  when: nope is defined'],
  ])('%s is fine', (task) => {
    expect(
      reported(withPlay('  vars: {play_var: true}\n', task.replace(/^/gm, '    ')), {
        extraVars: { extra: true },
      }),
    ).toEqual([]);
  });

  it('without an inventory only names of facts are checked', () => {
    const { inventory: _, ...open } = options;
    const empty = { hosts: new Map(), groups: new Map(), files: [] };
    const text = withTask('- {nothing: , when: whatever == 1 and kernel.relase}');
    expect(loadPlaybook('p.yml', text, open).diagnostics.map((one) => one.summary)).toEqual([
      '`kernel.relase` is not defined',
    ]);
    expect(reported(text, { inventory: empty })).toHaveLength(1);
  });

  it('a play that has no hosts here may name variables of its hosts', () => {
    const text = withTask('- {nothing: , when: elsewhere == 1}');
    expect(reported(text)).toHaveLength(1);
    expect(reported(text.replace('hosts: web', 'hosts: web:!all'))).toEqual([]);
  });

  it('variables that refer to each other are reported', () => {
    expect(reported(withPlay('  vars: {a: "{{ b }}", b: "{{ c }}", c: "{{ a }}"}\n'))).toEqual([
      '2:10 cyclic-variable: the variable a refers to itself: a -> b -> c -> a',
    ]);
    const own = withPlay('  vars: {a: "{{ a | default(1) }}"}\n');
    expect(reported(own)).toHaveLength(1);
    expect(reported(own, { extraVars: { a: 2 } })).toEqual([]);
  });

  it('a play may use what an earlier play registers', () => {
    expect(
      reported(
        `${withTask('- {command: x, register: out}')}\n${withTask('- {nothing: , when: out.rc == 0}')}`,
      ),
    ).toEqual([]);
  });
});

describe('a broken playbook', () => {
  it.each([
    ['', '1:1 empty-playbook: this playbook has no plays'],
    ['[]', '1:1 empty-playbook: this playbook has no plays'],
    [
      'hosts: web',
      '1:1 playbook-shape: a playbook is a list of plays -> put a dash before the first key and indent the others',
    ],
    ['- x', '1:3 playbook-shape: a play is a mapping with `hosts` and `tasks`'],
    [
      '- tasks: [{nothing: }]',
      '1:3 no-hosts: this play has no `hosts` -> name a group of the inventory, or `all`',
    ],
    ['- hosts: web', '1:3 no-tasks: this play has no `tasks`'],
    [
      '- {hosts: "", tasks: []}',
      '1:11 empty-pattern: `hosts` names no host -> `all` means every host',
    ],
    [
      '- {hosts: "web:!nope", tasks: []}',
      '1:11 exclusion-matches-nothing: `!nope` excludes nothing: no host or group has this name',
    ],
    [
      '- {hosts: web, tasks: [nothing]}',
      '1:24 bad-task: a task is a mapping with the name of a module as key -> for example `- command: uptime`',
    ],
    [
      '- {hosts: web, tasks: {nothing: }}',
      '1:23 bad-value: tasks are a list -> begin each with a dash',
    ],
    [
      '- {hosts: web, tasks: [{nothing: }], rolout: {}}',
      '1:38 unknown-key: a play has no key `rolout` -> did you mean `rollout`?',
    ],
    [
      '- {hosts: web, tasks: [{name: x}]}',
      '1:25 no-module: this task has no module -> a task asks for one: see `kmend docs`',
    ],
    [
      '- {hosts: web, tasks: [{comand: x}]}',
      '1:25 unknown-module: no module is called `comand` -> did you mean `command`?',
    ],
    [
      '- {hosts: web, tasks: [{community.general.thng: }]}',
      '1:25 unknown-module: no module is called `community.general.thng` -> did you mean `thing`?',
    ],
    [
      '- {hosts: web, tasks: [{command: x, nothing: }]}',
      '1:37 several-modules: a task has one module, this one has command and nothing',
    ],
    [
      '- {hosts: web, tasks: [{command: x, wen: y}]}',
      '1:37 unknown-key: a task has no key `wen` -> did you mean `when`?',
    ],
    [
      '- {hosts: web, tasks: [{command: x, with_first_found: [1]}]}',
      '1:37 unsupported-keyword: kmend has no `with_first_found` on a task -> name the files: use `loop:` with a list, or `vars_files` for variables',
    ],
    [
      '- {hosts: web, tasks: [{block: [], rescue: []}]}',
      '1:25 empty-block: this block has no tasks',
    ],
    [
      '- {hosts: web, tasks: [{command: x, loop: 5}]}',
      "1:43 bad-value: `loop` should be a list, or a template that gives one -> for example `loop: ['a', 'b']`",
    ],
    [
      '- {hosts: web, tasks: [{command: x, loop: [1], loop_control: {pause: 3}}]}',
      '1:63 unsupported-keyword: kmend has no `pause` on a loop_control -> use `delay` with `until`',
    ],
    [
      '- {hosts: web, tasks: [{command: x, register: a-b}]}',
      '1:47 variable-name: `a-b` cannot be the name of a variable -> letters, digits and _',
    ],
    [
      '- {hosts: web, tasks: [{command: x, retries: many}]}',
      '1:46 bad-argument: `retries` should be a number, not text',
    ],
    [
      '- {hosts: web, vars: [a], tasks: [{nothing: }]}',
      '1:22 bad-value: `vars` should be a mapping of names to values -> without dashes: `name: value`',
    ],
    [
      '- {hosts: web, vars: {v: 20.10}, tasks: [{nothing: }]}',
      '1:26 value-loses-characters: `v`: 20.10 is read as 20.1 -> put it in quotes if it is text',
    ],
    [
      '- {hosts: web, partial: yes, tasks: [{nothing: }]}',
      '1:25 bad-argument: `partial` should be one of accept, refuse',
    ],
    [
      '- {hosts: web, become: maybe, tasks: [{nothing: }]}',
      '1:24 bad-argument: `become` should be true or false',
    ],
    [
      '- {hosts: web, become_method: sduo, tasks: [{nothing: }]}',
      '1:31 bad-argument: `become_method` should be one of sudo, su, doas',
    ],
    [
      '- hosts: web\n  tasks:\n\t- nothing:',
      '3:1 tab: Tabs are not allowed as indentation -> indent with blanks',
    ],
    [
      '- hosts: web\n  hosts: db\n  tasks: [{nothing: }]',
      '2:3 duplicate-key: the key `hosts` is given twice -> the first is on line 1: keep one of the two',
    ],
    [
      '- {hosts: web, tasks: [{command: {{ zone }}}]}',
      '1:35 key-not-text: a key must be plain text -> a value that starts with {{ needs quotes',
    ],
  ])('%j', (text, expected) => {
    expect(reported(text)[0]).toBe(expected);
  });

  it.each([...Object.keys(refusedInPlay)])(
    '`%s` on a play is refused by name, with what to do instead',
    (key) => {
      expect(reported(withPlay(`  ${key}: x\n`))).toEqual([
        `2:3 unsupported-keyword: kmend has no \`${key}\` on a play -> ${refusedInPlay[key]}`,
      ]);
    },
  );

  it.each([...Object.keys(refusedInTask)])(
    '`%s` on a task is refused by name, with what to do instead',
    (key) => {
      expect(reported(withTask(`- nothing:\n  ${key}: x`))).toEqual([
        `4:7 unsupported-keyword: kmend has no \`${key}\` on a task -> ${refusedInTask[key]}`,
      ]);
      if (key === 'rescue' || key === 'always') return;
      expect(reported(withTask(`- block: [{nothing: }]\n  ${key}: x`))[0]).toContain(
        'unsupported-keyword',
      );
    },
  );

  it.each(['false', 'true', 'no', '"{{ facts_wanted }}"'])(
    '`gather_facts: %s` is taken, with a note',
    (value) => {
      const { value: playbook, diagnostics } = load(withPlay(`  gather_facts: ${value}\n`));
      expect(playbook?.plays).toHaveLength(1);
      expect(diagnostics).toMatchObject([
        { severity: 'note', code: 'gather-facts', place: { line: 2, column: 3 } },
      ]);
    },
  );

  it('`gather_facts` that is neither true nor false is refused', () => {
    expect(reported(withPlay('  gather_facts: smart\n'))[1]).toBe(
      '2:17 bad-argument: `gather_facts` should be true or false',
    );
  });

  it('is reported with all its errors, by line', () => {
    const text = `- name: Fix
  hosts: web
  serial: 33.5%
  gather_facts: false
  rollout:
    max_unavailable: 0
    canary: {host: 1}
    window: []
  tasks:
    - comand: uptime
    - thing: {name: a b, tiemout: 10m}
      when: kernel.relase == '3.10'
      notify: restart
    - thing:
        name: x
        nested:
          label: "{{ zone | nope }}"
          size: -1
`;
    expect(reported(text).join('\n')).toMatchInlineSnapshot(`
      "3:11 bad-argument: \`serial\` should be 1 host or more, or a whole percentage such as 20% (100% is all at once)
      4:3 gather-facts: \`gather_facts\` changes nothing: facts are always there
      6:22 bad-argument: rollout: \`max_unavailable\` should be 1 host or more: with 0 no host ever starts
      7:14 unknown-argument: rollout \`canary\` has no key \`host\` -> did you mean \`hosts\`?
      8:5 unknown-argument: rollout has no key \`window\` -> did you mean \`windows\`?
      10:7 unknown-module: no module is called \`comand\` -> did you mean \`command\`?
      11:7 unknown-handler: no handler is called \`restart\` or listens to it -> this play has no \`handlers\`
      11:21 bad-argument: thing: \`name\` should be one word, without blanks
      11:26 unknown-argument: thing has no argument \`tiemout\` -> did you mean \`timeout\`?
      12:13 unknown-name: \`kernel.relase\` is not defined -> did you mean \`kernel.release\`?
      17:29 expression-syntax: no filter named 'nope'
      18:17 bad-argument: thing: \`nested.size\` should be 0 or more"
    `);
  });

  it('of random text never makes the reader throw', () => {
    const piece = fc.constantFrom(
      '- ',
      'hosts: ',
      'web',
      '\n',
      '\n  ',
      '\n    ',
      'tasks:',
      'block:',
      'when: ',
      'thing: ',
      'name: ',
      'loop: ',
      '{{ ',
      ' }}',
      'rollout: ',
      'vars: ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '1',
      '10%',
      'x',
      '"',
      "'",
      'kernel.release',
      ' == ',
      'register: ',
      'until: ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (parts) => {
        load(`- hosts: web\n${parts.join('')}`);
        load(parts.join(''));
      }),
      { numRuns: 2_000 },
    );
  });
});
