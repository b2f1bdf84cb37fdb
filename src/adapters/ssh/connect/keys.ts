// Private keys of a run: each file is read, parsed and unlocked once for all hosts.

import { createPrivateKey } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Asker } from '../../../engine/ports/local.ts';
import { present } from '../../../model/present.ts';
import { pasteable } from '../../../model/text/quote.ts';
import type { Library, ParsedKey } from '../library/library.ts';
import { decodeOnce } from '../library/parsed-once.ts';

export type KeyFile =
  | { readonly kind: 'key'; readonly key: ParsedKey }
  /**
   * It needs a passphrase. `publicKey`: the public half in wire format, to find the same key in an
   * agent.
   */
  | { readonly kind: 'locked'; readonly publicKey?: Buffer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unusable'; readonly why: string };

export interface Keyring {
  readonly read: (path: string) => Promise<KeyFile>;
  /** Asks for the passphrase, once per run. Returns the key, or why there is none. */
  readonly unlock: (path: string) => Promise<ParsedKey | string>;
}

export function createKeyring(library: Library, asker: Asker): Keyring {
  const files = new Map<string, Promise<KeyFile>>();
  const unlocked = new Map<string, Promise<ParsedKey | string>>();
  return {
    read: (path) => remember(files, path, () => readKey(library, path)),
    unlock: (path) => remember(unlocked, path, () => unlockKey(library, asker, path)),
  };
}

function remember<T>(
  map: Map<string, Promise<T>>,
  path: string,
  make: () => Promise<T>,
): Promise<T> {
  const made = map.get(path) ?? make();
  map.set(path, made);
  return made;
}

async function readKey(library: Library, path: string): Promise<KeyFile> {
  let text: string;
  try {
    const { mode, uid } = await stat(path);
    // As in OpenSSH, a private key of ours that other users can read is refused.
    if ((mode & 0o077) !== 0 && uid === process.getuid?.())
      return {
        kind: 'unusable',
        why: `others may read it (mode ${(mode & 0o777).toString(8).padStart(4, '0')}); chmod 600 ${pasteable(path)}`,
      };
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { kind: 'missing' }
      : { kind: 'unusable', why: `it cannot be read (${code})` };
  }
  const key = parse(library, text);
  if (typeof key !== 'string') return { kind: 'key', key };
  if (!isLocked(text, key)) return { kind: 'unusable', why: key };
  const publicKey = publicHalf(text) ?? (await publicFile(library, path));
  return { kind: 'locked', ...present({ publicKey }) };
}

const isLocked = (text: string, message: string): boolean =>
  /no passphrase given/i.test(message) || /BEGIN ENCRYPTED PRIVATE KEY/.test(text);

async function unlockKey(
  library: Library,
  asker: Asker,
  path: string,
): Promise<ParsedKey | string> {
  if (!asker.attended)
    return 'it is encrypted and no operator can be asked for the passphrase; load it into an agent (ssh-add)';
  const text = await readFile(path, 'utf8');
  for (let round = 0; round < 3; round++) {
    const passphrase = await asker.secret(
      `Passphrase for ${path}${round === 0 ? '' : ' (wrong passphrase)'}: `,
    );
    if (passphrase === '') break;
    const key = parse(library, text, passphrase);
    if (typeof key !== 'string') return key;
  }
  return 'no valid passphrase was given';
}

/** Returns the key, or why it cannot be used. */
function parse(library: Library, text: string, passphrase?: string): ParsedKey | string {
  if (/^sk-|"sk-|sk-ssh-ed25519|sk-ecdsa/.test(text))
    return 'keys on hardware tokens (sk-...) need ansible_ssh_transport: openssh';
  const parsed: unknown = library.utils.parseKey(pkcs8(text, passphrase) ?? text, passphrase);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) return `it cannot be used (${key.message})`;
  return (key as ParsedKey).isPrivateKey()
    ? decodeOnce(key as ParsedKey)
    : 'it holds no private key';
}

/**
 * Converts `BEGIN [ENCRYPTED] PRIVATE KEY`, which the library does not support, to the older form
 * for RSA and ECDSA.
 */
function pkcs8(text: string, passphrase: string | undefined): string | undefined {
  if (!/BEGIN (ENCRYPTED )?PRIVATE KEY/.test(text)) return undefined;
  try {
    const key = createPrivateKey({ key: text, ...present({ passphrase }) });
    const type =
      key.asymmetricKeyType === 'rsa'
        ? 'pkcs1'
        : key.asymmetricKeyType === 'ec'
          ? 'sec1'
          : undefined;
    return type === undefined ? undefined : key.export({ type, format: 'pem' }).toString();
  } catch {
    return undefined;
  }
}

/**
 * An encrypted file in OpenSSH's format has a readable public half: magic, cipher, kdf, kdf
 * options, count, then the key.
 */
function publicHalf(text: string): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const data = Buffer.from(body, 'base64');
  const magic = 'openssh-key-v1\0';
  if (data.toString('latin1', 0, magic.length) !== magic) return undefined;
  try {
    let at = magic.length;
    for (let field = 0; field < 3; field++) at += 4 + data.readUInt32BE(at);
    const length = data.readUInt32BE(at + 4);
    return data.subarray(at + 8, at + 8 + length);
  } catch {
    return undefined;
  }
}

async function publicFile(library: Library, path: string): Promise<Buffer | undefined> {
  try {
    const parsed: unknown = library.utils.parseKey(await readFile(`${path}.pub`, 'utf8'));
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    return key instanceof Error ? undefined : (key as ParsedKey).getPublicSSH();
  } catch {
    return undefined;
  }
}
