// Texts as bytes: one character for each byte of their UTF-8.
import { patternProblem } from '../../expression/index.ts';
import { text } from '../../model/shape/schema.ts';

/** Plain ASCII, which most files are, is its own bytes. */
const isPlain = (chars: string): boolean => !/[^\0-\x7f]/.test(chars);

export const toBytes = (chars: string): string =>
  isPlain(chars)
    ? chars
    : Array.from(new TextEncoder().encode(chars), (byte) => String.fromCharCode(byte)).join('');

/** Bytes that are no UTF-8 become replacement characters. */
export const fromBytes = (bytes: string): string =>
  isPlain(bytes)
    ? bytes
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        Uint8Array.from(bytes, (char) => char.charCodeAt(0)),
      );

/** An argument that is a regular expression over the bytes of a file. */
export const bytePattern = text.refine(
  (source) => patternProblem(toBytes(source), { bytes: true }) === undefined,
  {
    error: (issue) =>
      typeof issue.input === 'string'
        ? `cannot be used: ${patternProblem(toBytes(issue.input), { bytes: true })}`
        : undefined,
  },
);
