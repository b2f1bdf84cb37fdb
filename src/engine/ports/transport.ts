// The port to hosts: one SSH connection and the commands on it.
import type { Target } from '../../model/host.ts';
import type { Outcome } from '../../model/run/failure.ts';

export interface ExecRequest {
  /** POSIX sh. It stands in the target's process list: it must never hold a secret. */
  readonly script: string;
  /**
   * Sent only after the script has started (after any password dialogue), on a stream that no
   * password shares.
   */
  readonly stdin?: string;
  /**
   * Sent like `stdin`, in its place: chunk by chunk, as fast as the other side takes them. Begun
   * once the script has started; an error of it ends the script.
   */
  readonly input?: () => AsyncIterable<Uint8Array>;
  /** Run as the target's `become` user. */
  readonly become: boolean;
  /** Seconds from sending the command to its end. */
  readonly timeout: number;
  /**
   * Bytes kept of stdout and of stderr each; more is dropped and `truncated` set. Default 4 MiB.
   */
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
  /** Called with stdout as it comes, whole lines. */
  readonly onLine?: (line: string) => void;
}

export interface ExecResult {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

export interface Connection {
  readonly exec: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  readonly close: () => void;
  /** False once the connection is lost or closed. */
  readonly alive: () => boolean;
  /**
   * What the connection was made to: the name or address that was asked for, and the peer's
   * address. Behind a jump host only the former is known.
   */
  readonly dialled?: readonly string[];
  /** Fingerprint of the host key: the other side has proven that it has the private key. */
  readonly hostKey?: string;
}

/** A host's place among those that are worked at. */
export interface Turn {
  /** Lets others go first: nothing is held from now on. */
  readonly leave: () => void;
  /**
   * Waits for a place, where none is held. `first`: a host that has just answered goes before those
   * that wait for their next try or their first.
   */
  readonly again: (first: boolean) => Promise<void>;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /**
   * Left while the host is silent, and taken again as soon as it answers. After a failure it may
   * not be held.
   */
  readonly turn?: Turn;
}

export interface Transport {
  /**
   * One attempt: a new TCP connection (through the jump host's kept one, where there is one) and a
   * full login. Never retries.
   */
  readonly connect: (target: Target, options?: ConnectOptions) => Promise<Outcome<Connection>>;
  /** Closes all connections, those to jump hosts too. */
  readonly close: () => Promise<void>;
}
