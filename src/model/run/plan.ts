// Plans: the changes of each task on each host. A plan can be saved; its effects are never taken
// from the file, but planned again and compared.

import type { Accepted, Remedy, Verdict } from '../facts/values.ts';
import type { OncePart, Rollout } from '../playbook.ts';
import type { Mapping } from '../value.ts';
import type { Failure } from './failure.ts';
import type { Risk } from './risk.ts';

/** A change as it is shown and saved: without its effects. */
export interface PlannedChange {
  readonly sign: '+' | '~' | '-' | '!';
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
  /** A unified diff, without its head. */
  readonly diff?: string;
  readonly risk: Risk;
}

/**
 * What a task would do. `same`: nothing. `change`. `skip`: its `when` is false. `later`: it reads a
 * fact that is still unknown (planned with the highest risk of its module). `unmet`: it would fail
 * the host.
 */
export type TaskStatus = 'same' | 'change' | 'skip' | 'later' | 'unmet';

export interface TaskPlan {
  readonly id: string;
  readonly name: string;
  readonly module: string;
  readonly status: TaskStatus;
  readonly changes: readonly PlannedChange[];
  readonly risk: Risk;
  /** Why it is skipped, later or unmet; or a module's note. */
  readonly why?: string;
  readonly warnings?: readonly string[];
  /** Alternatives of this host, each with the task that takes it. */
  readonly alternatives?: readonly string[];
  /** `run_once`, and this host does it for all: before or after all others. */
  readonly once?: OncePart;
}

/**
 * What a host would do if it did the tasks with `run_once`: until it is decided which host does. The
 * rest of its plan is without them.
 */
export interface OncePlan {
  /** Seconds that they are expected to take. */
  readonly seconds: number;
  readonly reads: Mapping;
  readonly refused?: HostPlan['refused'];
  /** Those that change nothing, and register something for all hosts. */
  readonly learns: readonly string[];
}

/**
 * How long this one host takes, in seconds. `host`: the median of its own earlier runs. `forecast`:
 * the grace periods of its pods, and the rest as other hosts take. `median`: nothing is known of
 * it, so it takes what the median host of the play takes. `default`: nothing is known of any host.
 */
export interface Expected {
  readonly seconds: number;
  readonly by: 'host' | 'forecast' | 'median' | 'default';
}

export interface HostPlan {
  readonly host: string;
  readonly tasks: readonly TaskPlan[];
  /** The highest risk of its changes. */
  readonly risk: Risk;
  readonly verdict: Verdict;
  readonly remedy: Remedy;
  readonly remedyWhy: string;
  /** The kernel release on which the canary tries the argument (`kmem_kernels: try`). */
  readonly tries?: string;
  /** Programs that the tasks leave accounting, and that the play accepts; absent = none. */
  readonly accepts?: readonly Accepted[];
  /** Failure domain, where one is known. */
  readonly zone?: string;
  readonly node?: string;
  /** The program that logs in to it; absent = kmend itself. */
  readonly transport?: 'openssh';
  /** Somebody else had cordoned its node when the plan was made. */
  readonly cordoned?: true;
  /** This host must not be touched. */
  readonly refused?: { readonly task: string; readonly why: string; readonly hint?: string };
  /** The run that left it out of service; the host is refused until that run has ended. */
  readonly heldBy?: string;
  /** Only while the play is planned. */
  readonly once?: OncePlan;
  /** Exactly the facts that this plan read, with their values: drift compares them. */
  readonly reads: Mapping;
  /** Seconds that it is expected to be out of service. */
  readonly estimate: number;
  /**
   * The estimate is the p95 of so many hosts of earlier runs; absent = the sum of the defaults of
   * its effects.
   */
  readonly earlier?: number;
  /** Seconds that its drain takes by the grace periods of its pods; absent without a forecast. */
  readonly drain?: number;
  /** What `longest_first` sorted it by; absent with another order. */
  readonly expected?: Expected;
  readonly warnings: readonly string[];
}

export interface PlayPlan {
  readonly play: string;
  readonly rollout: Rollout;
  /** Hosts of the play's pattern before `--limit`: the base of every percentage. */
  readonly pool: number;
  /** In the order of work. */
  readonly hosts: readonly HostPlan[];
  /** Unreachable while planning, or otherwise without a plan. */
  readonly leftOut: readonly { readonly host: string; readonly failure: Failure }[];
  /** Hosts of the canary's pattern; absent where the canary is a number of hosts. */
  readonly canaryHosts?: readonly string[];
  /** Notes on many of its hosts, shown once. */
  readonly notes?: readonly string[];
}

export interface Plan {
  readonly schema: 'kmend.plan/1';
  readonly id: string;
  /** Version of kmend that made it. */
  readonly tool: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly playbook: string;
  readonly inventories: readonly string[];
  readonly limit?: string;
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  /** It leaves out the tasks before this one (`--start-at-task`). */
  readonly startAtTask?: string;
  /** It ran all read-only commands of the playbook (`--run-read-only`). */
  readonly runReadOnly?: true;
  /** A rollback of this run: variables of each host are made from its journal. */
  readonly rollbackOf?: string;
  /**
   * Digest by name: files by path, `extra-vars`, `variables of HOST`. Salted, so that secrets
   * cannot be guessed. A difference makes the plan stale.
   */
  readonly inputs: Readonly<Record<string, string>>;
  readonly salt: string;
  readonly plays: readonly PlayPlan[];
}

/** Does this host have anything to do? A refused host does not. */
export const hasChanges = (plan: HostPlan): boolean =>
  plan.refused === undefined &&
  plan.tasks.some((task) => task.status === 'change' || task.status === 'later');
