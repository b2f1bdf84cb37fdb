// Module service: starts, stops, restarts or reloads a systemd unit, enables or masks it.

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
    .optional()
    .describe('The unit; `.service` may be left out.'),
  state: oneOf('started', 'stopped', 'restarted', 'reloaded')
    .optional()
    .describe(
      '`restarted` is done once a run, whatever it was before; so is `reloaded`, which starts a unit that does not run.',
    ),
  enabled: flag.optional().describe('Does it start at boot?'),
  masked: flag.optional().describe('A masked unit cannot be started.'),
  daemon_reload: flag
    .default(false)
    .describe('Let systemd read its files again before all else, once a run.'),
})
  .refine(
    (given) =>
      given.daemon_reload ||
      [given.state, given.enabled, given.masked].some((one) => one !== undefined),
    'needs `state`, `enabled`, `masked` or `daemon_reload`',
  )
  .refine(
    (given) =>
      given.name !== undefined ||
      [given.state, given.enabled, given.masked].every((one) => one === undefined),
    'needs `name`',
  );
type Args = Infer<typeof args>;

type Verb = 'start' | 'stop' | 'restart' | 'reload' | 'enable' | 'disable' | 'mask' | 'unmask';

function plan(given: Args, facts: FactView): ModulePlan {
  const reload = given.daemon_reload ? [daemonReload] : [];
  if (given.name === undefined) return { changes: reload };
  const { name } = given;
  const state = statePart(name, given, facts);
  const parts = [maskPart(name, given, facts), enabledPart(name, given, facts), state];
  const changes = parts.flatMap((part) => part.changes);
  const promises = parts.map((part) => part.promises);
  if (given.state !== undefined && changes.length > 0)
    promises.push(fact(`service.${name}.active`, given.state !== 'stopped'));
  return {
    changes: [...reload, ...changes],
    ...(changes.length === 0 ? {} : { promises: allOf(promises) }),
  };
}

interface Part {
  readonly changes: readonly Change[];
  readonly promises: Facts;
}

const nothing: Part = { changes: [], promises: {} };

function maskPart(name: string, { masked: wanted }: Args, facts: FactView): Part {
  const masked = wanted === undefined ? undefined : need(facts, `service.${name}.masked`);
  if (wanted === undefined || wanted === masked) return nothing;
  const [before, after] = wanted ? ['not masked', 'masked'] : ['masked', 'not masked'];
  return {
    changes: [change(name, wanted ? 'mask' : 'unmask', before, after, 'write')],
    promises: fact(`service.${name}.masked`, wanted),
  };
}

function enabledPart(name: string, { enabled: wanted }: Args, facts: FactView): Part {
  const enabled = need(facts, `service.${name}.enabled`);
  if (wanted === undefined || wanted === enabled) return nothing;
  const [before, after] = wanted ? ['disabled', 'enabled'] : ['enabled', 'disabled'];
  return {
    changes: [change(name, wanted ? 'enable' : 'disable', before, after, 'write')],
    promises: fact(`service.${name}.enabled`, wanted),
  };
}

function statePart(name: string, { state }: Args, facts: FactView): Part {
  const active = need(facts, `service.${name}.active`);
  if (state === undefined) return nothing;
  const once = (verb: Verb): Part => ({
    changes: [change(name, verb, undefined, undefined, 'restart')],
    promises: {},
  });
  if (state === 'restarted') return once('restart');
  if (state === 'reloaded' && active) return once('reload');
  const wanted = state !== 'stopped';
  if (active === wanted) return nothing;
  const [before, after] = wanted ? ['stopped', 'running'] : ['running', 'stopped'];
  return {
    changes: [change(name, wanted ? 'start' : 'stop', before, after, 'restart')],
    promises: {},
  };
}

const daemonReload: Change = {
  sign: '!',
  what: 'systemctl daemon-reload',
  risk: 'write',
  effects: [
    {
      kind: 'run',
      what: 'systemctl daemon-reload',
      script: withPrelude('systemctl daemon-reload </dev/null || exit 70\n'),
      detached: true,
      timeout: 300,
      errors: { 70: 'systemd could not read its files again' },
    },
  ],
};

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
  summary: 'Starts, stops, restarts, reloads, enables, disables or masks a systemd unit.',
  example: `- name: Docker runs, and starts at boot
  service:
    name: docker
    state: started
    enabled: true
`,
  args: asArgs(args),
  convergent: (given) =>
    given.state !== 'restarted' && given.state !== 'reloaded' && !given.daemon_reload,
  takesProxies: true,
  maxRisk: 'restart',
  facts: ({ name }) => (name === undefined ? [] : [{ area: 'service', args: { name } }]),
  plan,
});
