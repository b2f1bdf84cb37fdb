// A request and its answer as they travel, whichever version of HTTP carries them.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Identity } from '../auth/credentials.ts';

export interface WireRequest {
  readonly method: string;
  /** Whole, with its query. */
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
  /** Once the body has ended: it did so before it was whole. */
  readonly isCut: () => boolean;
}

export interface Wire {
  /**
   * Resolves with the first words of the answer. Rejects with the error of the network; `reused` on
   * it says that the connection had served others before.
   */
  readonly send: (request: WireRequest) => Promise<WireReply>;
  /** Connections opened so far. */
  readonly opened: () => number;
  readonly close: () => void;
}
