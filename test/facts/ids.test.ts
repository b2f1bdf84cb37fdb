// Ids of memory cgroups: rate and date from two readings of one boot, and everything that must keep
// them from being reported.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addReading, baselineOf } from '../../src/facts/kmem/ids.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { IdReading } from '../../src/model/facts/values.ts';
import { isUnknown, type Unknown, unknown } from '../../src/model/value.ts';
import { groupFacts, modelHost } from './model-hosts.ts';

const hour = 3600;
const at = (
  uptime: number,
  dead: number,
  live = 100,
  clock = 1_790_000_000 + uptime,
): IdReading => ({ at: clock, uptime, live, dead });

/** A host that was read then, and is read again now. */
const host = (before: IdReading | Unknown, now: IdReading, more: Facts = {}): Facts =>
  modelHost({
    'clock.epoch': now.at,
    'boot.uptime': now.uptime,
    'kmem.live_groups': now.live,
    'kmem.dead_groups': now.dead,
    'kmem.ids.before': before,
    ...more,
  });
const reported = (facts: Facts): readonly unknown[] =>
  (['used', 'growth_per_day', 'over', 'days_left', 'full_on'] as const).map((name) => {
    const value = facts[`kmem.ids.${name}`];
    return isUnknown(value) ? value.$unknown : value;
  });

describe('two readings of one boot', () => {
  it('give a rate, the days that are left and the day on which no id is left', () =>
    expect(reported(host({ ...at(10 * hour, 10_000) }, at(34 * hour, 13_000)))).toEqual([
      13_100,
      3000,
      24 * hour,
      17.5,
      '2026-10-10',
    ]));
  it('that agree say that nothing grows', () =>
    expect(reported(host({ ...at(0, 50) }, at(2 * hour, 50)))).toEqual([
      150,
      0,
      2 * hour,
      99_999,
      '',
    ]));
  it('a few minutes apart give a rate and no date', () =>
    expect(reported(host({ ...at(hour, 10_000) }, at(hour + 60, 10_010)))).toEqual([
      10_110,
      14_400,
      60,
      '60 s between the readings are too short to predict when',
      '60 s between the readings are too short to predict when',
    ]));
  it('give the growth of unreclaimable slab, where both have it', () => {
    const slab = (before: IdReading | Unknown): unknown =>
      host(before, at(34 * hour, 13_000), { 'memory.sunreclaim_kb': 500_000 })[
        'memory.sunreclaim_per_day'
      ];
    expect(slab({ ...at(10 * hour, 10_000), unreclaimable: 380_000 })).toBe(120_000);
    expect(slab({ ...at(22 * hour, 10_000), unreclaimable: 520_000 })).toBe(-40_000);
    expect(slab({ ...at(10 * hour, 10_000) })).toEqual(
      unknown('SUnreclaim was not read both times'),
    );
    expect(slab(unknown('no earlier reading of this boot'))).toEqual(
      unknown('no earlier reading of this boot'),
    );
  });
  it('a full table is full today', () => {
    const now = at(2 * hour, 65_434);
    expect(reported(host({ ...at(0, 10_000) }, now)).slice(3)).toEqual([
      0,
      new Date(now.at * 1000).toISOString().slice(0, 10),
    ]);
  });
});

describe('no growth is reported', () => {
  const why = (facts: Facts): unknown => reported(facts)[1];
  it('without an earlier reading', () =>
    expect(why(host(unknown('no earlier reading of this boot'), at(hour, 5)))).toBe(
      'no earlier reading of this boot',
    ));
  it('when time went back', () =>
    expect(why(host({ ...at(2 * hour, 5) }, at(hour, 5)))).toBe(
      'the earlier reading is not older',
    ));
  it('within a minute: one group more would be thousands a day', () =>
    expect(why(host({ ...at(hour, 5) }, at(hour + 59, 6)))).toBe(
      'the earlier reading is only 59 s old',
    ));
  it("when the host's clock was set in between", () =>
    expect(why(host({ ...at(hour, 5, 10, 1_000_000) }, at(3 * hour, 5)))).toBe(
      "the host's clock was set between the readings",
    ));
  it('where reads were refused: dead groups are not counted exactly then', () =>
    expect(reported(host({ ...at(0, 5) }, at(hour, 500), groupFacts('denied docker')))[0]).toBe(
      'reads were refused: needs root',
    ));
  it('where dead groups do not show', () =>
    expect(
      reported(
        host({ ...at(0, 5) }, at(hour, 500), { 'kernel.release': '5.14.0-70.el9.x86_64' }),
      )[0],
    ).toBe('dead groups show only on cgroup v1 of kernels before 4.5'));
});

describe('what is kept of a boot', () => {
  it('the latest reading that is an hour old is compared with, else the oldest', () => {
    const readings = [at(0, 0), at(hour, 10), at(2 * hour, 20), at(2 * hour + 600, 25)];
    expect(baselineOf(readings, at(3 * hour, 30))).toEqual(at(2 * hour, 20));
    expect(baselineOf(readings, at(1800, 5))).toEqual(at(0, 0));
    expect(baselineOf([], at(1800, 5))).toBe('no earlier reading of this boot');
    expect(baselineOf([at(hour, 1, 1, 5)], at(3 * hour, 5))).toBe(
      "the host's clock was set between the readings",
    );
  });
  it('readings of just now are not added, and those of another boot go', () => {
    expect(addReading([at(100, 1)], at(200, 2))).toEqual([at(100, 1)]);
    expect(addReading([at(100, 1)], at(900, 2))).toEqual([at(100, 1), at(900, 2)]);
    expect(addReading([at(9000, 1)], at(50, 2))).toEqual([at(50, 2)]);
  });
  it('never more than sixteen, in order, the first of the boot among them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 80 }), (steps) => {
        let uptime = 10;
        let readings: readonly IdReading[] = [at(10, 0)];
        for (const step of steps) {
          uptime += step;
          readings = addReading(readings, at(uptime, uptime));
        }
        expect(readings.length).toBeLessThanOrEqual(16);
        expect(readings[0]).toEqual(at(10, 0));
        expect(readings.map((one) => one.uptime)).toEqual(
          readings.map((one) => one.uptime).toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
