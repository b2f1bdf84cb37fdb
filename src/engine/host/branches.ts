// A block with `rescue` or `always`: which branch a walk takes, and what the journal keeps of it.

import type { TaskVars } from '../../core/plan/task/scope.ts';
import type { HostState } from '../../core/run-state/state.ts';
import { type BlockTask, moduleTasksOf, type Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { type Failure, isRescuable } from '../../model/run/failure.ts';
import { higherRisk } from '../../model/run/risk.ts';
import type { Mapping } from '../../model/value.ts';
import type { HostWalk } from './host-walk.ts';

export interface Failed {
  readonly failure: Failure;
  readonly task?: string;
}

type WalkTasks = (
  tasks: readonly Task[],
  vars: TaskVars,
  walk: HostWalk,
) => Promise<Failed | undefined>;

/** Failures after which nobody knows what the host is like, or that it cannot be reached. */
const ends: ReadonlySet<Failure['kind']> = new Set([
  'unreachable',
  'host_key',
  'auth',
  'boot_loop',
  'fenced',
  'kept_out',
  'interrupted',
]);

/** Walks the tasks of an entered block, its rescue where they fail, and then what runs always. */
export async function walkBranches(
  block: BlockTask,
  vars: TaskVars,
  walk: HostWalk,
  walkTasks: WalkTasks,
): Promise<Failed | undefined> {
  const { tasks, rescue, always } = block;
  if (rescue === undefined && always === undefined) return walkTasks(tasks, vars, walk);
  const branch = (part: 'block' | 'rescue', own: readonly Task[]) =>
    walkBranch({ block, part, tasks: own }, vars, walk, walkTasks);
  let failed = await branch('block', tasks);
  if (failed !== undefined && rescue !== undefined && mayRescue(failed, walk)) {
    failed = await branch('rescue', rescue);
    if (failed === undefined) await recordRescued(block, walk);
  }
  if (always === undefined || (failed !== undefined && isOver(failed, walk))) return failed;
  return (await walkTasks(always, vars, walk)) ?? failed;
}

const isOver = ({ failure }: Failed, { signal }: HostWalk): boolean =>
  signal.aborted || ends.has(failure.kind) || failure.resumable === true;

/** Also not after a reboot that failed: nobody knows how far the host came. */
const mayRescue = (failed: Failed, walk: HostWalk): boolean =>
  !isOver(failed, walk) &&
  isRescuable(failed.failure) &&
  walk.state.ended.at(-1)?.kind !== 'reboot';

interface Branch {
  readonly block: BlockTask;
  readonly part: 'block' | 'rescue';
  readonly tasks: readonly Task[];
}

/** A branch that has failed before a crash is not walked again. */
async function walkBranch(
  { block, part, tasks }: Branch,
  vars: TaskVars,
  walk: HostWalk,
  walkTasks: WalkTasks,
): Promise<Failed | undefined> {
  const known = failedBranch(walk.state, block.id, part);
  if (known !== undefined) {
    restoreResults(tasks, known, walk);
    learnFailed(known.failed, known.result, walk);
    return { failure: known.failure, task: known.failed };
  }
  const failed = await walkTasks(tasks, vars, walk);
  if (failed === undefined || isOver(failed, walk)) return failed;
  const { failure, task = block.name } = failed;
  const own = walk.failed?.task.name === task ? walk.failed : undefined;
  const isUnproven = walk.run.setup.modules.get(own?.task.module ?? '')?.proves === true;
  const result = { ...own?.result, failed: true, msg: failure.message };
  learnFailed(task, result, walk);
  await walk.run.record(
    {
      type: 'block.failed',
      host: walk.host,
      task: block.id,
      part,
      failed: task,
      failure,
      result,
      ...(isUnproven ? { unproven: true as const } : {}),
    },
    true,
  );
  return failed;
}

const failedBranch = ({ failedBlocks = [] }: HostState, block: string, part: Branch['part']) =>
  failedBlocks.findLast((one) => one.task === block && one.part === part);

/** What the rescue of the block reads, by Ansible's names. */
function learnFailed(name: string, result: object, { view }: HostWalk): void {
  view.learned = {
    ...view.learned,
    ansible_failed_task: { name },
    ansible_failed_result: { ...result },
  };
}

/** Of tasks that are not walked again, rescues may read what they registered. */
function restoreResults(
  tasks: readonly Task[],
  { failed, result }: { readonly failed: string; readonly result: Mapping },
  { state, view }: HostWalk,
): void {
  for (const { id, name, register } of moduleTasksOf(tasks)) {
    const done = state.tasks.findLast(({ task }) => task === id)?.registered;
    const registered = done ?? (name === failed ? result : undefined);
    if (register !== undefined && registered !== undefined)
      view.learned = { ...view.learned, [register]: registered };
  }
}

/** It counts for the brake where the block had begun to change something that runs. */
async function recordRescued({ id, tasks }: BlockTask, walk: HostWalk): Promise<void> {
  const { state, plan, run, host } = walk;
  if (state.rescued?.blocks.includes(id) === true) return;
  const failed = failedBranch(state, id, 'block');
  const own = new Set(moduleTasksOf(tasks).map((task) => task.id));
  const touched = new Set([
    ...state.tasks.flatMap(({ task, status }) => (status === 'changed' ? [task] : [])),
    ...(failed?.begun ?? []),
  ]);
  const counts = plan.tasks.some(
    (task) => own.has(task.id) && touched.has(task.id) && higherRisk(task.risk, 'write'),
  );
  await run.record(
    {
      type: 'block.rescued',
      host,
      task: id,
      ...present({ failed: failed?.failed, failure: failed?.failure }),
      counts,
    },
    true,
  );
}
