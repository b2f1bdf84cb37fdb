// What a journal says about each host and the run.
import { describe, expect, it } from 'vitest';
import { fold, foldAll } from '../../src/core/run-state/fold.ts';
import {
  blockEntered,
  doneTask,
  type HostState,
  hostState,
  hostStates,
  statusOf,
} from '../../src/core/run-state/state.ts';
import type { EffectKind, EffectResult } from '../../src/model/run/effect.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import {
  begin,
  done,
  eventsOf,
  failed,
  failure,
  fleet,
  hostFor,
  noon,
  soaked,
  started,
  stateAfter,
  type TimedEvent,
  wave,
} from './fleet.ts';

const host = 'h1';
const effect = (kind: EffectKind, number: number, bootId?: string): EventBody => ({
  type: 'effect.started',
  host,
  task: '1',
  effect: `h1/1/${number}`,
  kind,
  what: kind,
  timeout: 60,
  detached: false,
  ...(bootId === undefined ? {} : { bootId }),
});
const over = (number: number): EventBody => ({
  type: 'effect.done',
  host,
  task: '1',
  effect: `h1/1/${number}`,
  result: { ok: true, code: number },
});
const walk = (...timed: readonly TimedEvent[]): HostState => {
  const found = hostState(
    stateAfter(begin(fleet(2)), [0, wave(1, ['h1', 'h2'])], [1, started(host)], ...timed),
    host,
  );
  if (found === undefined) throw new Error('not there');
  return found;
};

describe('a host stands', () => {
  it.each([
    ['planned', begin(fleet(1)), []],
    ['same', begin(fleet(1, () => ({ nothing: true }))), []],
    ['refused', begin(fleet(1, () => ({ refused: 'el6' }))), []],
    ['waiting', begin(fleet(1)), [[1, wave(1, [host])]]],
    [
      'running',
      begin(fleet(1)),
      [
        [1, wave(1, [host])],
        [2, started(host)],
      ],
    ],
    [
      'done',
      begin(fleet(1)),
      [
        [1, wave(1, [host])],
        [2, started(host)],
        [3, done(host)],
      ],
    ],
    [
      'soaking',
      begin(fleet(1), { soak: { host: 9, wave: 0 } }),
      [
        [1, wave(1, [host])],
        [2, started(host)],
        [3, done(host)],
      ],
    ],
    [
      'done',
      begin(fleet(1), { soak: { host: 9, wave: 0 } }),
      [
        [1, wave(1, [host])],
        [2, started(host)],
        [3, done(host)],
        [12, soaked(host)],
      ],
    ],
    [
      'failed',
      begin(fleet(1)),
      [
        [1, wave(1, [host])],
        [2, started(host)],
        [3, failed(host)],
      ],
    ],
    [
      'refused',
      begin(fleet(1)),
      [
        [1, wave(1, [host])],
        [2, started(host)],
        [3, failed(host, 'refused', false)],
      ],
    ],
    ['done', begin(fleet(1)), [[1, done(host, false)]]],
  ] as const)('%s', (status, start, timed) => {
    expect(statusOf(stateAfter(start, ...timed), host)).toBe(status);
  });

  it('left_out when it has no plan, and nowhere when it is not of the run', () => {
    const state = stateAfter(
      begin(fleet(1), {}, { leftOut: [{ host: 'gone', failure: { kind: 'auth', message: '' } }] }),
    );
    expect([statusOf(state, 'gone'), statusOf(state, 'who')]).toEqual(['left_out', undefined]);
  });
});

