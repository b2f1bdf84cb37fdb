// Ports on loopback that belong to a fleet for as long as it lives, also while its hosts are down.
import { connect, createServer, type Socket } from 'node:net';
import { loopback } from './host/host-server.ts';

export interface HeldPorts {
  readonly ports: readonly number[];
  readonly release: () => void;
}

/**
 * Holds each port with a connection that starts there. The kernel gives such a port to no other
 * process, and a port without a listener refuses clients, as a host without power does. The host's
 * server may still listen on it: Node sets SO_REUSEADDR on both sockets.
 */
export async function holdPorts(count: number): Promise<HeldPorts> {
  const sockets: Socket[] = [];
  const keep = (socket: Socket): Socket => {
    sockets.push(socket.unref());
    return socket.on('error', () => undefined);
  };
  const target = createServer(keep).unref();
  const port = await new Promise<number>((resolve, reject) => {
    target.once('error', reject);
    target.listen(0, loopback, () => resolve(portOf(target.address())));
  });
  const hold = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = keep(connect({ host: loopback, port, localAddress: loopback, localPort: 0 }));
      socket.once('error', reject).once('connect', () => resolve(portOf(socket.address())));
    });
  const ports = await Promise.all(Array.from({ length: count }, hold));
  return {
    ports,
    release: () => {
      target.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function portOf(address: string | object | null): number {
  if (typeof address === 'object' && address !== null && 'port' in address)
    return Number(address.port);
  throw new Error('the kernel gave no port on loopback');
}
