// The head and the rows of a view, for each state in which an operator may find a run.
import { describe, expect, it } from 'vitest';
import type { HostRow, RunHead, RunPhase } from '../../src/core/view/model.ts';
import { viewOf } from '../../src/core/view/read-view.ts';
import type { EventBody, EventOf } from '../../src/model/run/event.ts';
import {
  begin,
  done,
  eventsOf,
  failed,
  failure,
  fleet,
  noon,
  soaked,
  started,
  type TimedEvent,
  wave,
} from './fleet.ts';

const all = ['h1', 'h2', 'h3'];

const view = (start: EventOf<'run.started'>, ...timed: readonly TimedEvent[]) =>
  viewOf(eventsOf([[0, start], ...timed]), undefined, { holder: 'process 7' });

const row = (start: EventOf<'run.started'>, ...timed: readonly TimedEvent[]): HostRow => {
  const [first] = view(start, ...timed).hosts;
  if (first === undefined) throw new Error('the view has no host');
  return first;
};

describe('the head of a view', () => {
  const gates = [{ name: 'alerts', kind: 'http' as const, args: {}, for: 0 }];
  const manual = { hosts: { count: 1 }, soak: 60, promote: 'manual' as const };
  const rows: readonly [string, EventOf<'run.started'>, readonly TimedEvent[], Partial<RunHead>][] =
    [
      [
        'a host works and holds the only slot',
        begin(fleet(3)),
        [
          [1, wave(1, all)],
          [2, started('h1')],
        ],
        {
          phase: 'running',
          waits: [{ rule: 'budget', text: '1 of 1 slot is taken (h1)' }],
          slots: { held: 1, of: 1, kept: 0 },
          wave: { number: 1, of: 1, canary: false },
          needs: [],
        },
      ],
      [
        'it asks an operator',
        begin(fleet(3), { approve: 'reboot' }, { attended: true }),
        [],
        {
          phase: 'asking',
          needs: [{ kind: 'approve', text: 'This run may reboot on 3 hosts. Go on?' }],
        },
      ],
      [
        'a gate is closed',
        begin(fleet(3), { gates }),
        [
          [1, wave(1, all)],
          [2, { type: 'gate.read', gate: 'alerts', open: false, read: '3 alerts' }],
        ],
        {
          phase: 'waiting',
          waits: [{ rule: 'gate', text: 'gate alerts is closed: 3 alerts', until: noon + 17_000 }],
          gates: [{ name: 'alerts', open: false, read: '3 alerts' }],
        },
      ],
      [
        'the canary waits for its promotion',
        begin(fleet(3), { canary: manual, waves: [{ count: 1 }] }),
        [
          [1, wave(0, ['h1'], true)],
          [2, started('h1')],
          [50, done('h1')],
          [120, soaked('h1')],
        ],
        {
          phase: 'waiting',
          needs: [
            {
              kind: 'promote',
              text: 'the canary is done and waits for its promotion',
              command: 'kmend promote r1',
            },
          ],
          wave: { number: 0, of: 2, canary: true },
        },
      ],
      [
        'the brake has tripped',
        begin(fleet(3), { brake: { failures: { percent: 50 }, unreachable: 'count' } }),
        [
          [1, wave(1, all)],
          [2, started('h1')],
          [50, failed('h1')],
          [51, { type: 'brake.tripped', why: 'too many', host: 'h1' }],
        ],
        {
          phase: 'brake',
          why: 'too many',
          brake: { tripped: { why: 'too many', host: 'h1' }, failures: 1, allowed: 0 },
          slots: { held: 1, of: 1, kept: 1 },
          needs: [
            {
              kind: 'resolve',
              host: 'h1',
              text: 'not_verified: it went wrong',
              command: 'kmend resume r1 --retry h1',
            },
          ],
        },
      ],
      [
        'an operator has paused it',
        begin(fleet(3)),
        [[1, { type: 'run.paused', who: 'ada', why: 'lunch' }]],
        {
          phase: 'paused',
          why: 'lunch',
          needs: [{ kind: 'continue', text: 'paused by ada: lunch', command: 'kmend continue r1' }],
        },
      ],
      [
        'it stops',
        begin(fleet(3)),
        [
          [1, wave(1, all)],
          [2, started('h1')],
          [3, { type: 'run.aborted', who: 'ada', why: 'no' }],
        ],
        { phase: 'stopping', why: 'no', waits: [{ rule: 'aborted', text: 'aborted by ada: no' }] },
      ],
      [
        'it was stopped',
        begin(fleet(3)),
        [
          [3, { type: 'run.aborted', who: 'ada', why: 'no' }],
          [4, { type: 'run.finished', exit: 130, why: '3 not started (aborted)' }],
        ],
        {
          phase: 'stopped',
          exit: 130,
          needs: [{ kind: 'resume', text: '3 not started (aborted)', command: 'kmend resume r1' }],
        },
      ],
      [
        'it was stopped when its last host was done: there is nothing to resume',
        begin(fleet(1)),
        [
          [1, wave(1, ['h1'])],
          [2, started('h1')],
          [3, { type: 'run.aborted', who: 'ada', why: 'no' }],
          [9, done('h1')],
          [10, { type: 'run.finished', exit: 130, why: '1 done (aborted)' }],
        ],
        { exit: 130, needs: [] },
      ],
      [
        'it is done',
        begin(fleet(1)),
        [
          [1, wave(1, ['h1'])],
          [2, started('h1')],
          [9, done('h1')],
          [10, { type: 'run.finished', exit: 0, why: '1 done' }],
        ],
        { phase: 'done', exit: 0, why: '1 done', needs: [], waits: [] },
      ],
      [
        'its only host failed',
        begin(fleet(1)),
        [
          [1, wave(1, ['h1'])],
          [2, started('h1')],
          [9, failed('h1', 'timeout', false)],
          [10, { type: 'run.finished', exit: 4, why: '1 failed' }],
        ],
        { phase: 'failed', exit: 4, why: '1 failed' },
      ],
    ];
  it.each(rows)('says where the run stands: %s', (_, start, timed, expected) => {
    expect(view(start, ...timed).head).toMatchObject(expected);
  });

  it('names no directory of the controller', () => {
    const start = begin(fleet(1), {}, { playbook: '/home/ada/secret-customer/auto.yaml' });
    expect(view(start).head.playbook).toBe('auto.yaml');
  });

  it('says that nobody works on a run whose process is gone', () => {
    const { head } = viewOf(eventsOf([[0, begin(fleet(1))]]));
    const phase: RunPhase = 'interrupted';
    expect(head).toMatchObject({
      phase,
      needs: [{ kind: 'resume', text: 'no process works on this run', command: 'kmend resume r1' }],
    });
  });
});

