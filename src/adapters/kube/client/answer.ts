// Reads the body of an answer: decompresses it and enforces size limits.
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { WireReply } from './wire.ts';

const MiB = 1024 * 1024;
/** Bytes of a decompressed page: 500 objects of 64 KiB each. */
export const pageLimit = 32 * MiB;
/** Bytes of one object. etcd stores at most 1.5 MiB, in a denser form than JSON. */
export const objectLimit = 6 * MiB;
/** Bytes of an error: a Status object, or the page of a proxy. */
export const errorLimit = MiB;
/** Characters of one watch event. etcd stores at most 1.5 MiB an object. */
export const lineLimit = 4 * MiB;

/** The answer is larger than that of any API server. */
export class TooMuch extends Error {}

/**
 * Nesting limit. API objects have about ten levels; a schema in a custom resource has a few dozen.
 */
const deepest = 100;
/** Fewest bytes of JSON per object or list. Real answers have more than twenty. */
const sparsest = 8;
const [quote, backslash, braceOpen, braceClose, bracketOpen, bracketClose] = [
  0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d,
];

/** Bytes that the parser allocates for each object and list, beside its text. */
const partSize = 40;

/**
 * Estimates the memory in bytes that JSON takes once parsed. Undefined: it is nested too deeply or
 * has too many parts. The parser turns the two bytes `[]` into a list of forty, and deep nesting
 * overflows the stack of recursive functions.
 */
export function sizeInMemory(json: Buffer): number | undefined {
  let [depth, parts, inText] = [0, 0, false];
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (inText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (byte === braceOpen || byte === bracketOpen) {
      depth += 1;
      parts += 1;
      if (depth > deepest) return undefined;
    } else if (byte === braceClose || byte === bracketClose) depth -= 1;
  }
  return parts <= 1000 + json.length / sparsest ? json.length + parts * partSize : undefined;
}

/** The body without its compression. */
function unpacked({ headers, body }: WireReply): Readable {
  if (headers['content-encoding'] !== 'gzip') return body;
  const stream = body.pipe(createGunzip());
  // pipe() does not pass on an error of its source.
  body.on('error', (error) => stream.destroy(error));
  return stream;
}

/**
 * Reads the whole answer. Rejects with `TooMuch`, and closes the stream, when it is longer than
 * `most`.
 */
export async function readWhole(reply: WireReply, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of unpacked(reply)) {
    size += (chunk as Buffer).length;
    if (size > most) {
      reply.body.destroy();
      throw new TooMuch(`is longer than ${most / MiB} MiB`);
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Calls `onLine` for each line. A closed response raises an error, which ends a watch like a
 * regular end; so does a line that is too long.
 */
export async function readLines(reply: WireReply, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  try {
    for await (const chunk of unpacked(reply).setEncoding('utf8')) {
      const [first = '', ...lines] = (chunk as string).split('\n');
      rest += first;
      for (const line of lines) {
        if (rest !== '') onLine(rest);
        rest = line;
      }
      if (rest.length > lineLimit) break;
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  } finally {
    reply.body.destroy();
  }
}
