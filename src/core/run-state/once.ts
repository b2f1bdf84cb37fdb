// Tasks with `run_once`: the host that does them for all, and how far it is.
import { type ModuleTask, moduleTasksOf, type Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { type Mapping, unknown, type Value } from '../../model/value.ts';
import { doneTask, type HostState, hostAt, type RunState } from './state.ts';

/** The host that does the tasks with `run_once`; undefined where the play has none. */
export const ownerOf = (state: RunState): HostState | undefined =>
  state.owner === undefined ? undefined : hostAt(state, state.owner);

/** The host that must be past its prelude before any other host is started. */
export function leaderOf(state: RunState): HostState | undefined {
  const owner = ownerOf(state);
  return owner?.prelude === 'owed' ? owner : undefined;
}

/** A host with what it owes when its run begins. One that has nothing to do is past all of it. */
export function owing(host: HostState): HostState {
  const has = (part: 'before' | 'after'): boolean =>
    host.plan.tasks.some(({ once }) => once === part);
  const [before, after] = host.status === 'same' ? [false, false] : [has('before'), has('after')];
  if (!before && !after) return host;
  return {
    ...host,
    ...(before ? { prelude: 'owed' } : {}),
    ...(after ? { epilogue: 'owed' } : {}),
  };
}

/**
 * A host that is queued again keeps what it did for all hosts, and what it still owes them. What it
 * skipped is judged again until it is past its prelude.
 */
export function kept(host: HostState): Pick<HostState, 'tasks' | 'prelude' | 'epilogue'> {
  const { prelude, epilogue } = host;
  return {
    tasks: host.tasks.filter(
      (done) => isForAll(host, done.task) && (done.status !== 'skipped' || prelude === 'done'),
    ),
    ...present({ prelude }),
    ...(epilogue === undefined ? {} : { epilogue: epilogue === 'done' ? 'done' : 'owed' }),
  };
}

/** Tasks that a retry does not judge again. */
export const settledTasks = (host: HostState): HostState['tasks'] =>
  host.tasks.filter(
    ({ task, status }) => status !== 'skipped' || (host.prelude === 'done' && isForAll(host, task)),
  );

const isForAll = ({ plan }: HostState, task: string): boolean =>
  plan.tasks.some(({ id, once }) => id === task && once !== undefined);

/** The host that does the epilogue, when every other host has reached an end and it is done itself. */
export function closerOf(state: RunState): HostState | undefined {
  const owner = ownerOf(state);
  const isOver =
    state.planned === undefined &&
    state.waiting === undefined &&
    state.lockedOut === undefined &&
    state.running === undefined &&
    state.soaking === undefined;
  return owner?.epilogue === 'owed' && owner.status === 'done' && isOver ? owner : undefined;
}

/** The host whose epilogue was not done; undefined where it was, or where nothing is owed. */
export function unclosed(state: RunState): HostState | undefined {
  const owner = ownerOf(state);
  return owner?.epilogue === 'owed' || owner?.epilogue === 'begun' ? owner : undefined;
}

/** Is this task for the walk that this host does now? */
export function isDueOn({ prelude, epilogue }: HostState, { once }: ModuleTask): boolean {
  if (once === 'before') return prelude === 'owed';
  return once === 'after' ? epilogue === 'begun' : epilogue !== 'begun';
}

/**
 * What the tasks with `run_once` have registered and set, by the journal of the host that did them;
 * and on this host itself, what all tasks did that its epilogue does not do again.
 */
export function learnedForAll(tasks: readonly Task[], host: HostState, state: RunState): Mapping {
  const owner = ownerOf(state);
  if (owner === undefined) return {};
  const isClosing = owner.index === host.index && host.epilogue === 'begun';
  const learned: Record<string, Value> = {};
  for (const { id, once, register, noLog } of moduleTasksOf(tasks)) {
    const done = doneTask(owner, id);
    if (done === undefined || once === 'after' || !(once === 'before' || isClosing)) continue;
    if (register !== undefined && done.registered !== undefined)
      learned[register] =
        noLog === true ? unknown('the journal does not keep what `no_log` hides') : done.registered;
    Object.assign(learned, done.sets);
  }
  return learned;
}
