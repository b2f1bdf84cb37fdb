// Lets a server send a long text before the login. `Banner` of sshd comes in one packet, which the
// library limits to 35,000 bytes; OpenSSH takes 256 KiB.
import { type CipherGCMTypes, createDecipheriv } from 'node:crypto';
import type { Client } from './library.ts';
import { uint32 } from './wire.ts';

const longest = 256 * 1024;

/** Private fields of the library. Its version is pinned, and a test with such a server checks them. */
interface Decipher {
  _len: number;
  _lenBytes: number;
  _decipherInstance?: unknown;
  readonly _decipherSSLName?: CipherGCMTypes;
  readonly _decipherKey?: Buffer;
  readonly _decipherIV?: Buffer;
  decrypt: (data: Buffer, from: number, end: number) => number | undefined;
}

const tag = 16;

/**
 * From now on packets may have up to 256 KiB, until the returned function is called. Only for
 * AES-GCM, whose lengths are not encrypted; it is what kmend and OpenSSH agree on.
 */
export function allowLongPackets(client: Client, cipher: string): () => void {
  const { _decipher: decipher } = (
    client as unknown as { readonly _protocol: { readonly _decipher: Decipher } }
  )._protocol;
  if (!cipher.endsWith('-gcm@openssh.com') || typeof decipher._lenBytes !== 'number')
    return () => undefined;
  const original = decipher.decrypt;
  /** Bytes of the packet that are still to come, behind its length. */
  let left = 0;
  decipher.decrypt = (data, from, end) => {
    let at = from;
    while (at < end) {
      if (left === 0) {
        at = readLength(decipher, data, at, end);
        if (decipher._lenBytes < 4) return undefined;
        left = decipher._len + tag;
      }
      const next = Math.min(end, at + left);
      left -= next - at;
      const result = original.call(decipher, data.subarray(at, next), 0, next - at);
      if (result !== undefined) return at + result;
      at = next;
    }
    return undefined;
  };
  return () => {
    // Within a packet the library goes on by its own count.
    decipher.decrypt = original;
  };
}

function readLength(decipher: Decipher, data: Buffer, from: number, end: number): number {
  let at = from;
  for (; decipher._lenBytes < 4 && at < end; at++) {
    decipher._len = (decipher._len << 8) + (data[at] ?? 0);
    decipher._lenBytes++;
  }
  const { _len: length, _lenBytes: read } = decipher;
  const isBroken = length < 16 || length > longest || length % 16 !== 0;
  if (read === 4 && isBroken) throw new Error(`Bad packet length: ${length}`);
  if (read === 4) begin(decipher, length);
  return at;
}

/** What the library does when it has read a length. Its native add-on needs no such step. */
function begin(decipher: Decipher, length: number): void {
  const { _decipherSSLName: name, _decipherKey: key, _decipherIV: nonce } = decipher;
  if (name === undefined || key === undefined || nonce === undefined) return;
  const cipher = createDecipheriv(name, key, nonce);
  cipher.setAutoPadding(false);
  cipher.setAAD(uint32(length));
  decipher._decipherInstance = cipher;
}
