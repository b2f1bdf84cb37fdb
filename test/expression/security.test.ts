// An expression must never throw, reach a prototype, run forever or fill the memory.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, compileTemplate, renderDeep, scopeOf } from '../../src/expression/index.ts';
import type { Value } from '../../src/model/value.ts';
import { outcome, shown } from './outcome.ts';
import recorded from './ref.json' with { type: 'json' };

const { vars } = recorded;

describe('prototypes', () => {
  it.each([
    "''.__class__",
    'x.constructor',
    'd.constructor',
    "d['constructor']",
    "d['__proto__']",
    'd.__proto__',
    "d['hasOwnProperty']",
    'lst.map',
    'lst.length',
    's.length',
    's.constructor.constructor',
    "d | attr('__class__')",
    "[d] | map(attribute='constructor') | list",
    "[d] | map(attribute='__proto__.x') | first",
    "'{0.__class__}'.format(d)",
    "'{0[__proto__]}'.format(d)",
    "'{0.constructor}'.format(d)",
    "'%(constructor)s' % d",
    "'constructor' | extract(d)",
    'constructor',
    '__proto__',
    'toString',
    "{}['toString']",
    'namespace().__proto__',
    "namespace()['constructor']",
    'dict(a=1).__proto__',
    's.upper.__self__',
    'range.constructor',
    "urlsplit('constructor')",
    "'a' | urlsplit('constructor')",
    "'a' is version('1', 'constructor')",
    "'a' is version('1', '<', version_type='constructor')",
    "'a' | hash('constructor')",
    "d | combine(d, list_merge='constructor')",
  ])('%s gives no value', (source) => {
    expect(shown(source, 'template', vars)).toBe('error');
  });

  it('a key __proto__ in JSON is only a key of the result', () => {
    const result = outcome('\'{"__proto__": {"polluted": 1}}\' | from_json', 'template', vars);
    expect(result.kind).toBe('value');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(result.kind === 'value' && Object.getPrototypeOf(result.value)).toBe(Object.prototype);
  });

  it('names of object properties are not defined', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      expect(shown(`${name} is defined`, 'template', vars)).toBe(false);
      expect(shown(`d.${name} is defined`, 'template', vars)).toBe(false);
      expect(shown(`d['${name}'] is defined`, 'template', vars)).toBe(false);
    }
  });

  it('no own property of any data is a function', () => {
    const words = fc.constantFrom(
      ...Object.getOwnPropertyNames(Object.prototype),
      ...Object.getOwnPropertyNames(Array.prototype),
      'prototype',
    );
    fc.assert(
      fc.property(
        words,
        fc.constantFrom('d', 'lst', 's', 'x', 'f', 'n', 'users[0]', 'range(3)', '(1, 2)', '{}'),
        (word, of) => {
          const result = outcome(`${of}['${word}']`, 'template', vars);
          return (
            result.kind === 'error' || (result.kind === 'value' && typeof result.value !== 'object')
          );
        },
      ),
    );
  });
});

const words = fc.constantFrom(
  ...'x s d lst undefd and or not in is if else true none ( ) [ ] { } , : . | ~ + - * / // ** % == != < > 1 2.5 \'a\' "b" defined upper join map('.split(
    ' ',
  ),
  ...'select regex_search default range format __class__ {{ }} {% {# \\ \' " \0 é 😀 0x 1e9 ( ( ( [ [ not not -'.split(
    ' ',
  ),
);
const source = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(words, { maxLength: 25 }).map((parts) => parts.join(' ')),
  fc.array(words, { maxLength: 25 }).map((parts) => parts.join('')),
);

