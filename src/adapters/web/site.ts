// What a site is made of: its routes and their answers, apart from HTTP and its dangers.

/** Who reads the site. */
export interface Reader {
  /** As the journal names them. */
  readonly who: string;
  /** May give commands. */
  readonly control: boolean;
}

export interface Asked {
  readonly reader: Reader;
  /** Groups of the route's path, decoded. */
  readonly parts: readonly string[];
  /** JSON of a POST. */
  readonly body: unknown;
  readonly accept: string;
}

/** One stream of server-sent events. */
export interface Channel {
  /** False while the reader has not taken what was sent before: then send nothing. */
  readonly ready: () => boolean;
  readonly send: (event: string, data: string, id?: number) => void;
  readonly end: () => void;
}

export type Answer =
  | {
      readonly kind: 'text';
      readonly status?: number;
      readonly type: string;
      readonly text: string;
    }
  /** `open` begins to send, and returns how to stop. */
  | { readonly kind: 'stream'; readonly open: (channel: Channel) => () => void };

/** A POST is a command: only readers that may give commands reach it, by a page of this server. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly answer: (asked: Asked) => Promise<Answer>;
}

export const plainText = (status: number, text: string): Answer => ({
  kind: 'text',
  status,
  type: 'text/plain; charset=utf-8',
  text: `${text}\n`,
});

export const json = (value: unknown, status = 200): Answer => ({
  kind: 'text',
  status,
  type: 'application/json; charset=utf-8',
  text: JSON.stringify(value),
});
