// Jump hosts: one connection each, shared by all hosts behind it, and opened again after a loss.
import type { Duplex } from 'node:stream';
import { type Outcome, ok } from '../../../model/run/failure.ts';
import type { Hop } from '../config/route.ts';
import { failureOf } from './failures.ts';
import { nameOf, type Session } from './handshake.ts';

export interface Jumps {
  /**
   * Waits until the hops before a host are logged in. The time limit of the host starts after that.
   */
  readonly ready: (before: readonly Hop[]) => Promise<Outcome<true>>;
  /** Opens a stream to a hop: directly, or through the hops before it. */
  readonly open: (before: readonly Hop[], hop: Hop) => Promise<Outcome<Duplex>>;
  readonly close: () => void;
}

/** Logs in to one hop over the stream that `open` makes. */
export type LogInTo = (
  hop: Hop,
  open: (hop: Hop) => Promise<Outcome<Duplex>>,
) => Promise<Outcome<Session>>;

export function createJumps(
  logInTo: LogInTo,
  openFirst: (hop: Hop) => Promise<Outcome<Duplex>>,
): Jumps {
  const kept = new Map<string, Promise<Outcome<Session>>>();
  const open = async (before: readonly Hop[], hop: Hop): Promise<Outcome<Duplex>> => {
    const jump = before.at(-1);
    if (jump === undefined) return openFirst(hop);
    const session = await sessionTo(before.slice(0, -1), jump);
    return session.ok ? forward(session.value, jump, hop) : session;
  };
  const logInAfter = async (before: readonly Hop[], jump: Hop): Promise<Outcome<Session>> => {
    const way = await ready(before);
    if (!way.ok) return way;
    const result = await logInTo(jump, (hop) => open(before, hop));
    return result.ok
      ? result
      : {
          ok: false,
          failure: { ...result.failure, message: `jump host ${result.failure.message}` },
        };
  };
  const ready = async (before: readonly Hop[]): Promise<Outcome<true>> => {
    const jump = before.at(-1);
    if (jump === undefined) return ok(true);
    const session = await sessionTo(before.slice(0, -1), jump);
    return session.ok ? ok(true) : session;
  };
  const sessionTo = (before: readonly Hop[], jump: Hop): Promise<Outcome<Session>> => {
    const id = idOf([...before, jump]);
    const known = kept.get(id);
    if (known !== undefined) return known;
    const made = logInAfter(before, jump);
    kept.set(id, made);
    const forget = (): void => {
      if (kept.get(id) === made) kept.delete(id);
    };
    void made.then((result) => {
      if (result.ok) result.value.client.once('close', forget);
      else forget();
    }, forget);
    return made;
  };
  return {
    ready,
    open,
    close: () => {
      for (const session of kept.values())
        void session.then((result) => result.ok && result.value.client.end());
      kept.clear();
    },
  };
}

/** Key of a route: way, address, user and checks of each hop. */
const idOf = (hops: readonly Hop[]): string =>
  JSON.stringify(
    hops.map((hop) => [
      hop.host,
      hop.port,
      hop.user,
      hop.hostKeyChecking,
      hop.legacyCrypto,
      hop.userKnownHosts,
      hop.keyFiles,
      hop.proxyCommand,
    ]),
  );

function forward({ client }: Session, jump: Hop, hop: Hop): Promise<Outcome<Duplex>> {
  const fail = (error: Error & { reason?: number | string }): Outcome<never> => ({
    ok: false,
    failure: failureOf(error, {
      where: `${nameOf(hop)} through ${nameOf(jump)}`,
      phase: 'connect',
    }),
  });
  return new Promise((resolve) => {
    try {
      client.forwardOut('127.0.0.1', 0, hop.host, hop.port, (error, channel) =>
        resolve(error === undefined ? ok(channel) : fail(error)),
      );
    } catch (error) {
      // The library throws if the connection was lost just now.
      resolve(fail(error instanceof Error ? error : new Error(String(error))));
    }
  });
}
