// The summary of a run, as data: what it did, host by host, with its proof.
import type { Remedy, Verdict } from '../../model/facts/values.ts';
import { present } from '../../model/present.ts';
import type { Proof } from '../../model/run/change.ts';
import type { Proven } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import { countsAsRescued } from '../run-state/resolve.ts';
import {
  countHosts,
  type HostCounts,
  type HostState,
  type HostStatus,
  hostStates,
  type RunState,
} from '../run-state/state.ts';
import { leftBehindOn } from './left-behind.ts';

export interface RunSummary {
  readonly run: string;
  /** `never_began`: killed before its first entry. `interrupted`: no process works on it. */
  readonly state: 'never_began' | 'under_way' | 'interrupted' | 'finished';
  readonly play: string;
  readonly playbook: string;
  /** The plan that was applied. */
  readonly planId: string;
  /** Milliseconds since 1970, as all times. */
  readonly startedAt: number;
  /** Of the last entry of the journal. */
  readonly lastAt: number;
  /** The process that works on it. */
  readonly holder?: string;
  readonly finished?: { readonly exit: number; readonly why: string };
  readonly paused?: { readonly who: string; readonly why: string };
  /** A tripped brake, and the host that tripped it. */
  readonly brake?: { readonly why: string; readonly host: string };
  /** Number of hosts by status. */
  readonly counts: HostCounts;
  /** In the order of the plan. */
  readonly hosts: readonly HostSummary[];
  /** Unreachable while planning, or otherwise without a plan. */
  readonly leftOut: readonly { readonly host: string; readonly failure: Failure }[];
  /** What active probes found out about kernels that the table does not know. */
  readonly kernels: readonly {
    readonly release: string;
    readonly obeys: 'yes' | 'no';
    readonly host: string;
  }[];
  readonly journal: {
    readonly entries: number;
    /** sha256 of the last line. */
    readonly head: string;
    /** A crash cut off the last line. */
    readonly torn: boolean;
  };
}

export interface HostSummary {
  readonly host: string;
  readonly status: HostStatus;
  readonly zone?: string;
  readonly node?: string;
  /** 0 for the canary, then 1, 2, ... of the waves that were begun. */
  readonly wave?: number;
  /** The verdict when the plan was made. */
  readonly before: Verdict;
  readonly remedy: Remedy;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly changed?: boolean;
  readonly proven?: Proven;
  readonly proof?: Proof;
  readonly failure?: Failure;
  /** The task that failed, by its id. */
  readonly failedTask?: string;
  /** The safe state in which a failed host was left. */
  readonly left?: string;
  readonly refused?: { readonly task: string; readonly why: string; readonly hint?: string };
  /** It was touched, failed, and counts as out of service until an operator acknowledges it. */
  readonly keepsSlot: boolean;
  readonly acknowledged?: {
    readonly who: string;
    readonly note: string;
    readonly as?: 'done' | 'skip' | 'retry';
  };
  /** A rescue saved it, after this. `counts`: for the brake, until an operator acknowledges it. */
  readonly rescued?: {
    readonly counts: boolean;
    /** The name of the task that failed. */
    readonly failed?: string;
    readonly failure?: Failure;
  };
  /** An operator keeps it out of the run, or behind all others. */
  readonly keptOut?: string;
  /** What was not as planned. */
  readonly differences: readonly string[];
  /** Pods and volumes that its drain left on the node. */
  readonly leftBehind: readonly string[];
}

export interface JournalOfRun {
  readonly run: string;
  readonly holder?: string;
  readonly entries: number;
  readonly head: string;
  readonly torn: boolean;
}

export function runSummary(
  state: RunState,
  { run, holder, entries, head, torn }: JournalOfRun,
): RunSummary {
  const { play, playbook, planId, startedAt, lastAt, finished, brake, paused, leftOut } = state;
  return {
    run,
    state: stateOf(state, entries, holder),
    ...{ play, playbook, planId, startedAt, lastAt },
    ...present({ holder, finished }),
    ...(paused === undefined ? {} : { paused: { who: paused.who, why: paused.why } }),
    ...(brake === undefined ? {} : { brake: { why: brake.why, host: brake.host } }),
    counts: countHosts(state),
    hosts: [...hostStates(state)].map(hostSummary),
    leftOut,
    kernels: [...state.kernels].map(([release, { obeys, host }]) => ({ release, obeys, host })),
    journal: { entries, head, torn },
  };
}

function stateOf(
  { finished }: RunState,
  entries: number,
  holder: string | undefined,
): RunSummary['state'] {
  if (holder !== undefined) return 'under_way';
  if (entries === 0) return 'never_began';
  return finished === undefined ? 'interrupted' : 'finished';
}

function hostSummary(host: HostState): HostSummary {
  const { plan, wave, startedAt, endedAt, changed, proven, proof, failure, failedTask } = host;
  const { left, keepsSlot, resolved, lockOut, differences } = host;
  return {
    host: host.host,
    status: host.status,
    ...present({ zone: plan.zone, node: plan.node, wave }),
    before: plan.verdict,
    remedy: host.remedy?.remedy ?? plan.remedy,
    ...present({ startedAt, endedAt, changed, proven, proof, failure, failedTask, left }),
    ...present({ refused: plan.refused, acknowledged: resolved, keptOut: lockOut?.why }),
    ...present({ rescued: rescuedOf(host) }),
    keepsSlot,
    differences,
    leftBehind: leftBehindOn(host),
  };
}

function rescuedOf(host: HostState): HostSummary['rescued'] {
  if (host.rescued === undefined) return undefined;
  const { failed, failure } = host.rescued;
  return { counts: countsAsRescued(host), ...present({ failed, failure }) };
}
