// Tasks with `run_once`, over random fleets, policies, fates, kills and retries: no other host starts
// before the one that goes first is past its prelude, the epilogue comes behind every host, and no
// such task is performed twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Simulation, simulate } from '../../src/core/decide/simulate.ts';
import { numbersFrom } from '../../src/core/plan/order.ts';
import { withOwner } from '../../src/core/plan/task/once.ts';
import { fold, foldAll } from '../../src/core/run-state/fold.ts';
import { isDueOn, owing, ownerOf } from '../../src/core/run-state/once.ts';
import {
  doneTask,
  emptyState,
  hostState,
  type RunState,
  untouched,
} from '../../src/core/run-state/state.ts';
import type { ModuleTask, OncePart } from '../../src/model/playbook.ts';
import type { Event, EventBody, LockOut } from '../../src/model/run/event.ts';
import { type HostPlan, hasChanges } from '../../src/model/run/plan.ts';
import { begin, done, failure, fleet, noon, settle, started, stateAfter, wave } from './fleet.ts';
import { planOf } from './plan-tasks.ts';
import { type RandomWorld, randomWorld } from './worlds.ts';

const parts: Readonly<Record<string, OncePart>> = { p1: 'before', p2: 'before', e1: 'after' };
const ids = Object.keys(parts);

const onceTask = (id: string): HostPlan['tasks'][number] => ({
  id,
  name: id,
  module: 'command',
  status: 'change',
  changes: [],
  risk: 'restart',
  once: parts[id] ?? 'before',
});
const taskOf = (id: string): ModuleTask => ({
  kind: 'task',
  id,
  name: id,
  when: [],
  tags: [],
  vars: {},
  place: { file: 'p', line: 1, column: 1 },
  module: 'command',
  args: null,
  argPlaces: {},
  ...(parts[id] === undefined ? {} : { once: parts[id] }),
});

/** The plan as each host has it until it is decided which one does the tasks. */
const undecided = (plan: HostPlan): HostPlan => ({
  ...plan,
  tasks: [...ids.slice(0, 2).map(onceTask), ...plan.tasks, onceTask('e1')],
  once: { seconds: 60, reads: {}, learns: [] },
});

const owned = (world: RandomWorld): RandomWorld => {
  const { hosts } = world.begin;
  const plans = withOwner(hosts.map(({ plan }) => undecided(plan)));
  const known = hosts.map((host, index) => ({ ...host, plan: plans[index] ?? host.plan }));
  return { ...world, begin: { ...world.begin, hosts: known } };
};

interface Played {
  readonly events: readonly Event[];
  readonly broken: readonly string[];
  readonly end: Simulation;
}

/** Plays the world to its end; a kill cuts the journal, and an operator tries failed hosts again. */
function play(
  world: RandomWorld,
  kills: readonly number[],
  retries: number,
  isHeld: boolean,
): Played {
  let state: RunState = emptyState;
  let events: Event[] = [];
  const see = (event: Event, after: RunState): void => {
    events.push(event);
    state = after;
  };
  const draws = numbersFrom(`${world.seed} once`);
  /** What the walk does of its tasks, as `walk.ts` does: until one of them fails. */
  const walk = (host: string): readonly EventBody[] => {
    const own = hostState(state, host);
    if (own === undefined || own !== ownerOf(state)) return world.walk(host);
    const bodies: EventBody[] = [];
    for (const id of ids)
      if (isDueOn(own, taskOf(id)) && doneTask(own, id) === undefined) {
        if (draws() < 0.15) return bodies;
        bodies.push({ type: 'task.done', host, task: id, name: id, status: 'changed' });
      }
    if (own.prelude === 'owed') bodies.push({ type: 'prelude.done', host });
    return bodies;
  };
  const lockOuts = (now: number): readonly LockOut[] =>
    world.begin.hosts.flatMap(({ host }) =>
      numbersFrom(`${world.seed} lock ${host} ${Math.floor(now / 600_000)}`)() < 0.15
        ? [{ host, by: 'hold', why: 'held' }]
        : [],
    );
  const run = (from: RunState): Simulation => {
    let decisions = 0;
    const onDecision = (): void => {
      decisions += 1;
      if (decisions > 3_000) throw new Error('it does not come to an end');
    };
    const { begin: first, outcome, gate } = world;
    const now = from.begun ? from.lastAt : noon;
    // Nobody waits for capacity that never comes.
    const held = isHeld ? { lockOuts, context: { wait: false } } : {};
    return simulate(
      { begin: first, run: 'r1', now, outcome, gate, walk, onEvent: see, onDecision, ...held },
      from,
    );
  };
  let end = run(emptyState);
  for (const kill of kills) {
    events = events.slice(0, 1 + (kill % events.length));
    state = foldAll(events);
    end = run(state);
  }
  for (let again = 0; again < retries; again++) {
    const owner = ownerOf(state);
    if (owner?.status !== 'failed') break;
    const { host } = owner;
    const body: EventBody = { type: 'host.resolved', host, who: 'ops', note: '', as: 'retry' };
    const resolved = { ...body, v: 1, seq: state.lastSeq + 1, at: state.lastAt } as const;
    see({ ...resolved, run: 'r1', prev: '' }, fold(state, { ...resolved, run: 'r1', prev: '' }));
    end = run(state);
  }
  return { events, broken: brokenIn(events), end };
}

