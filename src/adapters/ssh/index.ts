// The SSH adapter: the Transport port over ssh2. Types of the library do not leave this folder.
export type { KeepaliveOptions } from './connect/keepalive.ts';
export { createTransport, type TransportOptions } from './transport.ts';
