// `kmend import`: every task of an old playbook is accounted for once, what is kept stays as it is
// written, and the draft loads.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factDefs } from '../../src/facts/index.ts';
import { equivalents } from '../../src/load/draft/equivalents.ts';
import {
  type Accounted,
  type Draft,
  draftPlaybook,
  leastShare,
  loadPlaybook,
  usableShare,
} from '../../src/load/index.ts';
import { moduleHints } from '../../src/load/playbook/ansible/hints.ts';
import { ansibleModules } from '../../src/load/playbook/ansible/modules.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';

const corpus = join(import.meta.dirname, 'import-corpus');
const table: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(corpus, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .map((name) => [name, readFileSync(join(corpus, name), 'utf8')]),
);
const old = (path: string): string => table[path] ?? '';
const playbooks = Object.keys(table).filter((name) => /^\d/.test(name));
const facts = factDefs.map(({ name }) => name);

function drafted(path: string, text: string, reader = tableReader({})): Draft {
  const { value, diagnostics } = draftPlaybook(path, text, { modules, facts, reader });
  expect(diagnostics).toEqual([]);
  if (value === undefined) throw new Error('no draft');
  return value;
}

const fromCorpus = (name: string): Draft => drafted(name, old(name), tableReader(table));

/** A play with these tasks, and its draft. */
const play = (tasks: string, more = ''): string => `- hosts: all\n${more}  tasks:\n${tasks}`;
const draftOf = (tasks: string, more = ''): string =>
  drafted('p.yml', play(tasks, more)).files[0]?.text ?? '';
const fateOf = (task: string, others = ''): Accounted | undefined =>
  drafted('p.yml', play(`    - ${task}\n${others}`)).account[0];

/** Tasks by a walk of its own over the plain data. */
function tasksIn(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: Record<string, unknown>) => {
    const lists = ['pre_tasks', 'tasks', 'post_tasks', 'handlers'];
    if ('hosts' in one) return lists.flatMap((key) => tasksIn(one[key]));
    if ('block' in one) return ['block', 'rescue', 'always'].flatMap((key) => tasksIn(one[key]));
    return [one];
  });
}

