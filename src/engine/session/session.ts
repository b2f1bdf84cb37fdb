// A session: one host's connection, made when needed, made anew when lost. Transport trouble is
// retried here; a task's own error never is.

import type { Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import type { Outcome } from '../../model/run/failure.ts';
import type { Clock } from '../ports/local.ts';
import type { Connection, ExecRequest, ExecResult, Transport, Turn } from '../ports/transport.ts';

export interface SessionPorts {
  readonly transport: Transport;
  readonly clock: Clock;
}

export interface Session {
  readonly target: Target;
  /** Runs a script that may run twice: after a lost connection it is sent again. */
  readonly read: (script: string, request: ReadRequest) => Promise<Outcome<ExecResult>>;
  /**
   * One try on the connection that is there, or a new one; a connection lost meanwhile is the
   * caller's to judge.
   */
  readonly once: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  /** One new connection, one command, no retry: how a rebooting host is watched. */
  readonly fresh: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  readonly close: () => void;
  /** What the last connection was made to, as in `Connection`. */
  readonly dialled: () => readonly string[];
  /** Fingerprint of the host key that the last connection saw; empty when it is not known. */
  readonly hostKey: () => string;
}

export interface ReadRequest {
  readonly timeout: number;
  readonly become: boolean;
  readonly maxOutput?: number;
  readonly stdin?: string;
  /** As in `ExecRequest`; asked anew for each try. */
  readonly input?: () => AsyncIterable<Uint8Array>;
  /** As in `ExecRequest`; after a lost connection the lines come again from the first one. */
  readonly onLine?: (line: string) => void;
}

/**
 * Seconds before try 1, 2, 3 ... after the first: doubled each time, spread by up to half, at most
 * 15.
 */
const backOff = (attempt: number, random: number): number =>
  Math.min(15, 0.5 * 2 ** attempt) * (1 + random / 2);

/** @param turn is held while the host is talked to, and left between two tries */
export function openSession(
  target: Target,
  retries: number,
  ports: SessionPorts,
  signal: AbortSignal,
  turn?: Turn,
): Session {
  let connection: Connection | undefined;

  const connect = async (): Promise<Outcome<Connection>> => {
    if (connection?.alive()) return { ok: true, value: connection };
    const made = await ports.transport.connect(target, { signal, ...present({ turn }) });
    if (made.ok) connection = made.value;
    return made;
  };
  const once = async (request: ExecRequest): Promise<Outcome<ExecResult>> => {
    const made = await connect();
    return made.ok ? made.value.exec({ signal, ...request }) : made;
  };
  const close = (): void => {
    connection?.close();
    connection = undefined;
  };
  return {
    target,
    once,
    close,
    dialled: () => connection?.dialled ?? [],
    hostKey: () => connection?.hostKey ?? '',
    read: async (script, request) => {
      for (let attempt = 0; ; attempt++) {
        const outcome = await once({ script, ...request });
        if (
          outcome.ok ||
          outcome.failure.transport !== true ||
          attempt >= retries ||
          signal.aborted
        )
          return outcome;
        close();
        turn?.leave();
        await ports.clock.sleep(backOff(attempt, ports.clock.random()) * 1000, signal);
        await turn?.again(false);
      }
    },
    fresh: async (request) => {
      close();
      const made = await ports.transport.connect(target, { signal: request.signal ?? signal });
      if (!made.ok) return made;
      connection = made.value;
      return made.value.exec({ signal, ...request });
    },
  };
}
