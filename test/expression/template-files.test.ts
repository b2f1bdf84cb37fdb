// Template files: statements, blanks, errors at their place; and the same bytes as an installed
// ansible-core (skipped where it is absent) on templates made from a seed.
import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFile, scopeOf } from '../../src/expression/index.ts';
import type { Mapping } from '../../src/model/value.ts';

const vars: Mapping = {
  name: 'web',
  n: 3,
  on: true,
  off: false,
  none: null,
  empty: [],
  list: ['a', 'b', 'c'],
  pairs: [
    ['k', 1],
    ['l', 2],
  ],
  users: [
    { name: 'x', uid: 1, keys: ['k1', 'k2'] },
    { name: 'y', uid: 2, keys: [] },
  ],
  limits: { nofile: 1024, nproc: 'unlimited' },
};

type Blanks = Parameters<typeof compileFile>[1];
function rendered(source: string, rules?: Blanks): string {
  const compiled = compileFile(source, rules);
  if (compiled.kind === 'problem') return `problem ${compiled.offset}: ${compiled.message}`;
  const result = compiled.evaluate(scopeOf(vars));
  if (result.kind === 'value') return String(result.value);
  return `${result.kind}: ${result.kind === 'error' ? result.message : result.why}`;
}

describe('a template file', () => {
  it.each([
    ['a {{ name }}\n', 'a web\n'],
    ['{% if on %}\nyes\n{% else %}\nno\n{% endif %}\nend\n', 'yes\nend\n'],
    ['{% if off %}1{% elif n > 2 %}2{% else %}3{% endif %}', '2'],
    [
      '{% for x in list %}\n{{ loop.index }}={{ x }}{{ "" if loop.last else "," }}\n{% endfor %}\n',
      '1=a,\n2=b,\n3=c\n',
    ],
    ['{% for x in list if x != "b" %}{{ loop.length }}{{ x }}{% endfor %}', '2a2c'],
    [
      '{% for k, v in limits.items() %}{{ k }} {{ v }};{% endfor %}',
      'nofile 1024;nproc unlimited;',
    ],
    ['{% for x in empty %}x{% else %}none{% endfor %}', 'none'],
    ['{% set a = n + 1 %}{{ a }}', '4'],
    ['{% if on %}{% set a = 1 %}{% endif %}{{ a }}', '1'],
    ['{% set a = 0 %}{% for x in list %}{% set a = x %}{{ a }}{% endfor %}{{ a }}', 'abc0'],
    ['{% raw %}{{ x }} {% if %}{% endraw %}\n.', '{{ x }} {% if %}.'],
    ['a\n{#- c -#}\nb', 'ab'],
    ['x\r\n{% if on %}\r\ny\r\n{% endif %}\r\n', 'x\ny\n'],
    ["{{ 'a\\tb' }}", 'a\tb'],
    ['[{{ none }}]', '[]'],
    ['', ''],
    ['a\r\nb\r\n', 'a\r\nb\r\n'],
    ['{{ n }}\n', '3'],
    ['{{ name }}\n\n', 'web\n\n'],
    ['{% if off %}x{% endif %}\n', ''],
    ['{% if on %}x{% endif %}\n', 'x\n'],
  ])('%j gives %j', (source, text) => {
    expect(rendered(source)).toBe(text);
  });

  it('has rules for blanks', () => {
    const source = '  {% if on %}\n  x\n  {%+ endif %}\ny';
    expect(rendered(source)).toBe('    x\n  y');
    expect(rendered(source, { lstripBlocks: true })).toBe('  x\n  y');
    expect(rendered(source, { trimBlocks: false })).toBe('  \n  x\n  \ny');
    expect(rendered('a \n{%- if on -%}\n b{% endif +%}\nc')).toBe('ab\nc');
  });

  it.each([
    ['a\n{% macro x() %}{% endmacro %}', 'problem 2: `{% macro %}` is not supported'],
    ['{% include "x" %}', 'problem 0: `{% include %}` is not supported'],
    ['{% if on %}x', 'problem 0: `{% if %}` is not closed: `{% endif %}` is missing'],
    ['x{% endif %}', 'problem 1: nothing is open for `{% endif %}`'],
    ['{% for x list %}', 'problem 0: a loop is written `{% for NAME in LIST %}`'],
    ['{% for x in list recursive %}{% endfor %}', 'problem 0: a loop cannot be recursive'],
    ['{% set a.b = 1 %}', 'problem 0: this form of `{% set %}` is not supported'],
    ['{% set a %}x{% endset %}', 'problem 0: this form of `{% set %}` is not supported'],
    ['{% if on %}{% else x %}{% endif %}', 'problem 11: `{% else %}` takes nothing'],
    ['{% if %}x{% endif %}', 'problem 6: the expression is empty'],
    ['{{ name', 'problem 7: the template is not closed: `}}` is missing'],
    ['{% if on', 'problem 8: the template is not closed: `%}` is missing'],
    ['{# x', 'problem 0: the comment is not closed: `#}` is missing'],
    ['{% raw %}x', 'problem 0: `{% raw %}` is not closed: `{% endraw %}` is missing'],
    ['{% for x in nothing %}{% endfor %}', "error: 'nothing' is undefined"],
    ['{% if nothing %}{% endif %}', "error: 'nothing' is undefined"],
    ['{% for a, b in list %}{% endfor %}', 'error: 1 values cannot be given to 2 names'],
    ['{% for x in n %}{% endfor %}', "error: 'int' object is not iterable"],
  ])('%j: %s', (source, why) => {
    expect(rendered(source)).toBe(why);
  });

  it('names what it reads, but not what is its own', () => {
    const compiled = compileFile(
      '{% set a = b %}{{ a }}{% for x in c if x.y %}{{ x }}{{ loop.index }}{{ d }}{% endfor %}{{ x }}{% if e is defined %}{{ e.f }}{% endif %}',
    );
    expect(
      compiled.kind === 'expression' && compiled.names.map(({ name, guarded }) => [name, guarded]),
    ).toEqual([
      ['b', false],
      ['c', false],
      ['d', false],
      ['x', false],
      ['e', true],
      ['e.f', true],
    ]);
  });

  it('is bounded: in depth, in rounds and in size', () => {
    const deep = '{% if on %}'.repeat(100) + '{% endif %}'.repeat(100);
    expect(rendered(deep)).toMatch(/nested too deeply/);
    const rounds = '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}';
    expect(rendered(rounds)).toMatch(/takes too much work/);
    const large = `{% for a in range(9999) %}${'x'.repeat(999)}{% endfor %}`;
    expect(rendered(large)).toMatch(/would be too large/);
  });

  it('what is not known yet makes the file unknown', () => {
    const compiled = compileFile('{% if late %}x{% endif %}');
    const scope = scopeOf({ late: { $unknown: 'soon' } });
    expect(compiled.kind === 'expression' && compiled.evaluate(scope)).toEqual({
      kind: 'unknown',
      why: 'soon',
    });
  });
});

