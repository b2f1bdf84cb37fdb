// Events: the entries of a journal. The state of a run is a fold over them, and every decision that
// a fold could not repeat is an event.

import type { Remedy, Verdict } from '../facts/values.ts';
import type { Rollout } from '../playbook.ts';
import type { Mapping } from '../value.ts';
import type { Proof } from './change.ts';
import type { EffectKind, EffectResult } from './effect.ts';
import type { Failure } from './failure.ts';
import type { HostPlan, PlannedChange, TaskStatus } from './plan.ts';
import type { Risk } from './risk.ts';

/** A host at the beginning of a run. */
export interface RunHost {
  readonly host: string;
  readonly plan: HostPlan;
  /**
   * Already out of service before the run (NotReady, cordoned by somebody else, unreachable): it
   * takes no further slot.
   */
  readonly down: boolean;
}

/** A host that another run has out of service, by its name in this run. */
export interface OtherSlot {
  readonly host: string;
  readonly run: string;
  readonly zone?: string;
  /**
   * It failed in a run of the same play and no operator has acknowledged that: the brake counts it.
   */
  readonly failed?: true;
}

/**
 * An operator keeps this host out of the run, or behind all others: by the annotation
 * `kmend.io/hold` of its node, or by a cordon.
 */
export interface LockOut {
  readonly host: string;
  readonly by: 'hold' | 'cordon';
  readonly why: string;
}

/** `partial`: all except what the play accepted. `provisional`: nothing proves it yet. */
export type Proven = 'yes' | 'partial' | 'provisional' | 'not_asked';

/** What a run waits for that no time brings. */
export type OperatorNeed = 'answer' | 'promotion';

/** Where notices go; a run has at most one target of each kind. */
export type NoticeTargetKind = 'webhook' | 'command' | 'mail';

/** How an operator gave a command, where it was not by the command line. */
export type Via = 'page' | 'terminal';

export type EventBody = Entry & {
  /**
   * The id of the operator command that it records. After a crash between journalling a command and
   * removing it, the command is not repeated.
   */
  readonly command?: string;
  /** Of operator commands. */
  readonly via?: Via;
};

