// A plan as text, with waves, order and times.
import type { PlanToShow } from '../../app/observer.ts';
import { type Simulation, simulate } from '../../core/decide/simulate.ts';
import { beginning } from '../../core/plan/plan-play.ts';
import { present } from '../../model/present.ts';
import { hasChanges, type Plan, type PlayPlan } from '../../model/run/plan.ts';
import { type PlannedWave, planSummary, planText } from '../../screens/plan-text.ts';
import { paintOf, type World } from '../world.ts';

/** Waves, order and times by the `decide` of a run, on a virtual clock. */
function foresee(
  plan: Plan,
  play: PlayPlan,
  canaryHosts: readonly string[] | undefined,
  now: number,
): Simulation {
  const begin = beginning(plan, play, { who: 'plan', attended: false, down: new Set() });
  return simulate({
    begin,
    run: plan.id,
    now,
    missing: play.hosts.filter(({ cordoned }) => cordoned === true).map(({ host }) => host),
    horizon: now + 400 * 86_400_000,
    context: { attended: true, wait: true, ...present({ canaryHosts }) },
  });
}

/** @param quiet only what is refused, left out or would not be started, and the summary */
export function planLines(
  { plan, canaryHosts }: PlanToShow,
  quiet: boolean,
  world: World,
): readonly string[] {
  return plan.plays.flatMap((play, index) => {
    const now = world.clock.now();
    const simulation = foresee(plan, play, canaryHosts[index], now);
    const waves: readonly PlannedWave[] = simulation.waves.map((wave) => ({
      title: wave.canary
        ? `Canary: ${wave.hosts.length}`
        : `Wave ${wave.wave}: ${wave.hosts.length}`,
      hosts: simulation.starts
        .filter((start) => start.wave === wave.wave)
        .map((start) => ({
          host: start.host,
          startsIn: Math.round((start.at - now) / 1000),
          ...(start.waited === undefined ? {} : { waitsFor: start.waited.text }),
        })),
    }));
    const started = new Set(simulation.starts.map((start) => start.host));
    const unstarted = play.hosts
      .filter((host) => hasChanges(host) && !started.has(host.host))
      .map((host) => host.host);
    const expected = (simulation.endAt - now) / 1000;
    return (quiet ? planSummary : planText)({
      play,
      waves,
      unstarted,
      why: simulation.why,
      expected,
      width: world.width(),
      paint: paintOf(world),
    });
  });
}
