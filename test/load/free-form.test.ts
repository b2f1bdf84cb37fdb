// The text form of `command` and `shell`: what Ansible takes as arguments, kmend takes too.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FreeForm, splitFreeForm } from '../../src/load/playbook/ansible/free-form.ts';

const names = [
  'creates',
  'removes',
  'chdir',
  'executable',
  'warn',
  'stdin',
  'stdin_add_newline',
  'strip_empty_ends',
];

const plain = (split: FreeForm | undefined) =>
  split && { ...Object.fromEntries(split.options), ...(split.rest !== '' && { rest: split.rest }) };

describe('the text form of a command', () => {
  it.each<[string, object | undefined]>([
    ['touch /tmp/x creates=/tmp/x', { rest: 'touch /tmp/x', creates: '/tmp/x' }],
    ['pwd chdir=/tmp', { rest: 'pwd', chdir: '/tmp' }],
    ['chdir="/srv/a b" ls', { rest: 'ls', chdir: '/srv/a b' }],
    ['echo a=b c', { rest: 'echo a=b c' }],
    ['echo creates\\=/x', { rest: 'echo creates=/x' }],
    ["echo 'x creates=/x'", { rest: "echo 'x creates=/x'" }],
    ['ls {{ "a creates=/b" }}', { rest: 'ls {{ "a creates=/b" }}' }],
    ['ls creates={{ dir + "/x" }}', { rest: 'ls', creates: '{{ dir + "/x" }}' }],
    ['one\ntwo  three\n', { rest: 'one\ntwo  three\n' }],
    ["it's", undefined],
    ['{{ open', undefined],
  ])('%j', (text, expected) => {
    expect(plain(splitFreeForm(text, names))).toEqual(expected);
  });

  it('says where it is not the text as it was written', () => {
    expect(splitFreeForm('a \\\n  b', names)?.altered).toBe(false);
    expect(splitFreeForm('a \\ b', names)?.altered).toBe(true);
    expect(splitFreeForm('a\\=b', names)?.altered).toBe(true);
  });
});

const python = '/usr/bin/python3';
const installed = spawnSync(python, ['-c', 'import ansible.parsing.splitter']).status === 0;
const oracle = `
import json, sys
from ansible.parsing.splitter import parse_kv
def answer(text, raw):
    try:
        return parse_kv(text, check_raw=raw)
    except Exception:
        return None
json.dump([[answer(text, raw) for raw in (True, False)] for text in json.load(sys.stdin)], sys.stdout)
`;

/** Texts of the parts that decide: words, quotes, templates, escapes and line ends. */
const texts = fc
  .array(
    fc.constantFrom(
      ...['creates=', 'chdir=', 'stdin=', 'executable=', 'x=', '=', '/tmp/x', 'touch', 'echo'],
      ...[' ', '  ', '\n', '\t', '\\', '\\\n', '"', "'", '\\"', '\\=', '\\n', '\\x41', '\\u00e4'],
      ...['{{ ', ' }}', '{%', '%}', '{#', '#}', 'a', '$HOME', '~'],
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(''));

describe.skipIf(!installed)('against an installed ansible-core', () => {
  it('splits texts that are made at random alike', () => {
    const asked = fc.sample(texts, { numRuns: 2_000, seed: 19 });
    const answers = spawnSync(python, ['-c', oracle], {
      input: JSON.stringify(asked),
      encoding: 'utf8',
    });
    const expected = JSON.parse(answers.stdout) as readonly (Record<string, string> | null)[][];
    const differing = asked.flatMap((text, index) =>
      [names, undefined].flatMap((taken, kind) => {
        const ours = plain(splitFreeForm(text, taken));
        const { _raw_params: rest, ...options } = expected[index]?.[kind] ?? {};
        const theirs =
          expected[index]?.[kind] == null ? undefined : { ...options, ...(rest && { rest }) };
        return JSON.stringify(sorted(ours)) === JSON.stringify(sorted(theirs))
          ? []
          : [{ text, ours, theirs }];
      }),
    );
    expect(differing).toEqual([]);
    expect(expected.filter(([raw]) => raw !== null).length).toBeGreaterThan(500);
  });
});

const sorted = (value: object | undefined) =>
  value && Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
