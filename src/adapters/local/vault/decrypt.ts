// Opens what ansible-vault encrypted: formats 1.1 and 1.2 with the cipher AES256.
import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

/** A password and the label under which it was given. */
export interface VaultPassword {
  readonly label: string;
  readonly password: string;
}

/** `wrong`: no password fits, or the text was changed: both look the same. */
export type Decrypted =
  | { readonly ok: true; readonly data: Buffer }
  | { readonly ok: false; readonly why: 'wrong' }
  | { readonly ok: false; readonly why: 'damaged'; readonly detail: string };

interface Envelope {
  readonly label?: string;
  readonly salt: Buffer;
  readonly hmac: Buffer;
  readonly secret: Buffer;
}

const damaged = (detail: string): Decrypted => ({ ok: false, why: 'damaged', detail });

/** Tries all passwords, those with the label of the text first. */
export function decryptVault(text: string, passwords: readonly VaultPassword[]): Decrypted {
  const envelope = envelopeOf(text);
  if (typeof envelope === 'string') return damaged(envelope);
  const first = passwords.filter(({ label }) => label === envelope.label);
  for (const one of [...first, ...passwords.filter((other) => !first.includes(other))]) {
    const keys = keysOf(one.password, envelope.salt);
    const hmac = createHmac('sha256', keys.subarray(32, 64)).update(envelope.secret).digest();
    if (timingSafeEqual(hmac, envelope.hmac)) return plainOf(envelope.secret, keys);
  }
  return { ok: false, why: 'wrong' };
}

function plainOf(secret: Buffer, keys: Buffer): Decrypted {
  const cipher = createDecipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64, 80));
  const padded = Buffer.concat([cipher.update(secret), cipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const end = padded.subarray(padded.length - padding);
  if (padding < 1 || padding > 16 || end.some((byte) => byte !== padding))
    return damaged('its padding is wrong');
  return { ok: true, data: padded.subarray(0, padded.length - padding) };
}

/** The parts of a vault text, or what is wrong with it. */
function envelopeOf(text: string): Envelope | string {
  const [header = '', ...lines] = text.split('\n').map((line) => line.trim());
  const [mark, version, cipher, label] = header.split(';').map((part) => part.trim());
  if (mark !== '$ANSIBLE_VAULT') return 'it does not begin with $ANSIBLE_VAULT';
  if (version !== '1.1' && version !== '1.2')
    return `its format is ${version}, and only 1.1 and 1.2 are known`;
  if (cipher !== 'AES256') return `its cipher is ${cipher}, and only AES256 is known`;
  const parts = bytesOf(lines.join(''))?.toString('latin1').split('\n').map(bytesOf) ?? [];
  const [salt, hmac, secret] = parts;
  if (salt === undefined || hmac?.length !== 32 || secret === undefined || parts.length !== 3)
    return 'it is not whole';
  if (secret.length === 0 || secret.length % 16 !== 0) return 'it is not whole';
  return { ...(label === undefined || label === '' ? {} : { label }), salt, hmac, secret };
}

/** Undefined where a text is not hexadecimal, or half a byte is missing. */
function bytesOf(hex: string): Buffer | undefined {
  const bytes = Buffer.from(hex, 'hex');
  return bytes.length * 2 === hex.length ? bytes : undefined;
}

const derived = new Map<string, Buffer>();

/** PBKDF2 is slow on purpose, so the keys of a password and a salt are made once. */
function keysOf(password: string, salt: Buffer): Buffer {
  const id = `${salt.toString('hex')} ${password}`;
  const known = derived.get(id) ?? pbkdf2Sync(password, salt, 10_000, 80, 'sha256');
  derived.set(id, known);
  return known;
}
