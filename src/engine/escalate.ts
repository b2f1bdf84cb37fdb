// Harder ways to reboot a host that still answers in its old boot: off unless the play asks for them, each said in the journal before it is sent.
import type { Escalation, RebootEffect } from '../model/effect.ts';
import type { Failure } from '../model/failure.ts';
import type { DoorContext, EffectPlace } from './door.ts';
import { escalateScript, exitCodes } from './host-scripts.ts';
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
  const said = outcome.value.stderr.trim();
  if (outcome.value.code === exitCodes.fenced) return fencedBy(said);
  await record(
    { type: 'effect.progress', host, task: place.task, effect: place.effect, text: `${words[step]} could not be sent: ${said}` },
    true,
  );
  return undefined;
}