/** Reads `{vars, cases: [{source, trim, lstrip}]}`, renders as the module `template` does. */
const oracle = `
import json, sys
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
asked = json.load(sys.stdin)
templar = Templar(DataLoader(), variables=asked['vars'])
def answer(case):
    try:
        value = templar.copy_with_new_env(available_variables=asked['vars']).template(
            trust_as_template(case['source']), escape_backslashes=False,
            overrides=dict(trim_blocks=case['trim'], lstrip_blocks=case['lstrip'], newline_sequence='\\n'))
        return {'ok': True, 'v': '' if value is None else str(value)}
    except Exception as error:
        return {'ok': False, 'v': str(error)[:300]}
json.dump([answer(case) for case in asked['cases']], sys.stdout)
`;
const python = '/usr/bin/python3';
const installed =
  spawnSync(python, ['-c', 'import ansible.template; ansible.template.trust_as_template'])
    .status === 0;

const sign = fc.constantFrom('', '', '', '-', '-', '+');
const plainSign = fc.constantFrom('', '', '', '-');
const text = fc
  .array(
    fc.constantFrom(
      'a',
      '\n',
      '\n',
      ' ',
      '  ',
      '\t',
      'naïve',
      '# x\n',
      '}}',
      '%',
      '\r\n',
      '{',
      "'",
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join('').replace(/\{(?=[{%#])|\{$/g, ''));
const value = fc.constantFrom(
  'name',
  'n',
  'on',
  'none',
  'list',
  'limits',
  'users[0].name',
  "list | join(', ')",
  'n + 1',
  "'x\\ny'",
  '"q" if on else "r"',
  'missing | default("d")',
  'users | map(attribute="uid") | list',
  'x | default("no x")',
  'loop.index | default(0)',
  'a | default("no a")',
  'missing',
  '1.50',
  '{"k": 1}',
);
const test = fc.constantFrom(
  'on',
  'off',
  'n > 2',
  'x is defined',
  'missing is defined',
  'list',
  'empty',
  'loop.first | default(false)',
  "name == 'db'",
  'not on',
);
const loop = fc.constantFrom(
  'x in list',
  'x in empty',
  'x in users',
  'x, y in pairs',
  'x, y in limits.items()',
  'x in limits',
  'x in range(3)',
  "x in list if x != 'a'",
  'x in name',
  'x in (list if on else empty)',
  'x in limits | dict2items',
);
const template: fc.Arbitrary<string> = fc.letrec<{ body: string; piece: string }>((tie) => ({
  body: fc.array(tie('piece'), { minLength: 1, maxLength: 4 }).map((all) => all.join('')),
  piece: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.tuple(plainSign, value, plainSign).map(([a, v, b]) => `{{${a} ${v} ${b}}}`),
    fc.tuple(sign, sign).map(([a, b]) => `{#${a} note ${b}#}`),
    fc.tuple(sign, value, sign).map(([a, v, b]) => `{%${a} set a = ${v} ${b}%}`),
    fc
      .tuple(sign, text, sign, sign)
      .map(([a, t, b, c]) => `{%${a === '+' ? '' : a} raw %}{{ ${t} {%${b} endraw ${c}%}`),
    fc
      .tuple(sign, test, sign, tie('body'), sign, tie('body'), sign, sign)
      .map(
        ([a, t, b, yes, c, no, d, e]) =>
          `{%${a} if ${t} ${b}%}${yes}{%${c} else %}${no}{%${d} endif ${e}%}`,
      ),
    fc
      .tuple(sign, test, tie('body'), test, sign, tie('body'), sign)
      .map(
        ([a, t, yes, u, b, also, c]) =>
          `{%${a} if ${t} %}${yes}{%${b} elif ${u} %}${also}{% endif ${c}%}`,
      ),
    fc
      .tuple(sign, loop, sign, tie('body'), sign, sign)
      .map(([a, l, b, inner, c, d]) => `{%${a} for ${l} ${b}%}${inner}{%${c} endfor ${d}%}`),
  ),
})).body;

describe.skipIf(!installed)('against an installed ansible-core (needs 2.19 or later)', () => {
  it('every template gives the same bytes', () => {
    const sources = fc.sample(fc.tuple(template, fc.boolean(), fc.boolean()), {
      seed: 20_263,
      numRuns: 400,
    });
    const cases = sources.map(([source, other, lstrip]) => ({
      source,
      trim: !(other && lstrip),
      lstrip,
    }));
    const asked = spawnSync(python, ['-c', oracle], {
      input: JSON.stringify({ vars, cases }),
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    if (asked.status !== 0) throw new Error(asked.stderr);
    const answers = JSON.parse(asked.stdout) as readonly { ok: boolean; v: string }[];
    const differing = cases.flatMap(({ source, trim, lstrip }, index) => {
      const ours = rendered(source, { trimBlocks: trim, lstripBlocks: lstrip });
      const theirs = answers[index] ?? { ok: false, v: '' };
      const isFailed = /^(?:problem \d+|error): /.test(ours);
      const isSame = theirs.ok ? ours === theirs.v : isFailed;
      return isSame ? [] : [JSON.stringify({ source, trim, lstrip, ours, theirs })];
    });
    expect(differing.slice(0, 10)).toEqual([]);
    expect(answers.filter(({ ok, v }) => ok && v !== '').length).toBeGreaterThan(150);
  });
});
