// Errors that are found before the run, with their place and hint.
import { describe, expect, it } from 'vitest';
import { compile, compileTemplate, filterNames, testNames } from '../../src/expression/index.ts';

const reported = (source: string): string => {
  const compiled = compile(source, 'template');
  return compiled.kind === 'problem'
    ? `${compiled.offset}: ${compiled.message}${compiled.hint === undefined ? '' : ` (${compiled.hint})`}`
    : 'fine';
};

describe('an error in the text', () => {
  it.each([
    ['x | uper', "4: no filter named 'uper' (did you mean 'upper'?)"],
    ['x is definde', "5: no test named 'definde' (did you mean 'defined'?)"],
    ['x.startwith("a")', "2: no value has a method 'startwith' (did you mean 'startswith'?)"],
    ['x | map("uper")', "8: no filter named 'uper' (did you mean 'upper'?)"],
    ['x | select("od")', "11: no test named 'od' (did you mean 'odd'?)"],
    ["x | selectattr('a', 'mach')", "20: no test named 'mach' (did you mean 'match'?)"],
    [
      'x.append(1)',
      "2: the method 'append' changes its value; an expression may only read (use a filter (`sort`, `union`, `combine`) or `+`)",
    ],
    [
      'x | random',
      "4: the filter 'random' is not available: its result changes from call to call, and a plan must be repeatable",
    ],
    [
      'x is exists',
      "5: the test 'exists' is not available: it would read the machine that runs kmend; read a fact of the host instead",
    ],
    ['x | replace("a")', "4: filter 'replace' needs the argument 'new'"],
    ['x | upper(1)', "4: filter 'upper' takes at most 0 arguments but got 1"],
    ['x | join(sep=1)', "4: filter 'join' has no argument 'sep'; it takes d, attribute"],
    ['x = 5', "2: unexpected '=' (write `==` to compare)"],
    ['x && y', "2: unexpected character '&' (write `and`)"],
    ['!x', "0: unexpected character '!' (write `not` or `!=`)"],
    ['x ==', '4: the expression ends too early'],
    ['x[1', "3: expected ',' but found the end"],
    ["'abc", '0: the string is not closed'],
    ['(1', "2: expected ',' but found the end"],
    ['x is defined is true', '13: tests cannot follow each other: join them with `and`'],
    ['', '0: the expression is empty'],
  ])('%s', (source, expected) => {
    expect(reported(source)).toBe(expected);
  });

  it('has its place in the whole text of a template', () => {
    expect(compileTemplate('abc {{ x | uper }}')).toMatchObject({ kind: 'problem', offset: 11 });
    expect(compileTemplate('abc {{ x')).toMatchObject({
      kind: 'problem',
      message: 'the template is not closed: `}}` is missing',
    });
    expect(compileTemplate('{% if x %}y{% endif %}')).toMatchObject({ kind: 'problem', offset: 0 });
  });

  it('does not hide the names for completion', () => {
    expect(filterNames()).toContain('regex_replace');
    expect(testNames()).toContain('version');
    expect(filterNames().length).toBeGreaterThan(80);
  });
});
