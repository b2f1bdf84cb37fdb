// Output of an effect as the journal has it: its end, and where the whole of a long one lies. The
// journal stays short, whatever a command prints.

import type { EffectResult } from '../../model/run/effect.ts';
import { harmless } from '../../model/text/printable.ts';
import type { EffectContext } from './effect-context.ts';

/** Characters of each stream that stand in the journal. */
const shortEnough = 4000;

const end = (text: string): string => text.slice(-shortEnough);

/** Secrets go before anything is cut: half a secret would not be found any more. */
export async function truncateOutput(
  result: EffectResult,
  what: string,
  effect: string,
  context: Pick<EffectContext, 'mask' | 'keepOutput' | 'clock'>,
): Promise<EffectResult> {
  const masked = context.mask(result);
  const { stdout = '', stderr = '' } = masked;
  if (stdout.length <= shortEnough && stderr.length <= shortEnough) return masked;
  const bytes = sizeOf(stdout) + sizeOf(stderr);
  const title = `${context.mask(what)} (${effect}), exit ${result.code ?? 'unknown'}, ${new Date(context.clock.now()).toISOString()}`;
  const kept = await context.keepOutput(
    `=== ${title}\n${section('stdout', stdout)}${section('stderr', stderr)}`,
  );
  return {
    ...masked,
    ...(result.stdout === undefined ? {} : { stdout: end(stdout) }),
    ...(result.stderr === undefined ? {} : { stderr: end(stderr) }),
    output: kept.kept ? { bytes, file: kept.file, piece: kept.piece } : { bytes, why: kept.why },
  };
}

const sizeOf = (text: string): number => new TextEncoder().encode(text).length;

/** The file is read on a terminal, too. */
const section = (name: string, text: string): string =>
  text === ''
    ? ''
    : `--- ${name}\n${text.replace(/\n$/, '').split('\n').map(harmless).join('\n')}\n`;
