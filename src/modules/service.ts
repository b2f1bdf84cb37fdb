// Module service: starts, stops or restarts a systemd unit, and enables or disables it at boot.

import { withPrelude } from '../facts/probe/prelude.ts';
import { allOf, type Facts, type FactView, fact, need } from '../model/fact.ts';
import { present } from '../model/present.ts';
import type { Change, ModulePlan } from '../model/run/change.ts';
import type { RunEffect } from '../model/run/effect.ts';
import { asArgs, flag, type Infer, object, oneOf, text } from '../model/shape/schema.ts';
import { quote } from '../model/text/quote.ts';
import { defineModule } from './define.ts';

const args = object({
  name: text
    .regex(/^[A-Za-z0-9][A-Za-z0-9:_.@\\-]*$/, 'should be the name of a unit')
    .describe('The unit; `.service` may be left out.'),
  state: oneOf('started', 'stopped', 'restarted')
    .optional()
    .describe('`restarted` is done once a run, whatever it was before.'),
  enabled: flag.optional().describe('Does it start at boot?'),
}).refine(
  (given) => given.state !== undefined || given.enabled !== undefined,
  'needs `state` or `enabled`',
);
type Args = Infer<typeof args>;

type Verb = 'start' | 'stop' | 'restart' | 'enable' | 'disable';

function plan(given: Args, facts: FactView): ModulePlan {
  const { name } = given;
  const active = need(facts, `service.${name}.active`);
  const enabled = need(facts, `service.${name}.enabled`);
  const changes: Change[] = [];
  const promises: Facts[] = [];
  if (given.enabled !== undefined && given.enabled !== enabled) {
    changes.push(
      change(
        name,
        given.enabled ? 'enable' : 'disable',
        enabled ? 'enabled' : 'disabled',
        given.enabled ? 'enabled' : 'disabled',
        'write',
      ),
    );
    promises.push(fact(`service.${name}.enabled`, given.enabled));
  }
  const wanted = given.state !== 'stopped';
  if (given.state === 'restarted')
    changes.push(change(name, 'restart', undefined, undefined, 'restart'));
  else if (given.state !== undefined && active !== wanted)
    changes.push(
      change(
        name,
        wanted ? 'start' : 'stop',
        active ? 'running' : 'stopped',
        wanted ? 'running' : 'stopped',
        'restart',
      ),
    );
  if (given.state !== undefined && changes.length > 0)
    promises.push(fact(`service.${name}.active`, wanted));
  return { changes, ...(changes.length === 0 ? {} : { promises: allOf(promises) }) };
}

const change = (
  name: string,
  verb: Verb,
  before: string | undefined,
  after: string | undefined,
  risk: 'write' | 'restart',
): Change => ({
  sign: before === undefined ? '!' : '~',
  what: before === undefined ? `${verb} ${name}` : `service ${name}`,
  ...present({ before, after }),
  risk,
  effects: [effect(name, verb)],
});

/**
 * systemctl waits for the unit. A `start` that exits with 0 does not prove that the unit still
 * runs, so the script checks again.
 */
const effect = (name: string, verb: Verb): RunEffect => ({
  kind: 'run',
  what: `systemctl ${verb} ${name}`,
  script: withPrelude(`u=${quote(name)}
systemctl ${verb} -- "$u" </dev/null || exit 70
${verb === 'start' || verb === 'restart' ? 'systemctl is-active -- "$u" >/dev/null 2>&1 || exit 71\n' : ''}`),
  detached: true,
  timeout: 300,
  errors: {
    70: `systemctl could not ${verb} ${name}: read \`journalctl -u ${name}\``,
    71: `${name} was started and does not run: read \`journalctl -u ${name}\``,
  },
});

export const service = defineModule<Args>({
  name: 'service',
  summary: 'Starts, stops, restarts, enables or disables a systemd unit.',
  example: `- name: Docker runs, and starts at boot
  service:
    name: docker
    state: started
    enabled: true
`,
  args: asArgs(args),
  convergent: (given) => given.state !== 'restarted',
  maxRisk: 'restart',
  facts: (given) => [{ area: 'service', args: { name: given.name } }],
  plan,
});
