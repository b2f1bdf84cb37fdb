// What a task's keywords mean when it really runs: each row is a play on a host of its own, and how
// its tasks ended.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

interface Row {
  readonly name: string;
  readonly tasks: string;
  /** `NAME STATUS` of each task that ended, in order. */
  readonly ends: readonly string[];
  /** What the host failed with. */
  readonly fails?: RegExp;
  /** What is printed. */
  readonly says?: RegExp;
  readonly exit?: number;
  /** Lines that the tasks wrote. */
  readonly ran?: string;
  readonly args?: readonly string[];
}

const write = (text: string): string => `echo ${text} >> "$KMEND_ROOT/var/ran"`;
const append = 'cat >> "$KMEND_ROOT/var/ran"';
/** Prints `{{ base }}`, the name of a variable of the play. */
const braces = 'printf "\\173\\173 base \\175\\175\\n"';

const rows: readonly Row[] = [
  {
    name: 'changed_when: false and a condition over the result',
    tasks: `    - {name: a, shell: {cmd: echo x}, changed_when: false}
    - {name: b, shell: {cmd: echo new}, register: r, changed_when: "'new' in r.stdout"}
    - {name: c, shell: {cmd: echo old}, register: r, changed_when: "'new' in r.stdout"}
    - {name: d, assert: {that: ["r.changed == false", "r.rc == 0"]}}
`,
    ends: ['a ok', 'b changed', 'c ok', 'd ok'],
  },
  {
    name: 'failed_when: a good status may be bad',
    tasks: `    - {name: a, shell: {cmd: echo error}, register: r, failed_when: "'error' in r.stdout"}
    - {name: b, shell: {cmd: echo never}}
`,
    ends: [],
    fails: /failed_when holds/,
    exit: 4,
  },
  {
    name: 'failed_when: a bad status may be good',
    tasks: `    - {name: a, shell: {cmd: exit 3}, register: r, failed_when: "r.rc not in [0, 3]"}
    - {name: b, assert: {that: ["r.rc == 3", "r.failed == false"]}}
`,
    ends: ['a changed', 'b ok'],
  },
  {
    name: 'ignore_errors: the walk goes on and knows what happened',
    tasks: `    - {name: a, shell: {cmd: 'echo why >&2; exit 4'}, register: r, ignore_errors: true}
    - {name: b, assert: {that: ["r is failed", "r.rc == 4", "r.stderr == 'why'"]}}
    - {name: c, shell: {cmd: '${write('on')}'}, when: r.failed}
`,
    ends: ['a ignored', 'b ok', 'c changed'],
    says: /\[a\] failed, ignored: "run sh: .*" ended with 4 \[why\]/,
    ran: 'on\n',
  },
  {
    name: 'a bad status ends the host',
    tasks: `    - {name: a, shell: {cmd: 'echo because >&2; exit 5'}}
    - {name: b, shell: {cmd: '${write('never')}'}}
`,
    ends: [],
    fails: /^exit "run sh: .*" ended with 5/,
    exit: 4,
  },
  {
    name: 'until: again until it holds',
    tasks: `    - name: a
      shell: {cmd: '${write('try')}; wc -l < "$KMEND_ROOT/var/ran"'}
      register: r
      until: r.stdout | int >= 3
      retries: 5
      delay: 0
    - {name: b, assert: {that: r.stdout | int == 3}}
`,
    ends: ['a changed', 'b ok'],
    ran: 'try\ntry\ntry\n',
  },
  {
    name: 'until: a bad status is retried too, and the last result counts',
    tasks: `    - name: a
      shell: {cmd: '${write('try')}; test $(wc -l < "$KMEND_ROOT/var/ran") -ge 2'}
      register: r
      until: r is succeeded
      retries: 3
      delay: 0
`,
    ends: ['a changed'],
    ran: 'try\ntry\n',
  },
  {
    name: 'until: the retries come after the first try, and then it is a failure',
    tasks: `    - name: a
      shell: {cmd: '${write('try')}'}
      register: r
      until: r.rc == 7
      retries: 2
      delay: 0
`,
    ends: [],
    fails: /"until" did not hold after 3 tries/,
    exit: 4,
    ran: 'try\ntry\ntry\n',
  },
  {
    name: 'loop: once an item, in order, and a list of results',
    tasks: `    - {name: a, shell: {cmd: 'echo {{ item }}; ${write('{{ item }}')}'}, loop: [x, "y", z], register: r}
    - {name: b, assert: {that: ["r.results | length == 3", "r.results[1].stdout == 'y'", "r.changed"]}}
`,
    ends: ['a changed', 'b ok'],
    ran: 'x\ny\nz\n',
  },
  {
    name: 'loop: what a host has said is no template',
    tasks: `    - {name: a, shell: {cmd: '${braces}'}, register: r}
    - {name: b, shell: {cmd: '${append}', stdin: "{{ item }}"}, loop: "{{ r.stdout_lines }}", register: s}
    - {name: c, shell: {cmd: '${append}', stdin: "{{ t }}"}, vars: {t: "{{ i.item }}"}, loop: "{{ s.results }}", loop_control: {loop_var: i}}
    - block: [{name: d, shell: {cmd: '${braces}; exit 1'}}]
      rescue: [{name: e, shell: {cmd: '${append}', stdin: "{{ item }}"}, loop: ["{{ ansible_failed_result.stdout }}"]}]
`,
    ends: ['a changed', 'b changed', 'c changed', 'e changed'],
    exit: 12,
    ran: '{{ base }}\n{{ base }}\n{{ base }}\n',
  },
  {
    name: 'loop with when: judged for each item',
    tasks:
      `    - {name: a, shell: {cmd: '${write('{{ item }}')}'}, loop: [1, 2, 3, 4], when: item is even}
    - {name: b, shell: {cmd: '${write('{{ item }}')}'}, loop: [1, 3], when: item is even, register: r}
    - {name: c, assert: {that: r is skipped}}
`.replaceAll('item is even', 'item % 2 == 0'),
    ends: ['a changed', 'b skipped', 'c ok'],
    ran: '2\n4\n',
  },
  {
    name: 'loop: the first bad item ends the host',
    tasks: `    - {name: a, shell: {cmd: '${write('{{ item }}')}; test {{ item }} != 2'}, loop: [1, 2, 3]}
`,
    ends: [],
    fails: /ended with 1/,
    exit: 4,
    ran: '1\n2\n',
  },
  {
    name: 'loop with ignore_errors: every item has its turn, and its result names it',
    tasks: `    - {name: a, shell: {cmd: '${write('{{ item }}')}; test {{ item }} != 2'}, loop: [1, 2, 3], ignore_errors: true, register: r}
    - {name: b, assert: {that: ["r is failed", "r.results[1] is failed", "r.results[2].item == 3", "r.results[2] is not failed"]}}
`,
    ends: ['a ignored', 'b ok'],
    ran: '1\n2\n3\n',
  },
  {
    name: 'set_fact: known from then on, over the play, under -e',
    tasks: `    - {name: a, set_fact: {colour: "{{ base }}-blue", size: 3}}
    - {name: b, assert: {that: ["colour == 'dark-blue'", "size == 3", "given == 'yes'"]}}
    - {name: c, shell: {cmd: '${write('{{ colour }} {{ size + 1 }}')}'}}
`,
    ends: ['a ok', 'b ok', 'c changed'],
    ran: 'dark-blue 4\n',
    args: ['-e', 'given=yes'],
  },
  {
    name: 'block: its `when` counts again after a task that registers what it reads; its vars are known inside',
    tasks: `    - {name: a, shell: {cmd: echo open}, register: gate}
    - name: in
      when: gate.stdout == 'open'
      vars: {word: inner}
      block:
        - {name: b, shell: {cmd: echo shut}, register: gate}
        - {name: c, shell: {cmd: '${write('{{ word }} {{ gate.stdout }}')}'}}
    - name: on
      vars: {word: inner}
      block:
        - {name: e, shell: {cmd: '${write('{{ word }}')}'}}
    - name: out
      when: gate.stdout == 'open'
      block:
        - {name: d, shell: {cmd: '${write('never')}'}}
`,
    ends: ['a changed', 'b changed', 'c skipped', 'e changed'],
    ran: 'inner\n',
  },
  {
    name: 'when: skipped tasks say so, and register that',
    tasks: `    - {name: a, shell: {cmd: '${write('never')}'}, when: kernel.release is match('^4'), register: r}
    - {name: b, assert: {that: ["r is skipped", "r is not failed"]}}
    - {name: c, shell: {cmd: '${write('yes')}'}, when: ["true", "kernel.release is match('^3')"]}
`,
    ends: ['a skipped', 'b ok', 'c changed'],
    ran: 'yes\n',
  },
  {
    name: 'timeout: reported, and the script is not killed',
    tasks: `    - {name: a, shell: {cmd: 'sleep 2.5; ${write('end')}'}, timeout: 1}
`,
    ends: [],
    fails: /^timeout .*took longer than 1 s and still runs on the host/,
    exit: 4,
  },
  {
    name: 'creates, removes: a path decides',
    tasks: `    - {name: a, shell: {cmd: 'touch "$KMEND_ROOT/var/flag"', creates: /var/flag}}
    - {name: b, shell: {cmd: '${write('never')}', creates: /var/flag}}
    - {name: c, shell: {cmd: 'rm "$KMEND_ROOT/var/flag"; ${write('removed')}', removes: /var/flag}}
`,
    ends: ['a changed', 'b ok', 'c changed'],
    ran: 'removed\n',
  },
  {
    name: 'tags: only those asked for, and `always`',
    tasks: `    - {name: a, shell: {cmd: '${write('a')}'}, tags: [one]}
    - {name: b, shell: {cmd: '${write('b')}'}, tags: [two]}
    - {name: c, shell: {cmd: '${write('c')}'}, tags: [always]}
    - {name: d, shell: {cmd: '${write('d')}'}, tags: [never, one]}
`,
    ends: ['b changed', 'c changed'],
    ran: 'b\nc\n',
    args: ['-t', 'two'],
  },
  {
    name: 'stdin reaches the command and stands in no list of processes',
    tasks: `    - {name: a, shell: {cmd: 'cat >> "$KMEND_ROOT/var/ran"', stdin: "from stdin\\n"}}
`,
    ends: ['a changed'],
    ran: 'from stdin\n\n',
  },
];

