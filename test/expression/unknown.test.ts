// Values that are not known yet make the result unknown, unless the expression does not use them.
import { describe, expect, it } from 'vitest';
import { renderDeep, scopeOf } from '../../src/expression/index.ts';
import { unknown } from '../../src/model/value.ts';
import { outcome, shown } from './outcome.ts';

const vars = {
  u: unknown('needs root'),
  kernel: { release: unknown('stale'), arch: 'x86_64' },
  t: true,
  f: false,
  list: [1, unknown('later')],
};

describe('an unknown value', () => {
  it.each([
    'u',
    'u == 1',
    'not u',
    'u and f',
    't and u',
    'f or u',
    'u + 1',
    "u ~ 'a'",
    '-u',
    'u | length',
    'u | default(1)',
    'u is none',
    'u in [1]',
    '1 in u',
    'u.part',
    'u.part is defined',
    "u['part']",
    'u[1:]',
    '1 if u else 2',
    '[u]',
    "{'a': u}",
    'kernel',
    'kernel.release',
    "kernel.release is match('3')",
    'list',
    'list | sum',
    '[1, 2] | select("in", u)',
    "'%s' % u",
    "'{}'.format(u)",
    '[3, 1] | map("extract", u)',
  ])('%s is unknown', (source) => {
    expect(shown(source, 'template', vars)).toBe('unknown');
  });

  it.each([
    ['f and u', false],
    ['t or u', true],
    ['u is defined', true],
    ['u is undefined', false],
    ['1 if t else u', 1],
    ['kernel.arch', 'x86_64'],
    ['list | length', 2],
    ['list | first', 1],
    ['f and kernel.release == 1', false],
  ])('%s does not use it: %s', (source, expected) => {
    expect(shown(source, 'template', vars)).toBe(expected);
  });

  it('keeps its reason', () => {
    expect(outcome('kernel.release', 'condition', vars)).toEqual({ kind: 'unknown', why: 'stale' });
  });

  it('makes rendered texts and rendered data unknown', () => {
    expect(shown('a{{ u }}', 'text', vars)).toBe('unknown');
    expect(renderDeep({ a: ['{{ u }}'] }, scopeOf(vars))).toEqual({
      kind: 'unknown',
      why: 'needs root',
    });
  });
});
