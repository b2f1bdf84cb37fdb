// Changes: the differences between what is and what should be; and what a module's plan says.

import type { Facts, FactView, FactWant } from '../fact.ts';
import type { Accepted, Verdict } from '../facts/values.ts';
import type { PackageFiles } from '../package-file.ts';
import type { Mapping } from '../value.ts';
import type { Effect } from './effect.ts';
import type { FailureKind } from './failure.ts';
import type { Risk } from './risk.ts';

export interface Change {
  /** `+` new, `~` altered, `-` taken away, `!` done (a run, a reboot, a drain). */
  readonly sign: '+' | '~' | '-' | '!';
  /** What is changed, in words: "boot argument cgroup.memory". */
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
  readonly risk: Risk;
  readonly effects: readonly Effect[];
}

/** Why a host must not be touched. */
export interface Refusal {
  readonly why: string;
  readonly hint?: string;
}

/** A condition that is not true; it ends the host with this kind. */
export interface Unmet {
  readonly kind: FailureKind;
  readonly evidence: string;
  readonly hint?: string;
}

export interface ModulePlan {
  readonly changes: readonly Change[];
  /**
   * Facts that hold once the changes are done: laid over the facts for the next task of a plan.
   * Never trusted at run time.
   */
  readonly promises?: Facts;
  readonly refuse?: Refusal;
  readonly unmet?: Unmet;
  /** A sentence for the report when nothing is to be done, or about a choice that was made. */
  readonly note?: string;
  /** Other ways to the same end that this host has, and that nobody chose: the plan names them. */
  readonly alternatives?: readonly string[];
  /** Warnings that the plan should show. */
  readonly warnings?: readonly string[];
  /**
   * Values a task contributes: `set_fact` (variables), `debug`, `versions` (its table). Becomes the
   * registered result's fields.
   */
  readonly result?: Mapping;
  /**
   * Proof of the cause (verify_kmem): journalled when the task has nothing left to do. `by: none` =
   * provisional, to be proven in the soak.
   */
  readonly proof?: Proof;
  /** Variables set for the rest of this host's walk (set_fact only). */
  readonly sets?: Mapping;
}

/**
 * Which reads say that accounting is off; `kernel`: it cannot hurt in this boot, and `evidence`
 * says why.
 */
export interface Proof {
  readonly verdict: Verdict;
  readonly by: 'samples' | 'active_probe' | 'kernel' | 'none';
  readonly evidence: string;
  /**
   * A proof in part: programs that still account, and that plan and play accepted. All others are
   * proven.
   */
  readonly accepted?: readonly Accepted[];
}

/** Names of the packages that these changes move. */
export const packagesIn = (changes: readonly Pick<Change, 'what'>[]): readonly string[] =>
  changes.flatMap(({ what }) => /^package (\S+)$/.exec(what)?.[1] ?? []);

/** What a module is told beside its arguments and facts. Data only. */
export interface PlanContext {
  readonly host: string;
  /** Kubernetes node name of this host, if inventory or cluster say so. */
  readonly node?: string;
  /** A cluster is configured for this run. */
  readonly hasCluster: boolean;
  /** The machine that runs kmend: it is never drained nor rebooted by itself. */
  readonly carriesKmend?: boolean;
  /** The play's `partial: accept`. */
  readonly acceptPartial: boolean;
  /** The play's `rollback: none`: a change may be made though there is no way back from it. */
  readonly acceptNoRollback: boolean;
  /** The package files that tasks name, read before any host was contacted. */
  readonly files?: PackageFiles;
  /**
   * What this run already did on this host, from its journal: modules that are done once a run ask
   * here.
   */
  readonly done: {
    readonly drained: boolean;
    readonly rebooted: boolean;
    readonly cordoned: boolean;
    /** Its drain may leave pods behind (`left_behind: accept`). */
    readonly mayLeave?: boolean;
    /**
     * Something was done here already: what only has to be waited for is no reason any more to
     * leave the host alone.
     */
    readonly touched?: boolean;
    /**
     * Packages that this run changed in the boot that the host still runs. The host's clock has no
     * part in it.
     */
    readonly replaced?: readonly string[];
    /**
     * Name of a task that was to prove that accounting is off, and whose failure was ignored; a
     * later proof clears it.
     */
    readonly unproven?: string;
  };
  /**
   * Variables that earlier tasks of this walk set (`drain: none` and `drain: {command: ...}` tell
   * `reboot` so).
   */
  readonly sets?: Mapping;
}

/**
 * A module: what a task can ask for. One object, from which documentation, schema and errors are
 * made.
 * `Args` is what its schema parses to. Modules are pure: the same input gives the same plan.
 */
export interface Module<Args = never> {
  readonly name: string;
  readonly summary: string;
  /** YAML of a task that uses it; tests load it. */
  readonly example: string;
  /** More for `kmend docs MODULE`, Markdown. */
  readonly notes?: string;
  /** Checks and types the arguments. A zod type made with `model/shape/schema.ts`. */
  readonly args: ArgsSchema<Args>;
  /**
   * False for what is done once a run and cannot be seen on the host (`command`, a forced reboot).
   * Default true.
   */
  readonly convergent?: boolean | ((args: Args) => boolean);
  /**
   * Arguments whose items are conditions: judged before `plan`, which is given `{ condition, holds
   * }` for each.
   */
  readonly conditions?: readonly string[];
  /** It sets variables that are named as its arguments. Default false. */
  readonly setsArgs?: boolean;
  /**
   * It proves that the host is mended: when its failure is ignored, the node is not given back all
   * the same. Default false.
   */
  readonly proves?: boolean;
  /** The highest risk that a plan of this module can have: what a `later` task is planned with. */
  readonly maxRisk: Risk;
  /**
   * Its argument `files` names package files: they are read before any host is contacted, and
   * `plan` finds them in its context.
   */
  readonly takesFiles?: boolean;
  /** The facts that it reads. Second-round wants may depend on facts of the first round. */
  readonly facts: (args: Args, known: FactView, files?: PackageFiles) => readonly FactWant[];
  readonly plan: (args: Args, facts: FactView, context: PlanContext) => ModulePlan;
}

/** The part of a zod type that core and load use; `model/shape/schema.ts` makes them. */
export interface ArgsSchema<Args> {
  readonly safeParse: (
    input: unknown,
  ) =>
    | { readonly success: true; readonly data: Args }
    | { readonly success: false; readonly error: SchemaError };
}
export interface SchemaError {
  readonly issues: readonly {
    readonly path: readonly PropertyKey[];
    readonly message: string;
    readonly code?: string;
  }[];
}

/** A module whose argument type is its own business: how the registry holds them all. */
export type AnyModule = Module<unknown>;
