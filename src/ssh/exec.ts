// One command on a logged-in connection: start, password dialogue, input, output, clocks, end.
import type { ClientChannel, ExecOptions } from 'ssh2';
import type { ExecRequest, ExecResult } from '../engine/ports.ts';
import { type Failure, failed, type Outcome, ok } from '../model/failure.ts';
import type { Become } from '../model/host.ts';
import { type RemoteCommand, remoteCommand } from './command.ts';
import { failureOf, type RawError } from './failures.ts';
import type { Session } from './handshake.ts';
import { createOutput, type Output } from './output.ts';
import { notStarted } from './refusals.ts';

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

const defaultLimit = 4 * 1024 * 1024;
/** Seconds in which sudo and the like must have asked or begun: a question in a form that we do not know must not cost the whole timeout. */
const dialogueLimit = 60;
/** Milliseconds without output after the exit status until a channel counts as held open by something the script left behind. */
const lingerLimit = 5000;

/** Runs the request; never throws. */
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
    ...(request.stdin === undefined ? {} : { stdin: request.stdin }),
    ...(become === undefined ? {} : { become }),
  });
  return new Promise((resolve) => {
    const wrong = (error: RawError): void => resolve({ ok: false, failure: sessionFailure(error, context) });
    try {
      session.client.exec(command.line, (command.terminal ? { pty: terminal } : {}) as ExecOptions, (error, channel) =>
        error === undefined ? converse(context, request, command, channel, resolve) : wrong(error),
      );
    } catch (error) {
      // The library throws when the connection has just been lost.
      wrong({ level: 'lost', message: String(error) });
    }
  });
}

/** No echo and no changes on the way out: numbers of RFC 4254, section 8. Wide, so that nothing wraps. */
const terminal = { term: 'dumb', rows: 24, cols: 4096, width: 0, height: 0, modes: { ECHO: 0, ECHONL: 0, OPOST: 0, ONLCR: 0, ICRNL: 1 } };

function sessionFailure(error: RawError, { where, alive }: ExecContext): Failure {
  return failureOf(alive() ? error : { level: 'lost', message: error.message }, { where, phase: 'session' });
}

function converse(
  context: ExecContext,
  request: ExecRequest,
  command: RemoteCommand,
  channel: ClientChannel,
  resolve: (result: Outcome<ExecResult>) => void,
): void {
  const { where, become } = context;
  const limit = request.maxOutput ?? defaultLimit;
  const base = { mark: command.ready.whole, limit, terminal: command.terminal };
  const out = createOutput({ ...base, ...(request.onLine === undefined ? {} : { onLine: request.onLine }) });
  const err = createOutput(base);
  let answered = false;
  let answeredAt = 0;
  let begun = false;
  let done = false;
  let givenUp = false;
  let exit: { readonly code: number | null; readonly signal?: string } | undefined;
  let linger: NodeJS.Timeout | undefined;

  const finish = (result: Outcome<ExecResult>): void => {
    if (done) return;
    done = true;
    clearTimeout(clock);
    clearTimeout(dialogue);
    clearTimeout(linger);
    request.signal?.removeEventListener('abort', abort);
    resolve(result);
  };
  const giveUp = (failure: Failure): void => {
    if (done || givenUp) return;
    givenUp = true;
    clearTimeout(clock);
    clearTimeout(dialogue);
    void endRemote(context, channel, begun ? Number(out.tail()) : 0).then((note) =>
      finish({ ok: false, failure: note === '' ? failure : { ...failure, detail: note } }),
    );
  };
  const abort = (): void => giveUp({ kind: 'interrupted', message: `${where}: the command was stopped` });
  const late = `${where}: the command took longer than ${request.timeout} s`;
  const clock = setTimeout(() => giveUp({ kind: 'timeout', message: late }), request.timeout * 1000);
  const dialogue =
    become?.password === undefined ? undefined : setTimeout(() => silentDialogue(), Math.min(dialogueLimit, request.timeout) * 1000 - 1);
  const silentDialogue = (): void => {
    if (begun || answered) return;
    const detail = `${out.before()}${err.before()}`.slice(-2000);
    giveUp({ kind: 'auth', message: `${where}: ${become?.method} neither asked for the password in a known way nor began`, detail });
  };
  request.signal?.addEventListener('abort', abort, { once: true });

  const answer = (output: Output): void => {
    if (command.asks === undefined || givenUp || !command.asks(output.before(), answeredAt)) return;
    if (answered) giveUp({ kind: 'auth', message: `${where}: ${become?.method} refused the password` });
    else {
      answered = true;
      answeredAt = output.before().length;
      channel.write(`${become?.password?.reveal() ?? ''}\n`);
    }
  };
  const begin = (): void => {
    begun = true;
    clearTimeout(dialogue);
    if (command.input === undefined || givenUp) return;
    // A terminal knows no end of input: there the coded input carries its own.
    if (command.terminal) channel.write(command.input);
    else channel.end(command.input);
  };
  const take = (output: Output) => (chunk: Buffer) => {
    output.feed(chunk);
    if (!begun && out.started()) begin();
    if (!begun) answer(output);
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
    if (done || givenUp) return;
    out.end();
    finish(endOf());
  };
  const endOf = (): Outcome<ExecResult> => {
    if (begun && exit !== undefined) return ok(resultOf(exit, out, err));
    if (!context.alive()) return { ok: false, failure: sessionFailure({ message: 'closed' }, context) };
    if (begun) return failed('unreachable', `${where}: the command ended without an exit status`, { transport: true });
    const said = `${out.before()}${err.before()}`;
    return {
      ok: false,
      failure: notStarted({ where, code: exit?.code ?? null, said, answered, ...(become === undefined ? {} : { become }) }),
    };
  };
  channel.on('data', take(out));
  channel.stderr.on('data', take(err));
  channel.on('exit', (code: number | null, signal?: string) => {
    exit = { code, ...(signal === undefined ? {} : { signal }) };
    wait();
  });
  channel.on('error', () => undefined);
  channel.on('close', ended);
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
    'for second in 1 2 3; do sleep 1; kill -0 -"$group" || exit 0; done',
    'kill -KILL -"$group"',
  ].join('\n'),
  become,
  timeout: 10,
});

function resultOf(exit: { readonly code: number | null; readonly signal?: string }, out: Output, err: Output): ExecResult {
  return {
    code: exit.code,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    stdout: out.text(),
    // A script killed before its first line may have announced itself on stdout only.
    stderr: err.started() ? err.text() : '',
    truncated: out.truncated() || err.truncated(),
  };
}
