// Module wait_for_connection: each task reads its host over a connection anyway, so only its delay
// is left to wait for.

import { asArgs, type Infer, object } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { pausePlan } from './pause.ts';
import { time } from './time.ts';

const args = object({
  delay: time.default(0).describe('Wait so long before the host is read again.'),
  timeout: time
    .default(600)
    .describe('Accepted: `reboot` has a `timeout` of its own, and `rollout.retries` counts else.'),
  sleep: time.default(1).describe('Accepted: kmend tries again at growing distances.'),
  connect_timeout: time.default(5).describe('Accepted: see `--timeout`.'),
});
type Args = Infer<typeof args>;

export const waitForConnection = defineModule<Args>({
  name: 'wait_for_connection',
  summary: 'Reads the host again over its connection.',
  example: `- name: It answers again
  wait_for_connection:
    delay: 10
`,
  notes:
    'Each task reads its host first, over a connection that is made anew where it was lost; `reboot` returns only when the new boot answers and lasts. So there is nothing to do but the `delay`, on a host that the run has changed.',
  args: asArgs(args),
  convergent: false,
  onlyWaits: true,
  delegable: 'anywhere',
  maxRisk: 'none',
  facts: () => [],
  plan: ({ delay }, _, context) =>
    delay > 0 ? pausePlan(delay, context) : { changes: [], note: 'the host answers' },
});
