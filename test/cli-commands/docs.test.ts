// `kmend docs`: modules and pages by name, wherever the program was started from.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modules } from '../../src/modules/index.ts';
import { command } from '../cli/real-world.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-docs-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const docs = (topic: readonly string[], packageRoot = process.cwd()) =>
  command(['docs', ...topic], { home, packageRoot });
const pages = readdirSync('docs').flatMap((file) => /^(.*)\.md$/.exec(file)?.[1] ?? []);
const generated = ['facts', 'settings'];

describe('kmend docs', () => {
  it('lists every module and every page, and no name twice', async () => {
    const { out, exit } = await docs([]);
    const [first = '', second = ''] = out.split('\n\n');
    const names = (text: string): readonly string[] =>
      text.split('\n').flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []);
    expect(names(first)).toEqual([...modules.keys()]);
    expect(names(second)).toEqual(pages.toSorted());
    expect(second).toMatch(/^Pages\n[\s\S]*\n {2}kmem +Kernel-memory accounting: am I affected/);
    expect(exit).toBe(0);
    expect(pages.filter((name) => modules.has(name))).toEqual([]);
  });

  it.each(pages.filter((name) => !generated.includes(name)))(
    'opens the page %s as it is',
    async (name) => {
      expect((await docs([name])).out).toBe(readFileSync(`docs/${name}.md`, 'utf8').trimEnd());
    },
  );

  it('prints a module, facts and settings without the pages', async () => {
    for (const [topic, text] of [
      ['kernel_arg', /^## kernel_arg$/m],
      ['facts', /`kmem\.verdict`/],
      ['settings', /`state_dir`/],
    ] as const)
      expect(await docs([topic], home)).toMatchObject({
        exit: 0,
        out: expect.stringMatching(text),
      });
  });

  it.each([
    ['kmen', 'there is no module or page kmen', 'did you mean kmem?'],
    ['kernel-arg', 'there is no module or page kernel-arg', 'did you mean kernel_arg?'],
    ['zebra', 'there is no module or page zebra', 'kmend docs lists them'],
    ['../README', 'there is no module or page ../README', 'kmend docs lists them'],
  ])('refuses %s', async (topic, message, hint) => {
    const { exit, err } = await docs([topic]);
    expect([exit, err]).toEqual([3, expect.stringContaining(message)]);
    expect(err).toContain(hint);
  });

  it('says where pages belong when a bundle was carried without them', async () => {
    const root = join(home, 'carried');
    mkdirSync(join(root, 'playbooks'), { recursive: true });
    expect(await docs(['kmem'], root)).toMatchObject({
      exit: 3,
      err: expect.stringMatching(
        /there is no module kmem, and \S+\/carried\/docs with the pages is missing[\s\S]*put the docs\/ of the package or checkout beside playbooks\//,
      ),
    });
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/kmem.md'), '# A page\n\ntext\n');
    expect(await docs(['kmem'], root)).toMatchObject({ exit: 0, out: '# A page\n\ntext' });
  });
});
