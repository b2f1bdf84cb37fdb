// A plan as text, with waves, order and times.
import type { PlanToShow } from '../../app/observer.ts';
import { type Simulation, simulation } from '../../core/decide/simulate.ts';
import { beginning } from '../../core/plan/plan-play.ts';
import { eachInTurns, inTurns } from '../../engine/session/in-turns.ts';
import { present } from '../../model/present.ts';
import { hasChanges, type Plan, type PlayPlan } from '../../model/run/plan.ts';
import { type PlanView, planSummary, planText } from '../../screens/plan-text.ts';
import { paintOf, type World } from '../world.ts';

/** Waves, order and times by the `decide` of a run, on a virtual clock. */
function foresee(
  plan: Plan,
  play: PlayPlan,
  canaryHosts: readonly string[] | undefined,
  now: number,
): Generator<undefined, Simulation> {
  const begin = beginning(plan, play, { who: 'plan', attended: false, down: new Set() });
  return simulation({
    begin,
    run: plan.id,
    now,
    missing: play.hosts.filter(({ cordoned }) => cordoned === true).map(({ host }) => host),
    horizon: now + 400 * 86_400_000,
    context: { attended: true, wait: true, ...present({ canaryHosts }) },
  });
}

/**
 * Prints a plan, and lets the event loop turn meanwhile.
 * @param quiet only what is refused, left out or would not be started, and the summary
 */
export async function printPlan(
  { plan, canaryHosts }: PlanToShow,
  quiet: boolean,
  world: World,
): Promise<void> {
  for (const [index, play] of plan.plays.entries()) {
    const now = world.clock.now();
    const foreseen = await inTurns(foresee(plan, play, canaryHosts[index], now), world.clock);
    const view = { ...viewOf(play, foreseen, now), width: world.width(), paint: paintOf(world) };
    await eachInTurns((quiet ? planSummary : planText)(view), world.out, world.clock);
  }
}

function viewOf(
  play: PlayPlan,
  foreseen: Simulation,
  now: number,
): Omit<PlanView, 'width' | 'paint'> {
  const waves = foreseen.waves.map(({ wave, canary, hosts }) => ({
    title: canary ? `Canary: ${hosts.length}` : `Wave ${wave}: ${hosts.length}`,
    hosts: foreseen.starts
      .filter((start) => start.wave === wave)
      .map((start) => ({
        host: start.host,
        startsIn: Math.round((start.at - now) / 1000),
        ...(start.waited === undefined ? {} : { waitsFor: start.waited.text }),
      })),
  }));
  const started = new Set(foreseen.starts.map((start) => start.host));
  const unstarted = play.hosts
    .filter((host) => hasChanges(host) && !started.has(host.host))
    .map((host) => host.host);
  const expected = (foreseen.endAt - now) / 1000;
  return { play, waves, unstarted, why: foreseen.why, expected };
}
