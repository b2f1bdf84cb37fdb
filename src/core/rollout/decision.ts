// Decisions of `decide`, its context beside the state, and the event that records each decision.
import type { Rollout } from '../../model/playbook.ts';
import type { EventBody, OperatorNeed } from '../../model/run/event.ts';
import type { Risk } from '../../model/run/risk.ts';
import type { RunState } from '../run-state/state.ts';

export type Rule =
  | 'running'
  | 'prelude'
  | 'budget'
  | 'capacity'
  | 'locked_out'
  | 'zone'
  | 'site'
  | 'kept'
  | 'canary'
  | 'wave'
  | 'soak'
  | 'window'
  | 'freeze'
  | 'gate'
  | 'brake'
  | 'cluster'
  | 'paused'
  | 'aborted'
  | 'deadline'
  | 'approval'
  | 'unplannable';

/**
 * Why hosts are not started: the rule, a sentence, and the time at which it may change without an
 * event.
 */
export interface Why {
  readonly rule: Rule;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly until?: number;
  /** Only an operator ends the wait. */
  readonly needs?: OperatorNeed;
}

export type Decision =
  | { readonly kind: 'start'; readonly host: string; readonly why: string }
  | {
      readonly kind: 'begin_wave';
      /** 0 for the canary, else 1, 2, ... */
      readonly wave: number;
      readonly hosts: readonly string[];
      readonly canary: boolean;
      readonly why: string;
    }
  | { readonly kind: 'end_wave'; readonly wave: number; readonly why: string }
  | { readonly kind: 'promote'; readonly by: string; readonly why: string }
  | { readonly kind: 'trip'; readonly why: string; readonly host: string }
  /** Operators have acknowledged every counted failure: hosts may be started again. */
  | {
      readonly kind: 'release';
      readonly by: string;
      readonly hosts: readonly string[];
      readonly why: string;
    }
  | { readonly kind: 'read_gates'; readonly gates: readonly string[]; readonly why: string }
  | { readonly kind: 'read_capacity'; readonly why: string }
  /** The soak is over: repeat the proof; then `host.soaked` or `host.failed`. */
  | { readonly kind: 'repeat_proof'; readonly host: string; readonly why: string }
  /** The host exceeded its deadline: end it as `timeout`. */
  | { readonly kind: 'expire'; readonly host: string; readonly why: string }
  /** Ask the operator: a yes is the event `approved` (with `about`), a no is `run.aborted`. */
  | {
      readonly kind: 'ask';
      readonly about: 'risk' | 'unplannable';
      readonly risk: Risk;
      readonly question: string;
    }
  | { readonly kind: 'pause'; readonly why: string; readonly hosts: readonly string[] }
  /** Nothing to do until an event arrives, or until that time. */
  | { readonly kind: 'wait'; readonly until?: number; readonly why: readonly Why[] }
  | { readonly kind: 'finish'; readonly exit: number; readonly why: string };

/**
 * The event that records a decision, in a run and in the simulator. Undefined where the decision
 * only asks for a reading, an answer or time.
 */
export function eventOf(decision: Decision): EventBody | undefined {
  switch (decision.kind) {
    case 'start':
      return { type: 'host.started', host: decision.host, why: decision.why };
    case 'begin_wave':
      return {
        type: 'wave.started',
        wave: decision.wave,
        hosts: decision.hosts,
        canary: decision.canary,
      };
    case 'end_wave':
      return { type: 'wave.done', wave: decision.wave };
    case 'promote':
      return { type: 'canary.promoted', by: decision.by, why: decision.why };
    case 'trip':
      return { type: 'brake.tripped', why: decision.why, host: decision.host };
    case 'release':
      return { type: 'brake.released', by: decision.by, hosts: decision.hosts, why: decision.why };
    case 'pause':
      return { type: 'run.paused', who: 'kmend', why: decision.why, hosts: decision.hosts };
    case 'finish':
      return { type: 'run.finished', exit: decision.exit, why: decision.why };
    case 'read_gates':
    case 'read_capacity':
    case 'repeat_proof':
    case 'expire':
    case 'ask':
    case 'wait':
      return undefined;
  }
}

/** What the engine knows and the journal does not. */
export interface DecideContext {
  /** An operator can be asked. Absent = as when the run began. */
  readonly attended?: boolean;
  /** `--wait`: wait for a window, a gate or capacity instead of ending the run. Absent = no. */
  readonly wait?: boolean;
  /** Hosts of `canary: {hosts: PATTERN}`; the caller resolves the pattern. */
  readonly canaryHosts?: readonly string[];
  /**
   * Hosts for which a `repeat_proof` or `expire` is being carried out: `decide` leaves them alone.
   */
  readonly busy?: ReadonlySet<string>;
  readonly readingGates?: boolean;
  /** A cluster reports missing capacity: it must have been read since the last start. */
  readonly capacitySource?: boolean;
  /** Missing capacity, or the slots of other runs, are being read. */
  readonly readingCapacity?: boolean;
  /** When the slots of other runs were last read; absent = they cannot be read again. */
  readonly slotsReadAt?: number;
  /** Hosts of sites without a worker that is ready: none of them is started. */
  readonly hostsWithoutWorker?: ReadonlySet<string>;
  /** Why these sites have none. */
  readonly whyNoWorker?: string;
  /** Milliseconds for which no worker had a host that was started: its deadline is so much later. */
  readonly unattendedFor?: ReadonlyMap<string, number>;
}

/** The input of a rule. */
export interface View {
  readonly state: RunState;
  readonly policy: Rollout;
  readonly now: number;
  readonly context: DecideContext;
}

export const isAttended = (view: View): boolean => view.context.attended ?? view.state.attended;
