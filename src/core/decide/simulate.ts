// Simulates a rollout on a virtual clock, with the same `decide` and `fold` as a real run. Hosts
// take the time that they are given.
import { present } from '../../model/present.ts';
import type { Event, EventBody, EventOf, LockOut } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import { type DecideContext, type Decision, eventOf, type Why } from '../rollout/decision.ts';
import { fold } from '../run-state/fold.ts';
import { add, first, type Ranked, remove } from '../run-state/ranked.ts';
import { emptyState, hostAt, hostState, type RunState } from '../run-state/state.ts';
import { decide } from './decide.ts';

/** How the walk of a started host ends. */
export interface Outcome {
  readonly seconds: number;
  readonly end: 'done' | 'nothing_to_do' | Failure;
  /**
   * Whether a failed host was touched, so that it keeps its slot. Default: true, except for
   * `refused` and `drift`.
   */
  readonly touched?: boolean;
  /** The proof at the end of the soak fails with this. */
  readonly lateFailure?: Failure;
}

export interface World {
  readonly begin: EventOf<'run.started'>;
  readonly run: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How the walk of a started host ends. Default: done after its estimate. */
  readonly outcome?: (host: string, start: number) => Outcome;
  /** Events of a host's walk, appended when it ends. Default: none. */
  readonly walk?: (host: string) => readonly EventBody[];
  /** Is this gate open at that time? Default: yes. */
  readonly gate?: (gate: string, now: number) => boolean;
  /**
   * Hosts that an operator has locked out at that time. If given, capacity is read as in a cluster.
   */
  readonly lockOuts?: (now: number) => readonly LockOut[];
  /** Hosts out of service from the beginning, as in the first reading of the pool. */
  readonly missing?: readonly string[];
  /** Answers of the operator. Default: yes. */
  readonly answer?: (about: 'risk' | 'unplannable') => boolean;
  readonly context?: Pick<DecideContext, 'canaryHosts' | 'attended' | 'wait'>;
  /** The process of the run that is continued is alive: it needs no resume. */
  readonly alive?: true;
  /**
   * Stops the simulation when the virtual clock reaches this time: a manual promotion may never
   * come.
   */
  readonly horizon?: number;
  /**
   * Called with every event and the state after it. `onDecision` is called before a decision is
   * carried out.
   */
  readonly onEvent?: (event: Event, state: RunState) => void;
  readonly onDecision?: (decision: Decision, state: RunState, now: number) => void;
}

export interface SimulatedStart {
  readonly host: string;
  readonly at: number;
  readonly wave: number;
  readonly why: string;
  /** What it waited for last before its start; absent for hosts that were started at once. */
  readonly waited?: Why;
}

export interface SimulatedWave {
  readonly wave: number;
  readonly canary: boolean;
  readonly hosts: readonly string[];
  readonly startAt: number;
  readonly endAt?: number;
}

export interface Simulation {
  readonly starts: readonly SimulatedStart[];
  readonly waves: readonly SimulatedWave[];
  readonly endAt: number;
  /** Absent when the simulation stopped at a wait that only an operator or the horizon ends. */
  readonly exit?: number;
  readonly why: string;
  readonly state: RunState;
}

interface Clockwork {
  state: RunState;
  now: number;
  seq: number;
  /** Running hosts by the time at which they end. */
  ends: Ranked;
  readonly outcomes: Map<string, Outcome>;
  readonly starts: SimulatedStart[];
  readonly waves: SimulatedWave[];
  waited: Why | undefined;
}

/**
 * Simulates a run to its end. From a given state it continues that run, as after a crash: running
 * hosts end as they would have.
 */
