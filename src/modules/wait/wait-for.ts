// Module wait_for: waits until a port or a file of the host is as it should be.

import { withPrelude } from '../../facts/probe/prelude.ts';
import { type FactView, fact } from '../../model/fact.ts';
import type { Change, ModulePlan, PlanContext } from '../../model/run/change.ts';
import type { RunEffect } from '../../model/run/effect.ts';
import {
  asArgs,
  filled,
  type Infer,
  listOf,
  object,
  oneOf,
  text,
  whole,
} from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Mapping } from '../../model/value.ts';
import { defineModule } from '../define.ts';
import {
  answerOf,
  lastWords,
  plainPath,
  readingWant,
  readPlan,
  unreadPlan,
} from '../read/reading.ts';
import conditionFile from './condition.sh';
import { grepPattern } from './grep-pattern.ts';
import { pauseEffect, pausePlan } from './pause.ts';
import { time } from './time.ts';
import waitFile from './wait-for.sh';

/** States of connections, and how the kernel's table of sockets writes them. */
const socketStates = {
  ESTABLISHED: '01',
  SYN_SENT: '02',
  SYN_RECV: '03',
  FIN_WAIT1: '04',
  FIN_WAIT2: '05',
  TIME_WAIT: '06',
} as const;
const everyState = [
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
] as const;

const args = object({
  port: whole(1, 65_535).optional().describe('A TCP port.'),
  host: text
    .regex(/^[A-Za-z0-9_.:-]+$/, 'should be a name or an address')
    .default('127.0.0.1')
    .describe('Whose port it is, as this host sees it.'),
  path: plainPath.optional().describe('A path of the host.'),
  search_regex: filled
    .refine(
      (pattern) => grepPattern(pattern) !== undefined,
      'has a form that grep -E does not know',
    )
    .optional()
    .describe('A line of the file must match it.'),
  state: oneOf('started', 'present', 'stopped', 'absent', 'drained')
    .default('started')
    .describe(
      '`started`, `present`: the port takes connections, the path exists. `stopped`, `absent`: it does not. `drained`: no connection to the port is left.',
    ),
  active_connection_states: listOf(oneOf(...everyState))
    .default([...everyState])
    .describe('What counts as a connection for `drained`.'),
  timeout: time.default(300).describe('How long it may take.'),
  delay: time.default(0).describe('Wait so long first, on a host that the run has changed.'),
  sleep: time.default(1).describe('How long between two tries.'),
  connect_timeout: time.default(5).describe('How long one connection may take.'),
  msg: text.optional().describe('What to say when the time is over.'),
})
  .refine(
    ({ port, path }) => port === undefined || path === undefined,
    'takes `port` or `path`, one of them',
  )
  .refine(
    ({ search_regex, path }) => search_regex === undefined || path !== undefined,
    '`search_regex` needs `path`: kmend reads nothing from a port',
  )
  .refine(({ state, port }) => state !== 'drained' || port !== undefined, '`drained` needs `port`');
type Args = Infer<typeof args>;

const isSleep = ({ port, path }: Args): boolean => port === undefined && path === undefined;

function kindOf({ state, port }: Args): string {
  const wanted = state === 'started' || state === 'present';
  if (port === undefined) return wanted ? 'there' : 'gone';
  if (state === 'drained') return 'drained';
  return wanted ? 'open' : 'closed';
}

const conditionOf = (given: Args): string =>
  scriptText(conditionFile, {
    kind: kindOf(given),
    host: quote(given.host),
    port: given.port ?? 0,
    path: quote(given.path ?? ''),
    pattern: quote(grepPattern(given.search_regex ?? '') ?? ''),
    states: given.active_connection_states.map((state) => socketStates[state]).join(' '),
    connect: Math.max(1, Math.ceil(given.connect_timeout)),
  });

const readScript = (given: Args): string => `${conditionOf(given)}holds\n`;

function shownOf({ port, host, path = '', search_regex: pattern, ...given }: Args): string {
  const ofPort = { open: 'takes connections', closed: 'takes none', drained: 'has none left' };
  const kind = kindOf({ port, host, path, search_regex: pattern, ...given });
  if (kind === 'open' || kind === 'closed' || kind === 'drained')
    return `port ${port} of ${host} ${ofPort[kind]}`;
  if (pattern !== undefined) return `a line of ${path} matches ${pattern}`;
  return `${path} ${kind === 'there' ? 'exists' : 'is gone'}`;
}

const resultOf = (given: Args): Mapping => ({
  elapsed: 0,
  state: given.state,
  port: given.port ?? null,
  path: given.path ?? null,
  search_regex: given.search_regex ?? null,
});

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  if (isSleep(given)) return pausePlan(given.delay + given.timeout, context);
  const answer = answerOf(readScript(given), facts);
  if (answer.rc > 1 || answer.rc < 0)
    return unreadPlan(lastWords(answer) || `ended with ${answer.rc}`);
  const waits = given.delay > 0 && context.done.acted === true;
  if (answer.rc === 0 && !waits) return { ...readPlan(resultOf(given)), note: shownOf(given) };
  const effects = [...(waits ? [pauseEffect(given.delay)] : []), effectOf(given, context)];
  const what = `wait until ${shownOf(given)}`;
  const change: Change = { sign: '!', what, risk: 'none', effects };
  const holds = { rc: 0, stdout: '', stderr: '' };
  return { changes: [change], promises: fact(`reading.${readScript(given)}`, holds) };
}

/** On a host that nothing has changed yet a wait that fails leaves it as it was. */
function effectOf(given: Args, { done }: PlanContext): RunEffect {
  const timeout = Math.max(1, Math.ceil(given.timeout));
  const what = `wait until ${shownOf(given)}`;
  return {
    kind: 'run',
    what,
    script: withPrelude(
      scriptText(waitFile, {
        condition: conditionOf(given),
        timeout,
        sleep: Math.max(1, Math.ceil(given.sleep)),
      }),
    ),
    detached: true,
    timeout: timeout + 60,
    errors: { 64: given.msg ?? `not within ${timeout} s: ${shownOf(given)}` },
    ...(done.acted === true ? {} : { harmless: true }),
  };
}

export const waitFor = defineModule<Args>({
  name: 'wait_for',
  summary: 'Waits until a port of the host takes connections, or a file exists, or does not.',
  example: `- name: The registry answers again
  wait_for:
    port: 5000
    timeout: 2m
`,
  notes: `It waits on the host itself. Where the condition holds already there is nothing to do, and the plan says so; \`delay\` counts only on a host that the run
has changed. Ports of the host itself are looked up in its table of sockets; of others by a connection, for which it needs bash or nc. Without \`port\` and
\`path\` it is a \`pause\` of \`timeout\`. \`search_regex\` is for \`grep -E\`: what that cannot know, such as \`(?i)\` or \`*?\`, is an error.`,
  args: asArgs(args),
  reads: (given) => !isSleep(given),
  convergent: (given) => !isSleep(given) && given.delay === 0,
  onlyWaits: true,
  delegable: 'reads',
  maxRisk: 'none',
  facts: (given) =>
    isSleep(given) ? [] : [readingWant(readScript(given), given.connect_timeout + 30)],
  plan,
});
