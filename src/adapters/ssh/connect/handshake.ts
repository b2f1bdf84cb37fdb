// One attempt to log in over a TCP connection or a jump host's channel: clocks, banner, host key, login.
import { connect as connectTcp, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Hop } from '../config/route.ts';
import { algorithmsFor } from './algorithms.ts';
import { createBannerWatch } from './banner.ts';
import { failureOf, type Phase, type RawError } from './failures.ts';
import { fingerprint, type HostKeys } from './host-keys.ts';
import type { Client, Library } from './library.ts';
import { type Attempt, createCourse } from './login.ts';

/** A logged-in connection. */
export interface Session {
  readonly client: Client;
  readonly stream: Duplex;
  /** False for a changed host key that was let pass: no password goes there. */
  readonly trusted: boolean;
  /** Fingerprint of the host key. */
  readonly hostKey: string;
}

export interface HandshakeOptions {
  readonly library: Library;
  readonly hop: Hop;
  readonly attempts: readonly Attempt[];
  readonly hostKeys: HostKeys;
  /** Opens the way to the hop; for TCP the connection need not be made yet. */
  readonly open: (hop: Hop) => Promise<Outcome<Duplex>>;
  /** Waits, once the host has answered, until the handshake may begin; undefined when the signal fired first. What comes back ends it. */
  readonly admit: () => Promise<(() => void) | undefined>;
  readonly signal?: AbortSignal;
}

/** Milliseconds after which the kernel asks a silent peer whether it is there. Ten unanswered questions, a second apart, end the connection. */
const kernelKeepalive = 5000;

/** A TCP connection that is being made. The kernel watches it from then on, at no cost here (libuv: every second, ten times). */
export function openTcp(hop: Hop): Promise<Outcome<Duplex>> {
  const socket = connectTcp({ host: hop.host, port: hop.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: kernelKeepalive });
  // Until the library listens too: an error in between must not end the process.
  socket.on('error', () => undefined);
  gatherWrites(socket);
  return Promise.resolve(ok(socket));
}

/** The library writes each packet by itself, and writing is a third of a login's cost: packets made in one turn leave together. */
function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket) as (...all: unknown[]) => boolean;
  socket.write = (...all: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    return write(...all);
  };
}

/**
 * OpenSSH offers all its host keys after login, and the library has each of them proven (a round trip, up to three signatures on either
 * side) although nobody listens. It does so for OpenSSH only, by this field of its own; the version is pinned, and a test holds the field.
 */
function refuseKeyRotation(client: Client): void {
  (client as { _remoteVer?: string })._remoteVer = 'other';
}

/** `ops@node-a (10.0.0.1:22)`. */
export function nameOf(hop: Hop): string {
  const address = hop.host.includes(':') ? `[${hop.host}]:${hop.port}` : `${hop.host}:${hop.port}`;
  return hop.alias === hop.host ? `${hop.user}@${address}` : `${hop.user}@${hop.alias} (${address})`;
}

export async function logIn(options: HandshakeOptions): Promise<Outcome<Session>> {
  const { hop, signal } = options;
  if (signal?.aborted === true) return stopped(hop);
  const deadline = Date.now() + hop.connectTimeout * 1000;
  const opened = await within(options.open(hop), hop, deadline, signal);
  if (!opened.ok) return opened;
  const stream = opened.value;
  const connected = await within(whenConnected(stream, hop), hop, deadline, signal);
  // The kernel would go on asking for minutes.
  if (!connected.ok) stream.destroy();
  return connected.ok ? shakeHands(options, stream, deadline - Date.now()) : connected;
}

/** A TCP connection is handed out while it is being made. */
function whenConnected(stream: Duplex, hop: Hop): Promise<Outcome<Duplex>> {
  if (!(stream instanceof Socket) || !stream.connecting) return Promise.resolve(ok(stream));
  return new Promise((resolve) => {
    const fail = (error: RawError): void => resolve({ ok: false, failure: failureOf(error, { where: nameOf(hop), phase: 'connect' }) });
    stream.once('connect', () => resolve(ok(stream)));
    stream.once('error', fail);
  });
}

/** @param left milliseconds until the banner must have come; waiting for admission does not count */
async function shakeHands(options: HandshakeOptions, stream: Duplex, left: number): Promise<Outcome<Session>> {
  const free = await options.admit();
  if (free === undefined) {
    stream.destroy();
    return stopped(options.hop);
  }
  try {
    return await new Promise((resolve) => start(options, stream, Date.now() + left, resolve));
  } finally {
    free();
  }
}

const stopped = (hop: Hop): Outcome<never> => failed('interrupted', `${nameOf(hop)}: stopped before the login was done`);

