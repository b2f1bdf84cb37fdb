// The state of a run, folded from its journal. Plain data: never stored, never changed in place.
import type { SeenKernels } from '../../facts/index.ts';
import type { Remedy, Verdict } from '../../model/facts/values.ts';
import type { BlockTask, Rollout } from '../../model/playbook.ts';
import type { Proof } from '../../model/run/change.ts';
import type { EffectKind, EffectResult } from '../../model/run/effect.ts';
import type { EventOf, LockOut, OtherSlot, Proven } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { HostPlan } from '../../model/run/plan.ts';
import type { Risk } from '../../model/run/risk.ts';
import type { Mapping } from '../../model/value.ts';
import { type Ranked, sizeOf, take } from './ranked.ts';
import { at, type Table, tableOf, values } from './table.ts';

/**
 * The status of a host. `same`: nothing to do. `planned`: has changes, in no wave yet. `waiting`:
 * in the current wave, not started.
 * `running`. `soaking`: returned to service, still holding its slot. `done`. `failed`. `refused`:
 * untouched, and must not be touched.
 */
export type HostStatus =
  | 'same'
  | 'planned'
  | 'waiting'
  | 'running'
  | 'soaking'
  | 'done'
  | 'failed'
  | 'refused';

export interface DoneTask {
  readonly task: string;
  readonly name: string;
  readonly status: 'ok' | 'changed' | 'skipped' | 'ignored';
  readonly registered?: Mapping;
  readonly sets?: Mapping;
}

/**
 * An effect that was announced and has no end in the journal: resume must check how far it came.
 */
export type EffectInFlight = Omit<EventOf<'effect.started'>, 'type' | 'host'> & {
  readonly at: number;
};

/** An effect that ended, successfully or not. */
export interface EndedEffect {
  readonly task: string;
  readonly kind: EffectKind;
  readonly what: string;
  readonly result: EffectResult;
  readonly failure?: Failure;
}

/** What this run did to a host and its node, by successful effects. */
export interface Marks {
  readonly cordoned: boolean;
  readonly drained: boolean;
  readonly rebooted: boolean;
  /** Uncordoned after the last cordon. */
  readonly uncordoned: boolean;
  /**
   * A `run`, `write` or `reboot` was announced: undoing a drain is then not enough to call the host
   * untouched.
   */
  readonly altered: boolean;
}

type FailedBlock = Omit<EventOf<'block.failed'>, 'type' | 'host'> & {
  readonly begun: readonly string[];
};

