// Escalations for a host that still answers in its old boot. They are off unless the play asks for
// them, and each is journalled before it is sent.
import type { Escalation, Fallback } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';
import { oneLine } from '../../model/text/printable.ts';
import type { ExecResult } from '../ports/transport.ts';
import { lastLines } from '../session/observe.ts';
import { isLate } from '../state-pause.ts';
import type { EffectContext, EffectPlace } from './effect-context.ts';
import { escalateScript, exitCodes, heldScript } from './host-scripts.ts';
import { fencedBy } from './perform-run.ts';

const commands: Readonly<Record<Escalation, string>> = {
  force: 'systemctl reboot -f',
  sysrq: 'sysrq s, u, b',
};

export const reportProgress = (
  text: string,
  { task, effect }: EffectPlace,
  { host, record }: EffectContext,
): Promise<unknown> => record({ type: 'effect.progress', host, task, effect, text }, true);

/** The process that changes packages on the host. */
export interface Locked {
  readonly holder: string;
}

/** What was read before an entry that had to wait is old: it must be read again. */
export type Late = 'late';

/** Announces a step; `late` where the entry has waited so long that it may be obsolete. */
async function announce(
  text: string,
  place: EffectPlace,
  context: EffectContext,
): Promise<Late | undefined> {
  const began = context.clock.now();
  await reportProgress(text, place, context);
  return isLate(began, context.clock.now()) ? 'late' : undefined;
}

export const lockHolder = (output: string): string => oneLine(lastLines(output, 1), 200);

/** Without the age, which is different at each poll. */
export const withoutAge = (holder: string): string => holder.replace(/, for \d+ s/, '');

const refusalOf = ({ code, stderr }: ExecResult): Failure | Locked | undefined => {
  const output = lastLines(stderr, 2);
  if (code === exitCodes.fenced) return fencedBy(output);
  return code === exitCodes.locked ? { holder: withoutAge(lockHolder(output)) } : undefined;
};

/** Why the host must not be rebooted: another run, or a package manager. No answer = nothing known. */
async function refused({ session, token }: EffectContext): Promise<Failure | Locked | undefined> {
  const asked = await session.fresh({
    script: heldScript(token),
    become: session.target.become !== undefined,
    timeout: 30,
  });
  return asked.ok ? refusalOf(asked.value) : undefined;
}

/**
 * Sends one escalation. A host that goes down at once may not answer: the next boot id shows whether
 * it rebooted.
 */
export async function escalate(
  step: Escalation,
  waited: number,
  boot: string,
  place: EffectPlace,
  context: EffectContext,
): Promise<Failure | Locked | Late | undefined> {
  const { session, token } = context;
  const before = await refused(context);
  if (before !== undefined) return before;
  const late = await announce(
    `still the same boot ${Math.round(waited)} s after the reboot was sent: ${commands[step]}`,
    place,
    context,
  );
  if (late !== undefined) return late;
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
      `${commands[step]} could not be sent: ${lastLines(outcome.value.stderr, 2)}`,
      place,
      context,
    );
  return refusal;
}

/**
 * Runs the play's own program on this machine as the last resort. A run that lost the host must not
 * do so; if the host does not answer, only the lock shows that it is ours. The program is not ended
 * with the run: an interrupted power cycle would leave the host off.
 */
export async function fallBack(
  fallback: Fallback,
  failure: Failure,
  answers: boolean,
  place: EffectPlace,
  context: EffectContext,
): Promise<Failure | Late | undefined> {
  const { session, localHost } = context;
  const [program = ''] = fallback.argv;
  const refusal = answers ? await refused(context) : undefined;
  if (refusal !== undefined && 'holder' in refusal)
    return {
      ...failure,
      kind: 'blocked',
      message: `${failure.message}; ${program} was not run: ${refusal.holder}`,
    };
  if (refusal !== undefined) return refusal;
  const late = await announce(`${failure.message}: ${program}, on this machine`, place, context);
  if (late !== undefined) return late;
  const { name, address = name } = session.target;
  const environment = { KMEND_HOST: name, KMEND_ADDRESS: address, ...fallback.environment };
  const { code, output } = (await localHost?.run({ ...fallback, environment })) ?? {
    code: null,
    output: 'no program can be run on this machine',
  };
  if (code === 0) {
    await reportProgress(`${program} succeeded: waiting for a new boot id`, place, context);
    return undefined;
  }
  return {
    ...failure,
    message: `${failure.message}; ${program}, run on this machine, ended with ${code ?? 'no status'}`,
    detail: context.mask(
      withoutValues(output.trim().split('\n').at(-1) ?? '', fallback.environment),
    ),
  };
}

/** The output may contain values of the program's environment, which may be secret. */
const withoutValues = (text: string, environment: Fallback['environment']): string =>
  Object.values(environment).reduce(
    (masked, value) => (value.length < 4 ? masked : masked.replaceAll(value, '***')),
    text,
  );
