// Shows certificates at a login: the library has no way to sign with a key and show another.
import { type Certificate, certificateOf } from './certificate.ts';
import type { Client } from './library.ts';
import { string } from './wire.ts';

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;
type AuthPk = (user: string, key: object, algorithm?: string, sign?: Sign) => void;

/**
 * Private fields of the library that are used here. Its version is pinned, and a test logs in by
 * them: it fails where they change.
 */
interface Protocol {
  authPK: AuthPk;
  readonly _kex: { readonly sessionID: Buffer };
  readonly _authsQueue: string[];
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      readonly alloc: (size: number) => Buffer;
      readonly finalize: (packet: Buffer) => Buffer;
    };
  };
  readonly _cipher: { readonly encrypt: (packet: Buffer) => void };
}

const userauthRequest = 50;

/** From now on the client shows the certificate of a key that has one. */
export function certifyLogins(client: Client): void {
  const protocol = (client as unknown as { readonly _protocol: Protocol })._protocol;
  const plain = protocol.authPK.bind(protocol);
  protocol.authPK = (user, key, algorithm, sign) => {
    const certificate = certificateOf(key);
    if (certificate === undefined) return plain(user, key, algorithm, sign);
    const request = requestOf(user, certificate, sign !== undefined);
    if (sign === undefined) return send(protocol, request);
    sign(Buffer.concat([string(protocol._kex.sessionID), request]), (signature) =>
      send(protocol, Buffer.concat([request, string(signature)])),
    );
  };
}

/** RFC 4252, section 7. */
const requestOf = (user: string, { algorithm, blob }: Certificate, isSigned: boolean): Buffer =>
  Buffer.concat([
    Buffer.from([userauthRequest]),
    string(user),
    string('ssh-connection'),
    string('publickey'),
    Buffer.from([isSigned ? 1 : 0]),
    string(algorithm),
    string(blob),
  ]);

function send(protocol: Protocol, payload: Buffer): void {
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  protocol._authsQueue.push('publickey');
  protocol._cipher.encrypt(write.finalize(packet));
}
