// Files of this machine in `src` of `copy` and `template`: where they are looked for, what of them is
// sent, and each error at its place in the file that it is in.
import { describe, expect, it } from 'vitest';
import { contentOf } from '../../src/core/plan/task/source.ts';
import { scopeOf } from '../../src/expression/index.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import { viewOf } from '../../src/model/fact.ts';
import type { ModuleTask, Task } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { fileFacts } from '../modules/file-facts.ts';
import { moduleNamed, noContext, parseArgs } from '../modules/laws.ts';

const files: Record<string, string> = {
  'site/files/a.conf': 'in files\n',
  'site/a.conf': 'beside\n',
  'site/b.conf': 'b\n',
  'site/files/bin': '\x7fELF\x00\xff\xfe',
  'site/files/vault': '$ANSIBLE_VAULT;1.1;AES256\n36\n',
  'site/files/large': 'x'.repeat(1024 * 1024 + 1),
  'site/files/dir/x': 'x',
  'site/templates/t.j2':
    '# {{ ansible_managed }}\n{% for x in list %}\n{{ x }} {{ name }}\n{% endfor %}\n',
  'site/templates/bin': '\xff',
  'site/templates/wrong.j2': 'a\n  {% macro x() %}',
  'site/templates/unknown.j2': 'a\n{{ nowhere_ }}\n',
  'site/templates/lookup.j2': "{{ lookup('pipe', 'id') }}\n",
  'site/templates/header.j2': '#jinja2: trim_blocks:False\nx\n',
  'site/templates/trim.j2': '{% if true %}\n  {% endif %}x\n',
  'site/roles/r/tasks/main.yml':
    '- copy: {src: a.conf, dest: /etc/a}\n- template: {src: t.j2, dest: /etc/t}\n',
  'site/roles/r/files/a.conf': 'of the role\n',
  'site/roles/r/templates/t.j2': 'of the role {{ name }}\n',
};
const reader = {
  ...tableReader(
    Object.fromEntries(
      Object.entries(files).map(([path, text]) => [path, Buffer.from(text, 'latin1').toString()]),
    ),
  ),
  readBytes: (path: string) => ({ ok: true as const, text: files[path] ?? '' }),
};
const vars = { list: ['a', 'b'], name: 'web', os: 'b' };
const load = (tasks: string) =>
  loadPlaybook(
    'site/p.yml',
    `- hosts: all\n  vars: {list: [a, b], name: web, os: b}\n  tasks:\n    - ${tasks}\n`,
    { modules, facts: [], reader, inventory: oneHost },
  );
const host = { name: 'h', groups: ['all'], vars: {} };
const oneHost = {
  hosts: new Map([['h', host]]),
  groups: new Map([['all', { name: 'all', children: [], hosts: ['h'], vars: {} }]]),
  files: [],
};
const flat = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? flat(task.tasks) : [task]));
function tasksOf(tasks: string): readonly ModuleTask[] {
  const { value, diagnostics } = load(tasks);
  expect(diagnostics).toEqual([]);
  return flat(value?.plays[0]?.tasks ?? []);
}
/** The content of each file that the tasks name. */
const contents = (tasks: string): readonly unknown[] =>
  tasksOf(tasks).flatMap((task) =>
    Object.keys(task.sources ?? {}).map((src) => {
      const found = contentOf(task, src, scopeOf(vars), (run) => run());
      return found.kind === 'content' ? found.content : found;
    }),
  );

