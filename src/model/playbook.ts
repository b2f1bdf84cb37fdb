// Playbooks as data, with places. Templates and conditions stay text; `load` has checked their
// syntax and names.
import type { Place } from './diagnostic.ts';
import type { Mapping, Value } from './value.ts';

export interface Playbook {
  readonly file: string;
  readonly plays: readonly Play[];
  /** Paths of the other files that it was read from: imports, roles, variables. */
  readonly files: readonly string[];
  /** What it read of this machine beside files. */
  readonly outside?: Outside;
}

/** What `lookup` read while a playbook was loaded, for the digests of a plan. */
export interface Outside {
  /** Variables of the environment of kmend; null where there is none. */
  readonly environment: Mapping;
  /** Names of files by the pattern that found them. */
  readonly globs: Mapping;
}

export interface Play {
  readonly name: string;
  readonly hosts: string;
  readonly vars: Mapping;
  /** Variables below those of the inventory: defaults of its roles. */
  readonly defaults?: Mapping;
  /** Absent = what the command line or inventory says. */
  readonly become?: boolean;
  /** A task asks for it where the play does not. */
  readonly becomeByTask?: true;
  readonly becomeMethod?: string;
  readonly becomeUser?: string;
  /** Whom to log in as where the inventory does not say. */
  readonly remoteUser?: string;
  readonly rollout: Rollout;
  /** `partial: accept`: the play accepts a remedy that leaves a cause in place. */
  readonly partial?: 'accept' | 'refuse';
  readonly tags: readonly string[];
  readonly tasks: readonly Task[];
  readonly place: Place;
}

/** A condition as text; the expression room evaluates it in `condition` mode to a boolean. */
export interface Condition {
  readonly source: string;
  readonly place: Place;
}

/** Before the first task that each host does, or behind the last: the prelude and the epilogue. */
export type OncePart = 'before' | 'after';

interface TaskBase {
  /** Place in the play, stable: '2', '2.0', '2.0.1' (block children). */
  readonly id: string;
  readonly name: string;
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
  readonly vars: Mapping;
  readonly ignoreErrors?: boolean;
  /** Its own, or that of what is around it. Absent = what the host has. */
  readonly become?: boolean;
  readonly becomeUser?: string;
  readonly noLog?: boolean;
  /** Whose machine it runs on: a name or a template; absent = the host. */
  readonly delegate?: {
    readonly to: string;
    /** The task itself says `become`: what it inherits counts for hosts only. */
    readonly becomes?: true;
  };
  /**
   * Variables of the environment of its programs: mappings, or templates that give one, from the
   * outside in. A later one replaces names of an earlier one.
   */
  readonly environment?: readonly Value[];
  /** Handlers that run when it changes something, by their names or topics. */
  readonly notify?: readonly string[];
  /** `run_once`: one host does it for all hosts of the play. Of a block: each of its tasks. */
  readonly once?: OncePart;
  /** Tags of each include around it: it runs only where all of them are wanted too. */
  readonly enteredBy?: readonly (readonly string[])[];
  readonly place: Place;
}

export interface ModuleTask extends TaskBase {
  readonly kind: 'task';
  readonly module: string;
  /**
   * A module of another system, which kmend does not have. The task does nothing: it refuses the
   * host where its `when` holds or is not known.
   */
  readonly missing?: string;
  /**
   * Arguments as written, with unrendered templates. Plain scalars already have the form of the
   * schema of the module.
   */
  readonly args: Value;
  /** Place of the argument at this dotted path, for errors after rendering. */
  readonly argPlaces: Readonly<Record<string, Place>>;
  readonly loop?: Value;
  readonly loopVar?: string;
  /** Variable that holds the number of the round, from 0. */
  readonly indexVar?: string;
  readonly register?: string;
  readonly until?: readonly Condition[];
  readonly retries?: number;
  /** Seconds. */
  readonly delay?: number;
  readonly changedWhen?: readonly Condition[] | boolean;
  readonly failedWhen?: readonly Condition[] | boolean;
  /** Seconds. */
  readonly timeout?: number;
  /** A non-convergent task that may be repeated on resume. */
  readonly idempotent?: boolean;
  /** A read-only command that plans run too: the task has `check_mode`. */
  readonly inPlans?: true;
  /** Files of this machine, by what the argument `src` renders to. */
  readonly sources?: Readonly<Record<string, SourceFile>>;
  /** Topics of a handler. */
  readonly listen?: readonly string[];
}

/** A file of this machine, beside the playbook, that a task sends to hosts. */
export interface SourceFile {
  readonly path: string;
  /** `template`: rendered for each host. `bytes`: one character for each byte. */
  readonly kind: 'text' | 'bytes' | 'template';
  readonly content: string;
  /** Of a template: whether blanks around statements are removed. Absent = as Ansible does. */
  readonly trimBlocks?: boolean;
  readonly lstripBlocks?: boolean;
}

