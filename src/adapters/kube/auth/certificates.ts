// Checks the certificates and keys of the kubeconfig before a handshake fails by them.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Source } from './kubeconfig.ts';

export interface Pair {
  readonly certificate: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly ends: number;
}

export async function readSource(source: Source, what: string): Promise<Outcome<string>> {
  if (source.kind === 'inline') return ok(source.text);
  try {
    return ok(await readFile(source.path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed('auth', `the ${what} ${source.path} cannot be read`, { detail: why });
  }
}

const nameOf = (source: Source, what: string): string =>
  source.kind === 'file' ? `the ${what} ${source.path}` : `the ${what}`;

function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function fits(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/**
 * Refuses a CA file that holds half a certificate. Node would trust no server by it, without an
 * error.
 */
export async function readCa(source: Source): Promise<Outcome<string>> {
  const text = await readSource(source, 'CA file');
  if (!text.ok || certificateIn(text.value) !== undefined) return text;
  return failed(
    'auth',
    `${nameOf(source, source.kind === 'file' ? 'CA file' : 'certificate-authority-data')} holds no PEM certificate`,
  );
}

/**
 * Checks a client certificate before the first call. If it has expired or does not belong to the
 * key, the server only breaks off the handshake.
 */
export async function readPair(
  sources: { readonly certificate: Source; readonly key: Source },
  account: string,
  now: number,
): Promise<Outcome<Pair>> {
  const pem = await readSource(sources.certificate, 'client certificate');
  if (!pem.ok) return pem;
  const key = await readSource(sources.key, 'client key');
  if (!key.ok) return key;
  const certificate = certificateIn(pem.value);
  if (certificate === undefined)
    return failed(
      'auth',
      `the client certificate of ${account} cannot be read: it is not a PEM certificate`,
    );
  const ends = Date.parse(certificate.validTo);
  if (ends < now) {
    const hint =
      sources.certificate.kind === 'file'
        ? `renew ${sources.certificate.path}`
        : 'get a new one and put it into the kubeconfig';
    return failed(
      'auth',
      `the client certificate of ${account} expired on ${new Date(ends).toISOString().slice(0, 10)}`,
      { hint },
    );
  }
  if (!fits(certificate, key.value))
    return failed('auth', `the client key of ${account} is not the one of its certificate`);
  return ok({ certificate: pem.value, key: key.value, ends });
}