describe('the walk of a host', () => {
  it('keeps what its tasks ended with, the last word first', () => {
    const task = (status: 'ok' | 'changed', value: number): EventBody => ({
      type: 'task.done',
      host,
      task: '2',
      name: 'T',
      status,
      registered: { rc: value },
      sets: { x: value },
    });
    expect(doneTask(walk([2, task('changed', 1)], [3, task('ok', 2)]), '2')).toEqual({
      task: '2',
      name: 'T',
      status: 'ok',
      registered: { rc: 2 },
      sets: { x: 2 },
    });
    expect(doneTask(walk(), '2')).toBeUndefined();
  });

  it('keeps which blocks were entered, and the remedy', () => {
    const one = walk(
      [2, { type: 'block.entered', host, task: '2', entered: false }],
      [2, { type: 'remedy.chosen', host, remedy: 'runtime', why: 'old runc' }],
    );
    expect([blockEntered(one, '2'), blockEntered(one, '3')]).toEqual([false, undefined]);
    expect(one.remedy).toEqual({ remedy: 'runtime', why: 'old runc' });
  });

  it('has effects in flight from their announcement to their end', () => {
    const flying = walk([2, effect('cordon', 1)], [3, effect('run', 2)], [4, over(1)]);
    expect(flying.inFlight).toMatchObject([{ effect: 'h1/1/2', kind: 'run', at: noon + 3000 }]);
    expect(flying.effects).toBe(2);
    const lost = walk(
      [2, effect('run', 1)],
      [
        3,
        {
          type: 'effect.failed',
          host,
          task: '1',
          effect: 'h1/1/1',
          failure: { kind: 'exit', message: '' },
        },
      ],
    );
    expect(lost.inFlight).toEqual([]);
    expect(walk([2, effect('run', 1)], [3, failed(host)]).inFlight).toEqual([]);
  });

  it('marks what this run did by what ended well', () => {
    expect(walk([2, effect('cordon', 1)]).marks).toMatchObject({ cordoned: false });
    const away = walk(
      [2, effect('cordon', 1)],
      [3, over(1)],
      [4, effect('drain', 2)],
      [5, over(2)],
      [6, effect('reboot', 3, 'boot-a')],
      [7, over(3)],
    );
    expect(away.marks).toEqual({
      cordoned: true,
      drained: true,
      rebooted: true,
      uncordoned: false,
      altered: true,
    });
    expect(away.results.reboot).toEqual({ ok: true, code: 3 });
    expect(
      walk([2, effect('cordon', 1)], [3, over(1)], [4, effect('uncordon', 2)], [5, over(2)]).marks,
    ).toMatchObject({
      uncordoned: true,
      altered: false,
    });
  });

  it('remembers the boot ids that were announced with a reboot', () => {
    const one = walk(
      [2, effect('run', 1, 'boot-a')],
      [3, effect('reboot', 2, 'boot-a')],
      [4, effect('reboot', 3, 'boot-b')],
    );
    expect(one.oldBootIds).toEqual(['boot-a', 'boot-b']);
    expect(one.bootId).toBe('boot-b');
  });

  it('takes a reboot that was surely not sent for none', () => {
    const unsent = (result: EffectResult): EventBody => ({
      type: 'effect.failed',
      host,
      task: '1',
      effect: 'h1/1/2',
      failure: failure('exit'),
      result,
    });
    const announced: TimedEvent[] = [
      [2, effect('reboot', 1, 'boot-a')],
      [3, over(1)],
      [4, effect('reboot', 2, 'boot-b')],
    ];
    expect(
      walk(...announced, [5, unsent({ ok: false, data: { sent: false } })]).oldBootIds,
    ).toEqual(['boot-a']);
    expect(walk(...announced, [5, unsent({ ok: false })]).oldBootIds).toEqual(['boot-a', 'boot-b']);
  });

  it('remembers the packages that the run changes, by the boot in which it does', () => {
    const changes = (bootId: string, ...what: readonly string[]): EventBody => ({
      type: 'task.planned',
      host,
      task: '1',
      name: 'The runtime',
      module: 'container_runtime',
      status: 'change',
      changes: what.map((one) => ({ sign: '~', what: one, risk: 'restart' })),
      bootId,
    });
    const first: TimedEvent = [
      2,
      changes('boot-a', 'package docker-ce', 'boot argument cgroup.memory'),
    ];
    expect(walk(first, [3, changes('boot-a', 'package containerd.io', 'reboot')]).replaced).toEqual(
      {
        bootId: 'boot-a',
        names: ['docker-ce', 'containerd.io'],
      },
    );
    expect(walk(first, [3, changes('boot-b', 'package containerd.io')]).replaced).toEqual({
      bootId: 'boot-b',
      names: ['containerd.io'],
    });
    expect(walk(first, [3, changes('boot-b', 'reboot')]).replaced?.bootId).toBe('boot-a');
  });

  it('takes verdict and boot id from the last reading, and differences from drift', () => {
    const one = walk(
      [2, { type: 'facts.read', host, verdict: 'on', evidence: '3 groups', bootId: 'boot-c' }],
      [2, { type: 'drift.noted', host, what: ['a'] }],
      [2, { type: 'drift.noted', host, what: ['b'] }],
    );
    expect(one).toMatchObject({
      verdict: 'on',
      evidence: '3 groups',
      bootId: 'boot-c',
      differences: ['a', 'b'],
    });
  });

  it('a drain that was undone leaves a host as it was, a change does not', () => {
    const drained: TimedEvent[] = [
      [2, effect('cordon', 1)],
      [3, over(1)],
      [4, effect('drain', 2)],
      [5, effect('uncordon', 3)],
      [6, over(3)],
    ];
    expect(walk(...drained, [7, failed(host, 'blocked')]).keepsSlot).toBe(false);
    expect(walk(...drained, [7, effect('run', 4)], [8, failed(host, 'blocked')]).keepsSlot).toBe(
      true,
    );
  });
});

