// Failures as text: what happened, the last output, what to do.

import { failuresOf } from '../../core/run-state/failures.ts';
import type { RunState } from '../../core/run-state/state.ts';
import { causeText, detailLines, type Failure } from '../../model/run/failure.ts';

/** Kind, cause and hint, as one text that may be folded. */
export const failureText = (failure: Failure): string =>
  `${failure.kind}: ${causeText(failure)}${failure.hint === undefined ? '' : ` (${failure.hint})`}`;

/** A block for the failures of a run, at most `most` hosts of it. */
export function failureLines(state: RunState, most: number): readonly string[] {
  const all = failuresOf(state);
  if (all.length === 0) return [];
  const blocks = all
    .slice(0, most)
    .flatMap(({ host, failure, rescued }) => [
      `  ${host}  ${rescued === true ? 'rescued after ' : ''}${failure.kind}: ${failure.message}`,
      ...(failure.hint === undefined ? [] : [`    to do: ${failure.hint}`]),
      ...detailLines(failure).map((line) => `    ${line}`),
    ]);
  const more =
    all.length > most
      ? [`  and ${all.length - most} more: kmend report ${state.run} has them all`]
      : [];
  return ['FAILURES', ...blocks, ...more];
}
