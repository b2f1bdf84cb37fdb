// Templates in text and in data, and the scopes of their names.
import { describe, expect, it } from 'vitest';
import { hasTemplate, nestFacts, renderDeep, scopeOf } from '../../src/expression/index.ts';
import { shown } from './outcome.ts';

const vars = { x: 5, s: 'text', n: null, lst: [3, 1] };

describe('a text', () => {
  it.each([
    ['{{ x }}', 5],
    ['{{ lst }}', [3, 1]],
    [' {{ x }}', ' 5'],
    ['a{{ x }}b', 'a5b'],
    ['{{ x }}{{ x }}', '55'],
    ['a{{ true }}', 'aTrue'],
    ['a{{ 1.0 }}', 'a1.0'],
    ['a{{ lst }}', 'a[3, 1]'],
    ['a{{ none }}b', 'ab'],
    ['{{ n }}', null],
    ['a {{- x -}} b', 'a5b'],
    ["{{ '}}' }}", '}}'],
    ["{{ {'a': {'b': 1}}}}", { a: { b: 1 } }],
    ['a{# note #}b', 'ab'],
    ['plain', 'plain'],
    ['', ''],
    ['x }}', 'x }}'],
    ['a{{ undefd }}', 'error'],
    ['{{ x', 'error'],
    ['{{ omit }}', 'error'],
  ])('%j gives %j', (source, expected) => {
    expect(shown(source, 'text', vars)).toEqual(expected);
  });

  it('is a template if it has braces', () => {
    expect(['a', '{a}', '{{ a }}', '{% a %}'].map(hasTemplate)).toEqual([false, false, true, true]);
  });
});

describe('data', () => {
  it('is rendered inside lists and mappings, without items that are omit', () => {
    const data = {
      a: '{{ x }}',
      b: ['{{ s }}!', 1, '{{ omit }}'],
      c: '{{ undefd | default(omit) }}',
      d: { e: '{{ x + 1 }}' },
    };
    expect(renderDeep(data, scopeOf(vars))).toEqual({
      kind: 'value',
      value: { a: 5, b: ['text!', 1], d: { e: 6 } },
    });
  });

  it('that is omit itself gives an omitted result', () => {
    expect(renderDeep('{{ omit }}', scopeOf(vars))).toEqual({
      kind: 'error',
      message: 'the value is omitted',
      omitted: true,
    });
  });
});

describe('scopes', () => {
  it('the first layer that has a name wins', () => {
    const scope = scopeOf({ a: 1 }, { a: 2, b: 3 });
    expect([scope.lookup('a'), scope.lookup('b'), scope.lookup('toString')]).toEqual([
      1,
      3,
      undefined,
    ]);
  });

  it('facts with dotted names are read by their paths', () => {
    const facts = {
      'kernel.release': '3.10',
      'kmem.samples': { read: 1 },
      'package.docker-ce.installed': '18',
      'boot.pending': true,
      'boot.pending_why': [],
    };
    const scope = scopeOf(nestFacts(facts));
    expect(
      renderDeep(
        "{{ [kernel.release, kmem.samples.read, package['docker-ce'].installed, boot.pending] }}",
        scope,
      ),
    ).toEqual({
      kind: 'value',
      value: ['3.10', 1, '18', true],
    });
  });
});
