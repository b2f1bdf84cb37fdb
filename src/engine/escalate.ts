// Harder ways to reboot a host that still answers in its old boot: off unless the play asks for them, each said in the journal before it is sent.
import type { Escalation, Fallback, RebootEffect } from '../model/effect.ts';
import type { Failure } from '../model/failure.ts';
import type { DoorContext, EffectPlace } from './door.ts';
import { escalateScript, exitCodes, heldScript } from './host-scripts.ts';
import { lastLines } from './observe.ts';
import { fencedBy } from './perform-run.ts';

/** Seconds that a host with the old boot id may take to go down. */
const goesDownWithin = 120;

const words: Readonly<Record<Escalation, string>> = {
  force: 'systemctl reboot -f',
  sysrq: 'sysrq s, u, b',
};

/** Seconds before the next way is tried, or the reboot is given up: the time of the whole reboot is shared among them. */
export const patience = ({ escalate = [], timeout }: RebootEffect): number =>
  escalate.length === 0 ? goesDownWithin : Math.min(goesDownWithin, timeout / (escalate.length + 1));

/** Sends one. A host that goes down at once cuts the answer off: the boot id tells, as with the reboot itself. */
export async function escalate(
  step: Escalation,
  waited: number,
  boot: string,
  place: EffectPlace,
  context: DoorContext,
): Promise<Failure | undefined> {
  const { host, session, token, record } = context;
  const text = `still the same boot ${Math.round(waited)} s after the reboot was sent: ${words[step]}`;
  await record({ type: 'effect.progress', host, task: place.task, effect: place.effect, text }, true);
  const become = session.target.become !== undefined;
  const outcome = await session.once({ script: escalateScript(token, place.effect, boot, step), become, timeout: 30 });
  if (!outcome.ok || outcome.value.code === 0) return undefined;
  const said = lastLines(outcome.value.stderr, 2);
  if (outcome.value.code === exitCodes.fenced) return fencedBy(said);
  await record(
    { type: 'effect.progress', host, task: place.task, effect: place.effect, text: `${words[step]} could not be sent: ${said}` },
    true,
  );
  return undefined;
}

/**
 * The last way: the play's own program on this machine. Whoever lost the host may not do it any more; a host that does not answer cannot be
 * asked, and is known to be ours by the lock alone. Not ended with the run: a power cycle that is cut in half leaves a host that is off.
 */
export async function fallBack(
  fallback: Fallback,
  bad: Failure,
  answers: boolean,
  place: EffectPlace,
  context: DoorContext,
): Promise<Failure | undefined> {
  const { host, session, token, record, here } = context;
  const [program = ''] = fallback.argv;
  if (answers) {
    const held = await session.fresh({ script: heldScript(token), become: session.target.become !== undefined, timeout: 30 });
    if (held.ok && held.value.code === exitCodes.fenced) return fencedBy(lastLines(held.value.stderr, 2));
  }
  const tell = (text: string): Promise<unknown> =>
    record({ type: 'effect.progress', host, task: place.task, effect: place.effect, text }, true);
  await tell(`${bad.message}: ${program}, on this machine`);
  const { name, address = name } = session.target;
  const environment = { KMEND_HOST: name, KMEND_ADDRESS: address, ...fallback.environment };
  const { code, said } = (await here?.run({ ...fallback, environment })) ?? { code: null, said: 'nothing can be run here' };
  if (code === 0) {
    await tell(`${program} ended well: waiting for a new boot id`);
    return undefined;
  }
  return {
    ...bad,
    message: `${bad.message}; ${program}, run on this machine, ended with ${code ?? 'no status'}`,
    detail: context.mask(withoutValues(said.trim().split('\n').at(-1) ?? '', fallback.environment)),
  };
}

/** What was given to the program in its environment may stand in what it said. */
const withoutValues = (text: string, environment: Fallback['environment']): string =>
  Object.values(environment).reduce((masked, value) => (value.length < 4 ? masked : masked.replaceAll(value, '***')), text);
