// An answer as it comes in: unpacked, never more of it than a limit, whatever the server or a proxy before it sends.
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { WireReply } from './wire.ts';

/** Bytes of one answer, unpacked: a page of 500 objects of 64 KiB each. */
export const answerLimit = 32 * 1024 * 1024;
/** Characters of one line of a watch: etcd keeps no object above 1.5 MiB. */
export const lineLimit = 4 * 1024 * 1024;

/** More came than any API server has to say. */
export class TooLong extends Error {}

/** As it was before it was compressed. */
function unpacked({ headers, body }: WireReply): Readable {
  if (headers['content-encoding'] !== 'gzip') return body;
  const stream = body.pipe(createGunzip());
  // A cut in the middle does not end the pipe by itself.
  body.on('error', (error) => stream.destroy(error));
  return stream;
}

/** The whole answer; rejects with `TooLong` as soon as it is, and ends it. */
export async function readWhole(reply: WireReply): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of unpacked(reply)) {
    size += (chunk as Buffer).length;
    if (size > answerLimit) {
      reply.body.destroy();
      throw new TooLong();
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Gives each line as it comes. Ending the response from outside makes it raise an error: for a watch that is an end like any other, and so is a
 * line that is too long.
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
