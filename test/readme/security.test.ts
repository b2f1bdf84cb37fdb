// SECURITY.md against the tests: each line of what kmend defends names tests that are there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CallExpression, type Expression, parseSync, Visitor } from 'oxc-parser';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Line {
  readonly text: string;
  readonly tests: readonly string[];
}

/** The lines of a list, each with the tests that it names as `file › title`. */
const linesOf = (text: string): readonly Line[] =>
  text
    .split(/^- /m)
    .slice(1)
    // Lines wrap anywhere, also inside a title.
    .map((line) => line.replace(/\n(?! {2})[\s\S]*/, '').replace(/\s+/g, ' '))
    .map((line) => ({
      text: line.slice(0, 100),
      tests: [...line.matchAll(/(`+)((?:(?!\1).)+)\1(?!`)/g)]
        .map(([, , code = '']) => code)
        .filter((code) => code.includes(' › ')),
    }));

const sectionOf = (page: string, heading: string): string =>
  page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';

/** `it`, `it.each(...)`, `describe.skipIf(...).each(...)`: by the name that it begins with. */
function rootName(callee: Expression): string {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'MemberExpression') return rootName(callee.object as Expression);
  return callee.type === 'CallExpression' ? rootName(callee.callee) : '';
}

/** The title as it is written, with what a test fills in left out. */
function titleOf({ arguments: [first] }: CallExpression): string | undefined {
  if (first?.type === 'Literal' && typeof first.value === 'string') return first.value;
  return first?.type === 'TemplateLiteral'
    ? first.quasis.map(({ value }) => value.cooked ?? '').join('')
    : undefined;
}

const known = new Map<string, readonly string[]>();
function titlesOf(file: string): readonly string[] {
  const titles = known.get(file) ?? titlesIn(file);
  known.set(file, titles);
  return titles;
}

/** Each test of a file by the titles of its groups and its own, as the reporter joins them. */
function titlesIn(file: string): readonly string[] {
  const groups: string[] = [];
  const titles: string[] = [];
  new Visitor({
    CallExpression: (node) => {
      const title = titleOf(node);
      const kind = rootName(node.callee);
      if (title !== undefined && kind === 'it') titles.push([...groups, title].join(' '));
      if (title !== undefined && kind === 'describe') groups.push(title);
    },
    'CallExpression:exit': (node) => {
      if (titleOf(node) !== undefined && rootName(node.callee) === 'describe') groups.pop();
    },
  }).visit(parseSync(file, read(file)).program);
  return titles;
}

/** What is wrong with the lines; nothing = each names tests that are there. */
const wrongIn = (lines: readonly Line[]): readonly string[] =>
  lines.flatMap(({ text, tests }) => [
    ...(tests.length === 0 ? [`no test: ${text}`] : []),
    ...tests.flatMap((test) => {
      const [file = '', title = ''] = test.split(' › ');
      if (!existsSync(join(root, file))) return [`no file: ${test}`];
      return title.length > 9 && titlesOf(file).some((one) => one.includes(title))
        ? []
        : [`no such test: ${test}`];
    }),
  ]);

describe('SECURITY.md', () => {
  it('names for each line of what kmend defends a test that is there', () => {
    const lines = linesOf(sectionOf(read('SECURITY.md'), 'What kmend defends'));
    expect(lines.length).toBeGreaterThan(40);
    expect(wrongIn(lines)).toEqual([]);
  });

  it.each([
    ['- It is safe.', 'no test: It is safe.'],
    ['- It is safe.\n  `test/none.test.ts › x`', 'no file: test/none.test.ts › x'],
    ['- It is safe.\n  `test/readme/security.test.ts › nobody wrote this`', 'no such test: '],
    ['- It is safe.\n  `test/readme/security.test.ts › is`', 'no such test: '],
    ['- It is safe.\n  `test/readme/security.test.ts › names for each line`', undefined],
  ])('%j: %s', (text, found) => {
    const wrong = wrongIn(linesOf(text));
    expect(wrong).toEqual(found === undefined ? [] : [expect.stringContaining(found)]);
  });
});