/** Judges a journal by itself, in the plainest way. */
function brokenIn(events: readonly Event[]): readonly string[] {
  const [first] = events;
  if (first?.type !== 'run.started') return ['it does not begin'];
  const owner = first.hosts.find(({ plan }) => plan.tasks.some(({ once }) => once))?.host;
  const broken: string[] = [];
  const running = new Set<string>();
  const performed = new Map<string, number>();
  let past = false;
  let closed = false;
  let isClosing = false;
  for (const event of events) {
    if (event.type === 'prelude.done') {
      if (past) broken.push('past its prelude twice');
      past = true;
    }
    if (event.type === 'host.started') {
      if (event.host !== owner && owner !== undefined && !past)
        broken.push(`${event.host} before the prelude`);
      isClosing = event.why.includes('after all others');
      if (isClosing && running.size > 0) broken.push('the epilogue beside a running host');
      if (closed) broken.push(`${event.host} behind the epilogue`);
      running.add(event.host);
    }
    if (event.type === 'host.done' || event.type === 'host.failed') running.delete(event.host);
    if (event.type === 'host.done' && event.host === owner) {
      past = true;
      closed ||= isClosing;
    }
    if (event.type === 'task.done' && ids.includes(event.task)) {
      performed.set(event.task, (performed.get(event.task) ?? 0) + 1);
      if (event.host !== owner) broken.push(`${event.task} on ${event.host}`);
      if (event.task === 'e1' && !isClosing) broken.push('the epilogue in the first walk');
    }
  }
  for (const [id, times] of performed) if (times > 1) broken.push(`${id} ${times} times`);
  return broken;
}

const worlds = fc.record({
  world: randomWorld.map(owned),
  kills: fc.array(fc.nat(), { maxLength: 3 }),
  retries: fc.integer({ min: 0, max: 2 }),
  isHeld: fc.boolean(),
});

describe('tasks with run_once', () => {
  it('are done by one host, the prelude before any other starts, the epilogue behind all, none twice', () => {
    fc.assert(
      fc.property(worlds, ({ world, kills, retries, isHeld }) => {
        const { broken, end } = play(world, kills, retries, isHeld);
        expect(broken).toEqual([]);
        expect(end.exit).toBeTypeOf('number');
      }),
      { numRuns: process.env.KMEND_SLOW === undefined ? 1_500 : 20_000 },
    );
  }, 600_000);

  it('are all done where nothing fails, and every host is started', () => {
    const kind = worlds.map(({ world, kills }) => {
      const hosts = world.begin.hosts.map((host) => ({ ...host, down: false }));
      const rollout = { ...world.begin.rollout, windows: [], deadline: {} };
      const outcome = () => ({ seconds: 60, end: 'done' as const });
      const own = { ...world.begin, hosts, rollout, leftOut: [] };
      return { kills, world: { ...world, begin: own, walk: () => [], outcome } };
    });
    fc.assert(
      fc.property(kind, ({ world, kills }) => {
        const { broken, end } = play(world, kills, 0, false);
        expect(broken).toEqual([]);
        const owner = ownerOf(end.state);
        expect([end.state.planned, end.state.waiting]).toEqual([undefined, undefined]);
        if (owner !== undefined) expect([owner.prelude, owner.epilogue]).toEqual(['done', 'done']);
      }),
      { numRuns: 400 },
    );
  }, 600_000);
});

const startsOf = (did: readonly string[]): readonly string[] =>
  did.filter((one) => one.startsWith('start '));

