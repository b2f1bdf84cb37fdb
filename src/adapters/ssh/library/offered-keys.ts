// Leaves the host keys unread that OpenSSH offers after a login. The library would decode all of them,
// for each host, and ask the host to prove each by a signature. kmend learns no keys in that way.
import { readFields } from './wire.ts';

/** What the library does with a packet, by the number of its message. */
export type Handlers = ((protocol: unknown, payload: Buffer) => void)[];

/** RFC 4254, section 4. */
const globalRequest = 80;
const offer = 'hostkeys-00@openssh.com';

export function ignoreOfferedKeys(handlers: Handlers): void {
  const plain = handlers[globalRequest];
  handlers[globalRequest] = (protocol, payload) => {
    if (readFields(payload.subarray(1), 1)[0]?.toString('latin1') !== offer)
      plain?.(protocol, payload);
  };
}
