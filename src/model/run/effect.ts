// Effects: the smallest things done to the world. A closed set of plain data; only `perform`
// carries them out.
import type { FactName } from '../fact.ts';
import type { Value } from '../value.ts';

interface EffectBase {
  /**
   * For people: what it does, in words, in the imperative ("set cgroup.memory=nokmem on all boot
   * entries").
   */
  readonly what: string;
  /** Seconds; always finite. */
  readonly timeout: number;
}

/** Run a POSIX sh script as root on the host. */
export interface RunEffect extends EffectBase {
  readonly kind: 'run';
  readonly script: string;
  readonly stdin?: string;
  /** Long ones run detached on the host, with a spool there: a lost connection loses nothing. */
  readonly detached: boolean;
  /**
   * Exit codes that are not a failure; default [0]. `null` = every code is fine (the caller judges
   * it).
   */
  readonly okCodes?: readonly number[] | null;
  /** What the exit codes of this script mean, for the failure's message. */
  readonly errors?: Readonly<Record<number, string>>;
  /** What to do about them, for the failure's hint. */
  readonly hints?: Readonly<Record<number, string>>;
  /** Output must not be shown or kept. */
  readonly noLog?: boolean;
  /**
   * Leaves the host as it is (a download into a cache): where it fails the host is refused, and
   * counts as untouched.
   */
  readonly harmless?: boolean;
}

/**
 * Write a file: keeps owner, mode and SELinux label of an existing one, follows a symlink to its
 * target, backup, atomic.
 */
export interface WriteEffect extends EffectBase {
  readonly kind: 'write';
  readonly path: string;
  readonly content: string;
  /** Octal text for a new file: '0644'. */
  readonly mode: string;
}

/**
 * Copy a package file of the controller to the host, below `/var/lib/kmend/packages/`. Only the
 * whole file, checked by its sha256, gets the name there; a copy that was interrupted is continued.
 * Leaves the host as it is, like a `harmless` run.
 */
export interface CopyEffect extends EffectBase {
  readonly kind: 'copy';
  /** Path on the controller. */
  readonly from: string;
  /** File name on the host. */
  readonly name: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** What a drain may do, as kubectl's flags; times in seconds. */
export interface DrainOptions {
  readonly timeout: number;
  readonly gracePeriod?: number;
  readonly ignoreDaemonsets: boolean;
  readonly deleteEmptydirData: boolean;
  readonly force: boolean;
  readonly podSelector?: string;
  readonly disableEviction: boolean;
  readonly skipWaitForDeleteTimeout?: number;
  readonly fallbackWithoutEviction: boolean;
  /**
   * Leave the node cordoned when the drain fails; default false: what we cordoned is uncordoned at
   * once.
   */
  readonly keepCordoned: boolean;
  /**
   * For a NotReady node: seconds after which a pod that is being deleted counts as left behind;
   * absent = stop.
   */
  readonly deadNodeSkipWaitAfter?: number;
  /**
   * What the options leave on the node, and what comes to it after the cordon: absent = the drain
   * waits for its end, and fails; accepted = it is named.
   */
  readonly leftBehind?: 'accept';
  /** For pods of Deployments that a PDB can never allow to go; absent = they are refused. */
  readonly singleReplica?: 'restart' | 'surge';
  /** `wait`: pods of running Jobs are waited for instead of evicted; absent = `evict`. */
  readonly jobs?: 'evict' | 'wait';
}

export interface CordonEffect extends EffectBase {
  readonly kind: 'cordon';
  readonly node: string;
}
export interface DrainEffect extends EffectBase {
  readonly kind: 'drain';
  readonly node: string;
  readonly options: DrainOptions;
}
export interface UncordonEffect extends EffectBase {
  readonly kind: 'uncordon';
  readonly node: string;
}

/** Reboot and wait for a new boot id on a new connection. */
export interface RebootEffect extends EffectBase {
  readonly kind: 'reboot';
  /** Seconds after the new boot id is seen during which it must not change again. */
  readonly stableFor: number;
  /** Refused unless this host was drained by this run, has no kubelet, or the play says so. */
  readonly drain: 'required' | 'none';
  /**
   * Seconds that who changes packages on the host is waited for; absent in plans of older versions.
   */
  readonly lockTimeout?: number;
  /**
   * What is sent, in this order, to a host that still answers in the old boot: all together the one
   * planned reboot.
   */
  readonly escalate?: readonly Escalation[];
  /**
   * Run once on the machine that runs kmend when all else has failed (a power cycle by the
   * management board): still the one planned reboot.
   */
  readonly fallback?: Fallback;
}

export interface Fallback {
  /** Program and arguments; no shell between, and no secret in it: a process list shows it. */
  readonly argv: readonly string[];
  /** What is secret stands here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly timeout: number;
}

/**
 * `force` = `systemctl reboot -f` (no unit is stopped), `sysrq` = the kernel syncs, remounts
 * read-only and resets.
 */
export type Escalation = 'force' | 'sysrq';

/** Wait until these facts have these values, reading them every `every` seconds. */
export interface WaitEffect extends EffectBase {
  readonly kind: 'wait';
  readonly until: readonly { readonly fact: FactName; readonly is: Value }[];
  readonly every: number;
  /** A fact that says in words why it is not so yet. */
  readonly why?: FactName;
  /** Stop at once, as a failure, when one of these holds: waiting longer cannot help. */
  readonly unless?: readonly {
    readonly fact: FactName;
    readonly is: Value;
    readonly why: string;
  }[];
}

export type Effect =
  | RunEffect
  | WriteEffect
  | CopyEffect
  | CordonEffect
  | DrainEffect
  | UncordonEffect
  | RebootEffect
  | WaitEffect;
export type EffectKind = Effect['kind'];

/**
 * What came back from an effect: plain data, journalled. `register`ed results and
 * `until`/`failed_when` read it.
 */
/** A piece of a file: where it begins, how long it is, and its digest. */
export interface Piece {
  readonly at: number;
  readonly size: number;
  readonly sha256: string;
}

export interface EffectResult {
  readonly ok: boolean;
  /** Exit code of a `run`. */
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  /**
   * It was longer than a journal keeps: how many bytes it had, and the file below the run's
   * directory that has them, or why none has.
   */
  readonly output?:
    | { readonly bytes: number; readonly file: string; readonly piece?: Piece }
    | { readonly bytes: number; readonly why: string };
  /**
   * More, by kind: `{ bootId, previousBootId, seconds }` of a reboot, `{ sent, seconds }` of a
   * copy, `{ evicted, left }` of a drain.
   */
  readonly data?: { readonly [key: string]: Value };
}
