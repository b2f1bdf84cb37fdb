// A request and its reply, independent of the version of HTTP.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Identity } from '../auth/credentials.ts';

export interface WireRequest {
  readonly method: string;
  /** Complete path with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly data: string | undefined;
  readonly identity: Identity;
  readonly signal: AbortSignal;
}

export interface WireReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Check it after the body has ended. True: the body is incomplete. */
  readonly isIncomplete: () => boolean;
}

export interface Wire {
  /**
   * Resolves with status and headers. Rejects with the error of the network; its field `reused`
   * says that the connection had carried earlier calls.
   */
  readonly send: (request: WireRequest) => Promise<WireReply>;
  /** Number of connections opened so far. */
  readonly opened: () => number;
  readonly close: () => void;
}
