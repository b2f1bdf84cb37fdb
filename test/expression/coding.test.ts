// Data written as text: YAML like PyYAML, checksums like hashlib. Each row was recorded from Ansible.
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/model/value.ts';
import { shown } from './outcome.ts';

describe('to_yaml and to_nice_yaml', () => {
  const rows: readonly (readonly [Value, string, string])[] = [
    ['a', 'a\n', 'a\n'],
    ['', "''\n", "''\n"],
    ['...', "'...'\n", "'...'\n"],
    ['--- a', "'--- a'\n", "'--- a'\n"],
    ['--x', '--x\n', '--x\n'],
    ['- a', "'- a'\n", "'- a'\n"],
    ['x: y', "'x: y'\n", "'x: y'\n"],
    ['a #b', "'a #b'\n", "'a #b'\n"],
    [' lead', "' lead'\n", "' lead'\n"],
    ["it's", "it's\n", "it's\n"],
    ["a'b: c", "'a''b: c'\n", "'a''b: c'\n"],
    ['yes', "'yes'\n", "'yes'\n"],
    ['y', 'y\n', 'y\n'],
    ['1.5', "'1.5'\n", "'1.5'\n"],
    ['1e3', '1e3\n', '1e3\n'],
    ['017', "'017'\n", "'017'\n"],
    ['12:30', "'12:30'\n", "'12:30'\n"],
    ['2024-01-01', "'2024-01-01'\n", "'2024-01-01'\n"],
    ['<<', "'<<'\n", "'<<'\n"],
    ['\t', '"\\t"\n', '"\\t"\n'],
    [1e-7, '1.0e-07\n', '1.0e-07\n'],
    [null, 'null\n', 'null\n'],
    [[], '[]\n', '[]\n'],
    [['x]', 'a,b', ':a', 'n'], "['x]', 'a,b', ':a', n]\n", '- x]\n- a,b\n- :a\n- n\n'],
    [[[1]], '- [1]\n', '-   - 1\n'],
    [{ b: 1, a: [{}, 'k'] }, 'a:\n- {}\n- k\nb: 1\n', 'a:\n- {}\n- k\nb: 1\n'],
    [{ a: { b: { c: 1 } } }, 'a:\n  b: {c: 1}\n', 'a:\n    b:\n        c: 1\n'],
    [{ '~': 1, null: 2, x: 3 }, "{'null': 2, x: 3, '~': 1}\n", "'null': 2\nx: 3\n'~': 1\n"],
  ];
  it.each(rows)('%j', (value, yaml, nice) => {
    expect([
      shown('v | to_yaml', 'template', { v: value }),
      shown('v | to_nice_yaml', 'template', { v: value }),
    ]).toEqual([yaml, nice]);
  });

  it('uses the given indent, and keeps the order of keys with sort_keys=false', () => {
    const v = { b: { c: [1] }, a: 2 };
    expect(shown('v | to_nice_yaml(indent=2)', 'template', { v })).toBe('a: 2\nb:\n  c:\n  - 1\n');
    expect(shown('v | to_nice_yaml(sort_keys=false)', 'template', { v })).toBe(
      'b:\n    c:\n    - 1\na: 2\n',
    );
  });
});

describe('checksums', () => {
  it.each([
    ["'abc' | md5", '900150983cd24fb0d6963f7d28e17f72'],
    ["'abc' | sha1", 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ["'é😀' | checksum", '9c286deb5d7549eafd1dcb2b58e0b573bc1b4a97'],
    ["'' | hash('sha256')", 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ["'abc' | hash('sha224')", '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7'],
    ["'abc' | hash('nope')", 'error'],
    ["'abc' | hash('constructor')", 'error'],
    ["'abc' | to_uuid", '27dc713b-d72c-5825-88f3-9f240e739319'],
    ["'abc' | to_uuid(namespace='no uuid')", 'error'],
  ])('%s', (source, expected) => {
    expect(shown(source, 'template', {})).toBe(expected);
  });
});
