// The context of a run's walks, alike for the process that leads the run and for a worker of a site.
import { mayContinue } from '../core/rollout/may-continue.ts';
import { clusterDeadline } from '../core/run-state/state.ts';
import type { EventBody } from '../model/run/event.ts';
import type { Secrets } from './effects/mask.ts';
import type { RunContext } from './host/walk-context.ts';
import { type OutageOptions, overOutages } from './node/outage.ts';
import type { Quota } from './quota.ts';

export interface ContextInput extends Omit<RunContext, 'record' | 'overQuota' | 'mayContinue'> {
  /** Appends an event without secrets; it resolves when `state` has it. */
  readonly append: RunContext['record'];
  readonly quota: Quota;
  /** Fires when nothing is done in this context any more: calls of the cluster end. */
  readonly over: AbortSignal;
}

export function runContextOf({ append, quota, over, ...input }: ContextInput): RunContext {
  const { setup, ports, state } = input;
  const policy = setup.play.rollout;
  const record: RunContext['record'] = (body, sync) => {
    const masked = maskedEvent(body, setup.secrets);
    quota.count(masked);
    return append(masked, sync);
  };
  const recordOutage: OutageOptions['record'] = (body) => record(body, false);
  const { cluster, clock } = ports;
  const limit = clusterDeadline(policy);
  return {
    ...input,
    ports: {
      ...ports,
      ...(cluster === undefined
        ? {}
        : { cluster: overOutages({ cluster, clock, limit, record: recordOutage, over }) }),
    },
    record,
    overQuota: quota.exceeded,
    mayContinue: (host) => mayContinue(state(), policy, clock.now(), host),
  };
}

/** The event as it is journalled. */
export function maskedEvent<Body extends EventBody>(body: Body, secrets: Secrets): Body {
  const { mask } = 'host' in body && body.host !== undefined ? secrets.of(body.host) : secrets;
  return mask(body);
}
