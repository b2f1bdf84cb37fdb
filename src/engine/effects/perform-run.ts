// Runs scripts and writes files. A script runs detached, with a spool on the host, so that a lost
// connection or a killed controller loses nothing. On the machine that runs kmend a script has the
// same, in a directory of its own, whose id is in the journal: a resume may be on another machine.

import { withPrelude } from '../../facts/probe/prelude.ts';
import { present } from '../../model/present.ts';
import type { LocalEffect, RunEffect, WriteEffect } from '../../model/run/effect.ts';
import { type Failure, failed, type Outcome, ok } from '../../model/run/failure.ts';
import { isRunId } from '../../model/run/run-id.ts';
import { oneLine } from '../../model/text/printable.ts';
import { pasteable } from '../../model/text/quote.ts';
import type { ExecResult } from '../ports/transport.ts';
import { localSession } from '../session/local-session.ts';
import { lastLines } from '../session/observe.ts';
import {
  type EffectContext,
  type EffectPlace,
  failing,
  interrupted,
  type Performed,
} from './effect-context.ts';
import {
  clearSpoolScript,
  exitCodes,
  pollScript,
  sealScript,
  spoolIdScript,
  startScript,
  writeScript,
} from './host-scripts.ts';

/** Seconds that one poll stays on the host. */
const pollSeconds = 10;
/** Bytes of output that a poll returns. */
const maxOutput = 256 * 1024;
/** Characters of the line that shows progress. */
const longestLine = 200;

/** Output lines in a failure: as many as the package scripts print of the package manager. */
const shownLines = 15;

/** Seconds for the engine's own short scripts. */
const shortTimeout = 60;

export async function performRun(
  effect: RunEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  if (effect.stdin !== undefined) return runAttached(effect, place, context);
  const { session, token } = context;
  const become = session.target.become !== undefined;
  const script = sealScript(withPrelude(effect.script));
  const started = await session.read(startScript(token, place.effect), {
    timeout: shortTimeout,
    become,
    stdin: script,
  });
  if (!started.ok) return failing(started.failure);
  const refused = ownFailure(started.value);
  if (refused !== undefined) return failing(refused);

  const show = effect.noLog === true ? undefined : (text: string) => progress(text, place, context);
  const end = await follow(place.effect, effect.timeout, context, show);
  switch (end.kind) {
    case 'done':
      return judgeExit(effect, end.result);
    case 'lost':
      return failing({
        kind: 'interrupted',
        message: `"${effect.what}" was interrupted: ${end.why}`,
        hint: decideOn(context),
      });
    case 'failed':
      return failing(end.failure);
    case 'late':
      return failing(tooLong(effect, place, context));
    case 'stopped':
      return failing(
        interrupted(`the run was ended while "${effect.what}" goes on on ${machine(context)}`),
      );
  }
}

const machine = ({ token }: EffectContext): string =>
  token.home === undefined ? 'the host' : 'this machine';

/** A step that may have been done is not repeated: the operator decides. */
const decideOn = ({ host, token }: EffectContext): string =>
  `check ${host}, then: kmend resume ${token.run} --retry ${pasteable(host)} (does it again), or --skip ${pasteable(host)}`;

const progress = (
  text: string,
  place: EffectPlace,
  { host, record }: EffectContext,
): Promise<unknown> =>
  record({ type: 'effect.progress', host, task: place.task, effect: place.effect, text }, false);

/** How a detached script ended. */
export type Followed =
  | { readonly kind: 'done'; readonly result: ExecResult }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'late' | 'stopped' };

/** Polls the spool until the script has ended, was lost, or `seconds` are over. */
export async function follow(
  effect: string,
  seconds: number,
  context: EffectContext,
  onLine?: (line: string) => Promise<unknown>,
): Promise<Followed> {
  const { session, token, signal, clock, unhindered } = context;
  const become = session.target.become !== undefined;
  const deadline = unhindered() + seconds * 1000;
  let shown = '';
  while (!signal.aborted) {
    const began = clock.now();
    const left = (deadline - unhindered()) / 1000;
    const stay = Math.min(pollSeconds, Math.max(1, left));
    const poll = pollScript(token, effect, stay, maxOutput);
    const answer = await session.read(poll, {
      timeout: shortTimeout,
      become,
      maxOutput: maxOutput * 2,
    });
    if (!answer.ok)
      return signal.aborted ? { kind: 'stopped' } : { kind: 'failed', failure: answer.failure };
    const state = readPoll(answer.value, machine(context));
    if (state.kind === 'done')
      return { kind: 'done', result: { ...answer.value, code: state.code, stdout: state.stdout } };
    if (state.kind === 'lost') return state;
    if (left <= 0) return { kind: 'late' };
    if (state.line !== shown && state.line !== '') {
      shown = state.line;
      await onLine?.(shown);
    }
    // A host that answers at once must not be polled more often.
    await clock.sleep(Math.max(0, began + stay * 1000 - clock.now()), signal);
  }
  return { kind: 'stopped' };
}

