// Waits for facts: reads them again until they match, until one of them makes waiting pointless, or
// until the time limit.
import type { WaitEffect } from '../../model/run/effect.ts';
import { type Failure, isAway } from '../../model/run/failure.ts';
import { sameValue, type Value } from '../../model/value.ts';
import { type EffectContext, failing, interrupted, type Performed } from './effect-context.ts';

export async function performWait(effect: WaitEffect, context: EffectContext): Promise<Performed> {
  const { clock, signal } = context;
  // An outage of the cluster does not count: the host could not become ready meanwhile.
  const passed = (): number => clock.now() - context.awayFor();
  if (effect.first !== undefined) {
    await clock.sleep(effect.first * 1000, signal);
    if (signal.aborted) return failing(stopped(effect));
    if (effect.until.length === 0) return { result: { ok: true, data: { seconds: effect.first } } };
  }
  const began = passed();
  for (;;) {
    const failure = await context.refresh();
    if (failure !== undefined && (failure.transport !== true || isAway(failure)))
      return failing(failure);
    const facts = context.facts();
    const waited = Math.round((passed() - began) / 1000);
    const hopeless =
      failure === undefined
        ? effect.unless?.find((one) => sameValue(facts[one.fact], one.is))
        : undefined;
    if (hopeless !== undefined) return failing({ kind: 'not_verified', message: hopeless.why });
    const missing = effect.until.filter((one) => !sameValue(facts[one.fact], one.is));
    if (failure === undefined && missing.length === 0)
      return { result: { ok: true, data: { seconds: waited } } };
    if (waited >= effect.timeout)
      return failing(
        timedOut(effect, missing, waited, effect.why === undefined ? undefined : facts[effect.why]),
      );
    if (signal.aborted) return failing(stopped(effect));
    await clock.sleep(effect.every * 1000, signal);
  }
}

const stopped = ({ what }: WaitEffect): Failure =>
  interrupted(`the run was ended while it waits: ${what}`);

const timedOut = (
  effect: WaitEffect,
  missing: WaitEffect['until'],
  waited: number,
  why: Value | undefined,
): Failure => ({
  kind: 'timeout',
  message: `${effect.what}: not within ${waited} s (${typeof why === 'string' && why !== '' ? why : missing.map((one) => `${one.fact} is not ${JSON.stringify(one.is)}`).join(', ')})`,
});
