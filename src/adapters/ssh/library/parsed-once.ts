// Keeps the library from decoding keys as text again at each login, which takes more time than the
// cryptography itself: OpenSSL 3 tries every decoder that it has. Signatures, verdicts and secrets
// are the same, and a test compares them.
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  verify,
} from 'node:crypto';
import type { Client, ParsedKey, utils } from 'ssh2';
import { readFields, string } from './wire.ts';

/** Private fields of the library. Its version is pinned, and a test finds them changed. */
interface Exchange {
  readonly type: string;
  readonly _keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  _dh: { readonly computeSecret: (theirs: Buffer) => Buffer } | null;
  getPublicKey: () => Buffer;
  computeSecret: (theirs: Buffer) => Buffer | Error;
}
const privateText = 'Private key PEM';

/** Bytes of a public key of either curve. */
const rawLength = 32;

/** From now on the key signs with a private key that is decoded already. */
export function decodeOnce(key: ParsedKey): ParsedKey {
  const field = Object.getOwnPropertySymbols(key).find((one) => one.description === privateText);
  try {
    if (field !== undefined && key.isPrivateKey())
      (key as unknown as Record<symbol, KeyObject>)[field] = createPrivateKey(key.getPrivatePEM());
  } catch {
    // OpenSSL refuses it (FIPS). The login fails with its reason.
  }
  return key;
}

/** A public key from its raw bytes, which needs no decoder. */
const imported = (crv: 'Ed25519' | 'X25519', raw: Buffer): KeyObject =>
  createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv, x: raw.toString('base64url') } });

type Verifier = ParsedKey & {
  verify: (this: ParsedKey, ...all: Parameters<ParsedKey['verify']>) => boolean;
};

/** From now on signatures by ed25519 host keys are verified with such keys. */
export function verifyRaw({ parseKey }: Pick<typeof utils, 'parseKey'>): void {
  const blob = Buffer.concat([string('ssh-ed25519'), string(Buffer.alloc(rawLength))]);
  // Keys of all types have one prototype.
  const any: unknown = parseKey(`ssh-ed25519 ${blob.toString('base64')}`);
  const base = Object.getPrototypeOf(any) as Verifier;
  const plain = base.verify;
  base.verify = function (data, signature, algorithm) {
    const raw = this.type === 'ssh-ed25519' ? readFields(this.getPublicSSH(), 2)[1] : undefined;
    if (raw?.length !== rawLength || !Buffer.isBuffer(data))
      return plain.call(this, data, signature, algorithm);
    try {
      return verify(null, data, imported('Ed25519', raw), signature);
    } catch {
      return plain.call(this, data, signature, algorithm);
    }
  };
}

const patched = new WeakSet<object>();

/** The raw public key of an exchange, which it asks for twice. */
const written = new WeakMap<Exchange, Buffer>();

/**
 * From now on key exchanges by curve25519 write their public key once and read raw ones. `client` is
 * in one: their class is found nowhere else.
 *
 * The key is not exported as a JWK, which is faster: Node 20 holds the lock of a key meanwhile, and waits
 * for it forever where it collects what has just made this key.
 */
export function exchangeRaw(client: Client): void {
  const { _kex: exchange } = (
    client as unknown as { readonly _protocol: { readonly _kex: Exchange } }
  )._protocol;
  const curve = Object.getPrototypeOf(exchange) as Exchange;
  if (exchange.type !== '25519' || patched.has(curve)) return;
  patched.add(curve);
  const { getPublicKey } = curve;
  curve.getPublicKey = function () {
    const key = written.get(this) ?? getPublicKey.call(this);
    written.set(this, key);
    return key;
  };
  const { computeSecret } = Object.getPrototypeOf(curve) as Exchange;
  curve.computeSecret = function (theirs) {
    // The general exchange encodes what this returns, and reports what it throws.
    this._dh = {
      computeSecret: (key) =>
        diffieHellman({ privateKey: this._keys.privateKey, publicKey: imported('X25519', key) }),
    };
    return computeSecret.call(this, theirs);
  };
}
