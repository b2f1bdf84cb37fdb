// The failures of a run, host by host.

import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import { hostStates, type RunState } from './state.ts';

export interface HostFailure {
  readonly host: string;
  readonly failure: Failure;
}

/** Hosts that failed, were refused or left out, each with its reason. */
export const failuresOf = (state: RunState): readonly HostFailure[] => [
  ...[...hostStates(state)].flatMap(
    ({ host, status, failure, plan: { refused } }): readonly HostFailure[] => {
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