describe('every draft of the corpus', () => {
  it.each(playbooks)('%s: each task is accounted for once, and the draft loads', (name) => {
    const { files, account } = fromCorpus(name);
    const texts = Object.fromEntries(files.map(({ path, text }) => [path, text]));
    const reader = tableReader({ ...table, ...texts });
    const { diagnostics } = loadPlaybook(name, texts[name] ?? '', { modules, facts, reader });
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    for (const { path, text } of files) {
      const found = account.filter(({ place, what }) => place.file === path && what === 'task');
      const expected = tasksIn(parsePlain(old(path))).length;
      expect(found, path).toHaveLength(expected);
      expect(new Set(found.map(({ place }) => place.line)).size, path).toBe(expected);
      // A comment of the draft for each of them.
      const comments = text.match(/^ *# kmend: (?:kept|replaced|DECIDE|dropped)/gm) ?? [];
      const keys = account.filter(
        ({ place, what, fate }) => place.file === path && what !== 'task' && fate === 'dropped',
      );
      expect(comments, path).toHaveLength(expected + keys.length);
    }
  });

  it.each(playbooks)('%s: a task that is kept keeps its lines', (name) => {
    const { files, account } = fromCorpus(name);
    for (const { place, fate, why, what } of account) {
      if (what !== 'task' || fate !== 'kept' || why !== undefined) continue;
      const file = files.find(({ path }) => path === place.file);
      const line = old(place.file).split('\n')[place.line - 1] ?? '';
      const lines = file?.text.split('\n') ?? [];
      expect(
        lines.some((one, at) => one === line && /# kmend: kept$/.test(lines[at - 1] ?? '')),
      ).toBe(true);
    }
  });

  it('is imported again without a change but for comments', () => {
    for (const name of playbooks) {
      const first = fromCorpus(name).files[0]?.text ?? '';
      const again = drafted(name, first, tableReader(table));
      expect(parsePlain(again.files[0]?.text ?? ''), name).toEqual(parsePlain(first));
    }
  });

  it('gives something usable of at least 60 % of the files', () => {
    const shares = playbooks.map((name) => usableShare(fromCorpus(name).account));
    const usable = shares.filter((share) => share >= leastShare);
    console.log(`import: ${usable.length} of ${shares.length} files are worth importing`);
    expect(usable.length / shares.length).toBeGreaterThanOrEqual(0.6);
  });
});

describe('what a task becomes', () => {
  const reboot = '    - reboot:\n';
  const drain = '    - drain: {}\n';
  const delegated = 'delegate_to: localhost';
  it.each<[string, string, string, string]>([
    [
      `{shell: "kubectl drain {{ inventory_hostname }} --force", ${delegated}}`,
      '',
      'replaced',
      'drain',
    ],
    [`{command: "oc adm uncordon {{ node_name }}", ${delegated}}`, drain, 'replaced', 'uncordon'],
    [
      `{command: "kubectl cordon {{ inventory_hostname }}", ${delegated}}`,
      drain,
      'replaced',
      'drain',
    ],
    [
      `{command: "kubectl wait --for=condition=Ready node/{{ inventory_hostname }}", ${delegated}}`,
      reboot,
      'replaced',
      'reboot',
    ],
    ['{command: grubby --update-kernel=ALL --args="a=b c"}', '', 'replaced', 'kernel_arg'],
    ['{command: grep -q cgroup.memory=nokmem /proc/cmdline}', '', 'replaced', 'verify_kmem'],
    ['{command: grep -q quiet /proc/cmdline}', '', 'replaced', 'assert'],
    ['{yum: {name: docker-ce-18.09.9, state: present}}', '', 'replaced', 'container_runtime'],
    ['{apt: {name: docker-ce=5:18.09.9~3-0~debian-stretch}}', '', 'replaced', 'container_runtime'],
    ['{yum: {name: kernel-3.10.0-1160.el7}}', '', 'replaced', 'kernel'],
    ['{shell: sleep 2 && shutdown -r now, async: 1, poll: 0}', '', 'replaced', 'reboot'],
    ['{command: /sbin/reboot}', '', 'replaced', 'reboot'],
    ['{local_action: wait_for host=x port=22}', reboot, 'replaced', 'reboot'],
    ['{raw: uptime}', '', 'replaced', 'shell'],
    ['{sysvinit: {name: sshd, state: started}}', '', 'replaced', 'service'],
  ])('%s is replaced', (task, others, fate, by) => {
    expect(fateOf(task, others)).toMatchObject({ fate, by });
  });

  it.each<[string, string]>([
    ['{ping: }', 'kept'],
    ['{slack: {msg: x}}', 'dropped'],
    ['{user: {name: ops}}', 'undecided'],
    [`{command: "kubectl drain other-node", ${delegated}}`, 'kept'],
    [`{command: "kubectl uncordon {{ inventory_hostname }}", ${delegated}}`, 'kept'],
    [`{command: "kubectl drain {{ inventory_hostname }} --dry-run=client", ${delegated}}`, 'kept'],
    ['{yum: {name: docker-ce, state: latest}}', 'kept'],
    ['{command: "echo reboot"}', 'kept'],
    ['{command: cat /proc/cmdline, register: line, become_user: ops}', 'kept'],
  ])('%s is not', (task, fate) => {
    expect(fateOf(task)?.fate).toBe(fate);
  });

  it('a result that another task reads is not lost', () => {
    const task = `{command: "kubectl drain {{ inventory_hostname }}", ${delegated}, register: out}`;
    const reader = `    - fail: {msg: x}\n      when: "'evicted' not in out.stdout"\n`;
    expect(fateOf(task, reader)?.fate).toBe('kept');
    expect(fateOf(task, '    - fail: {msg: x}\n      when: out is changed\n')?.fate).toBe(
      'replaced',
    );
    const path = '    - copy: {dest: /etc/out, content: x}\n';
    expect(fateOf(task, path)?.fate).toBe('replaced');
  });

  it('says that pods of DaemonSets stay, where kubectl would refuse the node', () => {
    const draftWith = (flags: string): string =>
      draftOf(
        `    - command: kubectl drain {{ inventory_hostname }}${flags}\n      ${delegated}\n`,
      ).replaceAll(/\n +# +/g, ' ');
    const says = 'pods of DaemonSets stay, where `kubectl drain` would refuse the node';
    expect(draftWith('')).toContain(says);
    for (const flag of [' --ignore-daemonsets', ' --ignore-daemonsets=false'])
      expect(draftWith(flag)).not.toContain(says);
  });

  it('says what is stricter, and takes options one to one', () => {
    const text = draftOf(
      `    - shell: kubectl drain {{ inventory_hostname }} --timeout 90s --pod-selector='app!=x' || true\n      ${delegated}\n      ignore_errors: true\n`,
    );
    expect(text.replaceAll(/\n +# +/g, ' ')).toContain('without `ignore_errors` and `|| true`');
    expect(parsePlain(text)).toMatchObject([
      { tasks: [{ drain: { timeout: '90s', pod_selector: 'app!=x' } }] },
    ]);
  });

  it('a question keeps what other tasks need of its task', () => {
    const text = draftOf(
      '    - name: accounts\n      user: {name: "{{ who }}"}\n      register: made\n      tags: [people]\n    - debug: {var: made}\n',
    );
    expect(parsePlain(text)).toMatchObject([
      { tasks: [{ name: 'accounts', register: 'made', tags: ['people'] }, { debug: {} }] },
    ]);
    expect(text).toContain('    #   user: {name: "{{ who }}"}');
  });

  it('a block that loses its tasks keeps one that does nothing', () => {
    const text = draftOf('    - block:\n        - slack: {msg: x}\n    - command: uptime\n');
    expect(parsePlain(text)).toMatchObject([{ tasks: [{ block: [{ meta: 'noop' }] }, {}] }]);
  });

  it('keys of a play become a question before its first task, or are dropped', () => {
    const text = draftOf('    - command: uptime\n', '  force_handlers: true\n  nosuch: 1\n');
    expect(text).toContain('  # kmend: dropped: ');
    expect(text).toContain('  # nosuch: 1');
    expect(parsePlain(text)).toMatchObject([
      { tasks: [{ decide: expect.stringMatching(/^nosuch: /) }, {}] },
    ]);
  });

  it('a play of one line is written in several', () => {
    const text = drafted('p.yml', '[{hosts: all, tasks: [{slack: {msg: x}}, {command: uptime}]}]')
      .files[0]?.text;
    expect(parsePlain(text ?? '')).toMatchObject([
      { hosts: 'all', tasks: [{ command: 'uptime' }] },
    ]);
  });
});

describe('what cannot be imported', () => {
  it.each<[string, string, object]>([
    ['broken YAML', '- hosts: all\n  tasks: [\n', { code: 'yaml-syntax', place: { line: 3 } }],
    ['no playbook', 'a: b\n', { code: 'playbook-shape' }],
    ['a play whose hosts make no sense', '- hosts: {a: b}\n  tasks: []\n', { place: { line: 1 } }],
  ])('%s: an error at its place', (_, text, error) => {
    const { value, diagnostics } = draftPlaybook('p.yml', text, { modules, facts });
    expect(value).toBeUndefined();
    expect(diagnostics.find(({ severity }) => severity === 'error')).toMatchObject(error);
  });
});

it('what replaces a module has a hint, or the module is there by now', () => {
  const works = (name: string): boolean => modules.has(name) || ansibleModules.has(name);
  const others = ['async_status', 'gather_facts'];
  for (const name of Object.keys(equivalents))
    expect(works(name) || Object.hasOwn(moduleHints, name) || others.includes(name), name).toBe(
      true,
    );
});