export interface HostState {
  readonly index: number;
  readonly host: string;
  readonly plan: HostPlan;
  /** Position in the order of work. */
  readonly rank: number;
  /** Index of its failure domain. */
  readonly zone: number;
  readonly status: HostStatus;
  /** Out of service before this run touched it. */
  readonly down: boolean;
  /** Named by the last reading of the pool's missing capacity. */
  readonly missing: boolean;
  /**
   * An operator has locked this host out, by the plan or the last reading: it is started after all
   * others, or never.
   */
  readonly lockOut?: {
    readonly by: LockOut['by'];
    readonly why: string;
    readonly turn: 'last' | 'never';
  };
  /** The wave it is in, counted from 0 with the canary. */
  readonly wave?: number;
  readonly startedAt?: number;
  readonly doneAt?: number;
  readonly endedAt?: number;
  /** When the proof was last repeated after the return to service. */
  readonly soakedAt?: number;
  readonly touched: boolean;
  readonly keepsSlot: boolean;
  /** Failures that count for the brake: those that no operator has acknowledged. */
  readonly failures: number;
  readonly unreachableFailures: number;
  readonly failure?: Failure;
  readonly failedTask?: string;
  /** The safe state in which it was left, as text. */
  readonly left?: string;
  readonly resolved?: {
    readonly who: string;
    readonly note: string;
    readonly as?: 'done' | 'skip' | 'retry';
  };
  readonly changed?: boolean;
  readonly proven?: Proven;
  readonly proof?: Proof;
  /** Name of a task whose proof failed, and whose failure was ignored. */
  readonly unproven?: string;
  readonly verdict?: Verdict;
  readonly evidence?: string;
  /** Last boot id that was read or announced. */
  readonly bootId?: string;
  /** Boot ids announced with a reboot, oldest first: afterwards the host must have another one. */
  readonly oldBootIds: readonly string[];
  readonly remedy?: { readonly remedy: Remedy; readonly why: string };
  /** Blocks whose condition was decided, oldest first. */
  readonly blocks: readonly { readonly task: string; readonly entered: boolean }[];
  /** Branches of blocks that have failed, with the tasks whose effects had begun. */
  readonly failedBlocks?: readonly FailedBlock[];
  readonly rescued?: Rescued;
  readonly tasks: readonly DoneTask[];
  readonly inFlight: readonly EffectInFlight[];
  /**
   * Effects that ended in the current task. After a crash within the task, they are not repeated if
   * they are done once a run.
   */
  readonly ended: readonly EndedEffect[];
  /** Last result by kind of effect. */
  readonly results: Readonly<Partial<Record<EffectKind, EffectResult>>>;
  /** Its long outputs: their file below the directory of the run, and their size. */
  readonly longOutput?: { readonly file: string; readonly bytes: number };
  /** Effects announced so far: the number of the next one. */
  readonly effects: number;
  readonly marks: Marks;
  readonly differences: readonly string[];
  /** Packages that this run changed, and in which boot. */
  readonly replaced?: { readonly bootId: string; readonly names: readonly string[] };
  /** How often it was started. */
  readonly starts: number;
  /** It does the tasks with `run_once` that come before all others: `owed` until it is past them. */
  readonly prelude?: 'owed' | 'done';
  /**
   * It does those that come behind all others, when all hosts have ended: for that it is started
   * once more.
   */
  readonly epilogue?: 'owed' | 'begun' | 'done';
}

/** Blocks whose rescue has ended well. */
export interface Rescued {
  readonly blocks: readonly string[];
  /** One of them counts for the brake. */
  readonly counts: boolean;
  /** The task that failed, and how: of the last one that counts, else of the last one. */
  readonly failed?: string;
  readonly failure?: Failure;
}

/** A failure that an operator has acknowledged since the brake tripped. */
export interface Acknowledged {
  readonly host: string;
  readonly who: string;
  readonly as: 'done' | 'skip' | 'retry';
}

export interface ZoneState {
  readonly name: string;
  readonly size: number;
  readonly started: number;
  readonly failures: number;
  readonly unreachableFailures: number;
  /** Hosts that hold a slot of this run: running, soaking, kept. */
  readonly held: number;
  readonly kept: number;
  /** Hosts out of service or holding a slot, of this run or not. */
  readonly out: number;
  readonly waiting: Ranked;
}

export interface WaveState {
  /** Counted from 0 over all waves of the run. */
  readonly id: number;
  /** The number that is shown: 0 for the canary, then 1, 2, ... */
  readonly number: number;
  readonly canary: boolean;
  readonly hosts: readonly number[];
  readonly startedAt: number;
  /** Hosts that have not ended: waiting, running, soaking. */
  readonly open: number;
  readonly lastEndAt: number;
  readonly failures: number;
  readonly unreachableFailures: number;
  /** Changed hosts of this wave by the time of their last proof. */
  readonly byLastProof: Ranked;
  /** Hosts of earlier waves that were under way when this one began: they count in this one too. */
  readonly stragglers?: ReadonlySet<number>;
  /** The base of `brake.per_wave`: the smallest of the waves that its hosts are of. */
  readonly base: number;
}

/** Does this host count in this wave, as one of its own or as a straggler? */
export const isOfWave = (wave: WaveState, host: HostState): boolean =>
  host.wave === wave.id || wave.stragglers?.has(host.index) === true;

export interface GateState {
  readonly open: boolean;
  readonly read: string;
  readonly at: number;
  readonly seq: number;
  /** Open without a break since then; absent while closed. */
  readonly since?: number;
}

