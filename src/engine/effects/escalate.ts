// Harder ways to reboot a host that still answers in its old boot: off unless the play asks for
// them, each said in the journal before it is sent.
import type { Escalation, Fallback } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';
import { oneLine } from '../../model/text/printable.ts';
import type { ExecResult } from '../ports/transport.ts';
import { lastLines } from '../session/observe.ts';
import type { EffectContext, EffectPlace } from './effect-context.ts';
import { escalateScript, exitCodes, heldScript } from './host-scripts.ts';
import { fencedBy } from './perform-run.ts';

const words: Readonly<Record<Escalation, string>> = {
  force: 'systemctl reboot -f',
  sysrq: 'sysrq s, u, b',
};

export const reportProgress = (
  text: string,
  { task, effect }: EffectPlace,
  { host, record }: EffectContext,
): Promise<unknown> => record({ type: 'effect.progress', host, task, effect, text }, true);

/** Who changes packages on the host, as its script says. */
export interface Locked {
  readonly holder: string;
}

export const lockHolder = (said: string): string => oneLine(lastLines(said, 1), 200);

/** `, for 45 s` grows from question to question. */
export const withoutAge = (holder: string): string => holder.replace(/, for \d+ s/, '');

const refusalOf = ({ code, stderr }: ExecResult): Failure | Locked | undefined => {
  const said = lastLines(stderr, 2);
  if (code === exitCodes.fenced) return fencedBy(said);
  return code === exitCodes.locked ? { holder: withoutAge(lockHolder(said)) } : undefined;
};

/**
 * Whose host it is, and who changes packages there. A host that cannot answer is not waited for.
 */
async function refused({ session, token }: EffectContext): Promise<Failure | Locked | undefined> {
  const asked = await session.fresh({
    script: heldScript(token),
    become: session.target.become !== undefined,
    timeout: 30,
  });
  return asked.ok ? refusalOf(asked.value) : undefined;
}

/**
 * Sends one. A host that goes down at once cuts the answer off: the boot id tells, as with the
 * reboot itself.
 */
export async function escalate(
  step: Escalation,
  waited: number,
  boot: string,
  place: EffectPlace,
  context: EffectContext,
): Promise<Failure | Locked | undefined> {
  const { session, token } = context;
  const before = await refused(context);
  if (before !== undefined) return before;
  await reportProgress(
    `still the same boot ${Math.round(waited)} s after the reboot was sent: ${words[step]}`,
    place,
    context,
  );
  const become = session.target.become !== undefined;
  const outcome = await session.once({
    script: escalateScript(token, place.effect, boot, step),
    become,
    timeout: 30,
  });
  if (!outcome.ok || outcome.value.code === 0) return undefined;
  const refusal = refusalOf(outcome.value);
  if (refusal === undefined)
    await reportProgress(
      `${words[step]} could not be sent: ${lastLines(outcome.value.stderr, 2)}`,
      place,
      context,
    );
  return refusal;
}

/**
 * The last way: the play's own program on this machine. Whoever lost the host may not do it any
 * more; a host that does not answer cannot be asked, and is known to be ours by the lock alone. Not
 * ended with the run: a power cycle that is cut in half leaves a host that is off.
 */
export async function fallBack(
  fallback: Fallback,
  bad: Failure,
  answers: boolean,
  place: EffectPlace,
  context: EffectContext,
): Promise<Failure | undefined> {
  const { session, here } = context;
  const [program = ''] = fallback.argv;
  const refusal = answers ? await refused(context) : undefined;
  if (refusal !== undefined && 'holder' in refusal)
    return {
      ...bad,
      kind: 'blocked',
      message: `${bad.message}; ${program} was not run: ${refusal.holder}`,
    };
  if (refusal !== undefined) return refusal;
  await reportProgress(`${bad.message}: ${program}, on this machine`, place, context);
  const { name, address = name } = session.target;
  const environment = { KMEND_HOST: name, KMEND_ADDRESS: address, ...fallback.environment };
  const { code, said } = (await here?.run({ ...fallback, environment })) ?? {
    code: null,
    said: 'nothing can be run here',
  };
  if (code === 0) {
    await reportProgress(`${program} ended well: waiting for a new boot id`, place, context);
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
  Object.values(environment).reduce(
    (masked, value) => (value.length < 4 ? masked : masked.replaceAll(value, '***')),
    text,
  );