let lab: Practice;
beforeAll(async () => {
  lab = await practice(rows.map((_row, index) => sick(`h${index}`)));
});
afterAll(() => lab.close());

describe('keywords of a task', () => {
  it.concurrent.each(rows.map((row, index) => ({ ...row, host: `h${index}` })))(
    '$name',
    async (row) => {
      const text = play(row.tasks, '{}', '  vars: {base: dark}\n').replace(
        'hosts: all',
        `hosts: ${row.host}`,
      );
      const done = await lab.run([
        'apply',
        lab.file(`${row.host}.yaml`, text),
        '--yes',
        ...(row.args ?? []),
      ]);
      const said = `${done.out}\n${done.err}`;
      expect(done.exit, said).toBe(row.exit ?? 0);
      const events = lab.journal(/run (\d{8}-\d{6}-\w+)/.exec(done.out)?.[1]);
      expect(
        eventsOf(events, 'task.done').map((event) => `${event.name} ${event.status}`),
        said,
      ).toEqual(row.ends);
      const failures = eventsOf(events, 'host.failed').map(
        (event) => `${event.failure.kind} ${event.failure.message}`,
      );
      if (row.fails === undefined) expect(failures).toEqual([]);
      else expect(failures.join('; ')).toMatch(row.fails);
      if (row.says !== undefined) expect(said).toMatch(row.says);
      if (row.ran !== undefined)
        expect(readFileSync(join(lab.host(row.host).root, 'var/ran'), 'utf8')).toBe(row.ran);
    },
    30_000,
  );
});
