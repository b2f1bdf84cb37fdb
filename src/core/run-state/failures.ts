// The failures of a run, host by host.

import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import { hostStates, type RunState } from './state.ts';

export interface HostFailure {
  readonly host: string;
  readonly failure: Failure;
  /** A rescue saved the host after it. */
  readonly rescued?: true;
}

/** Hosts that failed, were refused, left out or rescued, each with its reason. */
export const failuresOf = (state: RunState): readonly HostFailure[] => [
  ...[...hostStates(state)].flatMap(
    ({ host, status, failure, plan: { refused }, ...of }): readonly HostFailure[] => {
      if (of.rescued?.failure !== undefined && (status === 'done' || status === 'soaking'))
        return [{ host, failure: of.rescued.failure, rescued: true }];
      if (status !== 'failed' && status !== 'refused') return [];
      if (failure !== undefined) return [{ host, failure }];
      if (refused === undefined) return [];
      const { task, why, hint } = refused;
      return [
        { host, failure: { kind: 'refused', message: `${task}: ${why}`, ...present({ hint }) } },
      ];
    },
  ),
  ...state.leftOut,
];
