// A failure for people, and the failures of a run: what happened, what failed last said, what to do.

import { hostStates, type RunState } from '../../core/run-state/state.ts';
import { present } from '../../model/present.ts';
import { causeText, detailLines, type Failure } from '../../model/run/failure.ts';

/** Its kind, its cause and what to do, as one text that may be folded. */
export const failureText = (failure: Failure): string =>
  `${failure.kind}: ${causeText(failure)}${failure.hint === undefined ? '' : ` (${failure.hint})`}`;

export interface HostFailure {
  readonly host: string;
  readonly failure: Failure;
}

/** Hosts that failed, were refused or left out, each with its reason. */
export const failuresOf = (state: RunState): readonly HostFailure[] => [
  ...[...hostStates(state)].flatMap(({ host, status, failure, plan: { refused } }): readonly HostFailure[] => {
    if (status !== 'failed' && status !== 'refused') return [];
    if (failure !== undefined) return [{ host, failure }];
    if (refused === undefined) return [];
    const { task, why, hint } = refused;
    return [{ host, failure: { kind: 'refused', message: `${task}: ${why}`, ...present({ hint }) } }];
  }),
  ...state.leftOut,
];

/** A block for the failures of a run, at most `most` hosts of it. */
export function failureLines(state: RunState, most: number): readonly string[] {
  const all = failuresOf(state);
  if (all.length === 0) return [];
  const blocks = all
    .slice(0, most)
    .flatMap(({ host, failure }) => [
      `  ${host}  ${failure.kind}: ${failure.message}`,
      ...(failure.hint === undefined ? [] : [`    to do: ${failure.hint}`]),
      ...detailLines(failure).map((line) => `    ${line}`),
    ]);
  const more = all.length > most ? [`  and ${all.length - most} more: kmend report ${state.run} has them all`] : [];
  return ['FAILURES', ...blocks, ...more];
}