const tooLong = (effect: RunEffect, place: EffectPlace, context: EffectContext): Failure => ({
  kind: 'timeout',
  ongoing: true,
  message: `"${effect.what}" took longer than ${effect.timeout} s and still runs on ${machine(context)}`,
  hint: `it was not killed (a package transaction must not be); its output is in ${context.token.home ?? '/var/lib/kmend'}/spool/${context.token.run} (${place.effect})`,
});

type Poll =
  | { readonly kind: 'done'; readonly code: number; readonly stdout: string }
  | { readonly kind: 'running'; readonly line: string }
  | { readonly kind: 'lost'; readonly why: string };

function readPoll(result: ExecResult, where: string): Poll {
  const end = result.stdout.indexOf('\n');
  const first = end < 0 ? result.stdout : result.stdout.slice(0, end);
  const done = /^done (\d+)$/.exec(first);
  if (done !== null)
    return { kind: 'done', code: Number(done[1]), stdout: result.stdout.slice(end + 1) };
  if (first.startsWith('running'))
    return { kind: 'running', line: first.slice(8, 8 + longestLine).trim() };
  if (first === 'interrupted') return { kind: 'lost', why: `${where} rebooted before it ended` };
  return {
    kind: 'lost',
    why:
      first === 'absent'
        ? `its spool on ${where} is gone`
        : `no status (${lastLines(result.stderr, 1) || `exit ${result.code}`})`,
  };
}

/** The host reports the run that holds it. Its answer is trusted only if it has the form of a run id. */
export function fencedBy(output: string): Failure {
  const line = oneLine(lastLines(output, 1), 100);
  const run = line.split(' ')[0] ?? '';
  return isRunId(run)
    ? {
        kind: 'fenced',
        message: `this host is held by run ${line}`,
        hint: `finish that run (kmend resume), or take the host over: --takeover ${run}`,
      }
    : {
        kind: 'fenced',
        message: `this host reports a fence that names no run of kmend: ${line}`,
        hint: 'check /var/lib/kmend/fence on the host',
      };
}

/** The failure that an exit code of the engine's own part of a script means. */
export function ownFailure(result: ExecResult): Failure | undefined {
  const output = lastLines(result.stderr, 2);
  switch (result.code) {
    case 0:
      return undefined;
    case exitCodes.fenced:
      return fencedBy(output);
    case exitCodes.noState:
      return {
        kind: 'exit',
        message: 'cannot write to /var/lib/kmend or /run/kmend',
        detail: output,
        hint: 'is the disk full or read-only, is this user root?',
      };
    case exitCodes.busy:
      return {
        kind: 'exit',
        message: 'the lock of the fence in /run/kmend is held',
        detail: output,
        transport: true,
      };
    case exitCodes.otherFile:
      return {
        kind: 'exit',
        message: 'it was changed since kmend read it, and is not replaced',
        hint: 'find out who changes it, and run kmend again',
      };
    case exitCodes.invalid:
      return { kind: 'exit', message: 'its `validate` refused the new content', detail: output };
    case exitCodes.cut:
      return { kind: 'unreachable', message: 'the script arrived truncated', transport: true };
    default:
      return {
        kind: 'exit',
        message: `ended with ${result.code ?? result.signal}`,
        detail: output,
      };
  }
}

function judgeExit(effect: RunEffect, result: ExecResult): Performed {
  const code = result.code ?? -1;
  const data = { code, stdout: result.stdout, stderr: result.stderr };
  const fine = effect.okCodes === null || (effect.okCodes ?? [0]).includes(code);
  if (fine) return { result: { ok: true, ...data } };
  const meaning = effect.errors?.[code];
  const message =
    meaning ?? `"${effect.what}" ended with ${result.code ?? result.signal ?? 'no status'}`;
  const hint = effect.hints?.[code];
  const detail = lastLines(result.stderr.trim() === '' ? result.stdout : result.stderr, shownLines);
  const kind = effect.harmless === true ? 'refused' : 'exit';
  return failing({ kind, message, ...present({ hint }), detail }, data);
}

