// A command over a master: a process of ssh, whose stdin, stdout and stderr are those of the command.
import { EventEmitter } from 'node:events';
import type { Mark, RemoteCommand } from '../exec/command.ts';
import type { Channel } from '../exec/line.ts';
import { type Child, endGroup, forgetGroup } from '../program/child-group.ts';

/** Status of ssh itself; also of a command that ended with it, and of one that a signal ended. */
const ownStatus = 255;

export interface ChannelOptions {
  readonly command: RemoteCommand;
  /** Waits until it is known whether the master lives. */
  readonly settled: () => Promise<void>;
}

export class ProgramChannel extends EventEmitter implements Channel {
  readonly stderr = new EventEmitter();
  readonly #child: Child;

  constructor(child: Child, { command, settled }: ChannelOptions) {
    super();
    this.#child = child;
    const ending = createEnding(command.end);
    let reported = false;
    const feed = (to: EventEmitter, chunk: Buffer): void => {
      const rest = ending.feed(chunk);
      if (rest.length > 0) to.emit('data', rest);
      const status = ending.status();
      if (status === undefined || reported) return;
      reported = true;
      this.emit('exit', status);
    };
    const marked = command.terminal ? this : this.stderr;
    child.stdout.on('data', (chunk: Buffer) =>
      marked === this ? feed(this, chunk) : this.emit('data', chunk),
    );
    child.stderr.on('data', (chunk: Buffer) =>
      marked === this ? this.stderr.emit('data', chunk) : feed(this.stderr, chunk),
    );
    child.stdin.on('drain', () => this.emit('drain'));
    child.once('error', ({ message }) =>
      this.stderr.emit('data', Buffer.from(`ssh cannot be started: ${message}\n`)),
    );
    child.once('close', (code) => {
      forgetGroup(child);
      const held = ending.rest();
      if (held.length > 0) marked.emit('data', held);
      if (!reported && code !== null && code !== ownStatus) this.emit('exit', code);
      void (reported ? Promise.resolve() : settled()).then(() => this.emit('close'));
    });
  }

  write(chunk: Uint8Array | string): boolean {
    return this.#child.stdin.write(chunk);
  }

  end(chunk?: Uint8Array): void {
    this.#child.stdin.end(chunk);
  }

  close(): void {
    endGroup(this.#child);
  }

  /** The protocol of a control socket has no signals. */
  signal(): void {}
}

/** Bytes of the status behind the mark. */
const longestStatus = 16;

/** Takes the line with the exit status out of a stream. */
export function createEnding(end: Mark | undefined): {
  readonly feed: (chunk: Buffer) => Buffer;
  /** Bytes that could have begun the line. */
  readonly rest: () => Buffer;
  readonly status: () => number | undefined;
} {
  const mark = Buffer.from(end?.whole ?? '');
  let held: Buffer = Buffer.alloc(0);
  let status: number | undefined;
  const keep = (all: Buffer, from: number): Buffer => {
    held = all.subarray(from);
    return all.subarray(0, from);
  };
  return {
    rest: () => held,
    status: () => status,
    feed: (chunk) => {
      if (mark.length === 0 || status !== undefined) return chunk;
      const all = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const at = all.indexOf(mark);
      if (at < 0) return keep(all, all.length - overlap(all, mark));
      const stop = all.indexOf('\n', at);
      if (stop < 0 && all.length - at < mark.length + longestStatus) return keep(all, at);
      const text = all.toString('latin1', at + mark.length, stop < 0 ? all.length : stop);
      held = Buffer.alloc(0);
      if (!/^ \d{1,3}\r?$/.test(text)) return all;
      status = Number(text);
      return Buffer.concat([all.subarray(0, at), all.subarray(stop + 1)]);
    },
  };
}

/** Bytes at the end that may be the beginning of the mark. */
function overlap(all: Buffer, mark: Buffer): number {
  for (let size = Math.min(mark.length - 1, all.length); size > 0; size--)
    if (all.subarray(-size).equals(mark.subarray(0, size))) return size;
  return 0;
}
