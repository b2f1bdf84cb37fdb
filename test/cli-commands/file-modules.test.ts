// copy, file, lineinfile and replace on practice hosts: the plan shows a diff, a run does it once,
// and a rollback restores what was there.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

const paths = ['conf', 'target', 'link', 'gone', 'moved', 'new', 'same'] as const;

const tasks = `
  - name: A new file
    copy: { dest: /etc/t/new, content: "a: 1\\n", mode: "0640" }
    register: made
  - name: A line
    lineinfile: { path: /etc/t/conf, regexp: "^#?Port", line: "Port 22", validate: test -s %s }
  - name: Through a link
    replace: { path: /etc/t/link, regexp: one, replace: two }
  - name: A file less
    file: { path: /etc/t/gone, state: absent }
  - name: Another link
    file: { path: /etc/t/moved, state: link, src: target }
  - name: Nothing to do
    lineinfile: { path: /etc/t/same, line: same }
`;

const sentTasks = `
  - name: Bytes
    copy: { src: bin, dest: /etc/t/, mode: "0600" }
  - name: A template
    template: { src: t.j2, dest: /etc/t/text }
    vars: { list: [a, b] }
`;

const secretTask = `
  - name: A secret
    copy: { dest: /etc/t/conf, content: "{{ word }}", mode: "0600" }
    no_log: true
`;

describe('files of a host', () => {
  let fleet: Practice;
  const at = (name: string): string => join(fleet.host('h1').root, 'etc/t', name);
  const picture = () =>
    Object.fromEntries(
      paths.map((name) => {
        const path = at(name);
        if (!existsSync(path)) return [name, 'nothing'];
        const stat = lstatSync(path);
        if (stat.isSymbolicLink()) return [name, `link ${readlinkSync(path)}`];
        return [name, `${(stat.mode & 0o777).toString(8)} ${readFileSync(path, 'utf8')}`];
      }),
    );
  const before = {
    conf: '644 # a\n#Port 2222\n',
    target: '604 one\n',
    link: 'link target',
    gone: '640 gone\n',
    moved: 'link conf',
    new: 'nothing',
    same: '644 same\n',
  };
  const book = (name: string, text: string): string =>
    fleet.file(name, play(text.replaceAll('\n', '\n  ').trimEnd()));

  beforeAll(async () => {
    fleet = await practice([sick('h1')]);
    mkdirSync(at(''), { recursive: true });
    writeFileSync(at('conf'), '# a\n#Port 2222\n', { mode: 0o644 });
    writeFileSync(at('target'), 'one\n', { mode: 0o604 });
    writeFileSync(at('gone'), 'gone\n', { mode: 0o640 });
    writeFileSync(at('same'), 'same\n', { mode: 0o644 });
    symlinkSync('target', at('link'));
    symlinkSync('conf', at('moved'));
    expect(picture()).toEqual(before);
  }, 60_000);
  afterAll(() => fleet.close());

  it('the plan shows a diff, and no text that not everybody may read', async () => {
    const { exit, out } = await fleet.run(['plan', book('p.yaml', tasks)]);
    expect(exit).toBe(2);
    expect(out).toMatch(
      /~ file \/etc\/t\/conf \[write\]\n +@@ -1,2 \+1,2 @@\n + # a\n +-#Port 2222\n +\+Port 22/,
    );
    expect(out).toMatch(/\+ file \/etc\/t\/new \[write\]\n +\(\+1 -0 lines, not shown/);
    expect(out).toMatch(/- file \/etc\/t\/gone/);
    expect(picture()).toEqual(before);
  });

  it('a run changes them, once, and its rollback restores them', async () => {
    const applied = await fleet.run(['apply', book('p.yaml', tasks), '--yes']);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    expect(picture()).toEqual({
      ...before,
      conf: '644 # a\nPort 22\n',
      target: '604 two\n',
      gone: 'nothing',
      moved: 'link target',
      new: '640 a: 1\n',
    });
    expect((await fleet.run(['plan', book('p.yaml', tasks)])).exit).toBe(0);
    const back = await fleet.run(['rollback', fleet.runs()[0] ?? '', '--yes']);
    expect(`${back.exit} ${back.err}`).toBe('0 ');
    expect(picture()).toEqual(before);
  }, 60_000);

  it('files of this machine arrive byte for byte; a plan is stale when one has changed', async () => {
    const made = book('f.yaml', sentTasks);
    const own = (path: string): string => join(dirname(made), path);
    mkdirSync(own('files'), { recursive: true });
    mkdirSync(own('templates'), { recursive: true });
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
    writeFileSync(own('files/bin'), bytes);
    writeFileSync(
      own('templates/t.j2'),
      '# {{ ansible_managed }}\n{% for x in list %}\n{{ x }}\n{% endfor %}\n',
    );
    const saved = join(dirname(made), 'sent.json');
    const planned = await fleet.run(['plan', made, '-o', saved]);
    expect(planned.out).toMatch(
      /\+ file \/etc\/t\/text \[write\]\n +@@ -0,0 \+1,3 @@\n +\+# Ansible managed\n/,
    );
    // The bytes differ, but not as text: each is no UTF-8.
    writeFileSync(own('files/bin'), Buffer.from(bytes).fill(0xfe, 255, 256));
    const stale = await fleet.run(['apply', saved, '--yes']);
    expect(`${stale.exit} ${stale.err}`).toMatch(/files\/bin/);
    writeFileSync(own('files/bin'), bytes);
    const applied = await fleet.run(['apply', saved, '--yes']);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    expect(readFileSync(at('bin')).equals(bytes)).toBe(true);
    expect(readFileSync(at('text'), 'utf8')).toBe('# Ansible managed\na\nb\n');
    expect((await fleet.run(['plan', made])).exit).toBe(0);
    const back = await fleet.run(['rollback', fleet.runs().at(-1) ?? '', '--yes']);
    expect(`${back.exit} ${back.err}`).toBe('0 ');
    expect(existsSync(at('bin')) || existsSync(at('text'))).toBe(false);
  }, 60_000);

  it('with no_log neither the text nor its checksum is kept, and no rollback is promised', async () => {
    const word = 'hunter-2-word';
    const made = book('s.yaml', secretTask);
    const applied = await fleet.run(['apply', made, '--yes', '-e', `word=${word}`]);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    expect(picture().conf).toBe(`600 ${word}`);
    const run = fleet.runs().at(-1) ?? '';
    const plan = readFileSync(join(fleet.state, 'runs', run, 'plan.json'), 'utf8');
    for (const text of [fleet.journalText(), plan])
      expect(text).not.toMatch(/sha256:|"file\.|hunter/);
    const back = await fleet.run(['rollback', run, '--yes']);
    expect(back.err).toMatch(/no_log of the task "A secret" hid/);
  }, 60_000);
});
