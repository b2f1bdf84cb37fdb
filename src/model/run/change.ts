// Changes from the current to the wanted state, and the plan of a module.

import type { Facts, FactView, FactWant } from '../fact.ts';
import type { Accepted, Verdict } from '../facts/values.ts';
import type { PackageFiles } from '../package-file.ts';
import type { Mapping } from '../value.ts';
import type { Effect } from './effect.ts';
import type { FailureKind } from './failure.ts';
import type { Risk } from './risk.ts';

/** The content of a file of this machine; `bytes`: one character for each byte. */
export type GivenContent = { readonly text: string } | { readonly bytes: string };

/** Names of environment variables, and their values. */
export type Environment = Readonly<Record<string, string>>;

export interface Change {
  /** `+` new, `~` altered, `-` removed, `!` an action (a run, a reboot, a drain). */
  readonly sign: '+' | '~' | '-' | '!';
  /** What is changed, as text: "boot argument cgroup.memory". */
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
  /** A unified diff of the text that is changed, without its head. */
  readonly diff?: string;
  readonly risk: Risk;
  readonly effects: readonly Effect[];
}

/** Why a host must not be touched. */
export interface Refusal {
  readonly why: string;
  readonly hint?: string;
}

/** A condition that does not hold. The host fails with this kind. */
export interface Unmet {
  readonly kind: FailureKind;
  readonly evidence: string;
  readonly hint?: string;
}

export interface ModulePlan {
  readonly changes: readonly Change[];
  /**
   * Facts that hold after the changes: laid over the facts for the next task of a plan, and never
   * trusted at run time.
   */
  readonly promises?: Facts;
  /** The same of the machine that runs kmend. */
  readonly promisesHere?: Facts;
  readonly refuse?: Refusal;
  readonly unmet?: Unmet;
  /** A sentence for the report when there is nothing to do, or about a choice that was made. */
  readonly note?: string;
  /** Alternatives that this host has and that nobody chose: the plan names them. */
  readonly alternatives?: readonly string[];
  /** Warnings that the plan should show. */
  readonly warnings?: readonly string[];
  /**
   * The fields of the registered result: variables (`set_fact`), output (`debug`), a table
   * (`versions`).
   */
  readonly result?: Mapping;
  /**
   * Proof that accounting is off (verify_kmem): journalled when the task has nothing left to do.
   * `by: none` = provisional, to be proven within the soak.
   */
  readonly proof?: Proof;
  /** Variables set for the rest of this host's walk (set_fact only). */
  readonly sets?: Mapping;
}

/**
 * What proves that accounting is off. `kernel`: accounting is harmless in this boot, and `evidence`
 * says why.
 */
export interface Proof {
  readonly verdict: Verdict;
  readonly by: 'samples' | 'active_probe' | 'kernel' | 'none';
  readonly evidence: string;
  /**
   * In a partial proof: the programs that still account and that the plan and the play accepted.
   */
  readonly accepted?: readonly Accepted[];
}

/** Names of the packages in these changes. */
export const packagesIn = (changes: readonly Pick<Change, 'what'>[]): readonly string[] =>
  changes.flatMap(({ what }) => /^package (\S+)$/.exec(what)?.[1] ?? []);

/** What a module knows beside its arguments and facts. Data only. */
export interface PlanContext {
  /** Kubernetes node name of this host, if inventory or cluster say so. */
  readonly node?: string;
  /** A cluster is configured for this run. */
  readonly hasCluster: boolean;
  /**
   * The user of kmend, where the task is one of the machine that runs it. Nothing is kept there for
   * a rollback.
   */
  readonly here?: string;
  /** The host runs kmend itself: kmend never drains nor reboots it. */
  readonly carriesKmend?: boolean;
  /** The play's `partial: accept`. */
  readonly acceptPartial: boolean;
  /** The play's `rollback: none`: changes that cannot be rolled back may be made. */
  readonly acceptNoRollback: boolean;
  /** The package files that tasks name, read before any host is contacted. */
  readonly files?: PackageFiles;
  /**
   * What this run already did on this host, by its journal. Modules that act once a run read it.
   */
  readonly done: {
    readonly drained: boolean;
    readonly rebooted: boolean;
    /** A reboot of this run was sent, and the host runs another boot since. */
    readonly newBoot?: boolean;
    readonly cordoned: boolean;
    /** Its drain may leave pods behind (`left_behind: accept`). */
    readonly mayLeave?: boolean;
    /**
     * The host was touched already: a condition that only needs time is then no reason to leave it
     * alone.
     */
    readonly touched?: boolean;
    /** In a plan: an earlier task changes the host or its node, or may. In a walk: as `touched`. */
    readonly acted?: boolean;
    /** In a plan only: an earlier task changes the host itself, or may. */
    readonly altered?: boolean;
    /**
     * Packages that this run changed in the current boot of the host. The clock of the host is not
     * used.
     */
    readonly replaced?: readonly string[];
    /**
     * Name of a task whose proof failed, and whose failure was ignored. A later proof clears it.
     */
    readonly unproven?: string;
  };
  /**
   * Variables that earlier tasks of this walk set. A `drain` without an effect sets one for
   * `reboot`.
   */
  readonly sets?: Mapping;
}