export interface RunState {
  readonly run: string;
  readonly begun: boolean;
  readonly startedAt: number;
  /** When the run was started or last resumed: deadlines do not count the time before. */
  readonly activeSince: number;
  readonly lastAt: number;
  readonly lastSeq: number;
  readonly playbook: string;
  readonly play: string;
  readonly planId: string;
  readonly rollout: Rollout | undefined;
  readonly attended: boolean;
  /** The run whose hosts it takes over. */
  readonly takeover?: string;
  readonly pool: number;
  readonly hosts: Table<HostState>;
  readonly indexOf: ReadonlyMap<string, number>;
  readonly leftOut: readonly { readonly host: string; readonly failure: Failure }[];
  /** Missing capacity by name, without the hosts of this run. */
  readonly outside: ReadonlySet<string>;
  /**
   * Hosts that are out of service by the last readings of the capacity and of the slots of other
   * runs.
   */
  readonly missing: readonly number[];
  /** Hosts with a lock-out. */
  readonly setAside: readonly number[];
  /** Names in the last reading of the capacity. */
  readonly unavailable: readonly string[];
  readonly capacityRead?: { readonly at: number; readonly seq: number };
  /** Slots of other runs, by the last reading. */
  readonly others: readonly OtherSlot[];
  readonly zones: Table<ZoneState>;
  readonly zonesHeld: number;
  readonly zonesOut: number;
  readonly planned: Ranked;
  /** Planned hosts that are not started while their lock-out lasts. */
  readonly lockedOut: Ranked;
  readonly waiting: Ranked;
  /** Waiting hosts by how long they are expected to take. */
  readonly byEstimate: Ranked;
  readonly running: Ranked;
  readonly soaking: Ranked;
  readonly kept: Ranked;
  readonly started: number;
  readonly failures: number;
  readonly unreachableFailures: number;
  readonly lastFailed?: string;
  readonly lastFailedReachable?: string;
  /** A canary that failed, and that no operator has acknowledged. */
  readonly failedCanary?: string;
  readonly held: number;
  readonly out: number;
  readonly wave: WaveState | undefined;
  /** Waves begun, with the canary. */
  readonly waves: number;
  readonly canary: {
    readonly begun: boolean;
    readonly promoted?: { readonly by: string; readonly why: string };
  };
  readonly brake?: {
    readonly why: string;
    readonly host: string;
    readonly acknowledged: readonly Acknowledged[];
  };
  /** The API server has not answered since then. */
  readonly away?: { readonly since: number; readonly why: string };
  /**
   * Milliseconds of earlier outages (API server, database) since the run was started or last
   * resumed: no deadline counts them.
   */
  readonly awayFor: number;
  /** `forKept`: kmend itself paused the run, because of kept slots. */
  readonly paused?: { readonly who: string; readonly why: string; readonly forKept?: boolean };
  readonly aborted?: { readonly who: string; readonly why: string };
  readonly finished?: { readonly exit: number; readonly why: string };
  /** The highest risk of all plans of this run. */
  readonly risk: Risk;
  readonly approved?: Risk;
  /** `--yes` was given: then a cordon that the plan does not name is accepted. */
  readonly approvedByFlag: boolean;
  readonly unplannableAccepted: boolean;
  readonly gates: Readonly<Record<string, GateState>>;
  readonly lastStartSeq: number;
  /** Index of the host that does the tasks with `run_once`. */
  readonly owner?: number;
  /** Hosts that must not be touched. */
  readonly refused: number;
  /**
   * By release: what active probes of this run found about kernels that the table does not know.
   */
  readonly kernels: SeenKernels;
}

const noMarks: HostState['marks'] = {
  cordoned: false,
  drained: false,
  rebooted: false,
  uncordoned: false,
  altered: false,
};
const [none, noResults] = [[], {}] as const;

/**
 * A host to which nothing was done. As one literal: a run begins with thousands of them, and a copy of
 * an object with more fields takes ten times as long.
 */
export const untouched = (
  place: Pick<HostState, 'index' | 'host' | 'plan' | 'rank' | 'zone' | 'status' | 'down'>,
): HostState => ({
  index: place.index,
  host: place.host,
  plan: place.plan,
  rank: place.rank,
  zone: place.zone,
  status: place.status,
  down: place.down,
  missing: false,
  touched: false,
  keepsSlot: false,
  failures: 0,
  unreachableFailures: 0,
  oldBootIds: none,
  blocks: none,
  tasks: none,
  inFlight: none,
  ended: none,
  results: noResults,
  effects: 0,
  marks: noMarks,
  differences: none,
  starts: 0,
});

