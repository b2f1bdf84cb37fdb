// Encrypted values that hosts of a saved plan need: without the right vault password each of these
// hosts would be started, and would fail.
import { namesUsed } from '../../core/plan/kept-vars.ts';
import type { PlaySetup } from '../../engine/host/walk-context.ts';
import { mapInTurns } from '../../engine/session/in-turns.ts';
import { SealedError, sealedIn } from '../../load/index.ts';
import { type BlockTask, branchesOf, type ModuleTask, type Task } from '../../model/playbook.ts';
import type { HostPlan, PlayPlan } from '../../model/run/plan.ts';
import type { Mapping, Sealed } from '../../model/value.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import type { ReadyPlay } from './project.ts';

/** Hosts that are tried: a password that opens the values of so many is the right one. */
const samples = 100;

/** Throws where no vault password opens a value that tasks of these hosts use by the plan. */
export async function refuseClosed(
  { hosts: plans }: PlayPlan,
  { setup, hosts: names, inventoryVars }: ReadyPlay,
  hosts: readonly string[],
  { world }: Session,
): Promise<void> {
  const wanted = new Set(hosts);
  const tasks = placed(setup.play.tasks);
  const vars = new Map(names.map((host, index) => [host, inventoryVars[index] ?? {}]));
  const tried = plans.filter(({ host }) => wanted.has(host)).slice(0, samples);
  const open = (plan: HostPlan): void => {
    const needed = sealedFor(plan, tasks, setup, vars.get(plan.host) ?? {});
    const scope = setup.hosts.get(plan.host)?.variables({});
    for (const sealed of needed) scope?.open?.(sealed);
  };
  await mapInTurns(tried, open, world.clock).catch((error: unknown) => {
    throw error instanceof SealedError ? new CommandError(3, error.summary, error.hint) : error;
  });
}

/** The same for those of the hosts that this process works on: hosts of sites have workers. */
export async function refuseClosedHere(
  play: PlayPlan,
  ready: ReadyPlay,
  hosts: readonly string[],
  session: Session,
): Promise<void> {
  const { sites } = await session.ports.store();
  const isOwn = (host: string): boolean =>
    sites === undefined || ready.setup.hosts.get(host)?.target.site === undefined;
  await refuseClosed(play, ready, hosts.filter(isOwn), session);
}

/** A task, then the blocks around it, the innermost first. */
type Placed = readonly [ModuleTask, ...BlockTask[]];

const placed = (tasks: readonly Task[], around: readonly BlockTask[] = []): readonly Placed[] =>
  tasks.flatMap((task): readonly Placed[] =>
    task.kind === 'block' ? placed(branchesOf(task), [task, ...around]) : [[task, ...around]],
  );

/** The encrypted values that this host needs: those of its tasks, and of the variables they use. */
function sealedFor(
  plan: HostPlan,
  all: readonly Placed[],
  { play, extraVars }: PlaySetup,
  own: Mapping,
): readonly Sealed[] {
  const used = new Set(plan.tasks.flatMap(({ id, status }) => (status === 'skip' ? [] : [id])));
  const wanted = all.filter(([{ id }]) => used.has(id));
  const tasks = wanted.map(([task]) => task);
  const blocks = wanted.flatMap(([, ...around]) => around);
  const layers: readonly Mapping[] = [
    extraVars,
    ...[...tasks, ...blocks].map(({ vars }) => vars),
    play.vars,
    own,
    ...blocks.map(({ defaults = {} }) => defaults),
    play.defaults ?? {},
  ];
  const sealed = new Set(layers.flatMap(sealedIn).map(([name]) => name));
  const conditions = blocks.map(({ when }) => when);
  const names = sealed.size === 0 ? [] : namesUsed([...tasks, ...conditions], layers);
  const values = [...names].map((name) => layers.find((vars) => Object.hasOwn(vars, name))?.[name]);
  const written = tasks.map(({ args, loop }) => [args, loop ?? null]);
  return sealedIn({ written, values: values.map((value) => value ?? null) }).map(([, one]) => one);
}