describe('a run', () => {
  it('keeps what its hosts saw of a kernel: the first answer stands, and one "no" outweighs all others', () => {
    const release = '3.10.0-862.el7.x86_64';
    const seen = (name: string, obeys: 'yes' | 'no', of = release): EventBody => ({
      type: 'kernel.seen',
      host: name,
      release: of,
      obeys,
    });
    const kernels = (...bodies: readonly EventBody[]) =>
      Object.fromEntries(
        stateAfter(begin(fleet(3)), ...bodies.map((body): TimedEvent => [1, body])).kernels,
      );
    expect(kernels()).toEqual({});
    expect(kernels(seen('h1', 'yes'), seen('h2', 'yes'))).toEqual({
      [release]: { obeys: 'yes', host: 'h1' },
    });
    expect(kernels(seen('h1', 'yes'), seen('h2', 'no'), seen('h3', 'yes'))).toEqual({
      [release]: { obeys: 'no', host: 'h2' },
    });
    expect(kernels(seen('h1', 'yes'), seen('h2', 'no', '3.10.0-957.el7.x86_64'))).toMatchObject({
      [release]: { obeys: 'yes' },
      '3.10.0-957.el7.x86_64': { obeys: 'no' },
    });
  });

  it('a retried host keeps what was done to it, and its acknowledged failure no longer counts', () => {
    const retry: EventBody = { type: 'host.resolved', host, who: 'eve', note: 'disk', as: 'retry' };
    const timed: TimedEvent[] = [
      [0, wave(1, ['h1', 'h2'])],
      [1, started(host)],
      [2, effect('cordon', 1)],
      [3, over(1)],
      [3, { type: 'task.done', host, task: '1', name: 'Once', status: 'changed' }],
      [3, { type: 'task.done', host, task: '2', name: 'Not now', status: 'skipped' }],
      [4, failed(host)],
      [5, retry],
    ];
    const retried = stateAfter(begin(fleet(2)), ...timed);
    expect(hostState(retried, host)).toMatchObject({
      status: 'waiting',
      down: true,
      marks: { cordoned: true },
      starts: 1,
    });
    expect(hostState(retried, host)?.tasks.map((task) => task.name)).toEqual(['Once']);
    expect([
      retried.failures,
      stateAfter(begin(fleet(2)), ...timed, [6, started(host)], [7, failed(host)]).failures,
    ]).toEqual([0, 1]);
  });

  it('a host that a person leaves as it is, is not taken up by a resume; one to be retried is, when it was held again', () => {
    const held: EventBody = {
      type: 'host.failed',
      host,
      failure: { kind: 'interrupted', message: '', resumable: true },
      touched: true,
      state: 'drained',
    };
    const word = (as: 'skip' | 'retry'): EventBody => ({
      type: 'host.resolved',
      host,
      who: 'eve',
      note: '',
      as,
    });
    const resumed: EventBody = { type: 'run.resumed', who: 'eve', tool: '' };
    const timed: TimedEvent[] = [
      [0, wave(1, ['h1', 'h2'])],
      [1, started(host)],
      [2, effect('cordon', 1)],
      [3, held],
    ];
    const statusAfter = (...more: TimedEvent[]) =>
      hostState(stateAfter(begin(fleet(2)), ...timed, ...more), host)?.status;
    expect(statusAfter([9, resumed])).toBe('running');
    expect(statusAfter([8, word('skip')], [9, resumed])).toBe('failed');
    expect(statusAfter([5, word('retry')], [6, started(host)], [7, held], [9, resumed])).toBe(
      'running',
    );
  });

  it('forgets an abort and its end when it is resumed, and counts time from then on', () => {
    const state = stateAfter(
      begin(fleet(1)),
      [1, { type: 'run.aborted', who: 'eve', why: '' }],
      [2, { type: 'run.finished', exit: 130, why: '' }],
      [9, { type: 'run.resumed', who: 'eve', tool: '' }],
    );
    expect([state.aborted, state.finished, state.activeSince]).toEqual([
      undefined,
      undefined,
      noon + 9000,
    ]);
  });

  it('keeps the highest risk that was approved', () => {
    const yes = (risk: 'evict' | 'reboot'): EventBody => ({
      type: 'approved',
      risk,
      who: 'eve',
      how: 'flag',
    });
    expect(stateAfter(begin(fleet(1)), [1, yes('reboot')], [2, yes('evict')]).approved).toBe(
      'reboot',
    );
  });

  it('takes the newest reading of capacity: what came back is in service', () => {
    const state = stateAfter(
      begin(fleet(3)),
      [1, { type: 'capacity.read', unavailable: ['h1', 'x', 'y'] }],
      [2, { type: 'capacity.read', unavailable: ['h2', 'y'] }],
    );
    expect([...hostStates(state)].map((one) => one.missing)).toEqual([false, true, false]);
    expect([state.out, [...state.outside]]).toEqual([1, ['y']]);
  });

  it('a person may speak for a host that was left out', () => {
    const leftOut = [{ host: 'gone', failure: { kind: 'unreachable' as const, message: '' } }];
    const state = stateAfter(begin(fleet(1), {}, { leftOut }), [
      1,
      { type: 'host.resolved', host: 'gone', who: 'eve', note: 'scrapped' },
    ]);
    expect([state.leftOut, state.outside.size]).toEqual([[], 0]);
  });

  it('a host that nobody knows is a damaged journal', () => {
    expect(() => stateAfter(begin(fleet(1)), [1, started('who')])).toThrow('not of its run: who');
  });

  it('folding leaves the old state as it was', () => {
    const events = eventsOf([
      [0, begin(fleet(3))],
      [1, wave(1, ['h1', 'h2', 'h3'])],
      [2, started('h1')],
      [3, failed('h1')],
    ]);
    const before = foldAll(events.slice(0, 3));
    const shown = JSON.stringify([...hostStates(before)]);
    const [last] = events.slice(3);
    if (last !== undefined) fold(before, last);
    expect(JSON.stringify([...hostStates(before)])).toBe(shown);
    expect([before.held, before.failures]).toEqual([1, 0]);
  });
});

