// README and docs against the program: commands and flags exist, links lead somewhere, YAML in them
// loads, exit codes agree.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { diskReader, trustOf } from '../../src/adapters/local/index.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { repositoryCauses } from '../../src/facts/areas/packages/repository-causes.ts';
import { factDefs } from '../../src/facts/index.ts';
import { loadInventory, loadPlaybook } from '../../src/load/index.ts';
import { modules } from '../../src/modules/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CODE_OF_CONDUCT.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const blocks = (text: string, languages: readonly string[]) =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter((match) => languages.includes(match[1] ?? ''))
    .map((match) => match[2] ?? '');

/** As GitHub names headings: lower case, without punctuation, blanks as hyphens. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

/**
 * Only the tree of commands is built, and none is run: that asks the world for its version and the
 * person's name alone.
 */
const silentWorld = (): World =>
  ({ version: '0', who: 'nobody', out: () => {}, err: () => {} }) as unknown as World;

const program: Command = buildProgram(silentWorld(), () => {});

/** Follows subcommands; gives the command and the words that are left. */
function find(words: readonly string[]): {
  readonly command: Command;
  readonly rest: readonly string[];
} {
  let command = program;
  let rest = words;
  for (
    let next = command.commands.find((one) => one.name() === rest[0]);
    next !== undefined;
    next = command.commands.find((one) => one.name() === rest[0])
  ) {
    command = next;
    rest = rest.slice(1);
  }
  return { command, rest };
}

const shown = pages
  .filter((page) => page !== 'docs/commands.md')
  .flatMap((page) => {
    const text = read(page);
    const inBlocks = blocks(text, ['console', 'sh', 'text', 'bash']).flatMap((block) =>
      block.split('\n'),
    );
    const inLine = [...text.matchAll(/`((?:npx )?kmend [^`]*)`/g)].map((match) => match[1] ?? '');
    return [...inBlocks, ...inLine]
      .map((line) =>
        line
          .replace(/^\s*\$ /, '')
          .replace(/\s+#.*$/, '')
          .replace(/^npx /, '')
          .trim(),
      )
      .filter((line) => /^kmend [a-z]/.test(line))
      .map((line) => [page, line] as const);
  });

describe('README and docs', () => {
  it('show commands', () => {
    expect(shown.length).toBeGreaterThan(15);
  });

  it.each(shown)('%s: `%s` is a command with these flags', (_page, line) => {
    const words =
      line
        .split(/[|>;]/)[0]
        ?.match(/(?:'[^']*'|"[^"]*"|\S)+/g)
        ?.slice(1) ?? [];
    const { command, rest } = find(words);
    expect(command, line).not.toBe(program);
    const known = command.options.flatMap((option) => [option.long, option.short]);
    const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
    for (const word of own)
      if (/^--?[a-zA-Z]/.test(word)) expect(known, line).toContain(word.split('=')[0]);
  });

  it.each(pages)('%s: links lead to files and headings that are there', (page) => {
    const links = [
      ...read(page)
        .replace(/^```[\s\S]*?^```$/gm, '')
        .matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/gm),
    ];
    const dead = links.filter(([, path = '', anchor]) => {
      const target = path === '' ? page : join(dirname(page), path);
      return (
        !existsSync(join(root, target)) ||
        (anchor !== undefined && !anchorsOf(read(target)).includes(anchor))
      );
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });

  it('docs/repositories.md has every message about a repository that cannot be used, and no other', () => {
    const rows = [
      ...(read('docs/repositories.md').split('\n## What kmend says')[1] ?? '').matchAll(
        /^\| (.+?) \|/gm,
      ),
    ].map(([, first]) => first);
    expect(rows.slice(2).toSorted()).toEqual(
      repositoryCauses.map(({ message }) => message).toSorted(),
    );
  });

  it('name npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = pages.flatMap((page) =>
      [
        ...read(page).matchAll(
          /npm (?:run )?(demo|test(?::\w+)?|check|build|bench|docs|format|fuzz|picture|release)\b/g,
        ),
      ].map((match) => match[1] ?? ''),
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('call 7.4 to 7.6 kernels unread, as the table of kernels does: not known to parse the argument', () => {
    for (const page of [...pages, 'practice/demo-hosts.ts', 'CHANGELOG.md'])
      expect(read(page), page).not.toMatch(
        /\b(?:693|862|957)\b[^.;|\n]{0,30} does not (?:parse|know|understand)/,
      );
    expect(read('README.md')).toContain('862 is not known to parse nokmem');
  });

  it('ship every page that they name, in the package and beside the bundle', () => {
    expect(JSON.parse(read('package.json')).files).toEqual(
      expect.arrayContaining(['docs', 'playbooks', 'README.md', 'SECURITY.md', 'CHANGELOG.md']),
    );
    expect(read('README.md')).toMatch(/carry it there with `playbooks\/` and `docs\/`/);
  });

  it('give exit codes as the design of the program has them', () => {
    const table = read('README.md');
    for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      expect(table).toMatch(new RegExp(`\\| ${code} \\| \\S`));
  });
});

describe('YAML in docs', () => {
  const facts = factDefs.map((fact) => fact.name);
  const snippets = ['docs/rollout.md', 'README.md'].flatMap((page) =>
    blocks(read(page), ['yaml']).map((block, index) => [page, index, block] as const),
  );

  it.each(snippets)('%s, snippet %i, loads', (page, _index, block) => {
    const text = block.startsWith('- name')
      ? block.replace('tasks: ...', 'tasks: [{debug: {msg: x}}]')
      : `- hosts: all\n${block.replace(/^/gm, '  ')}\n  tasks: [{debug: {msg: x}}]\n`;
    const { diagnostics } = loadPlaybook(page, text, {
      modules,
      facts,
      knownNames: ['zone', 'rack'],
    });
    expect(diagnostics).toEqual([]);
  });

  it('the example inventory loads', () => {
    const checked = loadInventory([join(root, 'inventory.example.yaml')], {
      reader: diskReader(trustOf({}, '')),
    });
    expect(checked.diagnostics).toEqual([]);
    expect(checked.value?.hosts.size).toBeGreaterThan(10);
  });
});
