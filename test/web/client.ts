// A client that sends what a browser, a program or an attacker would send.
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { createGunzip } from 'node:zlib';

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  /** `Host` is that of the server where it is not given. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const open = (port: number, path: string, { method, headers, body }: Sent) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { ...headers },
      },
      resolve,
    );
    sent.on('error', reject);
    sent.end(body);
  });

export async function send(port: number, path: string, sent: Sent = {}): Promise<Received> {
  const response = await open(port, path, sent);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString('utf8'),
  };
}

export interface SentEvent {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is its own business
  readonly data: any;
}

export interface EventStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly events: readonly SentEvent[];
  /** Comments that keep it open. */
  readonly beats: () => number;
  /** Resolves when the server has ended it. */
  readonly ended: Promise<void>;
  readonly close: () => void;
  /** Takes nothing from now on, as a reader that is too slow. */
  readonly stall: () => void;
}

/** A stream of events, as EventSource reads it. */
export async function listen(port: number, path: string, sent: Sent = {}): Promise<EventStream> {
  const response = await open(port, path, sent);
  const isPacked = response.headers['content-encoding'] === 'gzip';
  const body = isPacked ? response.pipe(createGunzip()) : response;
  const events: SentEvent[] = [];
  let beats = 0;
  let rest = '';
  const take = (message: string): void => {
    const fields = new Map(
      message.split('\n').map((line) => {
        const at = line.indexOf(':');
        return [line.slice(0, at), line.slice(at + 1).trim()] as const;
      }),
    );
    const data = fields.get('data');
    if (data === undefined) beats += 1;
    else
      events.push({
        event: fields.get('event') ?? '',
        id: fields.get('id') ?? '',
        data: JSON.parse(data),
      });
  };
  body.setEncoding('utf8');
  body.on('data', (chunk: string) => {
    const messages = `${rest}${chunk}`.split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) take(message);
  });
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) body.on(event, () => resolve());
    // What was packed comes later than the end of the response, unless that was cut off.
    for (const event of ['aborted', 'error']) response.on(event, () => resolve());
  });
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    beats: () => beats,
    ended,
    close: () => response.destroy(),
    stall: () => {
      response.unpipe();
      response.pause();
      body.pause();
    },
  };
}
