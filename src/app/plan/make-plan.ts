// Makes a plan: reads the facts of all hosts and plans each of them.

import { type Held, isOrphan, twinsAmong, twinsText } from '../../core/history/orphans.ts';
import { withHistory } from '../../core/plan/estimate.ts';
import { assemblePlay } from '../../core/plan/plan-play.ts';
import { type Planned, planFleet, refusedPlan } from '../../engine/host/fleet.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import { mapInTurns } from '../../engine/session/in-turns.ts';
import type { Play } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { HostPlan, Plan, PlayPlan } from '../../model/run/plan.ts';
import { earlierDurations } from '../history/history.ts';
import { answerOf } from '../observer.ts';
import { overriddenRollout, type RolloutFlags, type TaskFlags } from '../session/flags.ts';
import { inputsOf } from '../session/inputs.ts';
import { runPorts, type Session } from '../session/session.ts';
import { endIfStopped, readingSignal } from '../session/settings.ts';
import { CommandError } from '../session/world.ts';
import { readHeld } from './held.ts';
import { type Project, type ReadyPlay, readyPlay } from './project.ts';

export interface MadePlan {
  readonly plan: Plan;
  readonly plays: readonly ReadyPlay[];
  /** It was read from a file. */
  readonly saved?: boolean;
  /** Hosts that another run holds; absent in a saved plan. */
  readonly held?: readonly Held[];
}

export type PlanFlags = TaskFlags & RolloutFlags & { readonly takeover?: string };

export async function makePlan(
  project: Project,
  session: Session,
  flags: PlanFlags,
): Promise<MadePlan> {
  const { settings, world } = session;
  const { clock } = world;
  const salt = clock.id();
  const id = clock.id();
  const made: PlannedPlay[] = [];
  for (const written of project.playbook.plays) {
    const play = { ...written, rollout: overriddenRollout(written.rollout, flags) };
    made.push(await planPlay(project, play, id, session, flags));
  }
  if (made.every(({ ready }) => ready.hosts.length === 0))
    throw new CommandError(
      11,
      'no host matched',
      'kmend inventory --graph shows what there is; --limit may leave nothing of a pattern',
    );
  const plan: Plan = {
    schema: 'kmend.plan/1',
    id,
    tool: world.version,
    createdAt: clock.now(),
    playbook: project.name,
    inventories: settings.inventories,
    ...present({ limit: settings.limit, tags: flags.tags, skipTags: flags.skipTags }),
    ...present({ startAtTask: flags.startAtTask }),
    ...(flags.runReadOnly === true ? { runReadOnly: true } : {}),
    ...present({ rollbackOf: settings.rollback?.run }),
    inputs: inputsOf(project, salt, session),
    salt,
    plays: made.map(({ plan }) => plan),
  };
  return {
    plan: await maskedPlan(plan, world),
    plays: made.map(({ ready }) => ready),
    held: made.flatMap(({ held }) => held),
  };
}

/** Hides in each host's plan what later ones learned, host by host: a fleet has thousands. */
async function maskedPlan(plan: Plan, { secrets, clock }: Session['world']): Promise<Plan> {
  const plays: PlayPlan[] = [];
  for (const play of plan.plays)
    plays.push({
      ...secrets.mask({ ...play, hosts: [] }),
      hosts: await mapInTurns(play.hosts, secrets.mask, clock),
    });
  return { ...secrets.mask({ ...plan, plays: [] }), plays };
}

interface PlannedPlay {
  readonly ready: ReadyPlay;
  readonly plan: PlayPlan;
  readonly held: readonly Held[];
}

async function planPlay(
  project: Project,
  play: Play,
  id: string,
  session: Session,
  flags: PlanFlags,
): Promise<PlannedPlay> {
  const { settings, world, observer } = session;
  const ports = await runPorts(session);
  const ready = await readyPlay(project, play, session, flags);
  const retries = play.rollout.retries.transport;
  const elsewhere = await ready.elsewhere(retries);
  const options = {
    forks: settings.forks,
    retries,
    signal: readingSignal(world),
    ...present({ elsewhere }),
  };
  const reading = observer.reading('planned', ready.hosts);
  const planned = await planFleet(
    ready.hosts,
    ready.setup,
    options,
    { ...ports, clock: world.clock },
    ({ host, outcome }) => {
      if (!world.stop.aborted) reading.answered(answerOf(host, outcome));
    },
  );
  if (world.stop.aborted) reading.stopped();
  reading.end();
  endIfStopped(world);
  const runs = await ports.store.runs();
  const { hosts, notes, held } = await withoutHeld(planned, { ...ports, runs }, flags.takeover);
  const unsafe = ports.cluster?.unsafe;
  const about = { playbook: project.name, play: play.name, pool: ready.pool };
  const earlier = await earlierDurations(ports.store, about, runs);
  const assembled = assemblePlay(play, hosts, {
    pool: ready.pool.length,
    seed: id,
    found: [...ready.notes, ...(unsafe === undefined ? notes : [unsafe, ...notes])],
    earlier,
    ...present({ canaryHosts: ready.canaryHosts }),
  });
  const estimated = withHistory(earlier);
  const leftOut = [...assembled.leftOut, ...(settings.rollback?.refused ?? [])];
  return {
    ready,
    plan: {
      ...assembled,
      hosts: await mapInTurns(
        assembled.hosts,
        (host) => ({
          ...estimated(host),
          ...present({ transport: ready.setup.hosts.get(host.host)?.target.transport }),
        }),
        world.clock,
      ),
      leftOut,
      ...present({ canaryHosts: ready.canaryHosts }),
    },
    held,
  };
}

/** Refuses hosts that another run left out of service. Less important findings become notes. */
async function withoutHeld(
  planned: readonly Planned[],
  { store, runs }: { readonly store: Store; readonly runs: readonly RunInfo[] },
  takeover: string | undefined,
): Promise<{
  readonly hosts: readonly Planned[];
  readonly notes: readonly string[];
  readonly held: readonly Held[];
}> {
  const seen = planned.flatMap((one) => one.seen ?? []);
  const held = await readHeld(seen, store, runs);
  const hosts = planned.map((one): Planned => {
    const by = held.get(one.host);
    if (by === undefined || !isOrphan(by) || by.run === takeover || !one.outcome.ok) return one;
    const marked = {
      ...one,
      outcome: { ...one.outcome, value: { ...one.outcome.value, heldBy: by.run } },
    };
    return refusedPlan(
      marked,
      'open in another run',
      by.why + alsoRefused(one.outcome.value),
      by.hint,
    );
  });
  const underWay = [...held.values()]
    .filter((by) => !isOrphan(by))
    .map(({ host, why }) => `${host}: ${why}`);
  const alike = twinsAmong(seen).filter(({ by }) => by !== 'boot');
  return { hosts, notes: [...underWay, ...alike.map(twinsText)], held: [...held.values()] };
}

/** Why its own tasks refuse the host: that must be repaired before the other run can go on. */
function alsoRefused({ refused }: HostPlan): string {
  if (refused === undefined) return '';
  return `; also refused by ${refused.task}: ${refused.why}${refused.hint === undefined ? '' : ` (${refused.hint})`}`;
}
