// Conditions (`when`, `assert`, `until`): escapes are processed and the result must be true or
// false.
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/expression/index.ts';
import { outcome, shown } from './outcome.ts';

const vars = { x: 5, s: 'hello world', lst: [1], empty: [], ver: '19.03.15', n: null, tab: 'a\tb' };

describe('a condition', () => {
  it.each([
    ['x == 5', true],
    ['not lst', false],
    ['lst and x == 5', true],
    ['lst | length > 0', true],
    ['undefd is defined and undefd > 3', false],
    ["'a\\tb' == tab", true],
    ["'\\x41\\u0042\\103' == 'ABC'", true],
    ["'\\q' | length == 2", true],
    ["ver | regex_replace('^(\\d+)\\..*$', '\\1') == '19'", false],
    ["ver | regex_replace('^(\\d+)\\..*$', '\\\\1') == '19'", true],
  ])('%s is %s', (source, expected) => {
    expect(shown(source, 'condition', vars)).toBe(expected);
  });

  it.each([
    'x',
    's',
    'n',
    'lst',
    'lst | length',
    "'true'",
    'x == 5 and lst',
    '1',
    'none',
    'omit',
    'undefd',
    "s | regex_search('w')",
  ])('%s is an error, because it is neither true nor false', (source) => {
    expect(shown(source, 'condition', vars)).toBe('error');
  });

  it('gives a hint for a list', () => {
    expect(outcome('lst', 'condition', vars)).toEqual({
      kind: 'error',
      message:
        'a condition must be true or false, but this one is of type list; compare its length: `... | length > 0`',
    });
  });

  it('reports braces, which it does not need', () => {
    expect(compile('{{ x == 5 }}', 'condition')).toEqual({
      kind: 'problem',
      message: "a condition is an expression already: '{{' is not needed",
      offset: 0,
      hint: 'leave out the {{ and }}',
    });
  });

  it('a template keeps the backslashes that a condition reads as escapes', () => {
    expect(shown("'a\\tb' | length", 'template', vars)).toBe(4);
    expect(shown("ver | regex_replace('^(\\d+)\\..*$', '\\1') == '19'", 'template', vars)).toBe(
      true,
    );
  });
});
