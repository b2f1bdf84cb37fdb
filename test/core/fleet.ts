// Builds fleets, policies and journals for the tests of the rollout core.
import { decide } from '../../src/core/decide/decide.ts';
import { type DecideContext, type Decision, eventOf } from '../../src/core/rollout/decision.ts';
import { fold, foldAll } from '../../src/core/run-state/fold.ts';
import { emptyState, type RunState } from '../../src/core/run-state/state.ts';
import type { Remedy, Verdict } from '../../src/model/facts/values.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { Event, EventBody, EventOf, Proven, RunHost } from '../../src/model/run/event.ts';
import type { Failure, FailureKind } from '../../src/model/run/failure.ts';
import type { HostPlan } from '../../src/model/run/plan.ts';
import type { Risk } from '../../src/model/run/risk.ts';

/** Noon UTC on a Wednesday. */
export const noon = Date.UTC(2026, 0, 14, 12);

export interface HostOptions {
  readonly zone?: string;
  readonly node?: string;
  readonly remedy?: Remedy;
  readonly verdict?: Verdict;
  readonly risk?: Risk;
  readonly estimate?: number;
  readonly down?: boolean;
  readonly refused?: string;
  readonly nothing?: boolean;
  readonly tries?: string;
}

export function planFor(host: string, options: HostOptions = {}): HostPlan {
  const risk = options.risk ?? 'reboot';
  return {
    host,
    tasks: [
      {
        id: '1',
        name: 'Remediate',
        module: 'reboot',
        status: options.nothing === true ? 'same' : 'change',
        changes: [],
        risk,
      },
    ],
    risk: options.nothing === true ? 'none' : risk,
    verdict: options.verdict ?? 'on',
    remedy: options.remedy ?? 'reboot',
    remedyWhy: '',
    ...(options.tries === undefined ? {} : { tries: options.tries }),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.node === undefined ? {} : { node: options.node }),
    ...(options.refused === undefined ? {} : { refused: { task: '1', why: options.refused } }),
    reads: {},
    estimate: options.estimate ?? 600,
    warnings: [],
  };
}

export const hostFor = (host: string, options: HostOptions = {}): RunHost => ({
  host,
  plan: planFor(host, options),
  down: options.down === true,
});

/** `fleet(3)` is h1, h2, h3. */
export const fleet = (
  count: number,
  options: (number: number) => HostOptions = () => ({}),
): RunHost[] =>
  Array.from({ length: count }, (_, index) => hostFor(`h${index + 1}`, options(index + 1)));

export const plain: Rollout = {
  waves: [],
  maxUnavailable: { count: 1 },
  order: 'inventory',
  soak: { host: 0, wave: 0 },
  brake: { failures: { count: 0 }, unreachable: 'count' },
  onBrake: 'finish',
  windows: [],
  freeze: [],
  onWindowEnd: 'finish',
  gates: [],
  deadline: {},
  retries: { transport: 3 },
  approve: 'never',
  unplannable: 'leave_out',
};

export const failure = (
  kind: FailureKind = 'not_verified',
  message = 'it went wrong',
): Failure => ({ kind, message });

export const begin = (
  hosts: readonly RunHost[],
  rollout: Partial<Rollout> = {},
  more: Partial<EventOf<'run.started'>> = {},
): EventOf<'run.started'> => ({
  type: 'run.started',
  tool: 'test',
  playbook: 'auto.yaml',
  play: 'Remediate',
  rollout: { ...plain, ...rollout },
  pool: hosts.length,
  hosts,
  leftOut: [],
  who: 'ops',
  attended: false,
  planId: 'p1',
  ...more,
});

/** Something that happened, so many seconds after noon. */
export type TimedEvent = readonly [seconds: number, body: EventBody];

export const eventsOf = (timed: readonly TimedEvent[]): Event[] =>
  timed.map(
    ([seconds, body], index): Event => ({
      ...body,
      v: 1,
      seq: index + 1,
      at: noon + seconds * 1000,
      run: 'r1',
      prev: '',
    }),
  );

export const stateAfter = (
  start: EventOf<'run.started'>,
  ...timed: readonly TimedEvent[]
): RunState => foldAll(eventsOf([[0, start], ...timed]));

/** What is decided so many seconds after noon. */
export const decidedAt = (
  state: RunState,
  seconds: number,
  context: DecideContext = {},
): Decision => decide(state, state.rollout ?? plain, noon + seconds * 1000, context);

export const started = (host: string): EventBody => ({ type: 'host.started', host, why: '' });
export const done = (host: string, changed = true, proven: Proven = 'yes'): EventBody => ({
  type: 'host.done',
  host,
  changed,
  proven,
});
export const soaked = (host: string): EventBody => ({
  type: 'host.soaked',
  host,
  evidence: 'still off',
});
export const failed = (
  host: string,
  kind: FailureKind = 'not_verified',
  touched = true,
): EventBody => ({
  type: 'host.failed',
  host,
  failure: failure(kind),
  touched,
  state: touched ? 'cordoned' : 'untouched',
});
export const wave = (number: number, hosts: readonly string[], canary = false): EventBody => ({
  type: 'wave.started',
  wave: number,
  hosts,
  canary,
});

/**
 * All that can be decided at one moment: carries out waves, starts and promotions until it has to
 * wait, and says what it did.
 */
export function settle(
  state: RunState,
  seconds: number,
  context: DecideContext = {},
): { readonly did: readonly string[]; readonly state: RunState; readonly last: Decision } {
  const did: string[] = [];
  let current = state;
  for (;;) {
    const decision = decidedAt(current, seconds, context);
    const body = eventOf(decision);
    if (body === undefined || decision.kind === 'pause' || decision.kind === 'finish')
      return { did, state: current, last: decision };
    did.push('host' in decision ? `${decision.kind} ${decision.host}` : decision.kind);
    current = fold(current, {
      ...body,
      v: 1,
      seq: current.lastSeq + 1,
      at: noon + seconds * 1000,
      run: 'r1',
      prev: '',
    });
  }
}

/** The hosts that are started at one moment. */
export const startsAt = (state: RunState, seconds: number, context: DecideContext = {}): string[] =>
  settle(state, seconds, context)
    .did.filter((step) => step.startsWith('start '))
    .map((step) => step.slice('start '.length));

export { emptyState };
