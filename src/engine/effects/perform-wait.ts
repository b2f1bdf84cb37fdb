// Waiting for facts: reads them again until they are as asked, until one of them makes waiting
// pointless, or until the time is up.
import type { WaitEffect } from '../../model/run/effect.ts';
import { type Failure, isAway } from '../../model/run/failure.ts';
import { sameValue, type Value } from '../../model/value.ts';
import { cutShort, type EffectContext, failing, type Performed } from './effect-context.ts';

export async function performWait(effect: WaitEffect, context: EffectContext): Promise<Performed> {
  const { clock, signal } = context;
  // The time of an outage of the cluster is no time in which the host could have got ready.
  const passed = (): number => clock.now() - context.awayFor();
  const began = passed();
  for (;;) {
    const trouble = await context.refresh();
    if (trouble !== undefined && (trouble.transport !== true || isAway(trouble)))
      return failing(trouble);
    const facts = context.facts();
    const waited = Math.round((passed() - began) / 1000);
    const hopeless =
      trouble === undefined
        ? effect.unless?.find((one) => sameValue(facts[one.fact], one.is))
        : undefined;
    if (hopeless !== undefined) return failing({ kind: 'not_verified', message: hopeless.why });
    const missing = effect.until.filter((one) => !sameValue(facts[one.fact], one.is));
    if (trouble === undefined && missing.length === 0)
      return { result: { ok: true, data: { seconds: waited } } };
    if (waited >= effect.timeout)
      return failing(
        timedOut(effect, missing, waited, effect.why === undefined ? undefined : facts[effect.why]),
      );
    if (signal.aborted)
      return failing(cutShort(`the run was ended while it waits: ${effect.what}`));
    await clock.sleep(effect.every * 1000, signal);
  }
}

const timedOut = (
  effect: WaitEffect,
  missing: WaitEffect['until'],
  waited: number,
  why: Value | undefined,
): Failure => ({
  kind: 'timeout',
  message: `${effect.what}: not within ${waited} s (${typeof why === 'string' && why !== '' ? why : missing.map((one) => `${one.fact} is not ${JSON.stringify(one.is)}`).join(', ')})`,
});
