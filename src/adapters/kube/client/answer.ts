// An answer as it comes in: unpacked, never more of it than a limit, whatever the server or a proxy
// before it sends.
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { WireReply } from './wire.ts';

const MiB = 1024 * 1024;
/** Bytes of a page, unpacked: 500 objects of 64 KiB each. */
export const pageLimit = 32 * MiB;
/** Of one object: etcd keeps none above 1.5 MiB, packed closer than JSON. */
export const objectLimit = 6 * MiB;
/** Of an error: a Status, or the page of a proxy. */
export const errorLimit = MiB;
/** Characters of one line of a watch: etcd keeps no object above 1.5 MiB. */
export const lineLimit = 4 * MiB;

/** More came than any API server has to say. */
export class TooMuch extends Error {}

/** An object of the API is about ten levels deep; a schema in a custom resource a few dozen. */
const deepest = 100;
/** Bytes of JSON for each object and list in it; answers of real servers have more than twenty. */
const sparsest = 8;
const [quote, backslash, braceOpen, braceClose, bracketOpen, bracketClose] = [
  0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d,
];

/** Bytes that the parser makes of each object and list, beside its text. */
const partSize = 40;

/**
 * About the bytes that JSON is in memory; undefined = it is nested or divided as no answer of an
 * API server is. Of two bytes `[]` the parser makes a list of forty, and many levels end every
 * function that walks them.
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

/** As it was before it was compressed. */
function unpacked({ headers, body }: WireReply): Readable {
  if (headers['content-encoding'] !== 'gzip') return body;
  const stream = body.pipe(createGunzip());
  // A cut in the middle does not end the pipe by itself.
  body.on('error', (error) => stream.destroy(error));
  return stream;
}

/** The whole answer; rejects with `TooMuch` as soon as it is longer than `most`, and ends it. */
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
 * Gives each line as it comes. Ending the response from outside makes it raise an error: for a
 * watch that is an end like any other, and so is a line that is too long.
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
