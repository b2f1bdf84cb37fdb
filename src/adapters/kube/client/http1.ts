// HTTP/1.1: one call at a time on each connection, which is kept for the next call.
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as plainRequest,
} from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Identity } from '../auth/credentials.ts';
import type { WireReply, WireRequest } from './wire.ts';

type Dial = (identity: Identity) => Promise<Socket>;
type Connected = (error: Error | null, socket?: Socket) => void;

export interface Http1 {
  readonly send: (request: WireRequest) => Promise<WireReply>;
  readonly close: () => void;
}

const replyOf = (response: IncomingMessage): WireReply => ({
  status: response.statusCode ?? 0,
  headers: response.headers,
  body: response,
  isIncomplete: () => !response.complete,
});

/** A connection that is already open, and its identity. */
export interface First {
  readonly socket: Socket;
  readonly identity: Identity;
}

export function createHttp1(server: URL, dial: Dial, first?: First): Http1 {
  const plain = server.protocol === 'http:';
  let spare = first;
  // Node calls this for each new connection. `cert` and `key` separate the connections of two
  // identities.
  const createConnection = (
    options: { readonly cert?: string; readonly key?: string },
    connected: Connected,
  ): undefined => {
    const { cert, key } = options;
    const given =
      spare?.socket.writable === true && spare.identity.certificate === cert
        ? spare.socket
        : undefined;
    if (given !== undefined) spare = undefined;
    const identity: Identity = {
      headers: {},
      secrets: [],
      ...(cert === undefined || key === undefined ? {} : { certificate: cert, key }),
    };
    (given === undefined ? dial(identity) : Promise.resolve(given)).then(
      (socket) => connected(null, socket),
      (error: Error) => connected(error),
    );
    return undefined;
  };
  const agent = Object.assign(
    plain ? new Agent({ keepAlive: true }) : new TlsAgent({ keepAlive: true }),
    { createConnection },
  );

  return {
    send: ({ method, path, headers, data, identity, signal }) =>
      new Promise((resolve, reject) => {
        const sending: ClientRequest = (plain ? plainRequest : tlsRequest)({
          agent,
          host: server.hostname.replace(/^\[|\]$/g, ''),
          port: server.port || (plain ? 80 : 443),
          method,
          path,
          headers: headers as Record<string, string>,
          ...(plain || identity.certificate === undefined
            ? {}
            : { cert: identity.certificate, key: identity.key }),
          signal,
        });
        sending.on('response', (response) => resolve(replyOf(response)));
        sending.on('error', (error) =>
          reject(Object.assign(error, { reused: sending.reusedSocket })),
        );
        sending.end(data);
      }),
    close: () => {
      spare?.socket.destroy();
      agent.destroy();
    },
  };
}