/** Neither opening a channel at a jump host nor a TCP connection knows a clock of its own. */
async function within(
  opening: Promise<Outcome<Duplex>>,
  hop: Hop,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Outcome<Duplex>> {
  let cancel = (): void => undefined;
  const given = new Promise<Outcome<never>>((resolve) => {
    const late = failureOf(
      { level: 'timeout', message: `no connection within ${hop.connectTimeout} s` },
      { where: nameOf(hop), phase: 'connect' },
    );
    const timer = setTimeout(() => resolve({ ok: false, failure: late }), Math.max(0, deadline - Date.now()));
    const stop = (): void => resolve(stopped(hop));
    signal?.addEventListener('abort', stop, { once: true });
    cancel = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
  });
  const result = await Promise.race([opening, given]);
  cancel();
  if (!result.ok) void opening.then((late) => late.ok && late.value.destroy());
  return result;
}

function start(options: HandshakeOptions, stream: Duplex, deadline: number, resolve: (result: Outcome<Session>) => void): void {
  const { library, hop, hostKeys, signal } = options;
  const client = new library.Client();
  const watch = createBannerWatch();
  let phase: Phase = 'banner';
  let trusted = true;
  let hostKey = '';
  let timer: NodeJS.Timeout | undefined;
  let loginLeft = hop.connectTimeout * 2000;
  let since = Date.now();
  const course = createCourse(options.attempts, (asking) => {
    if (asking) pause();
    else if (!settled) arm(loginLeft);
  });
  let settled = false;

  const settle = (result: Outcome<Session>): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    stream.off('data', listen);
    signal?.removeEventListener('abort', abort);
    if (!result.ok) stream.destroy();
    resolve(result);
  };
  const fail = (failure: Failure): void => settle({ ok: false, failure });
  const wrong = (error: RawError): void => {
    const preface = watch.preface();
    fail(
      failureOf(error, {
        where: nameOf(hop),
        phase,
        tried: course.tried(),
        legacy: hop.legacyCrypto,
        ...(preface === '' ? {} : { preface }),
      }),
    );
  };
  const abort = (): void => settle(stopped(hop));
  const arm = (milliseconds: number): void => {
    clearTimeout(timer);
    since = Date.now();
    timer = setTimeout(() => wrong({ level: 'timeout', message: lateMessage(phase, hop) }), Math.max(0, milliseconds));
  };
  const pause = (): void => {
    clearTimeout(timer);
    loginLeft -= Date.now() - since;
  };
  const listen = (chunk: Buffer): void => {
    const state = watch.feed(chunk);
    if (state === 'endless') wrong({ message: 'it sends without end and no SSH banner among it' });
    if (state !== 'seen') return;
    stream.off('data', listen);
    phase = 'key exchange';
    arm(loginLeft);
  };

  signal?.addEventListener('abort', abort, { once: true });
  arm(deadline - Date.now());
  // Lost while it waited for admission: no event will tell.
  if (stream.destroyed) wrong({ level: 'lost', message: 'closed' });
  stream.pause();
  stream.on('data', listen);
  client
    .on('handshake', () => {
      phase = 'login';
      refuseKeyRotation(client);
    })
    .on('ready', () => settle(ok({ client, stream, trusted, hostKey })))
    .on('change password', () => wrong({ level: 'client-authentication', message: 'the password has expired and must be changed' }))
    // The listener stays: an error without one ends the process, and a lost connection is noticed by `close`.
    .on('error', (error: RawError) => {
      // An agent that will not sign is not the end: the next attempt follows.
      if (!isPassing(error)) wrong(error);
    })
    .on('close', () => wrong({ level: 'lost', message: 'closed' }));
  try {
    client.connect({
      sock: stream as Socket,
      username: hop.user,
      readyTimeout: 0,
      keepaliveInterval: 0,
      algorithms: algorithmsFor(hostKeys.types(hop), hop.legacyCrypto) as never,
      hostVerifier: (key: Buffer) => {
        const check = hostKeys.check(hop, key);
        hostKey = fingerprint(key);
        if (check.ok) trusted = check.trusted;
        else fail(check.failure);
        return check.ok;
      },
      authHandler: ((left: string[] | null, partial: boolean | null, give: (attempt: unknown) => void) =>
        course.next(left, partial, (attempt) => give(trusted || !isPassword(attempt) ? attempt : false))) as never,
    });
  } catch (error) {
    wrong({ message: error instanceof Error ? error.message : String(error) });
  }
}

const isPassing = (error: RawError): boolean =>
  error.level === 'agent' || (error.level === 'client-authentication' && !/All configured/.test(error.message));

const isPassword = (attempt: unknown): boolean =>
  typeof attempt === 'object' &&
  attempt !== null &&
  'type' in attempt &&
  (attempt.type === 'password' || attempt.type === 'keyboard-interactive');

function lateMessage(phase: Phase, hop: Hop): string {
  if (phase === 'banner') return `connected, but no SSH banner within ${hop.connectTimeout} s`;
  return `login not done within ${hop.connectTimeout * 3} s (${phase})`;
}
