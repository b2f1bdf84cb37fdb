// What an edit of boot arguments must have done, judged by the command lines before and after
// alone: an own reading of them, not that of the program.
import { expect } from 'vitest';
import type { ArgumentEdit } from '../../src/modules/kernel-arg/edit.ts';

/** Words as the kernel cuts them: at blanks outside double quotes. */
const wordsOf = (line: string): readonly string[] => line.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
const plain = (word: string): string => word.replaceAll(/\\?"/g, '');
const nameOf = (word: string): string => plain(word).replace(/=.*/s, '');

interface Read {
  /** Values of the key, as far as they are for the kernel. */
  readonly values: readonly string[];
  /** Every other word, in order, and all behind ` -- `. */
  readonly others: readonly string[];
}

function read(line: string, key: string): Read {
  const words = wordsOf(line);
  const end = words.indexOf('--');
  const isOurs = (word: string, index: number): boolean =>
    (end < 0 || index < end) && nameOf(word) === key;
  return {
    values: words.filter(isOurs).map((word) => plain(word).slice(key.length + 1)),
    others: words.filter((word, index) => !isOurs(word, index)),
  };
}

const itemsOf = (values: readonly string[]): readonly string[] => [
  ...new Set(values.flatMap((value) => value.split(',')).filter(Boolean)),
];

/** `before` and `after` are the command lines of the same entry. */
export function lawsOfEdit(before: string, after: string, edit: ArgumentEdit): void {
  const [was, is] = [read(before, edit.key), read(after, edit.key)];
  expect(is.others, 'every other word, in its order').toEqual(was.others);
  const wanted = edit.items.join(',');
  if (edit.list && edit.state === 'present')
    expect([...itemsOf(is.values)].sort(), 'the items of both').toEqual(
      [...new Set([...itemsOf(was.values), ...edit.items])].sort(),
    );
  else if (edit.list)
    expect(itemsOf(is.values), 'the items that are left').toEqual(
      itemsOf(was.values).filter((item) => !edit.items.includes(item)),
    );
  else if (edit.state === 'present') expect([...new Set(is.values)], 'one value').toEqual([wanted]);
  else
    expect(is.values, 'the values that are left').toEqual(
      edit.items.length === 0 ? [] : was.values.filter((value) => value !== wanted),
    );
}

/** The edit that takes this one back, where none of what it adds stood anywhere before. */
export function inverseOf(edit: ArgumentEdit, texts: readonly string[]): ArgumentEdit | undefined {
  if (edit.state === 'absent') return undefined;
  const all = texts.join('\n');
  const stood = edit.list ? edit.items.some((item) => all.includes(item)) : all.includes(edit.key);
  return stood ? undefined : { ...edit, state: 'absent' };
}
