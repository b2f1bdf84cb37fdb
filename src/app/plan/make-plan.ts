// Making a plan: facts of all hosts, a plan for each, one plan of it all; and showing it.

import { type Held, isOrphan, twinsAmong, twinsText } from '../../core/history/orphans.ts';
import { withHistory } from '../../core/plan/estimate.ts';
import { assemblePlay, beginning } from '../../core/plan/plan-play.ts';
import { type Simulation, simulate } from '../../core/rollout/simulate.ts';
import { type Planned, planFleet, refusedPlan } from '../../engine/host/fleet.ts';
import type { Cluster } from '../../engine/ports/cluster.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import { present } from '../../model/present.ts';
import { type HostPlan, hasChanges, type Plan, type PlayPlan } from '../../model/run/plan.ts';
import { type PlannedWave, planText } from '../../screens/plan-text.ts';
import { earlierDurations } from '../history/history.ts';
import { overriddenRollout, type RolloutFlags, type TaskFlags } from '../session/flags.ts';
import { hostProgress } from '../session/host-progress.ts';
import { endIfStopped, paintOf, readingSignal, type Settings } from '../session/settings.ts';
import { CommandError, type World } from '../session/world.ts';
import { readHeld } from './held.ts';
import { inputsOf, type Project, type ReadyPlay, readyPlay } from './project.ts';

export interface MadePlan {
  readonly plan: Plan;
  readonly plays: readonly ReadyPlay[];
  /** It was read from a file, not made just now. */
  readonly saved?: boolean;
  /** Hosts that a run has, where the plan was made just now. */
  readonly held?: readonly Held[];
}

export async function makePlan(
  project: Project,
  set: Settings,
  tags: TaskFlags & RolloutFlags & { readonly takeover?: string },
  world: World,
  ports: { readonly transport: Transport; readonly store: Store; readonly cluster?: Cluster },
): Promise<MadePlan> {
  const { clock } = world;
  const salt = clock.id();
  const id = clock.id();
  const plays: ReadyPlay[] = [];
  const playPlans: PlayPlan[] = [];
  const held: Held[] = [];
  for (const written of project.playbook.plays) {
    const play = { ...written, rollout: overriddenRollout(written.rollout, tags) };
    const ready = await readyPlay(project, play, set, tags, world, ports.cluster, tags.takeover);
    plays.push(ready);
    const options = { forks: set.forks, retries: play.rollout.retries.transport, signal: readingSignal(world) };
    const progress = hostProgress('planned', ready.hosts, world);
    const planned = await planFleet(ready.hosts, ready.setup, options, { ...ports, clock }, ({ host }) => progress(host));
    world.progress('');
    endIfStopped(world);
    const { hosts, notes, held: found } = await withoutHeld(planned, ports.store, tags.takeover);
    held.push(...found);
    const unsafe = ports.cluster?.unsafe;
    const assembled = assemblePlay(play, ready.pool.length, hosts, id, unsafe === undefined ? notes : [unsafe, ...notes]);
    const earlier = await earlierDurations(ports.store, { playbook: project.path, play: play.name, pool: ready.pool });
    const leftOut = [...assembled.leftOut, ...(set.rollback?.refused ?? [])];
    playPlans.push({ ...assembled, hosts: assembled.hosts.map((host) => withHistory(host, earlier)), leftOut });
  }
  if (plays.every((play) => play.hosts.length === 0))
    throw new CommandError(11, 'no host matched', 'kmend inventory --graph shows what there is; --limit may leave nothing of a pattern');
  const plan: Plan = {
    schema: 'kmend.plan/1',
    id,
    tool: world.version,
    createdAt: clock.now(),
    playbook: project.path,
    inventories: set.inventories,
    ...present({ limit: set.limit, tags: tags.tags, skipTags: tags.skipTags }),
    ...(tags.runReadOnly === true ? { runReadOnly: true } : {}),
    ...(set.rollback === undefined ? {} : { rollbackOf: set.rollback.run }),
    inputs: inputsOf(project, set, salt, world),
    salt,
    plays: playPlans,
  };
  return { plan: world.secrets.mask(plan), plays, held };
}

/** Hosts that a run left out of service are refused and named; what is only worth a word is a note. */
async function withoutHeld(
  planned: readonly Planned[],
  store: Store,
  takeover: string | undefined,
): Promise<{ readonly hosts: readonly Planned[]; readonly notes: readonly string[]; readonly held: readonly Held[] }> {
  const seen = planned.flatMap((one) => one.seen ?? []);
  const held = await readHeld(seen, store);
  const hosts = planned.map((one): Planned => {
    const by = held.get(one.host);
    if (by === undefined || !isOrphan(by) || by.run === takeover || !one.outcome.ok) return one;
    const marked = { ...one, outcome: { ...one.outcome, value: { ...one.outcome.value, heldBy: by.run } } };
    return refusedPlan(marked, 'open in another run', by.why + alsoRefused(one.outcome.value), by.hint);
  });
  const underWay = [...held.values()].filter((by) => !isOrphan(by)).map(({ host, why }) => `${host}: ${why}`);
  const alike = twinsAmong(seen).filter(({ by }) => by !== 'boot');
  return { hosts, notes: [...underWay, ...alike.map(twinsText)], held: [...held.values()] };
}

/** What its own tasks refuse the host for stays in sight: it is what must be repaired before the other run can go on. */
function alsoRefused({ refused }: HostPlan): string {
  if (refused === undefined) return '';
  return `; also refused by ${refused.task}: ${refused.why}${refused.hint === undefined ? '' : ` (${refused.hint})`}`;
}

/** Waves, order and times by the very `decide` that a run asks, on a virtual clock. */
function foresee(plan: Plan, play: PlayPlan, canaryHosts: readonly string[] | undefined, now: number): Simulation {
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

export function showPlan(made: MadePlan, world: World): readonly string[] {
  return made.plan.plays.flatMap((play, index) => {
    const now = world.clock.now();
    const simulation = foresee(made.plan, play, made.plays[index]?.canaryHosts, now);
    const waves: readonly PlannedWave[] = simulation.waves.map((wave) => ({
      title: wave.canary ? `Canary: ${wave.hosts.length}` : `Wave ${wave.wave}: ${wave.hosts.length}`,
      hosts: simulation.starts
        .filter((start) => start.wave === wave.wave)
        .map((start) => ({
          host: start.host,
          startsIn: Math.round((start.at - now) / 1000),
          ...(start.waited === undefined ? {} : { waitsFor: start.waited.text }),
        })),
    }));
    const started = new Set(simulation.starts.map((start) => start.host));
    const unstarted = play.hosts.filter((host) => hasChanges(host) && !started.has(host.host)).map((host) => host.host);
    const expected = (simulation.endAt - now) / 1000;
    return planText({ play, waves, unstarted, why: simulation.why, expected, width: world.width(), paint: paintOf(world) });
  });
}