export interface BlockTask extends TaskBase {
  readonly kind: 'block';
  /** Variables below those of the inventory: defaults of a role. */
  readonly defaults?: Mapping;
  /** Its tasks are the handlers that may have been notified by then. */
  readonly flush?: true;
  /** A handler: its tasks run only where one of these tasks has changed something. */
  readonly notifiedBy?: readonly Notifier[];
  readonly tasks: readonly Task[];
  /** Walked where one of its tasks fails. */
  readonly rescue?: readonly Task[];
  /** Walked at its end, also of a host that failed and can still be reached. */
  readonly always?: readonly Task[];
}

/** All tasks of a block, of each of its branches. */
export const branchesOf = ({ tasks, rescue = [], always = [] }: BlockTask): readonly Task[] => [
  ...tasks,
  ...rescue,
  ...always,
];

export const moduleTasksOf = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? moduleTasksOf(branchesOf(task)) : [task]));

/** A task that notifies a handler. It no longer counts where one of these blocks was entered. */
export interface Notifier {
  readonly task: string;
  readonly unless?: readonly string[];
}

export type Task = ModuleTask | BlockTask;

/** A number of hosts, or a share of all hosts of the play before `--limit`. */
export type Amount = { readonly count: number } | { readonly percent: number };

/**
 * The rollout policy of a play. Times in seconds. Every key is optional in YAML; absent ones carry
 * the default here.
 */
export interface Rollout {
  readonly canary?: {
    readonly hosts: Amount | { readonly pattern: string };
    readonly soak: number;
    readonly promote: 'auto' | 'manual';
  };
  readonly waves: readonly Amount[];
  /**
   * Hosts of a wave that may still be under way when the next one begins; a share is one of that
   * wave. Absent = none.
   */
  readonly waveOverlap?: Amount;
  readonly maxUnavailable: Amount;
  /**
   * Expression text that gives a host's failure domain; absent = variable `zone`, else the node
   * label.
   */
  readonly zone?: string;
  readonly maxZones?: number;
  readonly maxPerZone?: Amount;
  readonly order:
    | 'inventory'
    | 'sorted'
    | 'reverse_inventory'
    | 'reverse_sorted'
    | 'shuffle'
    | 'worst_first'
    | 'longest_first';
  readonly soak: { readonly host: number; readonly wave: number };
  readonly brake: {
    readonly failures: Amount;
    readonly perWave?: Amount;
    readonly perZone?: Amount;
    readonly unreachable: 'count' | 'ignore';
    /** Hosts that a `rescue` saved after something that runs was changed. Absent = count. */
    readonly rescued?: 'count' | 'ignore';
  };
  readonly onBrake: 'finish' | 'hold';
  readonly windows: readonly Window[];
  readonly freeze: readonly Freeze[];
  readonly onWindowEnd: 'finish' | 'hold';
  readonly gates: readonly GateSpec[];
  /** `cluster`: how long to wait for an API server that does not answer; absent = 30 minutes. */
  readonly deadline: { readonly host?: number; readonly run?: number; readonly cluster?: number };
  readonly retries: { readonly transport: number };
  readonly approve: 'evict' | 'reboot' | 'never';
  readonly unplannable: 'leave_out' | 'stop' | 'ask';
  /** Absent (in older journals) = by_command. */
  readonly rollback?: RollbackPolicy;
  /**
   * What to do about hosts that an interrupted run left out of service. Absent (in older journals)
   * = return_proven.
   */
  readonly adopt?: 'none' | 'return_proven';
  /** Write Kubernetes events on the nodes. Absent = where the account may. */
  readonly events?: boolean;
  /**
   * Nodes of hosts that are not started yet get a taint with the effect PreferNoSchedule. Absent =
   * no.
   */
  readonly preferNoSchedule?: boolean;
  /**
   * When to start hosts whose nodes somebody else has cordoned; `skip`: never. Absent (in older
   * journals) = last.
   */
  readonly cordoned?: 'last' | 'first' | 'skip';
}

/**
 * `by_command`: `kmend rollback` must be able to roll back every change; otherwise the host is
 * refused before anything is touched.
 * `failed_host`: as `by_command`, and a failed host is rolled back automatically when the run is
 * over.
 * `none`: changes that cannot be rolled back are made too.
 */
export type RollbackPolicy = 'none' | 'by_command' | 'failed_host';

/** A weekly window in local time of an IANA zone; `to` at or before `from` ends on the next day. */
export interface Window {
  /** 0 = Sunday ... 6 = Saturday; the day on which the window opens. */
  readonly days: readonly number[];
  /** Minutes after local midnight. */
  readonly from: number;
  readonly to: number;
  readonly tz: string;
}

/** A period in which no host is started, in local date-times of `tz`: `2026-12-20T00:00`. */
export interface Freeze {
  readonly from: string;
  readonly to: string;
  readonly tz: string;
  readonly why: string;
}

export interface GateSpec {
  readonly name: string;
  readonly kind: 'prometheus' | 'http' | 'command' | 'kubernetes';
  /** By kind: `{ url, query, is }`, `{ url, status }`, `{ command }`, `{ ... }`. */
  readonly args: Mapping;
  /** Seconds that it must have been open without a break. */
  readonly for: number;
}
