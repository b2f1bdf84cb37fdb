// The protocol of SSH agents, as far as the library leaves it out: all identities, certificates
// among them, and signatures with their algorithm.
import { connect } from 'node:net';
import { readFields, string, uint32 } from './wire.ts';

export interface Identity {
  /** Public key or certificate in wire format. */
  readonly blob: Buffer;
  readonly comment: string;
}

const codes = { list: 11, identities: 12, sign: 13, signature: 14 };
/** Bytes of an answer. OpenSSH has the same limit. */
const longest = 256 * 1024;
/** Milliseconds. A key may wait for a touch or a question when it signs. */
const limits = { list: 5000, sign: 60_000 };

export async function listIdentities(socket: string): Promise<readonly Identity[]> {
  const answer = await ask(socket, Buffer.from([codes.list]), limits.list);
  if (answer[0] !== codes.identities || answer.length < 5) throw new Error('it lists no keys');
  const fields = readFields(answer.subarray(5), 2 * Math.min(answer.readUInt32BE(1), longest));
  const found: Identity[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2)
    found.push({
      blob: fields[at] ?? Buffer.alloc(0),
      comment: (fields[at + 1] ?? '').toString('utf8'),
    });
  return found;
}

/** The signature with its algorithm in front. RSA signs with sha512. */
export async function signByAgent(socket: string, blob: Buffer, data: Buffer): Promise<Buffer> {
  const rsaSha512 = 4;
  const request = Buffer.concat([
    Buffer.from([codes.sign]),
    string(blob),
    string(data),
    uint32(rsaSha512),
  ]);
  const answer = await ask(socket, request, limits.sign);
  const [signature] = answer[0] === codes.signature ? readFields(answer.subarray(1), 1) : [];
  if (signature === undefined) throw new Error('it refuses to sign');
  return signature;
}

function ask(path: string, request: Buffer, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let came = Buffer.alloc(0);
    const end = (done: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      done();
    };
    const fail = (why: string): void => end(() => reject(new Error(why)));
    const timer = setTimeout(() => fail('it does not answer'), limit);
    socket.on('error', () => fail('Failed to connect to agent'));
    socket.on('close', () => fail('it closed the connection'));
    socket.on('connect', () => socket.write(string(request)));
    socket.on('data', (chunk) => {
      came = Buffer.concat([came, chunk]);
      const size = came.length < 4 ? 0 : came.readUInt32BE(0);
      if (size > longest) fail('its answer is too long');
      else if (came.length >= 4 && came.length >= 4 + size)
        end(() => resolve(came.subarray(4, 4 + size)));
    });
  });
}