describe('decide', () => {
  const plans = withOwner(fleet(3).map(({ plan }) => undecided(plan)));
  const hosts = plans.map((plan) => ({ host: plan.host, plan, down: false }));
  const first = begin(hosts, { maxUnavailable: { count: 3 } });
  const all = ['h1', 'h2', 'h3'];

  it('starts the others when the journal has the prelude, while its host goes on', () => {
    const before = stateAfter(first, [1, wave(1, all)], [2, started('h1')]);
    const { did, last } = settle(before, 3);
    expect(did).toEqual([]);
    expect(last).toMatchObject({
      kind: 'wait',
      why: [{ text: 'h1 does the tasks that run once before all others' }],
    });
    const past: EventBody = { type: 'prelude.done', host: 'h1' };
    const behind = stateAfter(first, [1, wave(1, all)], [2, started('h1')], [3, past]);
    expect(settle(behind, 4).did).toEqual(['start h2', 'start h3']);
  });

  it('waits for a host that is kept out, and no other takes its place', () => {
    const lockOuts: readonly LockOut[] = [{ host: 'h1', by: 'hold', why: 'held by ann' }];
    const held = stateAfter(first, [1, { type: 'capacity.read', unavailable: [], lockOuts }]);
    const context = { capacitySource: true };
    expect(settle(held, 2, context).last).toMatchObject({
      kind: 'finish',
      exit: 5,
      why: expect.stringContaining('is kept out: held by ann'),
    });
    const free: EventBody = { type: 'capacity.read', unavailable: [], lockOuts: [] };
    expect(
      settle(
        fold(held, { ...free, v: 1, seq: 3, at: noon + 3000, run: 'r1', prev: '' }),
        3,
        context,
      ).did,
    ).toEqual(['begin_wave', 'start h1']);
  });

  it.each(['refused', 'drift', 'unreachable', 'not_verified'] as const)(
    'ends the run where its host failed (%s)',
    (kind) => {
      const failed: EventBody = {
        type: 'host.failed',
        host: 'h1',
        failure: failure(kind, 'no way'),
        touched: false,
        state: 'untouched',
      };
      const lenient = begin(hosts, {
        maxUnavailable: { count: 3 },
        brake: { failures: { count: 3 }, unreachable: 'count' },
      });
      const state = stateAfter(lenient, [1, wave(1, all)], [2, started('h1')], [3, failed]);
      expect(settle(state, 4).last).toMatchObject({
        kind: 'finish',
        exit: 5,
        why: expect.stringMatching(
          /2 not started \(prelude\): no other host is started: h1 .*no way/,
        ),
      });
    },
  );

  it('waits for the worker of its host, whose site it is, and takes no other host meanwhile', () => {
    const lost = { hostsWithoutWorker: new Set(['h1']), whyNoWorker: 'no worker', wait: true };
    const one = begin(hosts, { maxUnavailable: { count: 3 }, waves: [{ count: 1 }] });
    const { did, state, last } = settle(stateAfter(one), 1, lost);
    expect([did, last]).toMatchObject([['begin_wave'], { why: [{ rule: 'site' }] }]);
    expect(settle(state, 2).did).toEqual(['start h1']);
  });

  it.each(['cordon', 'hold'] as const)('keeps its host in its wave through a %s', (by) => {
    const lockOuts = [{ host: 'h1', by, why: 'by ann' }];
    const read: EventBody = { type: 'capacity.read', unavailable: [], lockOuts };
    const free: EventBody = { type: 'capacity.read', unavailable: [], lockOuts: [] };
    const held = stateAfter(first, [1, wave(1, all)], [2, read]);
    expect(startsOf(settle(held, 3).did)).toEqual([]);
    expect(settle(stateAfter(first, [1, wave(1, all)], [2, read], [3, free]), 4).did).toEqual([
      'start h1',
    ]);
  });

  it('goes first before hosts that are out of service, also as a canary', () => {
    const down = plans.map((plan) => ({ host: plan.host, plan, down: plan.host !== 'h1' }));
    const canary = { hosts: { count: 1 }, soak: 0, promote: 'auto' as const };
    for (const rollout of [{ waves: [{ count: 1 }] }, { canary }])
      expect(
        settle(stateAfter(begin(down, { maxUnavailable: { count: 3 }, ...rollout })), 1).did,
      ).toEqual(['begin_wave', 'start h1']);
  });

  it('lets others start where an operator did the tasks, or its host has nothing to do', () => {
    const failed: EventBody = {
      type: 'host.failed',
      host: 'h1',
      failure: failure('exit'),
      touched: false,
      state: 'untouched',
    };
    const done: EventBody = { type: 'host.resolved', host: 'h1', who: 'ann', note: '', as: 'done' };
    const skip: EventBody = { ...done, as: 'skip' };
    const didAfter = (event: EventBody) =>
      settle(stateAfter(first, [1, wave(1, all)], [2, started('h1')], [3, failed], [4, event]), 5)
        .did;
    expect(didAfter(done)).toEqual(['start h2', 'start h3']);
    expect(didAfter(skip)).toEqual([]);
    const idle = hosts.map(({ plan, ...host }) => ({
      ...host,
      plan: {
        ...plan,
        tasks: plan.tasks.map((task) =>
          plan.host === 'h1' ? { ...task, status: 'same' as const } : task,
        ),
      },
    }));
    expect(settle(stateAfter({ ...first, hosts: idle }), 1).did).toEqual([
      'begin_wave',
      'start h2',
      'start h3',
    ]);
  });

  it('keeps what its host did for all when the cluster was away and it is queued again', () => {
    const task = { host: 'h1', task: 'p1', name: 'p1', status: 'skipped', registered: {} } as const;
    const away = { ...failure('interrupted'), resumable: true, transport: true } as const;
    const state = stateAfter(
      first,
      [1, wave(1, all)],
      [2, started('h1')],
      [3, { type: 'task.done', ...task }],
      [4, { type: 'prelude.done', host: 'h1' }],
      [5, { type: 'host.failed', host: 'h1', failure: away, touched: false, state: 'untouched' }],
    );
    expect(ownerOf(state)).toMatchObject({
      status: 'waiting',
      prelude: 'done',
      tasks: [{ task: 'p1' }],
    });
  });

  it('owes the epilogue again when the cluster was away in it', () => {
    const away = { ...failure('interrupted'), resumable: true, transport: true } as const;
    const bodies: readonly EventBody[] = [
      wave(1, all),
      started('h1'),
      { type: 'prelude.done', host: 'h1' },
      done('h1'),
      ...['h2', 'h3'].flatMap((host) => [started(host), done(host)]),
    ];
    const behind = (...more: readonly EventBody[]): RunState =>
      stateAfter(first, ...[...bodies, ...more].map((body, at) => [at + 1, body] as const));
    expect(settle(behind(), 10).did).toContain('start h1');
    const begun = behind(started('h1'));
    expect(ownerOf(begun)?.epilogue).toBe('begun');
    const cut: EventBody = {
      ...{ type: 'host.failed', host: 'h1', failure: away, touched: false, state: 'untouched' },
    };
    const owing = behind(started('h1'), cut);
    expect(ownerOf(owing)).toMatchObject({ status: 'waiting', epilogue: 'owed' });
    expect(settle(owing, 12).did).toContain('start h1');
    const again = behind(started('h1'), cut, started('h1'), done('h1'));
    expect(ownerOf(again)?.epilogue).toBe('owed');
    expect(settle(again, 14).did).toContain('start h1');
    expect(ownerOf(behind(started('h1'), done('h1')))?.epilogue).toBe('done');
  });

  it('its host is walked where only others wait for what it registers', () => {
    const reads = (plan: HostPlan): HostPlan => ({
      ...undecided(plan),
      tasks: [{ ...onceTask('p1'), status: 'same', risk: 'none' }, ...plan.tasks],
      once: { seconds: 0, reads: {}, learns: ['p1'] },
    });
    const [a, b] = fleet(2, (number) => ({ nothing: number === 1 })).map(({ plan }) =>
      reads(plan),
    ) as [HostPlan, HostPlan];
    expect(withOwner([a, b])[0]?.tasks[0]).toMatchObject({ status: 'later', once: 'before' });
    expect(withOwner([a, a]).map(hasChanges)).toEqual([false, false]);
  });

  it.each([
    '{debug: {msg: "{{ nowhere }}"}, run_once: true}',
    '{fail: {msg: no}, run_once: true}',
    '{block: [{debug: {msg: a}}, {debug: {msg: "{{ nowhere }}"}}], run_once: true}',
    '{block: [{debug: {msg: a}}], when: nowhere == 1, run_once: true}',
  ])('a plan has the task that refuses its host: %s', (task) => {
    for (const [tasks, part] of [
      [[task, 'command: x'], 'prelude'],
      [['command: x', task], 'epilogue'],
    ] as const) {
      const plan = planOf(...tasks);
      expect(plan.once?.refused).toBeDefined();
      const host = untouched({
        ...{ index: 0, host: 'a', plan, rank: 0, zone: 0, status: 'waiting', down: false },
      });
      expect(owing(host)).toEqual({ ...host, [part]: 'owed' });
      expect(owing({ ...host, status: 'same' })).toEqual({ ...host, status: 'same' });
    }
  });

  it('keeps the host that such a task refuses, and passes over one that something else refuses', () => {
    const refused = { task: 'p1', why: 'no' };
    const [a, b] = fleet(2).map(({ plan }) => undecided(plan)) as [HostPlan, HostPlan];
    const own = { seconds: 0, reads: {}, learns: [], refused };
    expect(withOwner([{ ...a, once: own }, b]).map((plan) => plan.refused)).toEqual([
      refused,
      undefined,
    ]);
    const [other, next] = withOwner([{ ...a, refused }, b]);
    expect([other?.tasks[0]?.status, next?.tasks[0]?.status]).toEqual(['skip', 'change']);
    expect(withOwner([a, b], ['h2']).map(({ tasks }) => tasks[0]?.once)).toEqual([
      undefined,
      'before',
    ]);
  });
});