describe('a row of a view', () => {
  const start = begin(fleet(1, () => ({ verdict: 'leaking', zone: 'a' })));
  const task = (module: string, at: number): readonly TimedEvent[] => [
    [
      at,
      {
        type: 'task.planned',
        host: 'h1',
        task: module,
        name: `do ${module}`,
        module,
        status: 'change',
        changes: [],
      },
    ],
    [
      at + 1,
      {
        type: 'effect.started',
        host: 'h1',
        task: module,
        effect: `h1/${module}/1`,
        kind: module === 'reboot' ? 'reboot' : 'run',
        what: `${module} now`,
        timeout: 200,
        detached: true,
      },
    ],
  ];
  const finished = (module: string, at: number): TimedEvent => [
    at,
    { type: 'task.done', host: 'h1', task: module, name: module, status: 'changed' },
  ];

  it('says what the host does, since when, and how long that usually takes', () => {
    const walk: readonly TimedEvent[] = [
      [1, wave(1, ['h1'])],
      [2, started('h1')],
      ...task('package', 5),
      finished('package', 30),
      ...task('reboot', 32),
    ];
    expect(row(start, ...walk)).toMatchObject({
      host: 'h1',
      status: 'running',
      before: 'leaking',
      steps: [
        { kind: 'facts', from: noon + 2_000, to: noon + 5_000 },
        { kind: 'package', from: noon + 5_000, to: noon + 32_000 },
        { kind: 'reboot', from: noon + 32_000 },
      ],
      doing: { text: 'reboot now', since: noon + 32_000, usual: 200 },
    });
    const progress: EventBody = {
      type: 'effect.progress',
      host: 'h1',
      task: 'reboot',
      effect: 'h1/reboot/1',
      text: 'waiting for a new boot id',
    };
    expect(row(start, ...walk, [60, progress]).doing).toEqual({
      text: 'waiting for a new boot id',
      since: noon + 32_000,
      usual: 200,
    });
  });

  it('says what the steps of this run usually took, once three have ended', () => {
    const four = begin(fleet(4), { maxUnavailable: { count: 4 } });
    const walks = [1, 2, 3, 4].flatMap((number): readonly TimedEvent[] =>
      [[2, started('h1')] as const, ...task('reboot', 10), [10 + 10 * number, done('h1')] as const]
        .slice(0, number === 4 ? -1 : undefined)
        .map(([at, event]) => [at + 100 * number, { ...event, host: `h${number}` } as EventBody]),
    );
    const { hosts } = view(four, [1, wave(1, ['h1', 'h2', 'h3', 'h4'])], ...walks);
    expect(hosts[3]?.doing?.usual).toBe(20);
  });

  it('says why it failed, how it was left, what its output was, and who acknowledged it', () => {
    const failing: TimedEvent = [
      9,
      {
        type: 'host.failed',
        host: 'h1',
        failure: { ...failure(), hint: 'look', detail: 'one\ntwo' },
        touched: true,
        state: 'cordoned',
      },
    ];
    const resolving: EventBody = {
      type: 'host.resolved',
      host: 'h1',
      who: 'ada',
      note: 'fixed by hand',
      as: 'done',
    };
    const events: readonly TimedEvent[] = [[1, wave(1, ['h1'])], [2, started('h1')], failing];
    expect(row(start, ...events)).toMatchObject({
      status: 'failed',
      endedAt: noon + 9_000,
      reason: { kind: 'not_verified', text: 'it went wrong', hint: 'look', detail: '| one\n| two' },
      left: 'cordoned',
      keepsSlot: true,
    });
    const after = row(start, ...events, [20, resolving]);
    expect(after.acknowledged).toEqual({ by: 'ada', as: 'done', note: 'fixed by hand' });
    expect(after.keepsSlot).toBeUndefined();
  });

  it('says why a host was refused or left out', () => {
    const gone = { host: 'gone', failure: failure('unreachable', 'no route') };
    const { hosts, zones } = view(
      begin(
        fleet(1, () => ({ refused: 'too old', zone: 'a' })),
        {},
        { leftOut: [gone] },
      ),
    );
    expect(hosts.map(({ status, reason }) => [status, reason?.text])).toEqual([
      ['refused', '1: too old'],
      ['left_out', 'no route'],
    ]);
    expect(zones).toEqual([
      { name: 'a', hosts: 1 },
      { name: '', hosts: 1 },
    ]);
  });

  it('leaves the time without a process out of the steps', () => {
    const { steps } = row(
      start,
      [1, wave(1, ['h1'])],
      [2, started('h1')],
      ...task('reboot', 5),
      [1000, { type: 'run.resumed', who: 'ada', tool: 'test' }],
      ...task('reboot', 1010),
    );
    expect(steps).toEqual([
      { kind: 'facts', from: noon + 2_000, to: noon + 5_000 },
      { kind: 'reboot', from: noon + 5_000, to: noon + 6_000 },
      { kind: 'facts', from: noon + 1000_000, to: noon + 1010_000 },
      { kind: 'reboot', from: noon + 1010_000 },
    ]);
  });
});
