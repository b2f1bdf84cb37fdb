// Maps every error of the SSH library and of the socket to a Failure.
import type { Failure } from '../../../model/run/failure.ts';
import { type ProxyReport, proxyMessage } from '../program/proxy-stream.ts';
import { onOneLine } from './refusals.ts';

/** The phase that a connection had reached. */
export type Phase = 'connect' | 'banner' | 'key exchange' | 'login' | 'session';

/** What is known about a failed attempt. */
export interface FailureContext {
  /** `ops@node-a (10.0.0.1:22)`, for messages. */
  readonly where: string;
  readonly phase: Phase;
  /**
   * Text of the server before its SSH banner. OpenSSH explains there why it hangs up ("Exceeded
   * MaxStartups").
   */
  readonly preface?: string;
  /** Attempted logins with their results. */
  readonly tried?: readonly string[];
  /** The attempt offered legacy algorithms. */
  readonly legacy?: boolean;
  /** The connection goes through a `ProxyCommand`. */
  readonly proxy?: ProxyReport;
}

/**
 * The fields of an error that the library sets. Our own timers use the level `timeout`, and a lost
 * connection has the level `lost`.
 */
export interface RawError {
  readonly message: string;
  readonly level?: string;
  /** Name of a socket error, or number of an SSH disconnect message. */
  readonly code?: string | number;
  /** Reason of a refused channel (RFC 4254, 5.1). */
  readonly reason?: number | string;
}

const errnoTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EHOSTDOWN: 'the host is down',
  EPIPE: 'the connection was lost',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was lost',
  EAI_AGAIN: 'the name server does not answer',
  ENOTFOUND: 'no such host name',
  EMFILE: 'this machine has no file handles left',
};

const methodHint =
  'check the user, the key files and the agent (ssh-add -l); with ssh: ssh -v. Kerberos and keys on tokens need ansible_ssh_transport: openssh';

const hostKeyFaults = [
  [/signature verification failed/i, /failed/i],
  [/Unable to parse/i, /key/i],
  [/Host key/i, /mismatch/i],
] as const;

/** Characters of a message, which may quote a whole packet of the server. */
const longestMessage = 500;

/** Maps one error to one failure. `transport: true`: a later attempt may succeed. */
export function failureOf(raw: RawError, context: FailureContext): Failure {
  const error = { ...raw, message: raw.message.slice(0, longestMessage) };
  const { where, phase } = context;
  const unreachable = (
    message: string,
    transport: boolean,
    more: { hint?: string; detail?: string } = {},
  ): Failure => ({
    kind: 'unreachable',
    message: `${where}: ${message}`,
    ...more,
    ...(transport ? { transport } : {}),
  });
  const byProxy = proxyFailure(error, context, unreachable);
  if (byProxy !== undefined) return byProxy;
  if (error.level === 'timeout') return unreachable(error.message, true, prefaceOf(context));
  if (error.level === 'client-timeout') return unreachable('no answer to keepalive requests', true);
  if (/^Host denied/.test(error.message))
    return { kind: 'host_key', message: `${where}: the host key was not accepted` };
  if (hostKeyFaults.some(([one, other]) => onOneLine(error.message, one, other)))
    return {
      kind: 'host_key',
      message: `${where}: the host cannot prove that the host key is its own (${error.message})`,
    };
  const mismatch = /no matching (.*)$/s.exec(error.message);
  if (mismatch !== null)
    return unreachable(`no common ${mismatch[1] ?? 'algorithm'}`, false, {
      hint: mismatchHint(mismatch[1] ?? '', context.legacy === true),
    });
  if (isAuth(error, phase)) return authFailure(error, context);
  if (typeof error.reason === 'number') return channelFailure(error, unreachable);
  if (typeof error.code === 'number')
    return unreachable(`the server hung up during ${phase}: ${error.message}`, true);
  if (typeof error.code === 'string') {
    const text = errnoTexts[error.code] ?? error.message;
    const when = phase === 'connect' ? '' : ` during ${phase}`;
    return unreachable(
      `${text}${when} (${error.code})`,
      error.code !== 'ENOTFOUND',
      prefaceOf(context),
    );
  }
  if (phase === 'connect' || phase === 'banner')
    return unreachable(bannerMessage(error, context), true, prefaceOf(context));
  if (error.level === 'lost') return unreachable(`the connection was lost during ${phase}`, true);
  if (phase === 'login' && error.message.startsWith('Bad packet length'))
    return unreachable('the server sent a packet that is too long, or broken, during login', true, {
      hint: 'is the file of Banner in its sshd_config longer than 35,000 bytes? kmend takes up to 256 KiB, but from servers with AES-GCM only',
    });
  return unreachable(`${phase} failed: ${error.message}`, true);
}

