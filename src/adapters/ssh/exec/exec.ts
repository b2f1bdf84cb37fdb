// Runs one command on a connection: start, password dialogue, input, output, time limits, end.

import type { ExecRequest, ExecResult } from '../../../engine/ports/transport.ts';
import type { Become } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { failureOf, type RawError } from '../connect/failures.ts';
import { notStarted } from '../connect/refusals.ts';
import { type RemoteCommand, remoteCommand } from './command.ts';
import { createDialogue, type Dialogue } from './dialogue.ts';
import type { Channel, Line } from './line.ts';
import { createOutput, type Output } from './output.ts';

export interface ExecContext {
  readonly line: Line;
  /** For messages. */
  readonly where: string;
  readonly alive: () => boolean;
  /** Absent: run as the login user. */
  readonly become?: Become;
  /** This command ends another one. It is not ended by a third. */
  readonly last?: boolean;
}

/** Characters of the signal name, which is text of the server. */
const longestSignal = 20;

const defaultLimit = 4 * 1024 * 1024;
/**
 * Milliseconds without output after the exit status. Then the channel counts as held open by a
 * background process.
 */
const lingerLimit = 5000;
/** Milliseconds until an interrupted command is reported, even if it still runs on the host. */
const interruptLimit = 1000;

/** Runs the request. All errors become failures. */
export function execOn(context: ExecContext, request: ExecRequest): Promise<Outcome<ExecResult>> {
  const { line, where, become } = context;
  if (request.signal?.aborted === true)
    return Promise.resolve(failed('interrupted', `${where}: stopped before the command was sent`));
  if (become?.password !== undefined && !line.trusted)
    return Promise.resolve(
      failed('host_key', `${where}: no password is sent to a host whose key has changed`, {
        hint: 'correct known_hosts, or turn host key checking on',
      }),
    );
  const command = remoteCommand({
    script: request.script,
    ...present({
      stdin: request.stdin,
      stream: request.input,
      become,
      reportsEnd: line.reportsEnd,
    }),
  });
  const started = Date.now();
  return new Promise((resolve) => {
    openChannel(context, request, command, (opened) => {
      if (!opened.ok) resolve(opened);
      else {
        const left = request.timeout * 1000 - (Date.now() - started);
        new Conversation(
          context,
          request,
          { command, channel: opened.value, left },
          resolve,
        ).begin();
      }
    });
  });
}

/**
 * Opens a channel for the command, within the time limit of the command. It uses a callback: the
 * answer, the output and the exit status may arrive together, and a promise would resolve too late
 * to receive them.
 */
function openChannel(
  context: ExecContext,
  request: ExecRequest,
  command: RemoteCommand,
  then: (opened: Outcome<Channel>) => void,
): void {
  const { line, where, last = false } = context;
  let waiting = true;
  const finish = (result: Outcome<Channel>): void => {
    if (!waiting) {
      // The answer came too late: the command must not run unobserved.
      if (result.ok) result.value.close();
      return;
    }
    waiting = false;
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', abort);
    then(result);
  };
  const fail = (error: RawError): void =>
    finish({ ok: false, failure: sessionFailure(error, context) });
  const abort = (): void =>
    finish(failed('interrupted', `${where}: stopped while the command was sent`));
  const timer = setTimeout(
    () => finish(failed('timeout', lateMessage(where, request))),
    request.timeout * 1000,
  );
  request.signal?.addEventListener('abort', abort, { once: true });
  try {
    line.start(command, { last, wanted: () => waiting }, (error, channel) =>
      error === undefined ? finish(ok(channel)) : fail(error),
    );
  } catch (error) {
    // The library throws if the connection was lost just now.
    fail({ level: 'lost', message: String(error) });
  }
}

const flood = (where: string, begun: boolean): Failure => ({
  kind: 'parse',
  message: `${where}: ${begun ? 'more output came back than any command has (64 MiB)' : 'it sends without end, and no command began'}`,
});

const lateMessage = (where: string, request: ExecRequest): string =>
  `${where}: the command took longer than ${request.timeout} s`;

