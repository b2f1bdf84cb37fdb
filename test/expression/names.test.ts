// The variables that an expression reads, so that a mistyped one is an error before the run.
import { describe, expect, it } from 'vitest';
import { compile, compileTemplate } from '../../src/expression/index.ts';

const names = (source: string): string[] => {
  const compiled = compile(source, 'condition');
  if (compiled.kind === 'problem') throw new Error(compiled.message);
  return compiled.names.map(({ name, guarded }) => (guarded ? `${name}?` : name));
};

describe('the names of an expression', () => {
  it.each([
    ['kmem.remedy == "runtime"', ['kmem.remedy']],
    ["package['docker-ce'].installed != ''", ['package.docker-ce.installed']],
    ["groups['masters'][0] == inventory_hostname", ['groups.masters.0', 'inventory_hostname']],
    ['hostvars[groups.all[0]].ip == x', ['hostvars', 'groups.all.0', 'x']],
    ['res.stdout.split() | length > 0', ['res.stdout']],
    ["docker.version is version(wanted, '>=')", ['docker.version', 'wanted']],
    ['users | map(attribute=field) | list == []', ['users', 'field']],
    ['[a, (b, c), {d: e}] == f[g:h]', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']],
    ['(a if b else c) ~ d == -e', ['b', 'a', 'c', 'd', 'e']],
    ['range(n) | list == dict(a=m)', ['n', 'm']],
    ['true and omit is defined', []],
  ])('%s reads %j', (source, expected) => {
    expect(names(source)).toEqual(expected);
  });

  it.each([
    ['x is defined', ['x?']],
    ['x is defined and x.y > 3', ['x?', 'x.y?']],
    ['x.y is defined and x.z', ['x.y?', 'x.z']],
    ['x is not defined or x == 1', ['x?', 'x?']],
    ['x is undefined or y', ['x?', 'y']],
    ['x | default(y) > 3', ['x?', 'y']],
    ['(x | d(1)) and x', ['x?', 'x']],
    ['(x | int | default(1)) > 3', ['x?']],
    ['(x + 1) | default(1) > 3', ['x']],
  ])('%s handles missing names itself: %j', (source, expected) => {
    expect(names(source)).toEqual(expected);
  });

  it('have their offsets in the text, even in a template', () => {
    const compiled = compileTemplate('on {{ host }}: {{ kernel.release }}');
    expect(compiled.kind === 'expression' && compiled.names).toEqual([
      { name: 'host', offset: 6, guarded: false },
      { name: 'kernel.release', offset: 18, guarded: false },
    ]);
  });
});