describe('a file of this machine', () => {
  it.each<[string, readonly unknown[]]>([
    ['copy: {src: a.conf, dest: /etc/a}', [{ text: 'in files\n' }]],
    ['copy: {src: files/a.conf, dest: /etc/a}', [{ text: 'in files\n' }]],
    ['copy: {src: b.conf, dest: /etc/a}', [{ text: 'b\n' }]],
    ['copy: {src: "{{ os }}.conf", dest: /etc/a}', [{ text: 'b\n' }]],
    ['copy: {src: bin, dest: /etc/a}', [{ bytes: '\x7fELF\x00\xff\xfe' }]],
    [
      'copy: {src: "{{ item }}.conf", dest: "/etc/{{ item }}"}\n      loop: [a, b]',
      [{ text: 'in files\n' }, { text: 'b\n' }],
    ],
    [
      'copy: {src: "{{ item.f }}", dest: /etc/a}\n      with_items: [{f: a.conf}]',
      [{ text: 'in files\n' }],
    ],
    ['template: {src: t.j2, dest: /etc/t}', [{ text: '# Ansible managed\na web\nb web\n' }]],
    [
      'ansible.builtin.template: src=templates/t.j2 dest=/etc/t',
      [{ text: '# Ansible managed\na web\nb web\n' }],
    ],
    ['template: {src: trim.j2, dest: /etc/t}', [{ text: '  x\n' }]],
    ['template: {src: trim.j2, dest: /etc/t, trim_blocks: no}', [{ text: '\n  x\n' }]],
    ['template: {src: trim.j2, dest: /etc/t, lstrip_blocks: yes}', [{ text: 'x\n' }]],
    ['import_role: {name: r}', [{ text: 'of the role\n' }, { text: 'of the role web\n' }]],
    ['copy: {src: /root/x, remote_src: true, dest: /etc/a}', []],
    ['copy: {content: x, dest: /etc/a}', []],
  ])('%s', (tasks, wanted) => {
    expect(contents(tasks)).toEqual(wanted);
  });

  it('is among the files of the playbook', () => {
    expect(load('copy: {src: bin, dest: /etc/a}').value?.files).toEqual(['site/files/bin']);
  });

  it.each([
    ['copy: {src: no, dest: /etc/a}', 'site/p.yml:4:19 missing-file: there is no file no'],
    ['copy: {src: "{{ boot }}", dest: /etc/a}', 'site/p.yml:4:19 early-template: '],
    [
      'copy: {src: dir, dest: /etc/a}',
      'site/p.yml:4:19 unsupported-argument: site/files/dir is a directory',
    ],
    [
      'copy: {src: dir/, dest: /etc/a}',
      'site/p.yml:4:19 unsupported-argument: site/files/dir/ is a directory',
    ],
    ['copy: {src: vault, dest: /etc/a}', 'site/p.yml:4:19 vault: site/files/vault is encrypted'],
    [
      'copy: {src: large, dest: /etc/a}',
      'site/p.yml:4:19 too-long: site/files/large has more than 1 MiB',
    ],
    [
      'template: {src: wrong.j2, dest: /etc/a}',
      'site/templates/wrong.j2:2:3 expression-syntax: `{% macro %}` is not supported',
    ],
    [
      'template: {src: unknown.j2, dest: /etc/a}',
      'site/templates/unknown.j2:2:4 unknown-name: `nowhere_` is not defined',
    ],
    [
      'template: {src: lookup.j2, dest: /etc/a}',
      'site/templates/lookup.j2:1:4 unavailable-function: ',
    ],
    [
      'template: {src: header.j2, dest: /etc/a}',
      'site/templates/header.j2:1:1 unsupported-argument: ',
    ],
    ['template: {src: bin, dest: /etc/a}', 'bad-value: a template should be UTF-8 text'],
    ['template: {src: t.j2, dest: /etc/t, content: x}', 'site/p.yml:4:43 unsupported-argument: '],
    ['template: {src: t.j2, dest: /etc/t, mode: preserve}', 'should be a file mode'],
    [
      'copy: {content: "{% if x %}", dest: /etc/a}',
      'site/p.yml:4:24 expression-syntax: statements',
    ],
  ])('%s is reported', (tasks, wanted) => {
    const all = load(tasks).diagnostics.map(
      ({ place, code, summary }) =>
        `${place?.file}:${place?.line}:${place?.column} ${code}: ${summary}`,
    );
    expect(all.join('\n')).toContain(wanted);
  });

  it('a value of the host that is not known makes the task later; a wrong one names the file', () => {
    const [task] = tasksOf('template: {src: t.j2, dest: /etc/t}');
    const given = (list: unknown) =>
      task && contentOf(task, 't.j2', scopeOf({ ...vars, list: list as never }), (run) => run());
    expect(given({ $unknown: 'soon' })).toEqual({ kind: 'later', why: 'soon' });
    expect(given(1)).toEqual({
      kind: 'wrong',
      message: "site/templates/t.j2: 'int' object is not iterable",
    });
  });
});

describe('what it becomes', () => {
  const module = moduleNamed('copy');
  const planned = (
    args: object,
    content: { text: string } | { bytes: string },
    text?: string,
    more = {},
  ) => {
    const given = module.source?.give(
      parseArgs(module, { dest: '/etc/f', src: 'd/g', ...args }),
      content,
    );
    return module.plan(given, viewOf(fileFacts(text, more)), noContext);
  };

  it('a text is written with its diff, and is there afterwards', () => {
    const plan = planned({}, { text: 'a\n' });
    expect(plan.changes[0]).toMatchObject({
      diff: '@@ -0,0 +1 @@\n+a',
      effects: [{ path: '/etc/f', content: 'a\n', mode: '0644' }],
    });
    expect(planned({}, { text: 'a\n' }, 'a\n').changes).toEqual([]);
  });

  it('bytes are written without one, and compared by their checksum', () => {
    const plan = planned({}, { bytes: '\x00\xff' });
    expect(plan.changes[0]).toMatchObject({ effects: [{ content: { bytes: '\x00\xff' } }] });
    expect(plan.changes[0]?.diff).toBeUndefined();
    // sha256 of the two bytes.
    expect(plan.changes[0]?.after).toContain(
      '06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8',
    );
  });

  it('a long text has no diff', () => {
    const plan = planned({}, { text: 'é'.repeat(60_001) });
    expect(plan.changes[0]).toMatchObject({
      effects: [{ content: { bytes: 'Ã©'.repeat(60_001) } }],
    });
  });
});