/** What the proxy command says, where its end or its silence is the cause. */
function proxyFailure(
  error: RawError,
  { phase, proxy }: FailureContext,
  unreachable: (
    message: string,
    transport: boolean,
    more?: { hint?: string; detail?: string },
  ) => Failure,
): Failure | undefined {
  if (proxy === undefined) return undefined;
  // The message has the last line.
  const before = proxy.errors.trim().split('\n').slice(0, -1).join('\n');
  const detail = before === '' ? {} : { detail: before };
  if (error.level === 'timeout' && phase === 'banner')
    return unreachable(`${error.message}: ${proxyMessage(proxy)}`, true, detail);
  const isLoss =
    error.level === 'lost' ||
    error.level === 'client-socket' ||
    /lost before handshake/.test(error.message);
  if (!isLoss || proxy.ended === undefined) return undefined;
  const during = phase === 'banner' || phase === 'connect' ? '' : `, during ${phase}`;
  return unreachable(`${proxyMessage(proxy)}${during}`, !proxy.hopeless, {
    ...detail,
    ...(proxy.hopeless
      ? { hint: 'is the program of ProxyCommand installed, and on the PATH?' }
      : {}),
  });
}

function mismatchHint(what: string, isLegacy: boolean): string {
  if (isLegacy) return 'the server supports only algorithms that even legacy_crypto does not offer';
  return what.startsWith('host key')
    ? 'an old server: set legacy_crypto: true for this host. One that shows host certificates only has to offer a plain host key, too, or needs ansible_ssh_transport: openssh'
    : 'an old server: set legacy_crypto: true for this host';
}

const isAuth = (error: RawError, phase: Phase): boolean =>
  error.level === 'client-authentication' ||
  error.level === 'agent' ||
  (typeof error.code === 'number' &&
    phase === 'login' &&
    (error.code === 14 || /too many authentication failures|not allowed/i.test(error.message)));

function authFailure(error: RawError, { where, tried = [] }: FailureContext): Failure {
  const list =
    tried.length === 0
      ? 'nothing to try: no key, no agent and no password'
      : `tried ${tried.join('; ')}`;
  const cause =
    error.level === 'client-authentication' && /All configured/.test(error.message)
      ? ''
      : ` (${error.message})`;
  return { kind: 'auth', message: `${where}: login refused${cause}: ${list}`, hint: methodHint };
}

function channelFailure(
  error: RawError,
  unreachable: (message: string, transport: boolean, more?: { hint?: string }) => Failure,
): Failure {
  const cause = error.message.replace(/^\(SSH\) Channel open failure: /, '') || 'no reason given';
  if (error.reason === 1)
    return unreachable(`the server forbids the channel (${cause})`, false, {
      hint: 'sshd_config: AllowTcpForwarding for jump hosts, MaxSessions otherwise',
    });
  return unreachable(`the channel could not be opened (${cause})`, true);
}

function bannerMessage(error: RawError, context: FailureContext): string {
  if (
    error.level === 'lost' ||
    error.level === 'protocol' ||
    /lost before handshake/.test(error.message)
  )
    return `connection lost before handshake${context.preface === undefined ? ' (the server may be shedding load: MaxStartups)' : ''}`;
  return `this is not an SSH server, or its banner is broken (${error.message})`;
}

const prefaceOf = ({ preface }: FailureContext): { detail?: string } =>
  preface === undefined || preface === '' ? {} : { detail: `the server said: ${preface}` };
