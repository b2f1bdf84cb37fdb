// Reads the log of a master: how far the login came, the host key, the peer, and why it failed.
import { present } from '../../../model/present.ts';
import type { Failure } from '../../../model/run/failure.ts';
import { harmless, oneLine } from '../../../model/text/printable.ts';
import { pasteable } from '../../../model/text/quote.ts';
import { failureOf, type Phase, type RawError } from '../connect/failures.ts';

export interface LoginLog {
  readonly phase: Phase;
  /** Address of the peer. Absent: behind a proxy. */
  readonly address?: string;
  /** The key that the host has shown. */
  readonly key?: { readonly type: string; readonly print: string };
  /** The key was not known, and checking lets it pass. */
  readonly accepted?: 'added' | 'not added';
  /** False: the host key has changed and checking is off. */
  readonly trusted: boolean;
  /** Keys and methods, with the reason where nothing was sent. */
  readonly tried: readonly string[];
  /** The methods that the server takes, as it lists them. */
  readonly taken?: string;
  /** Lines that are no details. */
  readonly messages: readonly string[];
  /** Text of the server before its banner. */
  readonly preface: string;
}

const phases: readonly (readonly [RegExp, Phase])[] = [
  [/^Authenticated to /, 'session'],
  [/^debug1: SSH2_MSG_NEWKEYS received/, 'login'],
  [/^debug1: Remote protocol version /, 'key exchange'],
  [/^debug1: (?:Connection established|Executing proxy command)/, 'banner'],
];

export function readLog(text: string): LoginLog {
  const lines = text.split(/\r?\n/);
  const first = (pattern: RegExp): RegExpExecArray | undefined => {
    for (const line of lines) {
      const found = pattern.exec(line);
      if (found !== null) return found;
    }
    return undefined;
  };
  // The server says nothing before the first of these lines that could imitate it.
  const key = first(/^debug1: Server host (?:key|certificate): ([\w@.-]+) (SHA256:[\w+/=]+)/);
  const address = first(/^debug1: Connecting to \S+ \[([^\]\s]+)\] port \d+\.?$/)?.[1];
  const accepted =
    first(/^Failed to add the host to the list of known hosts/) !== undefined
      ? 'not added'
      : first(/^Warning: Permanently added /) !== undefined
        ? 'added'
        : undefined;
  return {
    phase: phases.find(([pattern]) => lines.some((line) => pattern.test(line)))?.[1] ?? 'connect',
    ...(address === undefined ? {} : { address }),
    ...(key === undefined ? {} : { key: { type: plainType(key[1] ?? ''), print: key[2] ?? '' } }),
    ...(accepted === undefined ? {} : { accepted }),
    trusted: first(/WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!/) === undefined,
    tried: triedIn(lines),
    ...present({ taken: lines.flatMap((line) => takenLine.exec(line)?.[1] ?? []).at(-1) }),
    messages: lines.filter((line) => line !== '' && !/^debug\d: /.test(line)),
    preface: lines
      .flatMap(
        (line) =>
          /^debug1: kex_exchange_identification: banner line \d+: (.*)$/.exec(line)?.[1] ?? [],
      )
      .join(' ')
      .slice(0, 300),
  };
}

const plainType = (type: string): string =>
  type.replace(/^ssh-|-cert-v01@openssh\.com$|-sha2-nistp\d+/g, '');

interface Attempt {
  readonly name: string;
  /** Why nothing was sent. */
  why?: string;
}

const triedIn = (lines: readonly string[]): readonly string[] =>
  attemptsIn(lines).map(({ name, why }) => (why === undefined ? name : `${name} (${why})`));

function attemptsIn(lines: readonly string[]): readonly Attempt[] {
  const attempts: Attempt[] = [];
  for (const line of lines) {
    const last = attempts.at(-1);
    const [, shown, hidden] = keyLine.exec(line) ?? [];
    const [, method] = /^debug1: Next authentication method: (\S+)$/.exec(line) ?? [];
    const [, fault] = /^Load key "[^"]*": (.+)$/.exec(line) ?? [];
    if (shown !== undefined) attempts.push({ name: shown });
    else if (hidden !== undefined) attempts.push({ name: hidden, why: locked });
    else if (method !== undefined && method !== 'publickey') attempts.push({ name: method });
    else if (last === undefined) continue;
    else if (fault !== undefined) last.why = fault;
    // The private key is read now. ssh does not log that it cannot be decrypted.
    else if (/^debug1: Server accepts key: /.test(line)) last.why = locked;
    // It has judged the signature.
    else if (takenLine.test(line) && last.why === locked) delete last.why;
  }
  return attempts;
}

