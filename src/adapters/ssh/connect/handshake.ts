// One attempt to log in over a TCP connection or the channel of a jump host: time limits, banner,
// host key, login.
import { connect as connectTcp, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { present } from '../../../model/present.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Hop } from '../config/route.ts';
import { certifyLogins } from '../library/certified-login.ts';
import type { Client, Library } from '../library/library.ts';
import { allowLongPackets } from '../library/long-packets.ts';
import { exchangeRaw } from '../library/parsed-once.ts';
import { signAtOnce } from '../library/sign-at-once.ts';
import { openProxy, ProxyStream, proxyReport } from '../program/proxy-stream.ts';
import { algorithmsFor } from './algorithms.ts';
import { createBannerWatch } from './banner.ts';
import { failureOf, type Phase, type RawError } from './failures.ts';
import { fingerprint, type HostKeys } from './host-keys.ts';
import { type Attempt, createCourse, type LoginCourse } from './login.ts';

/** A connection that is logged in. */
export interface Session {
  readonly client: Client;
  readonly stream: Duplex;
  /** False: the host key has changed and checking is off. No password is sent to such a host. */
  readonly trusted: boolean;
  /** Fingerprint of the host key. */
  readonly hostKey: string;
}

export interface HandshakeOptions {
  readonly library: Library;
  readonly hop: Hop;
  readonly attempts: readonly Attempt[];
  readonly hostKeys: HostKeys;
  /** Opens the stream to the hop. A TCP socket may still be connecting. */
  readonly open: (hop: Hop) => Promise<Outcome<Duplex>>;
  /**
   * Called when the host has answered: waits until the handshake may begin. Undefined: the signal
   * fired first. The returned function frees the slot.
   */
  readonly admit: () => Promise<(() => void) | undefined>;
  readonly signal?: AbortSignal;
}

/**
 * Milliseconds of silence until the kernel probes the peer. Ten unanswered probes, one a second,
 * end the connection.
 */
const kernelKeepalive = 5000;

/** Opens a stream to the first hop of a route. */
export const opener =
  (env: Readonly<Record<string, string | undefined>>) =>
  (hop: Hop): Promise<Outcome<Duplex>> =>
    hop.proxyCommand === undefined
      ? openTcp(hop)
      : Promise.resolve(ok(openProxy(hop.proxyCommand, env)));

/**
 * Opens a TCP socket that may still be connecting. The kernel probes a silent peer at no cost for
 * this process.
 */
function openTcp(hop: Hop): Promise<Outcome<Duplex>> {
  const socket = connectTcp({
    host: hop.host,
    port: hop.port,
    noDelay: true,
    ...present({ family: hop.family, localAddress: hop.bindAddress }),
    keepAlive: true,
    keepAliveInitialDelay: kernelKeepalive,
  });
  // Until the library adds its own listener, an error must not end the process.
  socket.on('error', () => undefined);
  gatherWrites(socket);
  return Promise.resolve(ok(socket));
}

/**
 * Sends all packets of one event loop turn together. The library writes each one by itself, and
 * writing takes a third of the time of a login.
 */
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

/** `ops@node-a (10.0.0.1:22)`. */
export function nameOf(hop: Pick<Hop, 'alias' | 'host' | 'port' | 'user'>): string {
  const address = hop.host.includes(':') ? `[${hop.host}]:${hop.port}` : `${hop.host}:${hop.port}`;
  return hop.alias === hop.host
    ? `${hop.user}@${address}`
    : `${hop.user}@${hop.alias} (${address})`;
}

export async function logIn(options: HandshakeOptions): Promise<Outcome<Session>> {
  const { hop, signal } = options;
  if (signal?.aborted === true) return stopped(hop);
  const deadline = Date.now() + hop.connectTimeout * 1000;
  const opened = await within(options.open(hop), hop, deadline, signal);
  if (!opened.ok) return opened;
  const stream = opened.value;
  const connected = await within(whenConnected(stream, hop), hop, deadline, signal);
  // Otherwise the kernel would try to connect for minutes.
  if (!connected.ok) stream.destroy();
  return connected.ok ? shakeHands(options, stream, deadline - Date.now()) : connected;
}

/** Waits for a TCP socket that is still connecting, and for a command that has not answered yet. */
function whenConnected(stream: Duplex, hop: Hop): Promise<Outcome<Duplex>> {
  if (stream instanceof ProxyStream) return stream.answered.then(() => ok(stream));
  if (!(stream instanceof Socket) || !stream.connecting) return Promise.resolve(ok(stream));
  return new Promise((resolve) => {
    const fail = (error: RawError): void =>
      resolve({ ok: false, failure: failureOf(error, { where: nameOf(hop), phase: 'connect' }) });
    stream.once('connect', () => resolve(ok(stream)));
    stream.once('error', fail);
  });
}

/** @param left milliseconds until the banner must arrive; waiting for a slot does not count */
async function shakeHands(
  options: HandshakeOptions,
  stream: Duplex,
  left: number,
): Promise<Outcome<Session>> {
  const free = await options.admit();
  if (free === undefined) {
    stream.destroy();
    return stopped(options.hop);
  }
  try {
    return await new Promise((resolve) =>
      new Handshake(options, stream, resolve).begin(Date.now() + left),
    );
  } finally {
    free();
  }
}

const stopped = (hop: Hop): Outcome<never> =>
  failed('interrupted', `${nameOf(hop)}: stopped before the login was done`);

/** Neither a TCP connection nor the channel of a jump host has a time limit of its own. */
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
    const timer = setTimeout(
      () => resolve({ ok: false, failure: late }),
      Math.max(0, deadline - Date.now()),
    );
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

type Finish = (result: Outcome<Session>) => void;

/** A login on an open stream. It ends once: with a session or a failure. */
class Handshake {
  readonly #options: HandshakeOptions;
  readonly #stream: Duplex;
  readonly #resolve: Finish;
  readonly #client: Client;
  readonly #banner = createBannerWatch();
  readonly #course: LoginCourse;
  #phase: Phase = 'banner';
  #trusted = true;
  #hostKey = '';
  #finished = false;
  #timer: NodeJS.Timeout | undefined;
  #armedAt = Date.now();
  /** Milliseconds left for the login. They do not run while the operator is asked. */
  #loginLeft: number;

  constructor(options: HandshakeOptions, stream: Duplex, resolve: Finish) {
    this.#options = options;
    this.#stream = stream;
    this.#resolve = resolve;
    this.#client = new options.library.Client();
    this.#loginLeft = options.hop.connectTimeout * 2000;
    this.#course = createCourse(options.attempts, (asking) => {
      if (asking) this.#pause();
      else if (!this.#finished) this.#arm(this.#loginLeft);
    });
  }

  /** @param deadline milliseconds since 1970 until which the banner must arrive */
  begin(deadline: number): void {
    this.#options.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#arm(deadline - Date.now());
    // The connection was lost while it waited for a slot; no event follows.
    if (this.#stream.destroyed) this.#fail({ level: 'lost', message: 'closed' });
    this.#stream.pause();
    this.#stream.on('data', this.#listen);
    this.#client
      .on('handshake', ({ sc }) => {
        this.#phase = 'login';
        certifyLogins(this.#client);
        signAtOnce(this.#client);
        // The first packet after the login has the usual limit again.
        this.#client.once('ready', allowLongPackets(this.#client, sc.cipher));
      })
      .on('ready', () => this.#finish(ok(this.#session())))
      .on('change password', () =>
        this.#fail({
          level: 'client-authentication',
          message: 'the password has expired and must be changed',
        }),
      )
      // The listener stays after the login: an error without a listener ends the process, and
      // `close` reports the lost connection.
      .on('error', (error: RawError) => {
        // When an agent refuses to sign, the next attempt follows.
        if (!isPassing(error)) this.#fail(error);
      })
      .on('close', () => this.#fail({ level: 'lost', message: 'closed' }));
    try {
      this.#connect();
    } catch (error) {
      this.#fail({ message: error instanceof Error ? error.message : String(error) });
    }
  }

  #connect(): void {
    const { hop, hostKeys } = this.#options;
    this.#client.connect({
      sock: this.#stream as Socket,
      username: hop.user,
      readyTimeout: 0,
      keepaliveInterval: 0,
      algorithms: algorithmsFor(hostKeys.types(hop), hop.legacyCrypto) as never,
      hostVerifier: (key: Buffer) => this.#verify(key),
      authHandler: ((
        left: string[] | null,
        partial: boolean | null,
        give: (attempt: unknown) => void,
      ) =>
        this.#course.next(left, partial, (attempt) =>
          give(this.#trusted || !isPassword(attempt) ? attempt : false),
        )) as never,
    });
  }

  #verify(key: Buffer): boolean {
    const { hop, hostKeys } = this.#options;
    exchangeRaw(this.#client);
    const check = hostKeys.check(hop, key);
    this.#hostKey = fingerprint(key);
    if (check.ok) this.#trusted = check.trusted;
    else this.#finish({ ok: false, failure: check.failure });
    return check.ok;
  }

  #session(): Session {
    return {
      client: this.#client,
      stream: this.#stream,
      trusted: this.#trusted,
      hostKey: this.#hostKey,
    };
  }

  #finish(result: Outcome<Session>): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#stream.off('data', this.#listen);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    if (!result.ok) this.#stream.destroy();
    this.#resolve(result);
  }

  #fail(error: RawError): void {
    const { hop } = this.#options;
    const preface = this.#banner.preface();
    const known = {
      where: nameOf(hop),
      phase: this.#phase,
      tried: this.#course.tried(),
      legacy: hop.legacyCrypto,
    };
    this.#finish({
      ok: false,
      failure: failureOf(error, {
        ...known,
        ...present({ proxy: proxyReport(this.#stream) }),
        ...(preface === '' ? {} : { preface }),
      }),
    });
  }

  readonly #abort = (): void => this.#finish(stopped(this.#options.hop));

  #arm(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#armedAt = Date.now();
    const late = (): void =>
      this.#fail({ level: 'timeout', message: lateMessage(this.#phase, this.#options.hop) });
    this.#timer = setTimeout(late, Math.max(0, milliseconds));
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#loginLeft -= Date.now() - this.#armedAt;
  }

  readonly #listen = (chunk: Buffer): void => {
    const state = this.#banner.feed(chunk);
    if (state === 'endless')
      this.#fail({ message: 'it sends without end and no SSH banner among it' });
    if (state !== 'seen') return;
    this.#stream.off('data', this.#listen);
    this.#phase = 'key exchange';
    this.#arm(this.#loginLeft);
  };
}

const isPassing = (error: RawError): boolean =>
  error.level === 'agent' ||
  (error.level === 'client-authentication' && !/All configured/.test(error.message));

const isPassword = (attempt: unknown): boolean =>
  typeof attempt === 'object' &&
  attempt !== null &&
  'type' in attempt &&
  (attempt.type === 'password' || attempt.type === 'keyboard-interactive');

function lateMessage(phase: Phase, hop: Hop): string {
  if (phase === 'banner') return `connected, but no SSH banner within ${hop.connectTimeout} s`;
  return `login not done within ${hop.connectTimeout * 3} s (${phase})`;
}
