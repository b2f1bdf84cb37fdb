// Work is not repeated: texts are compiled once, and a read of one host does not walk all hosts.
import { describe, expect, it } from 'vitest';
import { compile, scopeOf } from '../../src/expression/index.ts';

const seconds = (run: () => void): number => {
  const began = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - began) / 1e9;
};

describe('speed', () => {
  it('the same text is compiled once', () => {
    expect(compile('x == 5 and y in [1, 2]', 'condition')).toBe(
      compile('x == 5 and y in [1, 2]', 'condition'),
    );
    expect(compile('x == 5', 'condition')).not.toBe(compile('x == 5', 'template'));
  });

  it('reading one of many hosts does not walk them all', () => {
    const hostvars = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [
        `h${index}`,
        { ip: `10.0.0.${index}`, tags: ['a', 'b'] },
      ]),
    );
    const few = scopeOf({ hostvars: { h1: { ip: '10.0.0.1' } } });
    const many = scopeOf({ hostvars });
    const compiled = compile("hostvars['h1'].ip == '10.0.0.1'", 'condition');
    if (compiled.kind === 'problem') throw new Error(compiled.message);
    const times = (scope: typeof few) => (): void => {
      for (let i = 0; i < 5_000; i++) compiled.evaluate(scope);
    };
    times(few)();
    times(many)();
    expect(seconds(times(many))).toBeLessThan(20 * seconds(times(few)) + 0.1);
  });
});