it('5,000 hosts with 30 events each fold in linear time', () => {
  const perEvent = (count: number): number => {
    const hosts = Array.from({ length: count }, (_, index) =>
      hostFor(`n${index}`, { zone: `z${index % 7}` }),
    );
    const timed: TimedEvent[] = [
      [0, begin(hosts, { maxUnavailable: { count: 50 } })],
      [
        0,
        wave(
          1,
          hosts.map((one) => one.host),
        ),
      ],
    ];
    for (const { host: name } of hosts) {
      timed.push([1, started(name)]);
      for (let number = 0; number < 14; number += 1) {
        timed.push([
          2,
          {
            type: 'effect.started',
            host: name,
            task: `${number}`,
            effect: `${name}/${number}`,
            kind: 'run',
            what: '',
            timeout: 1,
            detached: false,
          },
        ]);
        timed.push([
          3,
          {
            type: 'effect.done',
            host: name,
            task: `${number}`,
            effect: `${name}/${number}`,
            result: { ok: true },
          },
        ]);
      }
      timed.push([4, done(name)]);
    }
    const events = eventsOf(timed);
    const before = process.cpuUsage();
    expect(foldAll(events).held).toBe(0);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / events.length;
  };
  perEvent(1000);
  const small = perEvent(1000);
  const large = perEvent(5000);
  // Microseconds; quadratic copying would be 5 times and hundreds of microseconds.
  expect(large).toBeLessThan(60);
  expect(large).toBeLessThan(small * 3 + 5);
});
