// The ports to the machine that runs kmend: its clock, its operator, its programs and files.
import type { Outcome } from '../../model/run/failure.ts';
import type { ExecRequest, ExecResult } from './transport.ts';

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends early, without an error, when the signal fires. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /**
   * Lets the event loop turn: timers, signals and connections go first. Of those who wait here one
   * goes on in each turn, so the work of many hosts never adds up to one long stretch.
   */
  readonly yield: () => Promise<void>;
  /**
   * Waits up to 150 ms, so that the work on several answers is done together. Who comes alone does not
   * wait.
   */
  readonly gather: () => Promise<void>;
  /** 0 <= x < 1, for jitter. */
  readonly random: () => number;
  /** A new random id: lower-case letters and digits. */
  readonly id: () => string;
}

/**
 * Draws a question while its answer is read: `show` gets the question with what was typed so far.
 * The answer is undefined where the question was withdrawn.
 */
export type Prompt = (
  read: (show: (text: string) => void) => Promise<string | undefined>,
) => Promise<string | undefined>;

export interface Asker {
  /** An operator can answer. */
  readonly attended: boolean;
  /** The signal withdraws the question: then the answer is false. */
  readonly confirm: (question: string, signal?: AbortSignal) => Promise<boolean>;
  readonly secret: (prompt: string) => Promise<string>;
}

export interface LocalRequest {
  /** Program and arguments; no shell. */
  readonly argv: readonly string[];
  /** Added to the environment of kmend itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds; then it is killed. */
  readonly timeout: number;
}

/** The machine that runs kmend. */
export interface LocalHost {
  /** The user of kmend. */
  readonly user: string;
  /** The working directory of kmend. */
  readonly cwd: () => string;
  /** The directory of the spools of local effects; nothing is there before the first. */
  readonly spool: string;
  /**
   * Runs a script as the user of kmend, in a process group of its own, with the few variables of the
   * environment that docs/playbooks.md names.
   */
  readonly script: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  /** `code` null: it was not started, or was killed. `output`: the end of its output, or why. */
  readonly run: (
    request: LocalRequest,
  ) => Promise<{ readonly code: number | null; readonly output: string }>;
  /** The bytes of a file from this offset on, read in chunks. */
  readonly read: (path: string, from: number) => AsyncIterable<Uint8Array>;
}
