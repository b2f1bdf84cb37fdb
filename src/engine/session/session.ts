// A session with one host: it connects when needed, and again when the connection is lost. It
// retries transport failures, never the failure of a command.

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
  /** Runs a script that may run twice: it is sent again after a lost connection. */
  readonly read: (script: string, request: ReadRequest) => Promise<Outcome<ExecResult>>;
  /** One try, on the open connection or a new one. The caller handles a lost connection. */
  readonly once: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  /** One command on a new connection, without retry: for a host that reboots. */
  readonly fresh: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  readonly close: () => void;
  /** `dialled` of the last connection. */
  readonly dialled: () => readonly string[];
  /** Fingerprint of the host key of the last connection; empty = unknown. */
  readonly hostKey: () => string;
}

export interface ReadRequest {
  readonly timeout: number;
  readonly become: boolean;
  readonly maxOutput?: number;
  readonly stdin?: string;
  /** As in `ExecRequest`; called again for each try. */
  readonly input?: () => AsyncIterable<Uint8Array>;
  /** As in `ExecRequest`; a retry repeats the lines from the first one. */
  readonly onLine?: (line: string) => void;
}

/** Seconds before retry 1, 2, 3 ...: doubled each time up to 15, plus a random part up to half. */
const backOff = (attempt: number, random: number): number =>
  Math.min(15, 0.5 * 2 ** attempt) * (1 + random / 2);

/** @param turn held while the host is read, left between two tries */
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
        // Many hosts may answer at once, and each answer is work.
        await (outcome.ok ? ports.clock.gather() : ports.clock.yield());
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
