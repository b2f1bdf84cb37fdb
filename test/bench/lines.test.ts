// The bench's own arithmetic: what is printed, when it is short, and the shape of the goals.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Goal {
  readonly goal: string;
  readonly unit: string;
  readonly digits: number;
  readonly limits: Readonly<Record<string, number>>;
}
type Peer = number | { readonly value: number; readonly name: string } | { readonly why: string };
interface Lines {
  overBound(
    recorded: Record<string, { unit: string; bound: number }>,
    figures: Record<string, number | undefined>,
  ): { lines: string[]; over: string[] };
  goalLines(
    key: string,
    goal: Goal | undefined,
    value: number | { why: string },
    peers?: Record<string, Peer>,
    label?: string,
  ): string[];
  missing(why: string): { why: string };
  median(numbers: readonly number[]): number;
  mean(numbers: readonly number[]): number;
  percentile(numbers: readonly number[], percent: number): number;
  roundTrips(without: number, delayed: number, rtt: number): number;
  fastestOf(
    peers: Record<string, Peer>,
  ): { readonly value: number; readonly name: string } | { readonly why: string };
}

const bench = resolve(import.meta.dirname, '../../bench');
const lines = (await import(resolve(bench, 'lines.mjs'))) as Lines;
const goals = JSON.parse(readFileSync(resolve(bench, 'goals.json'), 'utf8')) as Record<
  string,
  Goal
>;

const form = /^[\w.]+ {2}(-|-?[\d.]+) [\w/ ]+ {2}(-|-?[\d.]+) to .+ {2}<=[\d.]+ {2}(ok|short)$/;

describe('a goal becomes lines', () => {
  const goal: Goal = {
    goal: 'S1',
    unit: 'ms/host',
    digits: 2,
    limits: { absolute: 5, xargs: 0.45 },
  };

  it('one for each limit, against a number and against a peer', () => {
    expect(lines.goalLines('check.cpu', goal, 4, { xargs: 10 })).toEqual([
      'check.cpu  4.00 ms/host  0.800 to 5 ms/host  <=1  ok',
      'check.cpu  4.00 ms/host  0.400 to xargs 10.00  <=0.45  ok',
    ]);
  });

  it('is short from just above the limit on', () => {
    const of = (value: number) =>
      lines
        .goalLines('check.cpu', goal, value, { xargs: 10 })
        .map((line) => line.split('  ').at(-1));
    expect(of(4.5)).toEqual(['ok', 'ok']);
    expect(of(4.51)).toEqual(['ok', 'short']);
    expect(of(5.01)).toEqual(['short', 'short']);
  });

  it('is short where the peer did not run, and names it and why', () => {
    const [, line] = lines.goalLines('check.cpu', goal, 4, {
      xargs: lines.missing('not installed'),
    });
    expect(line).toBe('check.cpu  4.00 ms/host  - to xargs (not installed)  <=0.45  short');
    expect(lines.goalLines('check.cpu', goal, 4)[1]).toMatch(/ - to xargs \(not run\) .* short$/);
  });

  it('is short everywhere where kmend itself was not measured', () => {
    const made = lines.goalLines('check.cpu', goal, lines.missing('answered 99 of 100'), {
      xargs: 10,
    });
    expect(made).toHaveLength(2);
    for (const line of made)
      expect(line).toMatch(/^check\.cpu {2}- ms\/host .*answered 99 of 100.*short$/);
  });

  it('refuses a goal that is not in the file', () => {
    expect(() => lines.goalLines('check.cups', goals['check.cups'], 1)).toThrow('check.cups');
  });
});

describe('the goals', () => {
  it.each(Object.entries(goals))(
    '%s has a unit, digits and limits, and prints lines of the one form',
    (key, goal) => {
      expect(Number.isInteger(goal.digits)).toBe(true);
      expect(Object.keys(goal.limits).length).toBeGreaterThan(0);
      const peers = Object.fromEntries(Object.keys(goal.limits).map((name) => [name, 10]));
      for (const line of lines.goalLines(key, goal, 1.5, peers)) expect(line).toMatch(form);
      for (const line of lines.goalLines(key, goal, lines.missing('not run')))
        expect(line).toMatch(form);
    },
  );

  it('cover those that have a bench here; S7 is in rollout.mjs', () => {
    const named = new Set(Object.values(goals).map((goal) => goal.goal));
    expect(
      ['L1', 'L2', 'L3', 'L4', 'L10', 'S2', 'S3', 'S4', 'S5', 'S6', 'S8', 'S9', 'S10'].filter(
        (goal) => !named.has(goal),
      ),
    ).toEqual([]);
  });
});

describe('the gate', () => {
  it('names figures above their bounds, and those without one', () => {
    const recorded = {
      'a.size': { unit: 'KB', bound: 10 },
      'b.size': { unit: 'KB', bound: 10 },
      'c.count': { unit: 'processes', bound: 3 },
    };
    const result = lines.overBound(recorded, { 'a.size': 10, 'b.size': 10.01, 'd.new': 1 });
    expect(result.over).toEqual(['b.size', 'd.new']);
    expect(result.lines).toEqual([
      'a.size  10.00 KB  <=10  ok',
      'b.size  10.01 KB  <=10  REGRESSION',
      'c.count  not measured  <=3  ok',
      'd.new  1.00   <=0  REGRESSION',
    ]);
  });
});

describe('arithmetic', () => {
  it('takes the middle', () => {
    expect(lines.median([3, 1, 2])).toBe(2);
    expect(lines.median([4, 1, 2, 3])).toBe(2.5);
    expect(lines.mean([1, 2, 6])).toBe(3);
  });

  it('takes percentiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(lines.percentile(hundred, 95)).toBe(95);
    expect(lines.percentile([5, 1, 9], 95)).toBe(9);
    expect(lines.percentile([5], 50)).toBe(5);
  });

  it('counts round trips, the TCP handshake included', () => {
    expect(lines.roundTrips(100, 1700, 200)).toBe(9);
  });

  it('finds the fastest of those that ran', () => {
    expect(lines.fastestOf({ xargs: 3, pssh: 2, pdsh: lines.missing('not installed') })).toEqual({
      value: 2,
      name: 'pssh 2.00 (fastest of xargs, pssh)',
    });
    expect(lines.fastestOf({ pdsh: lines.missing('not installed') })).toEqual({
      why: 'none of them ran',
    });
  });
});