type Entry =
  | {
      readonly type: 'run.started';
      readonly tool: string;
      readonly playbook: string;
      readonly play: string;
      readonly rollout: Rollout;
      /** Hosts of the play's pattern before `--limit`. */
      readonly pool: number;
      readonly hosts: readonly RunHost[];
      readonly leftOut: readonly { readonly host: string; readonly failure: Failure }[];
      readonly who: string;
      /** An operator is at a terminal and can be asked. */
      readonly attended: boolean;
      /** The plan that is applied. */
      readonly planId: string;
      /** Files beside the journal that a resume reads, with their sha256. */
      readonly files?: Readonly<Record<string, string>>;
      /**
       * The newest run before this one, with the head of its journal: whoever knows the head of
       * this run can verify that run too.
       */
      readonly previous?: { readonly run: string; readonly head: string };
      /** The run whose hosts it takes over. */
      readonly takeover?: string;
    }
  | {
      readonly type: 'run.resumed';
      readonly who: string;
      readonly tool: string;
      readonly takeover?: string;
    }
  /**
   * `hosts`: kmend itself paused, because these keep their slots. The run continues when an
   * operator acknowledges one of them.
   */
  | {
      readonly type: 'run.paused';
      readonly who: string;
      readonly why: string;
      readonly hosts?: readonly string[];
    }
  | { readonly type: 'run.continued'; readonly who: string; readonly why?: string }
  | { readonly type: 'run.aborted'; readonly who: string; readonly why: string }
  | { readonly type: 'run.finished'; readonly exit: number; readonly why: string }
  /**
   * Always the last entry until a resume. It confirms the entry `run.finished` by its hash, so that
   * a changed one is detected.
   */
  | { readonly type: 'run.closed' }
  | {
      readonly type: 'approved';
      readonly risk: Risk;
      readonly who: string;
      readonly how: 'asked' | 'flag';
      /**
       * `unplannable`: the operator agreed to continue without the hosts that were refused or left
       * out. Absent = agreed to the risk.
       */
      readonly about?: 'risk' | 'unplannable';
      readonly why?: string;
    }
  | {
      readonly type: 'wave.started';
      readonly wave: number;
      readonly hosts: readonly string[];
      readonly canary: boolean;
    }
  | { readonly type: 'wave.done'; readonly wave: number }
  | { readonly type: 'canary.promoted'; readonly by: string; readonly why: string }
  | { readonly type: 'brake.tripped'; readonly why: string; readonly host: string }
  /**
   * Operators have acknowledged every failure that counted (`host.resolved`): hosts are started
   * again. `hosts`: those acknowledged since the brake tripped.
   */
  | {
      readonly type: 'brake.released';
      readonly by: string;
      readonly hosts: readonly string[];
      readonly why: string;
    }
  | {
      readonly type: 'gate.read';
      readonly gate: string;
      readonly open: boolean;
      readonly read: string;
    }
  /** Hosts or nodes of the pool that are out of service without this run. */
  | {
      readonly type: 'capacity.read';
      readonly unavailable: readonly string[];
      /**
       * All hosts of this run that an operator has locked out now. Absent = not read (always in
       * older journals).
       */
      readonly lockOuts?: readonly LockOut[];
    }
  /** Hosts of the pool that other runs of this state directory have out of service. */
  | { readonly type: 'slots.read'; readonly others: readonly OtherSlot[] }
  /**
   * The pending taint of this run is set on these nodes. It is journalled before it is set, and
   * before it is removed.
   */
  | { readonly type: 'nodes.tainted'; readonly nodes: readonly string[] }
  | { readonly type: 'nodes.untainted'; readonly nodes: readonly string[] }
  /** The API server has not answered since then: one entry for all hosts. */
  | { readonly type: 'cluster.away'; readonly since: number; readonly why: string }
  | { readonly type: 'cluster.back'; readonly seconds: number }
  /** The database that has the journal did not answer: written when it did again. */
  | { readonly type: 'database.back'; readonly since: number; readonly seconds: number }
  /** `needs`: what only an operator can give; a question that stays open is journalled so, too. */
  | {
      readonly type: 'waiting';
      readonly why: string;
      readonly until?: number;
      readonly needs?: OperatorNeed;
    }
  /**
   * A target took the notice of the entry with this number, or refused it for good: it is not sent
   * again.
   */
  | {
      readonly type: 'notice.sent';
      readonly notice: number;
      readonly target: NoticeTargetKind;
      readonly refused?: string;
    }
  | { readonly type: 'host.started'; readonly host: string; readonly why: string }
  | {
      readonly type: 'facts.read';
      readonly host: string;
      readonly verdict: Verdict;
      readonly evidence: string;
      readonly bootId?: string;
    }
  | {
      readonly type: 'remedy.chosen';
      readonly host: string;
      readonly remedy: Remedy;
      readonly why: string;
    }
  /**
   * An active probe of this host found whether this exact release obeys the argument, which the
   * table does not say.
   */
  | {
      readonly type: 'kernel.seen';
      readonly host: string;
      readonly release: string;
      readonly obeys: 'yes' | 'no';
    }
  /** This host is past the tasks with `run_once` that come before all others. */
  | { readonly type: 'prelude.done'; readonly host: string }
  | { readonly type: 'drift.noted'; readonly host: string; readonly what: readonly string[] }
  | {
      readonly type: 'block.entered';
      readonly host: string;
      readonly task: string;
      readonly entered: boolean;
      readonly why?: string;
    }
  /** A branch of a block has failed; `failed` names the task. It is not walked again. */
  | {
      readonly type: 'block.failed';
      readonly host: string;
      readonly task: string;
      readonly part: 'block' | 'rescue';
      readonly failed: string;
      readonly failure: Failure;
      /** `ansible_failed_result`. */
      readonly result: Mapping;
      /** The task should have proven something: nothing is proven. */
      readonly unproven?: true;
    }
  /** Its rescue has come to its end. `counts`: something that runs had been changed before. */
  | {
      readonly type: 'block.rescued';
      readonly host: string;
      readonly task: string;
      readonly failed?: string;
      readonly failure?: Failure;
      readonly counts: boolean;
    }
  | {
      readonly type: 'task.planned';
      readonly host: string;
      readonly task: string;
      readonly name: string;
      readonly module: string;
      readonly status: TaskStatus;
      readonly changes: readonly PlannedChange[];
      readonly why?: string;
      /** The boot in which they are made. */
      readonly bootId?: string;
    }
  | {
      readonly type: 'effect.started';
      readonly host: string;
      readonly task: string;
      /** Unique in the run: `HOST/TASK/N`. */
      readonly effect: string;
      readonly kind: EffectKind;
      readonly what: string;
      readonly timeout: number;
      readonly detached: boolean;
      /** Boot id of the host when the effect was announced. */
      readonly bootId?: string;
      /** A reboot: seconds that the new boot must last. */
      readonly stableFor?: number;
      /** A local effect: the id of the directory that has its spool. */
      readonly spool?: string;
      /** It leaves the host unchanged: announcing it does not mark the host as touched. */
      readonly harmless?: true;
    }
  | {
      readonly type: 'effect.progress';
      readonly host: string;
      readonly task: string;
      readonly effect: string;
      readonly text: string;
    }
  | {
      readonly type: 'effect.done';
      readonly host: string;
      readonly task: string;
      readonly effect: string;
      readonly result: EffectResult;
    }
  | {
      readonly type: 'effect.failed';
      readonly host: string;
      readonly task: string;
      readonly effect: string;
      readonly failure: Failure;
      /** What it produced (exit status, output), if it came to an end. */
      readonly result?: EffectResult;
    }
  | {
      readonly type: 'task.done';
      readonly host: string;
      readonly task: string;
      readonly name: string;
      readonly status: 'ok' | 'changed' | 'skipped' | 'ignored';
      /** What `register` keeps, masked where `no_log` says so. */
      readonly registered?: Mapping;
      /** Variables that `set_fact` set. */
      readonly sets?: Mapping;
      readonly note?: string;
      /** `ignored`, and the task should have proven something: nothing is proven. */
      readonly unproven?: true;
    }
  | ({ readonly type: 'proof'; readonly host: string } & Proof)
  | {
      readonly type: 'host.done';
      readonly host: string;
      readonly changed: boolean;
      readonly proven: Proven;
    }
  /** The proof was repeated at the end of the soak. */
  | { readonly type: 'host.soaked'; readonly host: string; readonly evidence: string }
  | {
      readonly type: 'host.failed';
      readonly host: string;
      readonly task?: string;
      readonly failure: Failure;
      readonly touched: boolean;
      readonly state: string;
    }
  /**
   * An operator acknowledged a host that failed: its slot and zone are free again, and its failure
   * no longer counts for the brake.
   */
  | {
      readonly type: 'host.resolved';
      readonly host: string;
      readonly who: string;
      readonly note: string;
      /**
       * `done`: the operator fixed it; `skip`: leave it as it is; `retry`: this run walks it again.
       * Absent = `skip`.
       */
      readonly as?: 'done' | 'skip' | 'retry';
    }
  | { readonly type: 'warning'; readonly host?: string; readonly text: string };

export type EventType = EventBody['type'];

/**
 * An entry of a journal. `prev` is the hash of the entry before: `audit verify` follows this chain.
 */
export type Event = EventBody & {
  readonly v: 1;
  readonly seq: number;
  /** Milliseconds since 1970, controller's clock. */
  readonly at: number;
  readonly run: string;
  readonly prev: string;
};

export type EventOf<T extends EventType> = Extract<EventBody, { readonly type: T }>;
