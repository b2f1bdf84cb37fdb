// A proxy in front of the lab's API server that can be slow, refuse calls, and end watches, as a busy
// control plane and its load balancer do.
import { readFileSync } from 'node:fs';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeCluster } from '../../src/adapters/kube/index.ts';
import type { startLab } from './kube-lab.ts';

export interface Front {
  /** As admin, through the proxy. */
  readonly cluster: () => Promise<KubeCluster>;
  /**
   * From now on: milliseconds that each call waits; every n-th call is refused with 429 and
   * `Retry-After: 1`.
   */
  readonly behave: (how: { readonly delay?: number; readonly refuseEvery?: number }) => void;
  /** Cuts every watch now; gives their number. */
  readonly cutWatches: () => number;
  readonly refused: () => number;
  readonly close: () => Promise<void>;
}

/** What HTTP/2 has no headers for. */
const ofHttp1 = /^(connection|keep-alive|transfer-encoding)$/;

const overload = JSON.stringify({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'Too many requests, please try again later.',
  reason: 'TooManyRequests',
  code: 429,
});

export async function startFront(lab: ReturnType<typeof startLab>): Promise<Front> {
  const config = JSON.parse(readFileSync(`${lab.kubeconfig('admin')}.json`, 'utf8'));
  const upstream = new URL(config.clusters[0].cluster.server);
  const user = config.users[0].user;
  const identity = {
    ca: Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64'),
    cert: Buffer.from(user['client-certificate-data'], 'base64'),
    key: Buffer.from(user['client-key-data'], 'base64'),
  };
  const agent = new Agent({ keepAlive: true });
  const watches = new Set<Http2ServerResponse>();
  let [delay, refuseEvery, calls, refused] = [0, 0, 0, 0];

  function forward(incoming: Http2ServerRequest, outgoing: Http2ServerResponse): void {
    const { method, url } = incoming;
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).filter(([name]) => !name.startsWith(':')),
    );
    const isWatch = url?.includes('watch=1') === true;
    const passed = request(
      {
        agent,
        host: upstream.hostname,
        port: upstream.port,
        method,
        path: url,
        headers: { ...headers, host: upstream.host },
        ...identity,
      },
      (answer) => {
        if (isWatch) watches.add(outgoing);
        answer.once('close', () => watches.delete(outgoing));
        const kept = Object.entries(answer.headers).filter(([name]) => !ofHttp1.test(name));
        outgoing.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept));
        answer.pipe(outgoing);
      },
    );
    passed.on('error', () => outgoing.stream.destroy());
    outgoing.on('close', () => passed.destroy());
    incoming.pipe(passed);
  }

  const own = {
    cert: readFileSync(lab.file('pki/apiserver.crt')),
    key: readFileSync(lab.file('pki/apiserver.key')),
  };
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer(own, (incoming, outgoing) => {
    calls += 1;
    if (refuseEvery > 0 && calls % refuseEvery === 0) {
      refused += 1;
      incoming.resume();
      outgoing
        .writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' })
        .end(overload);
    } else setTimeout(() => forward(incoming, outgoing), delay);
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  config.clusters[0].cluster.server = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    cluster: () => lab.clusterOf(JSON.stringify(config)),
    behave: (how) => {
      [delay, refuseEvery] = [how.delay ?? 0, how.refuseEvery ?? 0];
    },
    cutWatches: () => {
      const open = [...watches];
      for (const outgoing of open) outgoing.stream.destroy();
      return open.length;
    },
    refused: () => refused,
    close: async () => {
      agent.destroy();
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