const keyLine = /^debug1: (?:Offering public key: (.+) SHA256:|Trying private key: (.+)$)/;
const takenLine = /^debug1: Authentications that can continue: (.+)$/;
const locked = 'encrypted, and not unlocked';

export interface Ending {
  /** For messages. */
  readonly where: string;
  readonly log: LoginLog;
  /** What the proxies and jump hosts wrote. */
  readonly errors: string;
  /** A proxy command or a jump host leads to the host. */
  readonly isProxied: boolean;
  /** The jump hosts, as `ProxyJump` has them. */
  readonly jump?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly legacy: boolean;
}

/** Texts of the C library, as ssh prints them. */
const codes: readonly (readonly [RegExp, string])[] = [
  [/Connection refused$/, 'ECONNREFUSED'],
  [/No route to host$/, 'EHOSTUNREACH'],
  [/Network is unreachable$/, 'ENETUNREACH'],
  [/Connection reset by /, 'ECONNRESET'],
  [/Temporary failure in name resolution$/, 'EAI_AGAIN'],
  [/Could not resolve hostname /, 'ENOTFOUND'],
];

/** Why a master ended before the login was done. */
export function loginFailure(ending: Ending): Failure {
  const { where, log, errors, isProxied, legacy } = ending;
  const known = hostKeyFailure(ending) ?? jumpFailure(ending);
  if (known !== undefined) return known;
  const raw = rawError(ending);
  const isProxyEnd = isProxied && raw.level === 'lost' && log.phase === 'banner';
  const failure = failureOf(raw, {
    where,
    // Its version is the first that ssh says of a server, and not the last of one that has a wrong one.
    phase: badBanner.test(raw.message) ? 'banner' : log.phase,
    tried: triedBy(ending),
    legacy,
    ...(log.preface === '' ? {} : { preface: log.preface }),
    ...(isProxyEnd ? { proxy: { ended: 'ended', hopeless: false, errors } } : {}),
  });
  const said = detailOf([...log.messages, errors]);
  return {
    ...failure,
    ...(failure.detail === undefined && said !== '' ? { detail: said } : {}),
    ...(failure.hint !== undefined && longPacket.test(raw.message) ? { hint: bannerHint } : {}),
    ...(failure.kind === 'auth' ? { hint: 'the same login without kmend: ssh -v HOST' } : {}),
  };
}

const detailOf = (texts: readonly string[]): string =>
  texts
    .flatMap((text) => text.split(/\r?\n/))
    .map(harmless)
    .join('\n')
    .trim()
    .slice(-2000);

/** All that was tried, and what the server takes. */
function triedBy({ log, errors }: Ending): readonly string[] {
  const missing = [
    ...errors.matchAll(/^Warning: Identity file ([^:\r\n]+) not accessible: ([^.\r\n]+)/gm),
  ];
  const tried = [...missing.map(([, file, why]) => `${file} (${why})`), ...log.tried];
  return [
    ...(tried.length === 0 ? ['nothing'] : tried.map((one) => oneLine(one, 300))),
    ...(log.taken === undefined
      ? []
      : [`the server takes only ${oneLine(log.taken, 200).replaceAll(',', ', ')}`]),
  ];
}

const lateText = /timed out|No banner received/i;
const longPacket = /Bad packet length|: Connection corrupted$/;
const bannerHint = 'is the file of Banner in its sshd_config longer than 256 KiB?';
const badBanner = /banner line contains invalid|major versions differ|read protocol version/;