/**
 * A script with stdin runs attached, once: stdin may hold a secret, which must not reach a spool. If
 * the connection is lost, its end is unknown.
 */
async function runAttached(
  effect: RunEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  if (place.resumed && !place.repeatable)
    return failing({
      kind: 'interrupted',
      message: `whether "${effect.what}" was done is not known: it was under way when the run was interrupted, and is not done twice`,
      hint: decideOn(context),
    });
  const { session } = context;
  const request = {
    script: withPrelude(effect.script),
    become: session.target.become !== undefined,
    timeout: effect.timeout,
  };
  const outcome = await session.once({ ...request, ...present({ stdin: effect.stdin }) });
  return outcome.ok ? judgeExit(effect, outcome.value) : failing(outcome.failure);
}

export async function performWrite(
  effect: WriteEffect,
  context: EffectContext,
): Promise<Performed> {
  const { session, token } = context;
  const outcome = await session.read(writeScript(token, effect), {
    timeout: effect.timeout,
    become: session.target.become !== undefined,
    ...contentOf(effect),
  });
  if (!outcome.ok) return failing(outcome.failure);
  const failure = ownFailure(outcome.value);
  return failure === undefined
    ? { result: { ok: true } }
    : failing({ ...failure, message: `${effect.path}: ${failure.message}` });
}

// ---- On the machine that runs kmend ----

type LocalContext = Pick<EffectContext, 'host' | 'session' | 'token' | 'localHost' | 'signal'>;

const noMachine = failed('refused', 'nothing can be run on this machine here');

/** The context of a host, with the machine that runs kmend in place of the host. */
export function onThisMachine<Context extends LocalContext>(context: Context): Outcome<Context> {
  const { localHost, session, signal, token, host } = context;
  if (localHost === undefined) return noMachine;
  const home = homeOf(localHost.spool, token.run, host);
  return ok({
    ...context,
    session: localSession(localHost, session.target, signal),
    token: { ...token, home },
  });
}

const homeOf = (base: string, run: string, host: string): string =>
  `${base}/${run}/${host.replace(/[^A-Za-z0-9.-]/g, '_')}`;

/** The id of the directory that has the spools of this machine. */
export async function spoolId(
  context: LocalContext & Pick<EffectContext, 'clock'>,
): Promise<Outcome<string>> {
  const local = onThisMachine(context);
  if (!local.ok) return local;
  const base = context.localHost?.spool ?? '';
  const script = spoolIdScript(base, context.clock.id());
  const answer = await local.value.session.read(script, { timeout: shortTimeout, become: false });
  if (!answer.ok) return answer;
  const id = answer.value.stdout.trim();
  if (answer.value.code === 0 && /^[a-z0-9]{1,64}$/.test(id)) return ok(id);
  return failed('refused', `cannot write to ${base} on this machine`, {
    detail: lastLines(answer.value.stderr),
    hint: 'kmend keeps what it runs here below $XDG_STATE_HOME, or ~/.local/state',
  });
}

export async function performLocal(
  effect: LocalEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  const local = onThisMachine(context);
  if (!local.ok) return failing(local.failure);
  if (place.resumed && effect.stdin === undefined) {
    const id = await spoolId(context);
    if (!id.ok) return failing(id.failure);
    if (id.value !== place.spool)
      return failing({
        kind: 'interrupted',
        message: `whether "${effect.what}" was done is not known: it was begun on another machine, or its spool is gone, and it is not done twice`,
        hint: decideOn(context),
      });
  }
  return performRun({ ...effect, kind: 'run' }, place, local.value);
}

/** Removes the spools of a host that is done; what cannot be removed stays, and harms nothing. */
export async function clearSpool(context: LocalContext): Promise<void> {
  const local = onThisMachine(context);
  if (!local.ok) return;
  const script = clearSpoolScript(local.value.token.home ?? '');
  await local.value.session.read(script, { timeout: shortTimeout, become: false });
}

function contentOf({ content }: WriteEffect) {
  if (typeof content === 'string') return { stdin: content };
  if ('from' in content) return {};
  const bytes = Uint8Array.from(content.bytes, (char) => char.charCodeAt(0));
  return {
    async *input(): AsyncGenerator<Uint8Array> {
      yield bytes;
    },
  };
}
