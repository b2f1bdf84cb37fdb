// Opens one connection to the API server: TCP or the proxy's tunnel, then TLS, within one time
// limit.

import { isIP, connect as plainConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { present } from '../../../model/present.ts';
import { tunnel } from '../../http/proxy.ts';
import type { Identity } from '../auth/credentials.ts';
import type { ClusterConfig } from '../auth/kubeconfig.ts';

export interface Address {
  readonly cluster: ClusterConfig;
  /** The CA as PEM. It is read for each connection, since its file may have been replaced. */
  readonly ca: () => Promise<string | undefined>;
  readonly proxy: string | undefined;
}

const connectTimeout = 10_000;

/**
 * Connects, and for TLS checks the server's certificate. `protocols` is the ALPN offer. Rejects
 * with the error of the network or of TLS.
 */
export async function dial(
  { cluster, proxy, ...address }: Address,
  identity: Identity,
  protocols: readonly string[],
): Promise<Socket> {
  const { hostname, port, protocol } = new URL(cluster.server);
  const host = hostname.replace(/^\[|\]$/g, '');
  const plain = protocol === 'http:';
  const at = { host, port: Number(port) || (plain ? 80 : 443) };
  const inner =
    proxy === undefined ? undefined : await tunnel(proxy, at.host, at.port, connectTimeout);
  const ca = plain ? undefined : await address.ca();
  const name = cluster.tlsServerName ?? (isIP(host) === 0 ? host : undefined);
  const socket = plain
    ? (inner ?? plainConnect(at))
    : tlsConnect({
        ...at,
        ...present({ socket: inner, ca }),
        ...(identity.certificate === undefined
          ? {}
          : { cert: identity.certificate, key: identity.key }),
        ...present({ servername: name }),
        rejectUnauthorized: !cluster.insecure,
        ALPNProtocols: [...protocols],
      });
  socket.setNoDelay(true);
  if (plain && inner !== undefined) return inner;
  return await new Promise((resolve, reject) => {
    const slow = setTimeout(
      () =>
        socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })),
      connectTimeout,
    );
    const lost = (error?: Error | boolean): void => {
      clearTimeout(slow);
      reject(
        error instanceof Error
          ? error
          : Object.assign(new Error('closed before it was open'), { code: 'ECONNRESET' }),
      );
    };
    socket.once('error', lost);
    socket.once('close', lost);
    socket.once(plain ? 'connect' : 'secureConnect', () => {
      clearTimeout(slow);
      socket.off('error', lost);
      socket.off('close', lost);
      resolve(socket);
    });
  });
}