/** A run before its first event. */
export const emptyState: RunState = {
  run: '',
  begun: false,
  startedAt: 0,
  activeSince: 0,
  lastAt: 0,
  lastSeq: 0,
  playbook: '',
  play: '',
  planId: '',
  rollout: undefined,
  attended: false,
  pool: 0,
  hosts: tableOf<HostState>([]),
  indexOf: new Map(),
  leftOut: [],
  outside: new Set(),
  missing: [],
  setAside: [],
  unavailable: [],
  others: [],
  zones: tableOf<ZoneState>([]),
  zonesHeld: 0,
  zonesOut: 0,
  planned: undefined,
  lockedOut: undefined,
  waiting: undefined,
  byEstimate: undefined,
  running: undefined,
  soaking: undefined,
  kept: undefined,
  started: 0,
  failures: 0,
  unreachableFailures: 0,
  held: 0,
  out: 0,
  wave: undefined,
  waves: 0,
  canary: { begun: false },
  awayFor: 0,
  risk: 'none',
  approvedByFlag: false,
  unplannableAccepted: false,
  gates: {},
  lastStartSeq: 0,
  refused: 0,
  kernels: new Map(),
};

/** Seconds to wait for an API server that does not answer, where the policy does not say. */
const defaultClusterDeadline = 1800;

export const clusterDeadline = ({ deadline }: Rollout): number =>
  deadline.cluster ?? defaultClusterDeadline;

/** Milliseconds of outages until now, with the current one of the API server. */
export const awayUntil = ({ away, awayFor }: RunState, now: number): number =>
  awayFor + (away === undefined ? 0 : now - away.since);

/**
 * The state of a host by name; undefined for a host that is not of this run or was left out of it.
 */
export function hostState(state: RunState, host: string): HostState | undefined {
  const index = state.indexOf.get(host);
  return index === undefined ? undefined : at(state.hosts, index);
}

export const hostAt = (state: RunState, index: number): HostState => at(state.hosts, index);

/** All hosts, in the order of the plan. */
export const hostStates = (state: RunState): Generator<HostState, void> => values(state.hosts);

/** Hosts by status; `left_out`: those without a plan. */
export type HostCounts = Readonly<Record<HostStatus | 'left_out', number>>;

export const noHosts: HostCounts = {
  same: 0,
  planned: 0,
  waiting: 0,
  running: 0,
  soaking: 0,
  done: 0,
  failed: 0,
  refused: 0,
  left_out: 0,
};

export function countHosts(state: RunState): HostCounts {
  const counts = { ...noHosts, left_out: state.leftOut.length };
  for (const { status } of hostStates(state)) counts[status] += 1;
  return counts;
}

/** The status of a host; `left_out` when it has no plan. */
export function statusOf(state: RunState, host: string): HostStatus | 'left_out' | undefined {
  return (
    hostState(state, host)?.status ??
    (state.leftOut.some((left) => left.host === host) ? 'left_out' : undefined)
  );
}

/** How a task of this host ended, if it did. */
export const doneTask = (host: HostState, task: string): DoneTask | undefined =>
  host.tasks.findLast((done) => done.task === task);

/** Was this block entered? Undefined = not decided yet. */
export const blockEntered = (host: HostState, task: string): boolean | undefined =>
  host.blocks.findLast((block) => block.task === task)?.entered;

/** Whether a block may be entered: handlers only where what notifies them has changed something. */
export const isNotified = (host: HostState, { notifiedBy }: BlockTask): boolean =>
  notifiedBy === undefined ||
  notifiedBy.some(
    ({ task, unless = [] }) =>
      host.tasks.some((done) => done.task === task && done.status === 'changed') &&
      !unless.some((block) => blockEntered(host, block) === true),
  );

/** Names of the first hosts of a set, and how many more there are. */
export function nameSome(state: RunState, set: Ranked, limit = 5): string {
  const names = take(set, limit).map((index) => hostAt(state, index).host);
  const more = sizeOf(set) - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}
