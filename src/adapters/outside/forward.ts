// Forwards entries of a journal to a log that root of this machine does not control. The queue is
// bounded and never delays a run.
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Forwarder } from '../../engine/ports/outside.ts';
import type { ForwardTarget } from '../../model/forward-target.ts';
import type { Event } from '../../model/run/event.ts';
import { longestMessage, openTarget } from './forward-target.ts';

/** Messages that wait at most: 16 MB. */
const mostWaiting = 2_000;

export interface Times {
  /** Milliseconds before another try. */
  readonly pause: number;
  /** Milliseconds for the rest of the queue when the run is over. */
  readonly close: number;
}

/** @param warn called once when an outage begins, however long it lasts */
export function createForwarder(
  target: ForwardTarget,
  warn: (text: string) => void,
  times: Times = { pause: 5_000, close: 1_500 },
  open: () => Promise<Writable> = () => openTarget(target),
): Forwarder {
  return new Queue(messagesFor(target), open, warn, times);
}

/** The messages that wait, and the stream that takes them. */
class Queue implements Forwarder {
  readonly #message: (event: Event, line: string) => string;
  readonly #open: () => Promise<Writable>;
  readonly #warn: (text: string) => void;
  readonly #times: Times;
  readonly #closing = new AbortController();
  readonly #waiting: string[] = [];
  #stream: Writable | undefined;
  #work: Promise<void> | undefined;
  #dropped = 0;
  /** Why the last message was not sent. */
  #failure: string | undefined;

  constructor(
    message: (event: Event, line: string) => string,
    open: () => Promise<Writable>,
    warn: (text: string) => void,
    times: Times,
  ) {
    this.#message = message;
    this.#open = open;
    this.#warn = warn;
    this.#times = times;
  }

  readonly send = (event: Event, line: string): void => {
    if (this.#waiting.length >= mostWaiting) this.#dropped += 1;
    else this.#waiting.push(this.#message(event, line));
    this.#work ??= this.#deliver().finally(() => {
      this.#work = undefined;
    });
  };

  async #deliver(): Promise<void> {
    const { signal } = this.#closing;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const isLastTry = signal.aborted;
      try {
        this.#stream ??= this.#watched(await this.#open());
        await written(this.#stream, next);
        this.#waiting.shift();
        this.#failure = undefined;
      } catch (error) {
        this.#fail(error);
        if (isLastTry) return;
        await sleep(this.#times.pause, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** A stream may break between two writes; then the next message opens another. */
  #watched(stream: Writable): Writable {
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#fail(error);
    });
    stream.once('close', () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    return stream;
  }

  #fail(error: unknown): void {
    this.#stream?.destroy();
    this.#stream = undefined;
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error.message : String(error);
    this.#warn(this.#failure);
  }

  readonly close = async (): Promise<string | undefined> => {
    this.#closing.abort();
    const timer = new AbortController();
    const limit = sleep(this.#times.close, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([this.#work, limit]);
    const stream = this.#stream;
    if (stream !== undefined) await Promise.race([ended(stream), limit]);
    timer.abort();
    stream?.destroy();
    const left = this.#waiting.length + this.#dropped;
    return left > 0 ? `${left} of its entries did not leave this machine` : this.#failure;
  };
}

/** Resolves when all was written, or that failed. */
const ended = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    for (const event of ['finish', 'error', 'close']) stream.once(event, () => resolve());
    stream.end();
  });

const written = (stream: Writable, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });

/**
 * The bytes of one message. RFC 5424 with facility authpriv and severity info; over a stream its
 * length goes before it (RFC 6587).
 */
function messagesFor({ kind }: ForwardTarget): (event: Event, line: string) => string {
  const syslog = (event: Event, line: string): string =>
    `<86>1 ${new Date(event.at).toISOString()} ${hostname()} kmend ${process.pid} ${event.type} - ${entryText(event, line)}`;
  if (kind === 'udp') return syslog;
  if (kind === 'syslog' || kind === 'journald')
    return (event, line) => `${entryText(event, line)}\n`;
  return (event, line) => {
    const message = syslog(event, line);
    return `${message.length} ${message}`;
  };
}

/** Bytes before the entry: `<86>1 ...`, its run, its number and its digest. */
const headRoom = 400;

/**
 * One line of ASCII, so that it holds no control sequence and its length is its size. Of an entry
 * that is too long only the digest is sent.
 */
function entryText({ run, seq, type }: Event, line: string): string {
  const sha256 = createHash('sha256').update(line).digest('hex');
  const ascii = line.replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const entry =
    ascii.length + headRoom <= longestMessage ? ascii : `type=${type} length=${line.length}`;
  return `run=${run} seq=${seq} sha256=${sha256} ${entry}`;
}
