// Detects dead peers with one timer for all connections of a run.
//
// The kernel's TCP keepalive checks idle connections without CPU time of ours (see openTcp). It does
// not detect a hung sshd, a host behind a jump host, or a dead peer while our data is
// unacknowledged. So connections in use, and those behind a jump host, also send SSH requests. A
// refusal is an answer too.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from '../library/library.ts';

export interface KeepaliveOptions {
  /** Seconds between two checks. */
  readonly interval: number;
  /** Checks in a row without an answer until the peer counts as dead. */
  readonly count: number;
}

export interface Watched {
  readonly client: Client;
  readonly stream: Duplex;
  /** A command waits for an answer on it. */
  readonly inUse: () => boolean;
  readonly dead: () => void;
}

export interface Keepalive {
  /** Checks the connection until the returned function is called. */
  readonly watch: (watched: Watched) => () => void;
  readonly close: () => void;
}

interface State extends Watched {
  answered: boolean;
  bytes: number;
  missed: number;
}

export function createKeepalive({ interval, count }: KeepaliveOptions): Keepalive {
  const all = new Set<State>();
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    for (const state of all) if (!isAlive(state, count)) state.dead();
  };
  return {
    watch: (watched) => {
      const state: State = { ...watched, answered: true, bytes: 0, missed: 0 };
      all.add(state);
      if (timer === undefined && interval > 0) timer = setInterval(check, interval * 1000).unref();
      return () => {
        all.delete(state);
        if (all.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    close: () => {
      clearInterval(timer);
      timer = undefined;
      all.clear();
    },
  };
}

/**
 * Counts checks, not seconds: a stall of this process (SIGSTOP, a closed laptop) costs one check
 * only.
 */
function isAlive(state: State, count: number): boolean {
  const direct = state.stream instanceof Socket;
  if (direct && !state.inUse()) {
    state.missed = 0;
    state.answered = true;
    return true;
  }
  const bytes = state.stream instanceof Socket ? state.stream.bytesRead : 0;
  const alive = state.answered || bytes !== state.bytes;
  state.bytes = bytes;
  state.answered = false;
  state.missed = alive ? 0 : state.missed + 1;
  if (state.missed >= count) return false;
  if (!alive || !direct) ask(state);
  return true;
}

/**
 * Cancels a forwarding that was never requested: every server answers this request, and it changes
 * nothing.
 */
function ask(state: State): void {
  try {
    state.client.unforwardIn('kmend-keepalive', 1, (error) => {
      state.answered ||= error?.message !== 'No response from server';
    });
  } catch {
    // The connection was lost just now; its `close` event reports it.
  }
}
