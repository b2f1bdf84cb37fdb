// Recorded expressions, with the value or error of Ansible's own templar.
import { describe, expect, it } from 'vitest';
import { sameValue, type Value } from '../../src/model/value.ts';
import { outcome } from './outcome.ts';
import recorded from './ref.json' with { type: 'json' };

interface Case {
  readonly e: string;
  readonly ok: boolean;
  readonly v?: Value;
}

const cases = recorded.cases as readonly Case[];

/** Expressions for which kmend gives no value on purpose, or another value than Ansible. */
const known = new Map([
  ['lst | random in lst', 'random is refused: a plan must be repeatable'],
  ["'a: [1, 2]' | from_yaml", 'this room reads no YAML'],
  ['big + 1', 'JSON already lost the last digit of 9007199254740993'],
  ["lookup('env','HOME')", 'lookups are refused'],
  ["query('sequence','start=1 end=3')", 'lookups are refused'],
  ['now() is defined', 'the clock is not read'],
  ['lst.count(1)', 'Ansible counts 0 in a list that has one'],
  ["'a'.encode()", 'bytes are no plain data'],
]);

const judged = cases.map((one) => {
  const result = outcome(one.e, 'template', recorded.vars);
  const right = one.ok
    ? result.kind === 'value' && sameValue(result.value, one.v)
    : result.kind === 'error';
  return { ...one, result, right };
});

describe('355 recorded expressions', () => {
  it('are complete', () => {
    expect(cases.length).toBe(355);
  });

  it('have no value where Ansible has an error', () => {
    expect(
      judged.filter(({ ok, result }) => !ok && result.kind !== 'error').map(({ e }) => e),
    ).toEqual([]);
  });

  it('agree with Ansible, except the known ones with their reasons', () => {
    const wrong = judged.filter(({ right }) => !right);
    expect(wrong.map(({ e }) => e).filter((e) => !known.has(e))).toEqual([]);
    expect(cases.length - wrong.length).toBeGreaterThanOrEqual(347);
  });
});
