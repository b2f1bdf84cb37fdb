// Ports on loopback for a fleet.
import { createServer } from 'node:net';
import { loopback } from './host/host-server.ts';

/** Ports from `port0` on, or any that are free now. */
export async function choosePorts(count: number, port0: number): Promise<readonly number[]> {
  if (port0 > 0) return Array.from({ length: count }, (_none, i) => port0 + i);
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((done, fail) => {
          server.once('error', fail);
          server.listen(0, loopback, () => {
            const address = server.address();
            done(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  // All are held until all are known, so that no number comes twice.
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.close(() => done()))),
  );
  return ports;
}
