// Estimates: by stated defaults at first, then by how long hosts of the same pool took in earlier
// runs; a window that is shorter starts nobody.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { expectedOf, readDurations, withHistory } from '../../src/core/plan/estimate.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import type { HostPlan } from '../../src/model/run/plan.ts';
import { eventsOf, type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';
import { begin, done, fleet, planFor, started } from '../core/fleet.ts';

const journal = (...timed: readonly (readonly [number, EventBody])[]): readonly Event[] =>
  timed.map(([at, body], seq) => ({ ...body, v: 1, seq, at: at * 1000, run: 'r', prev: '' }));

const durationsOf = (events: readonly Event[]) => {
  const { see, durations } = readDurations();
  for (const event of events) see(event);
  return durations();
};

const plan = (remedy: HostPlan['remedy'], estimate = 600): HostPlan => ({
  ...planFor('h1'),
  remedy,
  estimate,
});

describe('the history of a run', () => {
  it('is how long its changed hosts took', () => {
    const events = journal(
      [0, begin(fleet(3))],
      [10, started('h1')],
      [70, done('h1')],
      [80, started('h2')],
      [85, done('h2', false)],
      [90, started('h3')],
    );
    expect(durationsOf(events).map((one) => one.seconds)).toEqual([60]);
  });

  it('leaves out a host during which the controller was away', () => {
    const resumed: EventBody = { type: 'run.resumed', who: 'eve', tool: '0' };
    const events = journal(
      [0, begin(fleet(2))],
      [10, started('h1')],
      [30_000, resumed],
      [30_010, done('h1')],
      [30_020, started('h2')],
      [30_050, done('h2')],
    );
    expect(durationsOf(events).map((one) => one.seconds)).toEqual([30]);
  });

  const earlier = [
    { host: 'h1', remedy: 'kernel_arg', seconds: 101, drain: 0 },
    { host: 'h2', remedy: 'kernel_and_arg', seconds: 1500, drain: 0 },
    { host: 'h3', remedy: 'kernel_arg', seconds: 90, drain: 0 },
  ] as const;
  it.each<[string, HostPlan, number, number | undefined]>([
    ['hosts with the same remedy where there were some', plan('kernel_arg'), 101, 2],
    ['all hosts where there were none', plan('runtime'), 1500, 3],
    ['nothing for a host with nothing to do', plan('none', 0), 0, undefined],
  ])('counts %s', (_, given, estimate, count) => {
    const made = withHistory(earlier)(given);
    expect([made.estimate, made.earlier]).toEqual([estimate, count]);
  });
});

describe('longest_first', () => {
  const earlier = (
    host: string,
    seconds: number,
    drain = 0,
    remedy: HostPlan['remedy'] = 'reboot',
  ) => ({
    host,
    remedy,
    seconds,
    drain,
  });
  const planned = (host: string, drain?: number): HostPlan => ({
    ...planFor(host),
    ...(drain === undefined ? {} : { drain }),
  });
  const shown = (plans: readonly HostPlan[], past: Parameters<typeof expectedOf>[1]) =>
    expectedOf(plans, past).map(({ seconds, by }) => `${seconds} ${by}`);

  it('takes the median of the runs of a host itself, with the same remedy', () => {
    const past = [
      earlier('h1', 100),
      earlier('h1', 900),
      earlier('h1', 120),
      earlier('h1', 5000, 0, 'runtime'),
    ];
    expect(shown([planned('h1')], past)).toEqual(['120 host']);
  });

  it('adds the grace periods of its pods to what other hosts take without their drain', () => {
    const past = [earlier('h7', 200, 150), earlier('h8', 400, 330)];
    expect(shown([planned('h1', 240)], past)).toEqual(['290 forecast']);
    // Without any history: its default of 600 s has 300 s for the drain.
    expect(shown([planned('h1', 240)], [])).toEqual(['540 forecast']);
  });

  it('takes the median of the play for a host of which nothing is known', () => {
    const past = [earlier('h1', 100), earlier('h2', 300), earlier('h3', 200)];
    const plans = ['h1', 'h2', 'h3', 'h4'].map((host) => planned(host));
    expect(shown(plans, past)).toEqual(['100 host', '300 host', '200 host', '200 median']);
    expect(shown([planned('h4')], [])).toEqual(['600 default']);
  });

  it('leaves a host with nothing to do at the end', () => {
    expect(shown([planFor('h1', { nothing: true })], [earlier('h1', 100)])).toEqual(['0 default']);
  });

  it('reads from a run how long the drain of each host took', () => {
    const drain = (host: string, type: 'effect.started' | 'effect.done'): EventBody =>
      type === 'effect.done'
        ? { type, host, task: '1', effect: `${host}/1`, result: { ok: true } }
        : {
            ...{ type, host, task: '1', effect: `${host}/1`, what: 'drain', timeout: 60 },
            ...{ kind: 'drain', detached: false },
          };
    const events = journal(
      [0, begin(fleet(2))],
      [10, started('h1')],
      [10, started('h2')],
      [15, drain('h1', 'effect.started')],
      [45, drain('h1', 'effect.done')],
      [70, done('h1')],
      [80, done('h2')],
    );
    expect(
      durationsOf(events).map(({ host, seconds, drain: took }) => [host, seconds, took]),
    ).toEqual([
      ['h1', 60, 30],
      ['h2', 70, 0],
    ]);
  });
});

describe('a plan', () => {
  let pool: Practice;
  beforeAll(async () => {
    pool = await practice([sick('h1'), sick('h2'), sick('h3')]);
  });
  afterAll(() => pool.close());

  it('says that its estimate is a default, and later how many earlier hosts it rests on', async () => {
    const playbook = pool.file('remediate.yaml', remediationPlay());
    const first = await pool.run(['plan', playbook]);
    expect(first.out).toMatch(/h1 .*about 1m20s by default/);
    expect((await pool.run(['apply', playbook, '--yes', '-l', 'h1'])).exit).toBe(0);
    const second = await pool.run(['plan', playbook]);
    expect(second.out).toMatch(/h2 .*about \d+s \(p95 of 1 earlier host\)/);
    const other = await pool.run(['plan', pool.file('other.yaml', remediationPlay())]);
    expect(other.out).toMatch(/h2 .*by default/);
  });

  it('starts the hosts that took longest first, says by what, and keeps that order when saved', async () => {
    const now = { value: Date.now() - 7 * 86_400_000 };
    const store = createStore(pool.state, () => now.value);
    const old = await store.createJournal('20000101-000001-order');
    const play = {
      ...begin(fleet(2)),
      playbook: 'order.yaml',
      play: 'Remediate',
      hosts: ['h2', 'h3'].map((host) => ({
        host,
        plan: { ...plan('kernel_arg'), host },
        down: false,
      })),
    };
    await old.append(play, false);
    for (const host of ['h2', 'h3']) await old.append(started(host), false);
    now.value += 60_000;
    await old.append(done('h2'), false);
    now.value += 600_000;
    await old.append(done('h3'), true);
    await old.close();
    const playbook = pool.file('order.yaml', remediationPlay('{order: longest_first}'));
    const saved = join(pool.dir, 'order.plan');
    const { out } = await pool.run(['plan', playbook, '-o', saved, '-l', 'h2,h3']);
    expect(out).toContain(
      'Order: longest_first (2 by their own earlier runs, 0 by the grace periods of their pods,',
    );
    expect(out).toMatch(/h3 .*sorted as 11m \(its own earlier runs\)[\s\S]*h2 .*sorted as 1m /);
    const { hosts } = JSON.parse(readFileSync(saved, 'utf8')).plays[0];
    expect(hosts.map((one: HostPlan) => [one.host, one.expected])).toEqual([
      ['h3', { seconds: 660, by: 'host' }],
      ['h2', { seconds: 60, by: 'host' }],
    ]);
  });

  it('starts nobody when the hosts of before took longer than what is left of the window, and says so', async () => {
    let now = Date.now() - 7 * 86_400_000;
    const store = createStore(pool.state, () => now);
    const old = await store.createJournal('20000101-000000-slow');
    const play = {
      ...begin(fleet(1)),
      playbook: 'window.yaml',
      play: 'Remediate',
      hosts: [{ host: 'h2', plan: plan('kernel_arg'), down: false }],
    };
    await old.append(play, false);
    await old.append(started('h2'), false);
    now += 25 * 60_000;
    await old.append(done('h2'), true);
    await old.close();
    const clock = (minutes: number): string =>
      new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16);
    const window = `{windows: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "${clock(-60)}", to: "${clock(20)}", tz: UTC}]}`;
    const { exit, out } = await pool.run([
      'apply',
      pool.file('window.yaml', remediationPlay(window)),
      '--yes',
      '-l',
      'h2',
    ]);
    expect(out).toContain(
      'h2  on, remedy kernel_arg, risk reboot, about 25m (p95 of 1 earlier host)',
    );
    expect(exit).toBe(9);
    expect(out).toMatch(/the window closes in 1\d\d\d s, and h2 is expected to take 1500 s/);
    expect(eventsOf(pool.journal(), 'host.started')).toEqual([]);
  });
});
