// The port to the processes that carry on runs of a shared state: who is alive, and which runs wait.
import type { HostErrand } from './sites.ts';

/** What a worker says of itself. */
export interface WorkerWords {
  readonly machine: string;
  readonly pid: number;
  /** Boot id of its machine; empty = not known. */
  readonly bootId: string;
  /** Version of kmend. */
  readonly version: string;
  /** When it began; milliseconds since 1970. */
  readonly since: number;
  /** Sites whose hosts it reaches, beside those without a site. */
  readonly sites: readonly string[];
  /** Runs whose hosts at its sites it takes. */
  readonly ready: readonly string[];
  /** How many runs it carries on at the same time at most; 0 while it ends. */
  readonly most: number;
  /** Open runs that it does not carry on, and why. */
  readonly refused: readonly RefusedRun[];
}

export interface RefusedRun {
  readonly run: string;
  readonly why: string;
}

/** A worker that is alive. */
export interface LiveWorker extends WorkerWords {
  readonly id: number;
  /** The runs that it leads. */
  readonly runs: readonly string[];
  /** What it does at hosts of its sites. */
  readonly hosts: readonly WorkUnderWay[];
}

/** Work on a host of a run that a worker of its site has. */
export interface WorkUnderWay extends Pick<HostErrand, 'host' | 'site' | 'work'> {
  readonly run: string;
}

/** A run that a worker may carry on, or whose rest it may carry out. */
export interface OpenRun {
  readonly run: string;
  /**
   * `free`: no process leads it, or it is proven dead. `led`: its process is alive. `watched`: its
   * process is not proven dead yet.
   */
  readonly leader: 'free' | 'led' | 'watched';
}

export interface Workers {
  /** Makes this process a worker, or changes what it says; returns its id. */
  readonly say: (words: WorkerWords) => Promise<number>;
  /** The workers that are alive, also this one. */
  readonly alive: () => Promise<readonly LiveWorker[]>;
  /**
   * The oldest first. Only with `watching` the death of a process is judged: it is proven to a
   * process that has watched for a while, and makes this one known to others.
   */
  readonly open: (watching: boolean) => Promise<readonly OpenRun[]>;
  /**
   * Says of a run that this process leads whether workers carry out its rest when it is over: later
   * plays of its plan, and rollbacks of its failed hosts.
   */
  readonly sayRest: (run: string, rest: boolean) => Promise<void>;
}
