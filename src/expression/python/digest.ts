// Checksums of text by Node's crypto. Only this file of the pure rooms may import it: checksums read
// no state.
import { createHash } from 'node:crypto';
import { fail } from '../errors.ts';
import { spend } from '../meter.ts';

const algorithms = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

/** The checksum in hexadecimal digits, of UTF-8 or of bytes (`latin1`: one character for each). */
export function digest(
  value: string,
  algorithm: string,
  encoding: 'utf8' | 'latin1' = 'utf8',
): string {
  if (!algorithms.includes(algorithm))
    return fail(`hash knows ${algorithms.join(', ')}, not '${algorithm}'`);
  spend(value.length);
  return createHash(algorithm).update(value, encoding).digest('hex');
}

/** A name-based UUID (version 5) in a namespace. */
export function uuid(name: string, namespace: string): string {
  const digits = namespace.replaceAll('-', '');
  if (!/^[\da-fA-F]{32}$/.test(digits)) return fail(`'${namespace}' is not a UUID`);
  const full = createHash('sha1').update(Buffer.from(digits, 'hex')).update(name).digest('hex');
  const variant = ((Number.parseInt(full[16] ?? '0', 16) & 3) | 8).toString(16);
  const parts = `${full.slice(0, 12)}5${full.slice(13, 16)}${variant}${full.slice(17)}`;
  return [
    parts.slice(0, 8),
    parts.slice(8, 12),
    parts.slice(12, 16),
    parts.slice(16, 20),
    parts.slice(20, 32),
  ].join('-');
}
