// The SSH room: the Transport port over ssh2. Nothing of the library shows outside.
export type { KeepaliveOptions } from './connect/keepalive.ts';
export { createTransport, type TransportOptions } from './transport.ts';