/** The error that the library would have for the last words of ssh. */
function rawError({ log, timeout, isProxied }: Ending): RawError {
  const has = (pattern: RegExp): RegExpExecArray | undefined => {
    for (const line of log.messages) {
      const found = pattern.exec(line);
      if (found !== null) return found;
    }
    return undefined;
  };
  const last = oneLine(log.messages.at(-1) ?? 'no reason was given', 300);
  // The rest of this line is text of the server, so it comes before all that is searched for.
  const [, code, why = ''] = has(/^Received disconnect from \S+ port \d+:(\d+): ?(.*)$/) ?? [];
  if (code !== undefined)
    return why === ''
      ? { level: 'lost', message: last }
      : { code: Number(code), message: oneLine(why, 300) };
  if (has(/: Permission denied \(/) !== undefined)
    return { level: 'client-authentication', message: 'All configured methods failed' };
  const mismatch = has(/no matching ([A-Za-z ]{1,40}) found/);
  if (mismatch !== undefined) return { message: `no matching ${mismatch[1]}` };
  if (has(badBanner) !== undefined) return { message: last };
  if (has(longPacket) !== undefined) return { message: 'Bad packet length' };
  if (has(/incorrect signature/) !== undefined) return { message: 'signature verification failed' };
  if (has(lateText) !== undefined)
    return { level: 'timeout', message: lateMessage(log.phase, timeout) };
  const errno = codes.find(([pattern]) => has(pattern) !== undefined)?.[1];
  if (errno !== undefined) return { code: errno, message: last };
  if (has(/Connection closed|closed by remote host|Broken pipe|UNKNOWN port/) !== undefined)
    return { level: 'lost', message: last };
  return isProxied && log.phase === 'banner' ? { level: 'lost', message: last } : { message: last };
}

/** A jump host is logged in to by an ssh of its own, which says why it failed. */
function jumpFailure(ending: Ending): Failure | undefined {
  const { where, log, errors, isProxied, jump } = ending;
  if (!isProxied || log.phase !== 'banner') return undefined;
  const lines = errors.split(/\r?\n/).filter((line) => line !== '');
  const found = (pattern: RegExp): string | undefined => lines.find((line) => pattern.test(line));
  const at = jump === undefined ? `${where}: on the way there` : `jump host ${jump}`;
  const detail = detailOf([errors]);
  const key = found(/^Host key verification failed/);
  const last = key ?? found(/: Permission denied \(/);
  if (last !== undefined)
    return {
      kind: key === undefined ? 'auth' : 'host_key',
      message: `${at}: ${oneLine(unknownKey(lines) ?? last, 300)}`,
      hint: 'log in to the jump host once with ssh',
      detail,
    };
  const refused = found(/^channel \d+: open failed: /);
  if (refused !== undefined) return forwardFailure(where, at, refused);
  if (jump === undefined || log.messages.some((line) => lateText.test(line))) return undefined;
  const raw = rawError({ ...ending, log: { ...log, phase: 'connect', messages: lines } });
  const known = raw.code === undefined && raw.level === undefined ? { level: 'lost' } : {};
  const failure = failureOf({ ...raw, ...known }, { where: at, phase: 'connect' });
  return detail === '' ? failure : { ...failure, detail };
}

const unknownKey = (lines: readonly string[]): string | undefined =>
  lines.find((line) =>
    /host key is known for \S+ and you have requested strict checking/.test(line),
  );

/** The jump host does not open a connection to the host. */
function forwardFailure(where: string, at: string, line: string): Failure {
  const cause = oneLine(line.replace(/^channel \d+: open failed: /, ''), 300).replace(/: *$/, '');
  const isForbidden = cause.startsWith('administratively prohibited');
  return {
    kind: 'unreachable',
    message: `${where}: ${at.startsWith('jump host ') ? `${at} ` : ''}${isForbidden ? 'forbids the channel' : 'cannot connect'} (${cause})`,
    ...(isForbidden
      ? { hint: 'sshd_config of the jump host: AllowTcpForwarding' }
      : { transport: true }),
  };
}

/** As the library's own clock would say it. */
export const lateMessage = (phase: Phase, timeout: number): string =>
  phase === 'connect'
    ? `no connection within ${timeout} s`
    : phase === 'banner'
      ? `connected, but no SSH banner within ${timeout} s`
      : `login not done within ${timeout * 3} s (${phase})`;

function hostKeyFailure({ where, log }: Ending): Failure | undefined {
  const text = log.messages.join('\n');
  const shown = `${log.key?.type ?? 'host'} ${log.key?.print ?? ''}`.trim();
  const refused = (message: string, hint: string): Failure => ({
    kind: 'host_key',
    message: `${where}: ${message}`,
    hint,
  });
  if (/REVOKED HOST KEY DETECTED|marked as revoked/.test(text))
    return refused(
      `shows a host key that is revoked: ${shown}`,
      'do not connect; give the host a new key',
    );
  if (!/Host key verification failed/.test(text)) return undefined;
  if (!log.trusted) {
    const place = /^Offending \S+ key in (.+)$/m.exec(text)?.[1];
    const [, file, name] = /ssh-keygen -f ["']([^"']+)["'] -R ["']([^"']+)["']/.exec(text) ?? [];
    const forget =
      file === undefined || name === undefined
        ? ''
        : `. If the host was reinstalled: ssh-keygen -R ${pasteable(name)} -f ${pasteable(file)}`;
    return refused(
      `THE HOST KEY HAS CHANGED: it shows ${shown}${place === undefined ? '' : `, known is another (${oneLine(place, 300)})`}`,
      `an attacker may be in between${forget}`,
    );
  }
  if (/host key is known for \S+ and you have requested strict checking/.test(text))
    return refused(
      `its ${log.key?.type ?? ''} host key is not known: ${log.key?.print ?? ''}`,
      `compare with \`ssh-keygen -lf /etc/ssh/ssh_host_${log.key?.type ?? 'ed25519'}_key.pub\` on the host; to accept it, log in once with ssh`,
    );
  return refused('the host key was not accepted', 'log in once with ssh, which says why');
}
