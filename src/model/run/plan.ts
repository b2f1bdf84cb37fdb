// Plans: for each host the changes of each task. Can be saved; effects are never taken from the
// file, they are planned again and compared.

import type { Accepted, Remedy, Verdict } from '../facts/values.ts';
import type { Rollout } from '../playbook.ts';
import type { Mapping } from '../value.ts';
import type { Failure } from './failure.ts';
import type { Risk } from './risk.ts';

/** A change as it is shown and saved: without its effects. */
export interface PlannedChange {
  readonly sign: '+' | '~' | '-' | '!';
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
  readonly risk: Risk;
}

/**
 * What a task would do: `same` nothing; `change`; `skip` its `when` is false; `later` it reads a
 * fact that is unknown until then (planned with its module's highest risk); `unmet` it would end
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
  /** Other ways that the host has, each with the task that takes it. */
  readonly alternatives?: readonly string[];
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
  /** What the tasks leave as it is, and the play accepts; absent = nothing. */
  readonly accepts?: readonly Accepted[];
  /** Failure domain, where one is known. */
  readonly zone?: string;
  readonly node?: string;
  /** Somebody else had cordoned its node when the plan was made. */
  readonly cordoned?: true;
  /** This host must not be touched. */
  readonly refused?: { readonly task: string; readonly why: string; readonly hint?: string };
  /** Run that left it out of service; it is refused until that run is ended. */
  readonly heldBy?: string;
  /** Exactly the facts that this plan read, with their values: what drift is judged by. */
  readonly reads: Mapping;
  /** Seconds it is expected to be out of service. */
  readonly estimate: number;
  /**
   * The estimate is the p95 of so many hosts of earlier runs; absent = the sum of stated defaults
   * of its effects.
   */
  readonly earlier?: number;
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
  /** Sentences that hold for many of its hosts, said once. */
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
  /** It ran all read-only commands of the playbook (`--run-read-only`). */
  readonly runReadOnly?: true;
  /** A rollback of this run: variables of each host are made from its journal. */
  readonly rollbackOf?: string;
  /**
   * Digest by name: files by path, `extra-vars`, `variables of HOST` (salted, so that secrets
   * cannot be guessed). A difference makes the plan stale.
   */
  readonly inputs: Readonly<Record<string, string>>;
  readonly salt: string;
  readonly plays: readonly PlayPlan[];
}

/** Does this host have something to do? A refused one has not. */
export const hasChanges = (plan: HostPlan): boolean =>
  plan.refused === undefined &&
  plan.tasks.some((task) => task.status === 'change' || task.status === 'later');
