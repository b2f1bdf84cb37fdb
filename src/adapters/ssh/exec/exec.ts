// One command on a logged-in connection: start, password dialogue, input, output, clocks, end.

import type { ClientChannel, ExecOptions } from 'ssh2';
import type { ExecRequest, ExecResult } from '../../../engine/ports/transport.ts';
import type { Become } from '../../../model/host.ts';
import { present } from '../../../model/present.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { failureOf, type RawError } from '../connect/failures.ts';
import type { Session } from '../connect/handshake.ts';
import { notStarted } from '../connect/refusals.ts';
import { type RemoteCommand, remoteCommand } from './command.ts';
import { createDialogue } from './dialogue.ts';
import { createOutput, type Output } from './output.ts';

export interface ExecContext {
  readonly session: Session;
  /** For messages. */
  readonly where: string;
  readonly alive: () => boolean;
  /** Absent = as the login user. */
  readonly become?: Become;
  /** This is itself the command that ends another: it is not ended by a third. */
  readonly last?: boolean;
}

/** Characters of a signal's name, which is the server's own text. */
const longestSignal = 20;

const defaultLimit = 4 * 1024 * 1024;
/** Milliseconds without output after the exit status until a channel counts as held open by something the script left behind. */
const lingerLimit = 5000;
/** Milliseconds that an interrupted command has to end on its host before its end is reported. */
const interruptLimit = 1000;

/** Runs the request. What goes wrong on the way is a failure, never an error. */
export function execOn(context: ExecContext, request: ExecRequest): Promise<Outcome<ExecResult>> {
  const { session, where, become } = context;
  if (request.signal?.aborted === true) return Promise.resolve(failed('interrupted', `${where}: stopped before the command was sent`));
  if (become?.password !== undefined && !session.trusted)
    return Promise.resolve(
      failed('host_key', `${where}: no password is sent to a host whose key has changed`, {
        hint: 'mend known_hosts, or turn host key checking on',
      }),
    );
  const command = remoteCommand({
    script: request.script,
    ...present({ stdin: request.stdin, stream: request.input, become }),
  });
  const started = Date.now();
  return new Promise((resolve) => {
    openChannel(context, request, command, (opened) => {
      if (!opened.ok) resolve(opened);
      else converse(context, request, command, opened.value, request.timeout * 1000 - (Date.now() - started), resolve);
    });
  });
}

/**
 * Asks for the command; a server that does not answer is held by the same clock as the command itself. A callback, not a promise: the
 * answer, the output and the exit status may come in one piece, and who listens a turn later misses them.
 */
function openChannel(
  context: ExecContext,
  request: ExecRequest,
  command: RemoteCommand,
  then: (opened: Outcome<ClientChannel>) => void,
): void {
  const { session, where } = context;
  let waiting = true;
  const settle = (result: Outcome<ClientChannel>): void => {
    if (!waiting) {
      // Who comes late finds nobody: the command must not run on unwatched.
      if (result.ok) result.value.close();
      return;
    }
    waiting = false;
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', abort);
    then(result);
  };
  const wrong = (error: RawError): void => settle({ ok: false, failure: sessionFailure(error, context) });
  const abort = (): void => settle(failed('interrupted', `${where}: stopped while the command was sent`));
  const timer = setTimeout(() => settle(failed('timeout', lateMessage(where, request))), request.timeout * 1000);
  request.signal?.addEventListener('abort', abort, { once: true });
  try {
    session.client.exec(command.line, (command.terminal ? { pty: terminal } : {}) as ExecOptions, (error, channel) =>
      error === undefined ? settle(ok(channel)) : wrong(error),
    );
  } catch (error) {
    // The library throws when the connection has just been lost.
    wrong({ level: 'lost', message: String(error) });
  }
}

const flood = (where: string, begun: boolean): Failure => ({
  kind: 'parse',
  message: `${where}: ${begun ? 'more output came back than any command has (64 MiB)' : 'it sends without end, and no command began'}`,
});

const lateMessage = (where: string, request: ExecRequest): string => `${where}: the command took longer than ${request.timeout} s`;

/** No echo and no changes on the way out: numbers of RFC 4254, section 8. Wide, so that nothing wraps. */
const terminal = { term: 'dumb', rows: 24, cols: 4096, width: 0, height: 0, modes: { ECHO: 0, ECHONL: 0, OPOST: 0, ONLCR: 0, ICRNL: 1 } };

function sessionFailure(error: RawError, { where, alive }: ExecContext): Failure {
  return failureOf(alive() ? error : { level: 'lost', message: error.message }, { where, phase: 'session' });
}

interface Exit {
  readonly code: number | null;
  readonly signal?: string;
}