describe('any text as expression', () => {
  it('never throws, but gives a problem, an error or a value', () => {
    fc.assert(
      fc.property(source, (text) => {
        for (const mode of ['template', 'condition', 'text'] as const) outcome(text, mode, vars);
        renderDeep({ [text]: [text] }, scopeOf(vars));
      }),
      { numRuns: 3000 },
    );
  });

  it('never throws for a recorded expression with one character removed, doubled or changed', () => {
    const sources = recorded.cases.map((one) => one.e);
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.nat(200),
        fc.constantFrom('', '(', ')', "'", '[', '|', ' ', '.', '\\', '{'),
        (text, at, into) => {
          const place = at % (text.length + 1);
          outcome(text.slice(0, place) + into + text.slice(place + (at % 2)), 'template', vars);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('never gives anything but plain data', () => {
    const isPlain = (value: unknown): boolean =>
      value === null ||
      ['boolean', 'number', 'string'].includes(typeof value) ||
      (Array.isArray(value)
        ? value.every(isPlain)
        : typeof value === 'object' &&
          Object.getOwnPropertySymbols(value).length === 0 &&
          Object.values(value).every(isPlain));
    for (const { e } of recorded.cases) {
      const result = outcome(e, 'template', vars);
      if (result.kind === 'value') expect(isPlain(result.value), e).toBe(true);
    }
  });

  it('never changes the data it reads', () => {
    const before = JSON.stringify(vars);
    for (const { e } of recorded.cases) outcome(e, 'template', vars);
    expect(JSON.stringify(vars)).toBe(before);
  });

  it.each([
    ['parentheses', `${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['lists', '['.repeat(20_000)],
    ['nots', 'not '.repeat(20_000)],
    ['minuses', `${'-'.repeat(20_000)}1`],
    ['sums', `1${' + 1'.repeat(9_000)}`],
    ['attributes', `x${'.a'.repeat(20_000)}`],
    ['filters', `x${' | string'.repeat(4_000)}`],
    ['ifs', `1${' if 1 else 1'.repeat(4_000)}`],
    ['calls', `x${'()'.repeat(20_000)}`],
    ['dicts', `${"{'a':".repeat(9_000)}1`],
    ['digits', '9'.repeat(40_000)],
    ['concats', `1${' ~ 1'.repeat(9_000)}`],
  ])('too many %s are a problem, not an overflow', (_, text) => {
    expect(['problem', 'expression']).toContain(compile(text, 'template').kind);
    expect(['problem', 'expression']).toContain(compileTemplate(`{{ ${text} }}`).kind);
    outcome(text, 'template', vars);
  });

  it('deep data is an error, not an overflow', () => {
    let deep: Value = 1;
    for (let i = 0; i < 50_000; i++) deep = [deep];
    for (const text of [
      'deep',
      'deep == deep2',
      'deep | flatten',
      'deep | to_json',
      'deep | string',
    ]) {
      expect(shown(text, 'template', { deep, deep2: [deep] })).toBe('error');
    }
  });
});

describe('work and size', () => {
  it.each([
    "'x' * 100000000",
    '[0] * 100000000',
    'range(1000000000) | list',
    '2 ** 1000000000',
    '(2 ** 60000) ** 60000',
    "'%999999999d' % 1",
    "'{:999999999}'.format(1)",
    "'x' | center(999999999)",
    "'x'.ljust(999999999)",
    "'x'.zfill(999999999)",
    "'x' | indent(999999999, true)",
    '[1] | batch(999999999, 0)',
    '[1] | slice(999999999)',
    'range(3000) | product(range(3000)) | list | length',
    'range(60) | combinations(30) | list | length',
    'range(30) | permutations | list | length',
    "('x' * 3000000) | replace('x', 'y' * 1000) | length",
    "('x' * 1000000) | list | join('y' * 1000)",
    "'\t'.expandtabs(999999999)",
    'range(4000000) | map("string") | map("replace", "1", "x" * 1000) | list | length',
    '1.0 | round(99999999) | string | length == -1 or "x" * 99999999',
  ])('%s is stopped', (text) => {
    expect(shown(text, 'template', vars)).toBe('error');
  });

  it.each([
    ['(a+)+$', `${'a'.repeat(5_000)}b`],
    ['(a|a)*$', `${'a'.repeat(5_000)}b`],
    ['(a|aa)+$', `${'a'.repeat(5_000)}b`],
    ['(.*)*x', 'a'.repeat(5_000)],
    ['^(\\w+\\s?)*$', `${'word '.repeat(2_000)}!`],
    ['a*a*a*a*a*b', 'a'.repeat(20_000)],
    ['(?:a?){40}a{40}', 'a'.repeat(40)],
    ['(x+x+)+y', 'x'.repeat(5_000)],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(5_000)],
    ['((a{0,1000}){0,1000}){0,1000}b', 'a'.repeat(2_000)],
    ['(?=(a+)+b)', 'a'.repeat(5_000)],
  ])('the pattern %s ends', (pattern, text) => {
    const began = process.hrtime.bigint();
    for (const test of ['search', 'match'])
      outcome(`text is ${test}(pattern)`, 'template', { pattern, text });
    outcome("text | regex_replace(pattern, 'x')", 'template', { pattern, text });
    outcome('text | regex_findall(pattern)', 'template', { pattern, text });
    // Far more than the time it needs, and far less than an unbounded match would take.
    expect(Number(process.hrtime.bigint() - began) / 1e9).toBeLessThan(20);
  });

  it('random patterns end, with a result or an error', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.',
      '(a',
      '(?:',
      '(?=',
      ')',
      '*',
      '+',
      '?',
      '{2,}',
      '{,3}',
      '|',
      '[ab]',
      '[^a]',
      '\\1',
      '\\w',
      '\\b',
      '^',
      '$',
      '(?P<n>',
    );
    const pattern = fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        pattern,
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), maxLength: 60 }),
        (made, text) => {
          outcome('text | regex_findall(made)', 'template', { made, text });
        },
      ),
      { numRuns: 500 },
    );
  });
});