/**
 * A module: what a task can ask for. Documentation, schema and errors are made from this object.
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
   * False for actions that are done once a run and leave nothing to read on the host (`command`, a
   * forced reboot). Default true.
   */
  readonly convergent?: boolean | ((args: Args) => boolean);
  /**
   * Arguments whose items are conditions. They are evaluated before `plan`, which gets `{
   * condition, holds }` for each.
   */
  readonly conditions?: readonly string[];
  /** Arguments that count only where one of `conditions` does not hold. */
  readonly ifUnmet?: readonly string[];
  /**
   * A text for all arguments is split as Ansible splits it: words `name=value` with these names are
   * arguments, the rest is `cmd`.
   */
  readonly freeForm?: readonly string[];
  /**
   * Its arguments for a task that runs as this user; empty = as the login user. Absent: it works as
   * the user of the session, mostly root.
   */
  readonly asUser?: (args: Args, user: string) => Args;
  /** How it takes a file of this machine. Absent: it takes none. */
  readonly source?: {
    /** The argument `src`, where it names such a file. */
    readonly of: (args: Args) => string | undefined;
    readonly give: (args: Args, content: GivenContent) => Args;
  };
  /** Its arguments for a task with this `environment`. Absent: nothing of it reaches a program. */
  readonly inEnvironment?: (args: Args, environment: Environment) => Args;
  /**
   * Its scripts run a package manager or systemctl: they get the proxies of `environment`, and a
   * task with other variables is refused. Default false.
   */
  readonly takesProxies?: boolean;
  /**
   * It reads the host and changes nothing. In a plan its result is not known behind a task that
   * changes the host. Default false.
   */
  readonly reads?: boolean | ((args: Args) => boolean);
  /**
   * The machine that runs kmend may do it (`delegate_to: localhost`). `words`, `script`: its `cmd` is
   * a command line or a script, which values of hosts must not extend. `files`: it changes the file
   * that its `path` or `dest` names. `anywhere`: it does nothing on a machine. Absent = hosts only.
   */
  readonly delegable?: 'words' | 'script' | 'reads' | 'files' | 'anywhere';
  /** It sets variables with the names of its arguments. Default false. */
  readonly setsArgs?: boolean;
  /** Variables that it sets. A name such as `ansible_facts.packages` is a fact for expressions. */
  readonly setsNames?: readonly string[];
  /**
   * It proves that the host is remediated. If its failure is ignored, the node still stays
   * cordoned. Default false.
   */
  readonly proves?: boolean;
  /** Its changes only wait: without `changed_when` they are no change, and notify no handler. */
  readonly onlyWaits?: boolean;
  /** Its scripts change no repository, and no configuration of one. Default false. */
  readonly keepsRepositories?: boolean;
  /**
   * A host whose walk needs a change that its plan does not have is stale, whatever the risk. Default
   * false.
   */
  readonly exact?: boolean;
  /** The highest risk that a plan of this module can have. A `later` task is planned with it. */
  readonly maxRisk: Risk;
  /**
   * Its argument `files` names package files. They are read before any host is contacted, and
   * `plan` finds them in its context.
   */
  readonly takesFiles?: boolean;
  /** The facts that it reads. Wants of a second round may depend on facts of the first one. */
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
  readonly issues: readonly SchemaIssue[];
}
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  /** The issues with each form that the value could have; their paths begin at this issue's. */
  readonly errors?: readonly (readonly SchemaIssue[])[];
}

/**
 * Begins the message of an issue where any scalar can be written as the text that is wanted. A
 * schema with a message of its own (a version, a mode) takes no number.
 */
export const textWanted = 'should be text, not ';

/** A module of any argument type, as the registry holds it. */
export type AnyModule = Module<unknown>;
