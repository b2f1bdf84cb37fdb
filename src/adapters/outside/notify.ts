// Notifies operators: by a webhook that takes JSON (chats such as Slack read `text`), or by a
// command.
import { spawn } from 'node:child_process';
import type { Clock } from '../../engine/ports/local.ts';
import type { Notice, NoticeTarget, Notifier } from '../../engine/ports/outside.ts';
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import { harmless, toJson } from '../../model/text/printable.ts';

export { createForwarder } from './forward.ts';

/** Seconds that one try may take. */
const trySeconds = 10;
/** Milliseconds before each further try. */
const pauses = [1_000, 5_000];

export function createNotifier(clock: Pick<Clock, 'sleep'>, seconds = trySeconds): Notifier {
  return {
    send: async (target, given, signal) => {
      const notice = { ...given, text: forChats(given.text) };
      for (const pause of [...pauses, undefined]) {
        const sent = await once(target, notice, seconds, signal);
        if (
          sent.ok ||
          sent.failure.transport !== true ||
          pause === undefined ||
          signal?.aborted === true
        )
          return sent;
        await clock.sleep(pause, signal);
      }
      throw new Error('the last try returns');
    },
  };
}

/** Disarms `<!channel>`, `<URL|text>`, `[text](URL)` and `@everyone`, which may come from a host. */
const forChats = (text: string): string =>
  harmless(text)
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replaceAll('](', '] (')
    .replace(/@(?=(?:all|channel|everyone|here)\b)/gi, '@ ');

async function once(
  target: NoticeTarget,
  notice: Notice,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<Outcome<true>> {
  const limit = AbortSignal.timeout(seconds * 1_000);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return target.kind === 'webhook'
      ? await post(target.url, notice, either)
      : await pipe(target.command, notice, either);
  } catch (error) {
    const why = limit.aborted ? `no answer within ${seconds} s` : reasonOf(error);
    // A command that timed out may have notified somebody, so only a webhook is tried again.
    return failed('unreachable', why, { transport: target.kind === 'webhook' });
  }
}

/** Only the code of a failed connection: the message of `fetch` may hold the secret address. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return code === '' ? 'it could not be reached' : `it could not be reached (${code})`;
}

async function post(url: string, notice: Notice, signal: AbortSignal): Promise<Outcome<true>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: toJson(notice),
    signal,
    // A notice goes only to the address that the operator gave.
    redirect: 'manual',
  });
  await response.body?.cancel();
  if (response.ok) return ok(true);
  const shedsLoad = response.status === 429 || response.status >= 500;
  return failed('exit', `it answered ${response.status}`, { transport: shedsLoad });
}

function pipe(command: string, notice: Notice, signal: AbortSignal): Promise<Outcome<true>> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'ignore', 'pipe'], signal });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-400);
    });
    // A command that does not read its input is no error.
    child.stdin.on('error', () => {});
    child.stdin.end(`${toJson(notice)}\n`);
    child.once('error', reject);
    child.once('close', (code, name) => {
      const last = stderr.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve(ok(true));
      else
        resolve(failed('exit', `it ended with ${code ?? name}${last === '' ? '' : `: ${last}`}`));
    });
  });
}
