// Bounds the output of an effect in the journal: long output is kept in a file, and the journal has
// its end and the name of the file.

import type { EffectResult } from '../../model/run/effect.ts';
import { harmless } from '../../model/text/printable.ts';
import type { EffectContext } from './effect-context.ts';

/** Characters of each stream that the journal keeps. */
const shortEnough = 4000;

const end = (text: string): string => text.slice(-shortEnough);

/** Masks before it truncates: half a secret would not be recognised. */
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

/** Operators print the file on a terminal: control characters are removed. */
const section = (name: string, text: string): string =>
  text === ''
    ? ''
    : `--- ${name}\n${text.replace(/\n$/, '').split('\n').map(harmless).join('\n')}\n`;
