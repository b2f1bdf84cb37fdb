// Globs as Python's fnmatch reads them; test/hosts compares them with fnmatch itself.
import { describe, expect, it } from 'vitest';
import { globMatcher } from '../../src/load/inventory/glob.ts';

const names = [
  '',
  'a',
  'b',
  'c',
  'B',
  '!',
  ']',
  '[',
  '^',
  '-',
  '.',
  '\\',
  'ab',
  'a]',
  '[!]',
  '[]',
  '[a',
  'é',
  '💾',
];
const matching = (glob: string): string => names.filter(globMatcher(glob)).join(' ');

describe('globs', () => {
  it.each([
    ['a', 'a'],
    ['?', 'a b c B ! ] [ ^ - . \\ é 💾'],
    ['a*', 'a ab a]'],
    ['*b*', 'b ab'],
    ['**b', 'b ab'],
    ['.', '.'],
    ['[ab]', 'a b'],
    ['[!ab]', 'c B ! ] [ ^ - . \\ é 💾'],
    ['[!]', '[!]'],
    ['[]', '[]'],
    ['[a', '[a'],
    ['[]a]', 'a ]'],
    ['[!]a]', 'b c B ! [ ^ - . \\ é 💾'],
    ['[^a]', 'a ^'],
    ['[a!]', 'a !'],
    ['[[]', '['],
    ['[a-c]', 'a b c'],
    ['[c-a]', ''],
    ['[!c-a]', 'a b c B ! ] [ ^ - . \\ é 💾'],
    ['[a-]', 'a -'],
    ['[-a]', 'a -'],
    ['[\\]', '\\'],
  ])('%s', (glob, expected) => {
    expect(matching(glob)).toBe(expected);
  });

  it('the empty glob is the empty name, and stars alone are any', () => {
    expect(names.filter(globMatcher(''))).toEqual(['']);
    expect(names.filter(globMatcher('**'))).toEqual(names);
  });

  it('take time in proportion to both lengths, however many stars there are', () => {
    const before = process.cpuUsage();
    expect(globMatcher(`${'*a'.repeat(500)}b`)('a'.repeat(5_000))).toBe(false);
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });
});
