// Checks host keys by the known_hosts files of a run, explains the verdict and adds new keys.
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Failure } from '../../../model/run/failure.ts';
import { pasteable } from '../../../model/text/quote.ts';
import type { Hop } from '../config/route.ts';
import {
  filedName,
  hashName,
  indexKnownHosts,
  judge,
  type KnownHosts,
  type KnownKey,
  parseKnownHosts,
  type Verdict,
} from './known-hosts.ts';

export type KeyCheck =
  /** `trusted: false`: the key has changed and checking is off. No password may be sent. */
  | { readonly ok: true; readonly trusted: boolean }
  | { readonly ok: false; readonly failure: Failure };

export interface HostKeys {
  /** Types of the known keys of the hop, to be offered first. */
  readonly types: (hop: Hop) => readonly string[];
  /**
   * Checks the key (SSH wire format) that the hop sent, and adds a new key to known_hosts if that
   * is allowed.
   */
  readonly check: (hop: Hop, key: Buffer) => KeyCheck;
}

interface Loaded {
  readonly stamp: string;
  readonly index: KnownHosts;
  readonly lines: number;
}

/** Adds a key to a file and to the index. Returns the error, if any. */
type FileKey = (path: string, hop: Hop, shown: Shown) => string | undefined;

/**
 * Reads each file once per run. It is read again for any verdict but `known` if another process or
 * the operator changed it.
 */
export function createHostKeys(warn: (text: string) => void): HostKeys {
  const files = new Map<string, Loaded>();
  const load = (path: string, fresh: boolean): KnownHosts => {
    const known = files.get(path);
    if (known !== undefined && (!fresh || known.stamp === stampOf(path))) return known.index;
    const stamp = stampOf(path);
    const text = stamp === '' ? '' : textOf(path, warn);
    const index = indexKnownHosts(parseKnownHosts(text, path));
    files.set(path, { stamp, index, lines: text.split('\n').filter((line) => line !== '').length });
    return index;
  };
  const file = filer(files);
  const indexes = (hop: Hop, fresh: boolean): readonly KnownHosts[] =>
    [...hop.userKnownHosts, ...hop.globalKnownHosts].map((path) => load(path, fresh));
  return {
    types: (hop) => {
      const name = filedName(hop.hostKeyAlias ?? hop.host, portFiled(hop));
      return indexes(hop, false).flatMap((known) => known.types(name));
    },
    check: (hop, key) => {
      const type = typeOf(key);
      if (type === '')
        return refused(
          `${whereOf(hop)} shows a host key whose type is not a valid name`,
          'do not connect: no SSH server has such a key',
        );
      const text = key.toString('base64');
      const ask = (fresh: boolean): Verdict =>
        judge(indexes(hop, fresh), hop.hostKeyAlias ?? hop.host, portFiled(hop), type, text);
      const quick = ask(false);
      const verdict = quick.kind === 'known' ? quick : ask(true);
      return decide(hop, { type, text, print: fingerprint(key) }, verdict, { warn, file });
    },
  };
}

/**
 * Updates the index if no other process wrote the file: reading it again for each new host would be
 * quadratic.
 */
function filer(files: Map<string, Loaded>): FileKey {
  return (path, hop, shown) => {
    const known = files.get(path);
    const untouched = known !== undefined && known.stamp === stampOf(path);
    const line = lineFor(hop, shown);
    const error = appendLine(path, line);
    const entry = parseKnownHosts(line, path)[0];
    if (error !== undefined || !untouched || entry === undefined) return error;
    known.index.add({ ...entry, line: known.lines + 1 });
    files.set(path, { stamp: stampOf(path), index: known.index, lines: known.lines + 1 });
    return undefined;
  };
}

/** OpenSSH stores an alias without the port. */
const portFiled = (hop: Hop): number => (hop.hostKeyAlias === undefined ? hop.port : 22);

interface Shown {
  readonly type: string;
  readonly text: string;
  readonly print: string;
}

interface KeyActions {
  readonly warn: (text: string) => void;
  readonly file: FileKey;
}

function decide(hop: Hop, shown: Shown, verdict: Verdict, actions: KeyActions): KeyCheck {
  switch (verdict.kind) {
    case 'known':
      return { ok: true, trusted: true };
    case 'revoked':
      return refused(
        `${whereOf(hop)} shows a host key that ${locationOf(verdict.at)} revokes: ${shown.print}`,
        'do not connect; give the host a new key',
      );
    case 'changed':
    case 'other_type':
      if (hop.hostKeyChecking !== 'no') return differs(hop, shown, verdict.kind, verdict.at);
      actions.warn(
        `${whereOf(hop)}: the host key is not the one in ${locationOf(verdict.at)}; checking is off, so the connection continues, but no password is sent`,
      );
      return { ok: true, trusted: false };
    case 'unknown':
      return unknown(hop, shown, verdict.authority, actions);
  }
}