function sessionFailure(error: RawError, { where, alive, line }: ExecContext): Failure {
  return failureOf(alive() ? error : { level: 'lost', message: error.message }, {
    where,
    phase: 'session',
    ...present({ proxy: line.proxy?.() }),
  });
}

interface Begun {
  readonly command: RemoteCommand;
  readonly channel: Channel;
  /** Milliseconds left for the command. */
  readonly left: number;
}

interface Exit {
  readonly code: number | null;
  readonly signal?: string;
}

type Resolve = (result: Outcome<ExecResult>) => void;

/**
 * A command on its channel, from the dialogue before its first line to its end. It resolves once.
 */
class Conversation {
  readonly #context: ExecContext;
  readonly #request: ExecRequest;
  readonly #command: RemoteCommand;
  readonly #channel: Channel;
  readonly #resolve: Resolve;
  readonly #out: Output;
  readonly #err: Output;
  readonly #clock: NodeJS.Timeout;
  readonly #dialogue: Dialogue;
  #begun = false;
  #over = false;
  #exit: Exit | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(
    context: ExecContext,
    request: ExecRequest,
    { command, channel, left }: Begun,
    resolve: Resolve,
  ) {
    const { where, become } = context;
    this.#context = context;
    this.#request = request;
    this.#command = command;
    this.#channel = channel;
    this.#resolve = resolve;
    const base = {
      mark: command.ready.whole,
      limit: request.maxOutput ?? defaultLimit,
      terminal: command.terminal,
    };
    this.#out = createOutput({ ...base, ...present({ onLine: request.onLine }) });
    this.#err = createOutput(base);
    this.#clock = setTimeout(
      () => this.#giveUp({ kind: 'timeout', message: lateMessage(where, request) }),
      left,
    );
    this.#dialogue = createDialogue({
      command,
      become,
      timeout: left / 1000,
      where,
      output: () => this.#outputBefore(),
      send: (text) => void channel.write(text),
      fail: (failure) => this.#giveUp(failure),
    });
  }

  begin(): void {
    this.#request.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#channel.on('data', (chunk: Buffer) => this.#take(this.#out, chunk));
    this.#channel.stderr.on('data', (chunk: Buffer) => this.#take(this.#err, chunk));
    this.#channel.on('exit', (code: number | null, signal?: string) => {
      this.#exit = {
        code,
        ...(signal === undefined ? {} : { signal: signal.slice(0, longestSignal) }),
      };
      if (!this.#over) this.#awaitClose();
    });
    this.#channel.on('error', () => undefined);
    this.#channel.on('close', () => this.#ended());
    if (this.#command.atOnce) this.#sendInput();
  }

  #take(output: Output, chunk: Buffer): void {
    if (this.#over) return;
    output.feed(chunk);
    if (output.flooded()) return this.#giveUp(flood(this.#context.where, this.#begun));
    if (!this.#begun && this.#out.started()) this.#started();
    if (!this.#begun) this.#dialogue.read(output.before);
    if (this.#exit !== undefined) this.#awaitClose();
  }

  #started(): void {
    this.#begun = true;
    this.#dialogue.close();
    if (!this.#command.atOnce) this.#sendInput();
  }

  #sendInput(): void {
    const { input, stream, terminal } = this.#command;
    const channel = this.#channel;
    if (stream !== undefined) {
      if (input !== undefined) channel.write(input);
      void pour(stream(), channel, () => this.#over).then((why) => {
        if (why === undefined) return terminal ? undefined : channel.end();
        this.#giveUp({
          kind: 'exit',
          message: `what should be sent to ${this.#context.where} cannot be read: ${why}`,
        });
      });
    } else if (input !== undefined) {
      // A terminal has no end of input; the encoded input contains its own.
      if (terminal) channel.write(input);
      else channel.end(input);
    }
  }

  /** Closes the conversation: no later event changes the result. False: it is closed already. */
  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#dialogue.close();
    clearTimeout(this.#clock);
    clearTimeout(this.#linger);
    this.#request.signal?.removeEventListener('abort', this.#abort);
    return true;
  }

  readonly #abort = (): void =>
    this.#giveUp({
      kind: 'interrupted',
      message: `${this.#context.where}: the command was stopped`,
    });

  #giveUp(failure: Failure): void {
    if (!this.#close()) return;
    const answer = (note: string): void =>
      this.#resolve({ ok: false, failure: note === '' ? failure : { ...failure, detail: note } });
    void endRemote(this.#context, this.#channel, this.#begun ? Number(this.#out.tail()) : 0).then(
      answer,
    );
    // An operator who stops a run must not wait for a program that ignores signals. The host
    // continues to end it.
    if (failure.kind === 'interrupted')
      setTimeout(() => answer('it may still be running there'), interruptLimit).unref();
  }

  /** The channel should close now. Each further output restarts the time limit. */
  #awaitClose(): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => {
      this.#channel.close();
      this.#ended();
    }, lingerLimit);
  }

  #ended(): void {
    if (!this.#close()) return;
    this.#out.end();
    this.#resolve(this.#result());
  }

  #result(): Outcome<ExecResult> {
    const { where, become, alive } = this.#context;
    const exit = this.#exit;
    if (this.#begun && exit !== undefined) return ok(resultOf(exit, this.#out, this.#err));
    if (!alive())
      return { ok: false, failure: sessionFailure({ message: 'closed' }, this.#context) };
    if (this.#begun)
      return failed('unreachable', `${where}: the command ended without an exit status`, {
        transport: true,
      });
    const output = withoutMarks(this.#outputBefore()).slice(-4000);
    const failure = this.#context.line.explain?.(output);
    if (failure !== undefined) return { ok: false, failure };
    const ending = { where, code: exit?.code ?? null, output, answered: this.#dialogue.answered() };
    return { ok: false, failure: notStarted({ ...ending, ...present({ become }) }) };
  }

  /** All output before the command's first line. */
  #outputBefore(): string {
    return `${this.#out.before()}${this.#err.before()}`;
  }
}

/** Sends all chunks, each when the channel has room. Returns the error of the source, if any. */
async function pour(
  chunks: AsyncIterable<Uint8Array>,
  channel: Channel,
  isOver: () => boolean,
): Promise<string | undefined> {
  try {
    for await (const chunk of chunks) {
      if (isOver()) return undefined;
      if (channel.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          channel.off('drain', go).off('close', go);
          resolve();
        };
        channel.on('drain', go).on('close', go);
      });
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Ends the command on the host: first by a signal over the channel (OpenSSH ignores it for root),
 * then by a second channel to its process group, as the same user. Returns a note if that failed.
 */
async function endRemote(context: ExecContext, channel: Channel, pid: number): Promise<string> {
  if (!context.alive()) return '';
  try {
    channel.signal('TERM');
  } catch {
    // The channel closed meanwhile: nothing is left to end.
  }
  const killed =
    pid > 0 && context.last !== true
      ? await execOn({ ...context, last: true }, killing(pid, context.become !== undefined))
      : undefined;
  channel.close();
  return killed === undefined || (killed.ok && killed.value.code === 0)
    ? ''
    : `it may still be running there (process ${pid})`;
}

/** The process id cannot have been reused: the channel has not reported its end. */
const killing = (pid: number, become: boolean): ExecRequest => ({
  script: [
    `read -r _ _ _ _ group _ </proc/${pid}/stat || exit 0`,
    'kill -TERM -"$group" || exit 0',
    'for seconds in 0.1 0.4 1 1 1; do sleep "$seconds" 2>/dev/null || sleep 1; kill -0 -"$group" || exit 0; done',
    'kill -KILL -"$group"',
  ].join('\n'),
  become,
  timeout: 10,
});

/** Removes our marks and prompts, which mean nothing to a reader. */
const withoutMarks = (text: string): string =>
  text.replace(/kmend-[0-9a-f]{12}-[0-9a-f]{12}\n?/g, '');

function resultOf(exit: Exit, out: Output, err: Output): ExecResult {
  return {
    code: exit.code,
    ...present({ signal: exit.signal }),
    stdout: out.text(),
    // A script killed early may have printed its mark on stdout only.
    stderr: err.started() ? err.text() : '',
    truncated: out.truncated() || err.truncated(),
  };
}