export function simulate(world: World, from: RunState = emptyState): Simulation {
  const steps = simulation(world, from);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same in steps: a fleet of thousands takes seconds. */
export function* simulation(
  world: World,
  from: RunState = emptyState,
): Generator<undefined, Simulation> {
  const clock: Clockwork = {
    state: from,
    now: world.now,
    seq: from.lastSeq,
    ends: undefined,
    outcomes: new Map(),
    starts: [],
    waves: [],
    waited: undefined,
  };
  if (from.begun) resume(world, clock);
  else append(world, clock, world.begin);
  if (world.missing !== undefined)
    append(world, clock, { type: 'capacity.read', unavailable: world.missing });
  for (;;) {
    yield;
    const capacitySource = world.lockOuts !== undefined;
    const decision = decide(clock.state, world.begin.rollout, clock.now, {
      wait: true,
      attended: false,
      capacitySource,
      ...world.context,
    });
    world.onDecision?.(decision, clock.state, clock.now);
    if (decision.kind === 'finish') return close(clock, decision.why, decision.exit, world);
    if (decision.kind === 'wait') {
      if (!passTime(world, clock, decision))
        return close(clock, decision.why.map((why) => why.text).join('; '), undefined, world);
    } else carryOut(world, clock, decision);
  }
}

function close(clock: Clockwork, why: string, exit: number | undefined, world: World): Simulation {
  if (exit !== undefined && clock.state.finished === undefined)
    append(world, clock, { type: 'run.finished', exit, why });
  return {
    starts: clock.starts,
    waves: clock.waves,
    endAt: clock.now,
    why,
    state: clock.state,
    ...present({ exit }),
  };
}

function append(world: World, clock: Clockwork, body: EventBody): void {
  clock.seq += 1;
  const event: Event = { ...body, v: 1, seq: clock.seq, at: clock.now, run: world.run, prev: '' };
  clock.state = fold(clock.state, event);
  world.onEvent?.(event, clock.state);
}

/**
 * Hosts that were under way when the controller died go on by themselves; the virtual clock finds
 * them again.
 */
function resume(world: World, clock: Clockwork): void {
  if (world.alive !== true)
    append(world, clock, { type: 'run.resumed', who: 'simulation', tool: world.begin.tool });
  for (const name of clock.state.indexOf.keys()) {
    const host = hostState(clock.state, name);
    if (host?.status === 'running') planEnd(world, clock, name, host.startedAt ?? clock.now);
    else if (host?.status === 'soaking' || host?.status === 'done')
      clock.outcomes.set(name, outcomeOf(world, clock, name, host.startedAt ?? clock.now));
  }
}

const outcomeOf = (world: World, clock: Clockwork, host: string, start: number): Outcome =>
  world.outcome?.(host, start) ?? {
    seconds: hostState(clock.state, host)?.plan.estimate ?? 0,
    end: 'done',
  };

function planEnd(world: World, clock: Clockwork, host: string, start: number): void {
  const outcome = outcomeOf(world, clock, host, start);
  clock.outcomes.set(host, outcome);
  clock.ends = add(
    clock.ends,
    Math.max(clock.now, start + outcome.seconds * 1000),
    clock.state.indexOf.get(host) ?? -1,
  );
}

/**
 * Advances the clock to the next end of a host or to the time that the decision names. Returns
 * false when neither comes.
 */
function passTime(
  world: World,
  clock: Clockwork,
  decision: Decision & { readonly kind: 'wait' },
): boolean {
  const next = first(clock.ends);
  const until = Math.min(
    next?.key ?? Number.POSITIVE_INFINITY,
    decision.until ?? Number.POSITIVE_INFINITY,
  );
  if (!Number.isFinite(until) || until > (world.horizon ?? Number.POSITIVE_INFINITY)) return false;
  clock.waited = decision.why[0];
  clock.now = Math.max(clock.now, until);
  if (next !== undefined && next.key <= clock.now) {
    clock.ends = remove(clock.ends, next.key, next.index);
    endHost(world, clock, next.index);
  }
  return true;
}

function endHost(world: World, clock: Clockwork, index: number): void {
  const { host } = hostAt(clock.state, index);
  const outcome = clock.outcomes.get(host);
  if (hostState(clock.state, host)?.status !== 'running' || outcome === undefined) return;
  for (const event of world.walk?.(host) ?? []) append(world, clock, event);
  if (outcome.end === 'done' || outcome.end === 'nothing_to_do') {
    append(world, clock, {
      type: 'host.done',
      host,
      changed: outcome.end === 'done',
      proven: 'yes',
    });
  } else fail(world, clock, host, outcome.end, outcome.touched);
}

function fail(
  world: World,
  clock: Clockwork,
  host: string,
  failure: Failure,
  touched?: boolean,
): void {
  const isTouched = touched ?? (failure.kind !== 'refused' && failure.kind !== 'drift');
  append(world, clock, {
    type: 'host.failed',
    host,
    failure,
    touched: isTouched,
    state: isTouched ? 'left as it was' : 'untouched',
  });
}

function carryOut(
  world: World,
  clock: Clockwork,
  decision: Exclude<Decision, { readonly kind: 'wait' | 'finish' }>,
): void {
  note(clock, decision);
  const event = eventOf(decision);
  if (event !== undefined) append(world, clock, event);
  switch (decision.kind) {
    case 'start':
      planEnd(world, clock, decision.host, clock.now);
      break;
    case 'read_gates':
      for (const gate of decision.gates) {
        const open = world.gate?.(gate, clock.now) ?? true;
        append(world, clock, { type: 'gate.read', gate, open, read: open ? 'open' : 'closed' });
      }
      break;
    case 'read_capacity':
      append(world, clock, capacityRead(world, clock.now));
      break;
    case 'repeat_proof':
      prove(world, clock, decision.host);
      break;
    case 'expire':
      fail(world, clock, decision.host, { kind: 'timeout', message: decision.why });
      break;
    case 'ask':
      answer(world, clock, decision.about, decision.risk);
      break;
  }
}

/** Records the decision in the schedule. */
function note(clock: Clockwork, decision: Decision): void {
  const { now, state, waves } = clock;
  if (decision.kind === 'start') {
    const waited =
      clock.waited === undefined || now === state.startedAt ? {} : { waited: clock.waited };
    clock.starts.push({
      host: decision.host,
      at: now,
      wave: state.wave?.number ?? 0,
      why: decision.why,
      ...waited,
    });
  }
  if (decision.kind === 'begin_wave')
    waves.push({
      wave: decision.wave,
      canary: decision.canary,
      hosts: decision.hosts,
      startAt: now,
    });
  if (decision.kind === 'end_wave')
    for (const [index, wave] of waves.entries())
      if (wave.wave === decision.wave && wave.endAt === undefined)
        waves[index] = { ...wave, endAt: now };
}

function capacityRead({ lockOuts }: World, now: number): EventOf<'capacity.read'> {
  const found = lockOuts?.(now) ?? [];
  const unavailable = found.flatMap(({ host, by }) => (by === 'cordon' ? [host] : []));
  return { type: 'capacity.read', unavailable, lockOuts: found };
}

function prove(world: World, clock: Clockwork, host: string): void {
  const late = clock.outcomes.get(host)?.lateFailure;
  if (late === undefined)
    append(world, clock, { type: 'host.soaked', host, evidence: 'still off' });
  else fail(world, clock, host, late);
}

function answer(
  world: World,
  clock: Clockwork,
  about: 'risk' | 'unplannable',
  risk: RunState['risk'],
): void {
  const yes = world.answer?.(about) ?? true;
  append(
    world,
    clock,
    yes
      ? { type: 'approved', risk, who: 'simulation', how: 'asked', about }
      : { type: 'run.aborted', who: 'simulation', why: 'no' },
  );
}
