// Notifies people: by a webhook that takes JSON (chats such as Slack read `text`), by a command, or by
// e-mail through this machine's sendmail.
import { spawn } from 'node:child_process';
import type { Notice, NoticeTarget, Notifier } from '../../engine/ports/outside.ts';
import { failed, type Outcome, ok } from '../../model/run/failure.ts';
import { harmless, toJson } from '../../model/text/printable.ts';
import type { Env } from '../http/proxy.ts';
import { httpClient, type SendHttp } from '../http/request.ts';

export { createForwarder } from './forward.ts';

export interface NotifierOptions {
  /** The environment, for proxies and programs. */
  readonly env?: Env;
  /** Seconds that one try may take. */
  readonly seconds?: number;
}

export function createNotifier({ env = {}, seconds = 10 }: NotifierOptions = {}): Notifier {
  const http = httpClient(env);
  return {
    send: async (target, given, signal) => {
      const notice = { ...given, text: forChats(given.text) };
      const limit = AbortSignal.timeout(seconds * 1_000);
      const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      try {
        return await sendTo(target, notice, either, { http, env });
      } catch (error) {
        const why = limit.aborted ? `no answer within ${seconds} s` : reasonOf(error);
        // A program that timed out may have notified somebody, so only a webhook is tried again.
        return failed('unreachable', why, { transport: target.kind === 'webhook' });
      }
    },
  };
}

interface Means {
  readonly http: SendHttp;
  readonly env: Env;
}

function sendTo(
  target: NoticeTarget,
  notice: Notice,
  signal: AbortSignal,
  { http, env }: Means,
): Promise<Outcome<true>> {
  switch (target.kind) {
    case 'webhook':
      return post(target.url, notice, signal, http);
    case 'command':
      return pipe(['/bin/sh', '-c', target.command], `${toJson(notice)}\n`, signal, env);
    case 'mail':
      return pipe(['sendmail', '-i', '--', ...target.to], mailOf(target.to, notice), signal, {
        ...env,
        PATH: `${env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/usr/lib`,
      });
  }
}

/** Disarms `<!channel>`, `<URL|text>`, `[text](URL)` and `@everyone`, which may come from a host. */
const forChats = (text: string): string =>
  harmless(text)
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replaceAll('](', '] (')
    .replace(/@(?=(?:all|channel|everyone|here)\b)/gi, '@ ');

/** Only the code of a failed connection: another message may hold the secret address. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') return 'there is no such program';
  return code === '' ? 'it could not be reached' : `it could not be reached (${code})`;
}

async function post(
  url: string,
  notice: Notice,
  signal: AbortSignal,
  http: SendHttp,
): Promise<Outcome<true>> {
  // A redirect is not followed: a notice goes only to the address that the operator gave.
  const { status, discard } = await http(new URL(url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': notice.key },
    body: toJson(notice),
    signal,
  });
  discard();
  if (status >= 200 && status < 300) return ok(true);
  const shedsLoad = status === 429 || status >= 500;
  return failed('exit', `it answered ${status}`, { transport: shedsLoad });
}

/** ASCII headers, since nothing in them comes from a host; the text is UTF-8. */
function mailOf(to: readonly string[], { kind, key, run, job, text, at, from }: Notice): string {
  const ascii = (word: string): string => word.replace(/[^!-~]+/g, '-');
  const about = job === undefined ? `run ${ascii(run ?? '')}` : `job ${ascii(job)}`;
  return [
    `To: ${to.map(ascii).join(', ')}`,
    `Subject: kmend: ${about} on ${ascii(from)}: ${kind}`,
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${ascii(key.replaceAll('/', '.'))}@${ascii(from)}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    // One line can be longer than a mail server takes.
    ...text.split('; '),
    '',
  ].join('\n');
}

/** EX_TEMPFAIL of sysexits.h: sendmail, or a command, could not deliver now. */
const tryLater = 75;

function pipe(
  [program = '', ...args]: readonly string[],
  input: string,
  signal: AbortSignal,
  env: Env,
): Promise<Outcome<true>> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], signal, env });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-400);
    });
    // A program that does not read its input is no error.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code, name) => {
      const last = stderr.trim().split('\n').at(-1) ?? '';
      if (code === 0) return resolve(ok(true));
      const why = `it ended with ${code ?? name}${last === '' ? '' : `: ${last}`}`;
      return resolve(failed('exit', why, code === tryLater ? { transport: true } : {}));
    });
  });
}
