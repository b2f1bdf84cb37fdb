// The way to a host through a `ProxyCommand`: its stdin and stdout are the connection.
import { Duplex } from 'node:stream';
import { oneLine } from '../../../model/text/printable.ts';
import { type Child, endGroup, startGroup } from './child-group.ts';

/** What is known about a command when a connection fails. */
export interface ProxyReport {
  /** `ended with 255`, `ended by SIGKILL`. Absent: it still runs. */
  readonly ended?: string;
  /** It cannot be run at all, so that a later attempt would fail too. */
  readonly hopeless: boolean;
  /** The end of its stderr. */
  readonly errors: string;
}

/** Characters of stderr that are kept, and bytes after which the command is given up. */
const limits = { kept: 2000, all: 64 * 1024 * 1024 };

/** Milliseconds: between the end of the output and the exit; until a silent host is not waited for. */
const grace = { exit: 1000, answer: 1000 };

/** Statuses of a shell: the program cannot be run, the program was not found. */
const unusable = new Set([126, 127]);

/** Starts the command by the user's shell, as OpenSSH does. */
export function openProxy(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): ProxyStream {
  const { SHELL = '' } = env;
  return new ProxyStream(
    startGroup(SHELL === '' ? '/bin/sh' : SHELL, ['-c', `exec ${command}`], env),
  );
}

export class ProxyStream extends Duplex {
  readonly #child: Child;
  #errors = '';
  #errorBytes = 0;
  #ended: string | undefined;
  #hopeless = false;
  /** Resolved when the first byte or the end has come, or after a second. */
  readonly answered: Promise<void>;

  constructor(child: Child) {
    super({ allowHalfOpen: false });
    this.#child = child;
    // Until the library adds its own listener, an error must not end the process.
    this.on('error', () => undefined);
    this.answered = new Promise((resolve) => {
      const timer = setTimeout(resolve, grace.answer);
      const stop = (): void => {
        clearTimeout(timer);
        resolve();
      };
      child.stdout.once('data', stop).once('end', stop);
      child.once('error', stop);
      this.once('close', stop);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on('data', (chunk: Buffer) => this.#hear(chunk));
    child.once('exit', (code, signal) => {
      this.#ended = signal === null ? `ended with ${code}` : `ended by ${signal}`;
      this.#hopeless = unusable.has(code ?? 0);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      this.#ended = `cannot be started (${error.code ?? error.message})`;
      this.#finish();
    });
    // The status and the last words explain a failure, so the end is not reported before them.
    child.stdout.once('end', () => setTimeout(() => this.#close(), grace.exit).unref());
    child.once('close', () => this.#finish());
  }

  report(): ProxyReport {
    return {
      ...(this.#ended === undefined ? {} : { ended: this.#ended }),
      hopeless: this.#hopeless,
      errors: this.#errors,
    };
  }

  #hear(chunk: Buffer): void {
    this.#errors = (this.#errors + chunk.toString('utf8')).slice(-limits.kept);
    this.#errorBytes += chunk.length;
    if (this.#errorBytes <= limits.all || this.destroyed) return;
    this.#ended = 'writes to stderr without end';
    this.#finish();
  }

  /** It runs on without an output. */
  #close(): void {
    this.#ended ??= 'closed its output';
    this.#finish();
  }

  #finish(): void {
    if (!this.destroyed && !this.readableEnded) this.push(null);
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  /** A command that takes no more input has ended, or will: its exit says more than the error. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { stdin, stdout, stderr } = this.#child;
    endGroup(this.#child);
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
    done(error);
  }
}

/** What the command of a stream says, if the stream is one of a command. */
export const proxyReport = (stream: Duplex): ProxyReport | undefined =>
  stream instanceof ProxyStream ? stream.report() : undefined;

/** `the proxy command ended with 255: no token: run login first`. */
export function proxyMessage({ ended, errors }: ProxyReport): string {
  const last = errors.trim().split('\n').at(-1) ?? '';
  return `the proxy command ${ended ?? 'does not answer'}${last === '' ? '' : `: ${oneLine(last, 300)}`}`;
}
