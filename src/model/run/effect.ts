// Effects: the smallest actions on the outside. A closed set of plain data; only `perform` carries
// them out.
import type { FactName } from '../fact.ts';
import type { Value } from '../value.ts';

interface EffectBase {
  /**
   * What it does, as an imperative for operators ("set cgroup.memory=nokmem on all boot entries").
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
  /** Run it detached on the host, with a spool there, so that a lost connection loses nothing. */
  readonly detached: boolean;
  /** Exit codes that are no failure; default [0]. `null` = the caller judges every code. */
  readonly okCodes?: readonly number[] | null;
  /** What the exit codes of this script mean, for the failure's message. */
  readonly errors?: Readonly<Record<number, string>>;
  /** What to do about them, for the failure's hint. */
  readonly hints?: Readonly<Record<number, string>>;
  /** Do not show or keep the output. */
  readonly noLog?: boolean;
  /**
   * It leaves the host unchanged (a download into a cache): if it fails, the host is refused and
   * counts as untouched.
   */
  readonly harmless?: boolean;
}

/**
 * Run a POSIX sh script on the machine that runs kmend, as the user of kmend: what a task delegates
 * to localhost. Its spool is on that machine.
 */
export interface LocalEffect extends Omit<RunEffect, 'kind'> {
  readonly kind: 'local';
}

/**
 * Write a file atomically. Keeps the SELinux label of a file that is replaced, and its owner unless
 * another is given. A link is replaced by the file: the path must be the real one.
 */
export interface WriteEffect extends EffectBase {
  readonly kind: 'write';
  readonly path: string;
  /**
   * The text, the path of a file of the host that has it, or bytes: one character for each.
   */
  readonly content: string | { readonly from: string } | { readonly bytes: string };
  /** Octal text: '0644'. */
  readonly mode: string;
  /** As `chown` takes it: `root`, `root:adm`, `:adm`. */
  readonly owner?: string;
  /**
   * Checksum of the file that is replaced, which is kept under that name; empty = nothing is there.
   * Anything else is not replaced. Absent = it does not matter, and nothing is kept.
   */
  readonly replaces?: string;
  /** Words of a program that must accept the new file; `%s` is its path. */
  readonly validate?: readonly string[];
}

/**
 * Copy a package file of the controller to the host, below `/var/lib/kmend/packages/`. A file gets
 * its name there only when its sha256 is right; an interrupted copy is continued. Leaves the host
 * unchanged, like a `harmless` run.
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

/** Options of a drain, as the flags of kubectl; times in seconds. */
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
   * Leave the node cordoned when the drain fails. Default false: kmend uncordons at once what it
   * cordoned.
   */
  readonly keepCordoned: boolean;
  /**
   * For a NotReady node: seconds after which a pod that is being deleted counts as left behind;
   * absent = stop.
   */
  readonly deadNodeSkipWaitAfter?: number;
  /**
   * Pods that the options leave on the node, or that arrive after the cordon. Absent = the drain
   * waits for their end, and fails; `accept` = they are named.
   */
  readonly leftBehind?: 'accept';
  /**
   * For pods of Deployments that a PDB never allows to be evicted; absent = the host is refused.
   */
  readonly singleReplica?: 'restart' | 'surge';
  /** `wait`: waits for pods of running Jobs instead of evicting them; absent = `evict`. */
  readonly jobs?: 'evict' | 'wait';
}

export interface CordonEffect extends EffectBase {
  readonly kind: 'cordon';
  readonly node: string;
}
export interface DrainEffect extends EffectBase {
  readonly kind: 'drain';
  readonly node: string;
  /** Seconds that its pods take by their grace periods; absent without a forecast. */
  readonly expected?: number;
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
  /**
   * The guard refuses it unless this run drained the host, it has no kubelet, or the play says
   * `none`.
   */
  readonly drain: 'required' | 'none';
  /**
   * Seconds to wait for a package manager that is changing packages; absent in plans of older
   * versions.
   */
  readonly lockTimeout?: number;
  /**
   * Sent in this order to a host that still answers in the old boot; together they count as one
   * planned reboot.
   */
  readonly escalate?: readonly Escalation[];
  /**
   * Run once on the controller when all else has failed (a power cycle by the management board). It
   * counts as the same planned reboot.
   */
  readonly fallback?: Fallback;
}

export interface Fallback {
  /** Program and arguments, without a shell. No secrets: process lists show them. */
  readonly argv: readonly string[];
  /** Secrets belong here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly timeout: number;
}

/**
 * `force` = `systemctl reboot -f`, which stops no unit. `sysrq` = the kernel syncs, remounts
 * read-only and resets.
 */
export type Escalation = 'force' | 'sysrq';

/** Wait until these facts have these values; read them every `every` seconds. */
export interface WaitEffect extends EffectBase {
  readonly kind: 'wait';
  /** Seconds to wait before the facts are read. */
  readonly first?: number;
  readonly until: readonly { readonly fact: FactName; readonly is: Value }[];
  readonly every: number;
  /** A fact that says why the values are not reached yet. */
  readonly why?: FactName;
  /** Fail at once when one of these holds, because waiting longer cannot help. */
  readonly unless?: readonly {
    readonly fact: FactName;
    readonly is: Value;
    readonly why: string;
  }[];
}

export type Effect =
  | RunEffect
  | LocalEffect
  | WriteEffect
  | CopyEffect
  | CordonEffect
  | DrainEffect
  | UncordonEffect
  | RebootEffect
  | WaitEffect;
export type EffectKind = Effect['kind'];

/** A piece of a file: its offset, its size and its digest. */
export interface Piece {
  readonly at: number;
  readonly size: number;
  readonly sha256: string;
}

/**
 * The result of an effect: plain data, journalled. `register`, `until` and `failed_when` read it.
 */
export interface EffectResult {
  readonly ok: boolean;
  /** Exit code of a `run`. */
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  /**
   * The output was longer than a journal keeps: its size in bytes, and the file below the directory
   * of the run that has it, or why none has.
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