function converse(
  context: ExecContext,
  request: ExecRequest,
  command: RemoteCommand,
  channel: ClientChannel,
  left: number,
  resolve: (result: Outcome<ExecResult>) => void,
): void {
  const { where, become } = context;
  const base = { mark: command.ready.whole, limit: request.maxOutput ?? defaultLimit, terminal: command.terminal };
  const out = createOutput({ ...base, ...present({ onLine: request.onLine }) });
  const err = createOutput(base);
  const said = (): string => `${out.before()}${err.before()}`;
  let begun = false;
  let over = false;
  let exit: Exit | undefined;
  let linger: NodeJS.Timeout | undefined;

  /** From here on nothing else decides about the result. */
  const close = (): boolean => {
    if (over) return false;
    over = true;
    dialogue.close();
    clearTimeout(clock);
    clearTimeout(linger);
    request.signal?.removeEventListener('abort', abort);
    return true;
  };
  const giveUp = (failure: Failure): void => {
    if (!close()) return;
    const answer = (note: string): void => resolve({ ok: false, failure: note === '' ? failure : { ...failure, detail: note } });
    void endRemote(context, channel, begun ? Number(out.tail()) : 0).then(answer);
    // Who stops a run now does not wait for a program that does not heed a signal; the host goes on ending it.
    if (failure.kind === 'interrupted') setTimeout(() => answer('it may still be running there'), interruptLimit).unref();
  };
  const abort = (): void => giveUp({ kind: 'interrupted', message: `${where}: the command was stopped` });
  const clock = setTimeout(() => giveUp({ kind: 'timeout', message: lateMessage(where, request) }), left);
  const send = (text: string): void => {
    channel.write(text);
  };
  const dialogue = createDialogue({ command, become, timeout: left / 1000, where, said, send, fail: giveUp });
  request.signal?.addEventListener('abort', abort, { once: true });

  const begin = (): void => {
    begun = true;
    dialogue.close();
    if (!command.atOnce) sendInput();
  };
  const sendInput = (): void => {
    const { input, stream } = command;
    if (stream !== undefined) {
      if (input !== undefined) channel.write(input);
      void pour(stream(), channel, () => over).then((why) => {
        if (why === undefined) return command.terminal ? undefined : channel.end();
        giveUp({ kind: 'exit', message: `what should be sent to ${where} cannot be read: ${why}` });
      });
    } else if (input !== undefined) {
      // A terminal knows no end of input: there the coded input carries its own.
      if (command.terminal) channel.write(input);
      else channel.end(input);
    }
  };
  const take = (output: Output) => (chunk: Buffer) => {
    if (over) return;
    output.feed(chunk);
    if (output.flooded()) return giveUp(flood(where, begun));
    if (!begun && out.started()) begin();
    if (!begun) dialogue.hear(output.before);
    if (exit !== undefined) wait();
  };
  const wait = (): void => {
    clearTimeout(linger);
    linger = setTimeout(() => {
      channel.close();
      ended();
    }, lingerLimit);
  };
  const ended = (): void => {
    if (!close()) return;
    out.end();
    resolve(endOf());
  };
  const endOf = (): Outcome<ExecResult> => {
    if (begun && exit !== undefined) return ok(resultOf(exit, out, err));
    if (!context.alive()) return { ok: false, failure: sessionFailure({ message: 'closed' }, context) };
    if (begun) return failed('unreachable', `${where}: the command ended without an exit status`, { transport: true });
    const ending = { where, code: exit?.code ?? null, said: withoutMarks(said()).slice(-4000), answered: dialogue.answered() };
    return { ok: false, failure: notStarted({ ...ending, ...present({ become }) }) };
  };
  channel.on('data', take(out));
  channel.stderr.on('data', take(err));
  channel.on('exit', (code: number | null, signal?: string) => {
    exit = { code, ...(signal === undefined ? {} : { signal: signal.slice(0, longestSignal) }) };
    if (!over) wait();
  });
  channel.on('error', () => undefined);
  channel.on('close', ended);
  if (command.atOnce) sendInput();
}

/** Sends all chunks, none before there is room for it; an error of the source comes back in words. */
async function pour(chunks: AsyncIterable<Uint8Array>, channel: ClientChannel, isOver: () => boolean): Promise<string | undefined> {
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
 * Ends what runs on the host: a signal over the channel (which OpenSSH ignores for root), then from a second channel to the script's
 * process group, by the same user as it has. Gives a note when that could not be done.
 */
async function endRemote(context: ExecContext, channel: ClientChannel, pid: number): Promise<string> {
  if (!context.alive()) return '';
  try {
    channel.signal('TERM');
  } catch {
    // Closed in between: nothing left to end.
  }
  const killed =
    pid > 0 && context.last !== true ? await execOn({ ...context, last: true }, killing(pid, context.become !== undefined)) : undefined;
  channel.close();
  return killed === undefined || (killed.ok && killed.value.code === 0) ? '' : `it may still be running there (process ${pid})`;
}

/** The process cannot have been replaced by another of the same number: its channel has not reported its end. */
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

/** Our own marks and prompts mean nothing to a reader. */
const withoutMarks = (text: string): string => text.replace(/kmend-[0-9a-f]{12}-[0-9a-f]{12}\n?/g, '');

function resultOf(exit: Exit, out: Output, err: Output): ExecResult {
  return {
    code: exit.code,
    ...present({ signal: exit.signal }),
    stdout: out.text(),
    // A script killed before its first line may have announced itself on stdout only.
    stderr: err.started() ? err.text() : '',
    truncated: out.truncated() || err.truncated(),
  };
}
