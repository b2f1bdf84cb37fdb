// Copies a file of the controller to a host in chunks, and continues after a lost connection.
import type { CopyEffect } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { LocalHost } from '../ports/local.ts';
import type { ExecResult } from '../ports/transport.ts';
import { lastLines } from '../session/observe.ts';
import {
  type EffectContext,
  type EffectPlace,
  failing,
  interrupted,
  type Performed,
  recordBeside,
} from './effect-context.ts';
import { copyScript, exitCodes } from './host-scripts.ts';
import { ownFailure } from './perform-run.ts';

/** Milliseconds between two progress lines. */
const progressEvery = 10_000;

export async function performCopy(
  effect: CopyEffect,
  place: EffectPlace,
  context: EffectContext,
): Promise<Performed> {
  const { host, localHost, session, token, clock, signal } = context;
  if (localHost === undefined) throw new Error('a copy needs the disk of this machine');
  const started = clock.now();
  let shownAt = started;
  const show = (sent: number): void => {
    if (clock.now() - shownAt < progressEvery) return;
    shownAt = clock.now();
    const text = `${megabytes(sent)} of ${megabytes(effect.size)} MB`;
    const { task, effect: id } = place;
    recordBeside({ type: 'effect.progress', host, task, effect: id, text }, context);
  };
  const script = copyScript(token, effect);
  const become = session.target.become !== undefined;
  for (let again = false; ; again = true) {
    const feed = feedOf(effect, localHost, show);
    const outcome = await session.read(script, {
      timeout: effect.timeout,
      become,
      input: feed.input,
      onLine: feed.onLine,
    });
    feed.end();
    if (signal.aborted) return failing(interrupted(`the run was ended during "${effect.what}"`));
    if (!outcome.ok) return failing(outcome.failure);
    // The part that was continued may be of another file: copy once more from the beginning.
    if (outcome.value.code === exitCodes.otherFile && feed.continued() && !again) continue;
    if (outcome.value.code === 0)
      return {
        result: {
          ok: true,
          data: { sent: feed.sent(), seconds: Math.round((clock.now() - started) / 100) / 10 },
        },
      };
    return failing(failureOf(effect, outcome.value));
  }
}

/** The bytes to send. Each try begins at the offset that the host asks for. */
function feedOf(effect: CopyEffect, localHost: LocalHost, onSent: (all: number) => void) {
  let begin: (from: number | undefined) => void = () => {};
  let sent = 0;
  let from = 0;
  async function* bytes(start: Promise<number | undefined>): AsyncGenerator<Uint8Array> {
    const first = await start;
    if (first === undefined) return;
    from = first;
    let all = first;
    for await (const chunk of localHost.read(effect.from, first)) {
      sent += chunk.length;
      all += chunk.length;
      onSent(all);
      yield chunk;
    }
  }
  return {
    input: (): AsyncIterable<Uint8Array> => {
      begin(undefined);
      return bytes(
        new Promise((resolve) => {
          begin = resolve;
        }),
      );
    },
    onLine: (line: string): void => {
      const offset = /^from (\d+)$/.exec(line)?.[1];
      begin(offset === undefined ? undefined : Number(offset));
    },
    end: (): void => begin(undefined),
    sent: (): number => sent,
    continued: (): boolean => from > 0,
  };
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1);

function failureOf(effect: CopyEffect, result: ExecResult): Failure {
  const detail = lastLines(result.stderr, 2);
  switch (result.code) {
    case exitCodes.noRoom:
      return {
        kind: 'refused',
        message: `no room for ${effect.name} (${megabytes(effect.size)} MB) in /var/lib/kmend/packages`,
        detail,
        hint: 'make room on /var first; `kmend cleanup` removes what earlier runs copied',
      };
    case exitCodes.noDigest:
      return {
        kind: 'refused',
        message: `${effect.name} cannot be checked: neither sha256sum nor openssl is on this host`,
        hint: 'install coreutils or openssl there',
      };
    case exitCodes.otherFile:
    case exitCodes.cut:
      return {
        kind: 'refused',
        message: `the copy of ${effect.from} is not the file of the plan (sha256 ${effect.sha256.slice(0, 12)}...)`,
        detail,
        hint: 'was the file changed on this machine since the plan was made? Then make a new plan',
      };
    default:
      return ownFailure(result) ?? { kind: 'refused', message: `"${effect.what}" failed`, detail };
  }
}
