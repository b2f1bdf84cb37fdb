// Saves a round trip of each login: the library asks whether a key is accepted before it signs.
import type { Client, ParsedKey } from './library.ts';

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;

/** Private fields of the library. Its version is pinned, and a test finds them changed. */
interface Protocol {
  authPK: (user: string, key: ParsedKey, algorithm?: string, sign?: Sign) => void;
}

/**
 * From now on private keys of files sign in their first request (RFC 4252, section 7, allows it).
 * RSA keys do not: a signature that is refused would cost more than the question. Nor do keys of
 * agents, which may wait for an operator.
 */
export function signAtOnce(client: Client): void {
  const protocol = (client as unknown as { readonly _protocol: Protocol })._protocol;
  const plain = protocol.authPK.bind(protocol);
  protocol.authPK = (user, key, algorithm, sign) => {
    if (sign !== undefined || !key.isPrivateKey() || key.type === 'ssh-rsa')
      return plain(user, key, algorithm, sign);
    plain(user, key, algorithm, (data, done) => {
      const signature: unknown = key.sign(data);
      if (Buffer.isBuffer(signature)) done(signature);
      // The library asks, and then reports why the key cannot sign.
      else plain(user, key, algorithm);
    });
  };
}
