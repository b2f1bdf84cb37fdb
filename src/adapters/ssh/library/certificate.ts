// Certificates of users (PROTOCOL.certkeys of OpenSSH): read from files and agents, and shown at a
// login in place of the key that they certify.
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { BaseAgent, Library, ParsedKey } from './library.ts';
import { readFields, string } from './wire.ts';

export interface Certificate {
  /** In wire format, as the server gets it. */
  readonly blob: Buffer;
  /** The algorithm of the login, by its name in the protocol. */
  readonly algorithm: string;
  /** The public key that it certifies, in wire format. */
  readonly plain: Buffer;
  /** Seconds since 1970 from which it is not valid any more. */
  readonly validBefore: number;
}

/** Fields of the public key, by type: they come after the nonce. */
const keyFields: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

const suffix = '-cert-v01@openssh.com';
const ofUser = 1;

/** Returns the certificate, or why it is none that kmend can show. */
export function readCertificate(blob: Buffer): Certificate | string {
  const [name] = readFields(blob, 1);
  const type = name?.toString('latin1') ?? '';
  const base = type.endsWith(suffix) ? type.slice(0, -suffix.length) : '';
  const count = Object.hasOwn(keyFields, base) ? keyFields[base] : undefined;
  if (count === undefined)
    return type.endsWith(suffix) ? `${type} is not supported` : 'it is no certificate';
  const fields = readFields(blob, 2 + count);
  if (fields.length < 2 + count) return 'it is damaged';
  const rest = blob.subarray(fields.reduce((sum, field) => sum + 4 + field.length, 0));
  // Serial number, kind, key id, principals, valid after, valid before.
  const texts = rest.length < 12 ? [] : readFields(rest.subarray(12), 2);
  const times = 12 + texts.reduce((sum, field) => sum + 4 + field.length, 0);
  if (texts.length < 2 || rest.length < times + 16) return 'it is damaged';
  if (rest.readUInt32BE(8) !== ofUser) return 'it certifies a host, not a user';
  return {
    blob,
    algorithm: base === 'ssh-rsa' ? `rsa-sha2-512${suffix}` : type,
    plain: Buffer.concat([string(base), ...fields.slice(2).map(string)]),
    validBefore: Number(rest.readBigUInt64BE(times + 8)),
  };
}

/** Reads a file such as `id_ed25519-cert.pub`. Undefined: there is none. */
export async function certificateFile(path: string): Promise<Certificate | string | undefined> {
  try {
    // An error of a promise takes ten times as long, and most keys have no certificate.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    const [, text = ''] = (await readFile(path, 'utf8')).trim().split(/\s+/);
    return readCertificate(Buffer.from(text, 'base64'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : `it cannot be read (${code})`;
  }
}

/** Signs for the key of a certificate: the signature with its algorithm in front. */
export type Signer = (data: Buffer) => Promise<Buffer>;

const certificates = new WeakMap<object, Certificate>();

/** The certificate that a key shows at a login. */
export const certificateOf = (key: object): Certificate | undefined => certificates.get(key);

/** An agent with one key, which shows its certificate. */
export function certifiedAgent(
  library: Library,
  certificate: Certificate,
  sign: Signer,
): BaseAgent | undefined {
  const [type] = readFields(certificate.plain, 1);
  const plain: unknown = library.utils.parseKey(
    `${type?.toString('latin1')} ${certificate.plain.toString('base64')}`,
  );
  if (plain instanceof Error || typeof plain !== 'object' || plain === null) return undefined;
  // Another type, so that the library asks for no algorithm of the plain key.
  const key = Object.create(plain, { type: { value: certificate.algorithm } }) as ParsedKey;
  certificates.set(key, certificate);
  return Object.assign(Object.create(library.BaseAgent.prototype) as BaseAgent, {
    getIdentities: (done: (error: undefined, keys: readonly ParsedKey[]) => void) =>
      done(undefined, [key]),
    sign: (
      _key: unknown,
      data: Buffer,
      _options: unknown,
      done: (error: Error | null, signature?: Buffer) => void,
    ) => {
      sign(data).then(
        (signature) => done(null, signature),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
    },
  });
}

/** Signs with a private key of a file. */
export const signerOf =
  (key: ParsedKey): Signer =>
  async (data) => {
    const isRsa = key.type === 'ssh-rsa';
    const made: unknown = isRsa ? key.sign(data, 'sha512') : key.sign(data);
    if (!Buffer.isBuffer(made)) throw made instanceof Error ? made : new Error('no signature');
    const bare = key.type.startsWith('ecdsa-') ? pairOf(made) : made;
    return Buffer.concat([string(isRsa ? 'rsa-sha2-512' : key.type), string(bare)]);
  };

/** From DER, as OpenSSL signs, to two numbers: a sequence of two integers is shorter than 256 bytes. */
function pairOf(der: Buffer): Buffer {
  const start = der[1] === 0x81 ? 3 : 2;
  const first = der.subarray(start + 2, start + 2 + (der[start + 1] ?? 0));
  return Buffer.concat([string(first), string(der.subarray(start + 4 + first.length))]);
}