function unknown(
  hop: Hop,
  shown: Shown,
  authority: KnownKey | undefined,
  actions: KeyActions,
): KeyCheck {
  if (authority !== undefined)
    actions.warn(
      `${locationOf(authority)}: @cert-authority: host certificates cannot be checked yet, so the host's plain key must be in known_hosts as well`,
    );
  const file = hop.userKnownHosts[0];
  if (hop.hostKeyChecking === 'no') {
    // As in OpenSSH: the key is stored, so that a later change is noticed. A file that cannot be
    // written is no reason to stop.
    const error =
      file === undefined ? 'no known_hosts file is named' : actions.file(file, hop, shown);
    const result = error === undefined ? `added to ${file}` : `not added (${error})`;
    actions.warn(
      `${whereOf(hop)}: checking is off, so its unknown ${plainType(shown.type)} host key is trusted: ${shown.print}, ${result}`,
    );
    return { ok: true, trusted: true };
  }
  if (hop.hostKeyChecking === 'accept-new' && file !== undefined) {
    const error = actions.file(file, hop, shown);
    if (error === undefined) return { ok: true, trusted: true };
    return refused(
      `${whereOf(hop)}: the new host key cannot be written to ${file} (${error})`,
      'make the file writable',
    );
  }
  const why =
    authority === undefined
      ? ''
      : `; ${locationOf(authority)} trusts a certificate authority for it, but only ansible_ssh_transport: openssh checks host certificates`;
  return refused(
    `${whereOf(hop)}: its ${plainType(shown.type)} host key is not known${why}: ${shown.print}`,
    acceptHint(hop, shown),
  );
}

function differs(hop: Hop, shown: Shown, kind: 'changed' | 'other_type', at: KnownKey): KeyCheck {
  const known = `${plainType(at.type)} ${fingerprint(Buffer.from(at.key, 'base64'))} (${locationOf(at)})`;
  const message =
    kind === 'changed'
      ? `${whereOf(hop)}: THE HOST KEY HAS CHANGED: it shows ${plainType(shown.type)} ${shown.print}, known is ${known}`
      : `${whereOf(hop)}: it does not show the host key that is known, ${known}, but ${plainType(shown.type)} ${shown.print}`;
  const forget = `ssh-keygen -R ${pasteable(filedName(hop.hostKeyAlias ?? hop.host, portFiled(hop)))} -f ${pasteable(at.file)}`;
  return refused(
    message,
    `an attacker may be in between. If the host was reinstalled: ${forget}; then: ${acceptCommand(hop, shown)}`,
  );
}

const refused = (message: string, hint: string): KeyCheck => ({
  ok: false,
  failure: { kind: 'host_key', message, hint },
});

const acceptHint = (hop: Hop, shown: Shown): string =>
  `compare with \`ssh-keygen -lf /etc/ssh/ssh_host_${plainType(shown.type)}_key.pub\` on the host; to accept it: ${acceptCommand(hop, shown)}`;

/** Adds exactly the key that was seen. A new scan of the host could be answered by an attacker. */
function acceptCommand(hop: Hop, shown: Shown): string {
  const line = `${filedName(hop.hostKeyAlias ?? hop.host, portFiled(hop))} ${shown.type} ${shown.text}`;
  return `echo ${pasteable(line)} >> ${pasteable(hop.userKnownHosts[0] ?? '~/.ssh/known_hosts')}`;
}

const whereOf = (hop: Hop): string =>
  hop.alias === hop.host
    ? filedName(hop.host, hop.port)
    : `${hop.alias} (${filedName(hop.host, hop.port)})`;
const locationOf = (entry: KnownKey): string => `${entry.file}:${entry.line}`;

/** `SHA256:...`, as `ssh-keygen -l` prints it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace('=', '')}`;

/**
 * The type of a key in wire format. Empty: it is not a valid name. Its text comes from an unproven
 * host and is stored and shown.
 */
export function typeOf(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  const type = length > 64 ? '' : key.toString('latin1', 4, 4 + length);
  return /^[\w@.+-]+$/.test(type) ? type : '';
}

const plainType = (type: string): string =>
  type === 'ssh-ed25519'
    ? 'ed25519'
    : type === 'ssh-rsa'
      ? 'rsa'
      : type.startsWith('ecdsa-')
        ? 'ecdsa'
        : type;

function lineFor(hop: Hop, shown: Shown): string {
  const name = filedName(hop.hostKeyAlias ?? hop.host, portFiled(hop));
  return `${hop.hashKnownHosts ? hashName(name, randomBytes(20)) : name} ${shown.type} ${shown.text}\n`;
}

/**
 * Appends with a single write, so that the lines of concurrent processes do not mix. Returns the
 * error, if any.
 */
function appendLine(path: string, line: string): string | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = openSync(path, 'a+', 0o600);
    try {
      writeSync(file, endsInNewline(file) ? line : `\n${line}`);
    } finally {
      closeSync(file);
    }
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function endsInNewline(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] === 10;
}

function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return '';
  }
}

function textOf(path: string, warn: (text: string) => void): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    warn(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}); host keys in it are not known`,
    );
    return '';
  }
}
