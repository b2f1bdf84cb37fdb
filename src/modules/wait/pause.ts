// Module pause: waits a length of time on a host that the run has changed.

import type { Change, ModulePlan, PlanContext } from '../../model/run/change.ts';
import type { WaitEffect } from '../../model/run/effect.ts';
import { asArgs, type Infer, object, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { time } from './time.ts';

const args = object({
  seconds: time.optional().describe('How long.'),
  minutes: time
    .refine((minutes) => minutes <= 1440, 'should be a day at most')
    .optional()
    .describe('The same in minutes; it counts where both are given.'),
  prompt: text
    .refine(() => false, 'cannot be: nobody is asked in the middle of a host')
    .optional()
    .describe('Not in kmend: `promote: manual` and gates of `rollout` wait for an operator.'),
}).refine(
  ({ seconds, minutes }) => seconds !== undefined || minutes !== undefined,
  'needs `seconds` or `minutes`',
);
type Args = Infer<typeof args>;

const secondsOf = ({ seconds, minutes }: Args): number =>
  Math.floor(minutes === undefined ? (seconds ?? 0) : minutes * 60);

/** A wait that reads no facts, on the clock of kmend. */
export function pauseEffect(seconds: number): WaitEffect {
  const what = `wait ${seconds} s`;
  return { kind: 'wait', what, first: seconds, until: [], every: 1, timeout: 1 };
}

/** A wait of so many seconds; none on a host that this run has not changed. */
export function pausePlan(seconds: number, { done }: PlanContext): ModulePlan {
  if (done.acted !== true)
    return { changes: [], note: 'no wait: nothing was changed on this host' };
  const effect = pauseEffect(seconds);
  const change: Change = { sign: '!', what: effect.what, risk: 'none', effects: [effect] };
  return { changes: seconds > 0 ? [change] : [] };
}

export const pause = defineModule<Args>({
  name: 'pause',
  summary: 'Waits a length of time, once a run.',
  example: `- name: Let connections end
  pause:
    seconds: 30
`,
  notes:
    'Each host waits in its own slot. A host on which nothing was changed does not wait: it would only hold up the others. After a resume a pause that was interrupted begins again.',
  args: asArgs(args),
  convergent: false,
  onlyWaits: true,
  delegable: 'anywhere',
  maxRisk: 'none',
  facts: () => [],
  plan: (given, _, context) => pausePlan(secondsOf(given), context),
});
