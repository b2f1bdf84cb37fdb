// The end of a task: its rounds become one result, which is registered and journalled as
// `task.done`.

import { learnedSecrets } from '../../core/plan/secrets.ts';
import { doneTask } from '../../core/run-state/state.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { type Failure, isAway, lastDetail } from '../../model/run/failure.ts';
import { isList, isMapping, type Mapping, unknown, type Value } from '../../model/value.ts';
import type { HostWalk } from './host-walk.ts';
import type { Round } from './task-act.ts';

interface TaskResult {
  readonly status: Round['status'];
  readonly failure?: Failure;
  readonly registered: Mapping;
  readonly sets: Mapping;
  readonly notes: readonly string[];
}

/** Records the result of a task; returns the failure that ends the walk. */
export async function conclude(
  task: ModuleTask,
  module: AnyModule,
  rounds: readonly Round[],
  walk: HostWalk,
): Promise<Failure | undefined> {
  const result = resultOf(task, rounds);
  const { failure } = result;
  learn(task, result, walk);
  // Such a task has not failed: it was not begun, or waits for the cluster.
  const isNoFailure = failure !== undefined && (failure.kind === 'kept_out' || isAway(failure));
  if (failure !== undefined && (task.ignoreErrors !== true || isNoFailure)) {
    walk.failed = { task, result: keptResult(task, result, walk) };
    return failure;
  }
  const earlier = doneTask(walk.state, task.id);
  if (earlier === undefined || result.status === 'changed')
    await recordDone(task, module, result, walk);
  else if (task.register !== undefined && earlier.registered !== undefined)
    // Repeated after a resume: the result of the first time stays valid.
    walk.view.learned = { ...walk.view.learned, [task.register]: earlier.registered };
  return undefined;
}

/** A loop registers the list of its rounds, as in Ansible. */
function resultOf(task: ModuleTask, rounds: readonly Round[]): TaskResult {
  const failure = rounds.find((round) => round.failure !== undefined)?.failure;
  const status = rounds.some((round) => round.status === 'changed')
    ? 'changed'
    : rounds.every((round) => round.status === 'skipped')
      ? 'skipped'
      : 'ok';
  const registered =
    task.loop === undefined
      ? (rounds[0]?.result ?? {})
      : {
          changed: status === 'changed',
          failed: failure !== undefined,
          ...(status === 'skipped' ? { skipped: true } : {}),
          results: rounds.map((round) => round.result),
        };
  const sets: Mapping = Object.assign({}, ...rounds.map((round) => round.sets ?? {}));
  const notes = rounds.flatMap((round) => (round.note === undefined ? [] : [round.note]));
  return { status, registered, sets, notes, ...present({ failure }) };
}

/** Later tasks see what this one registered and set; secrets among it are masked from now on. */
function learn(task: ModuleTask, { registered, sets }: TaskResult, walk: HostWalk): void {
  const named = task.register === undefined ? {} : { [task.register]: registered };
  walk.view.learned = { ...walk.view.learned, ...named, ...sets };
  walk.secrets.learn(learnedSecrets({ ...sets, ...named }, task.noLog, walk.run.setup.isSecret));
}

async function recordDone(
  task: ModuleTask,
  module: AnyModule,
  { status, failure, registered, sets, notes }: TaskResult,
  walk: HostWalk,
): Promise<void> {
  const isHidden = task.noLog === true;
  const isUnproven = failure !== undefined && module.proves === true;
  // What is ignored has no failure of its own in the journal: the reason is the note.
  const said = failure === undefined ? notes : [failure.message + lastDetail(failure), ...notes];
  await walk.run.record(
    {
      type: 'task.done',
      host: walk.host,
      task: task.id,
      name: task.name,
      status: failure === undefined ? status : 'ignored',
      ...(task.register === undefined
        ? {}
        : { registered: keptResult(task, { status, registered }, walk) }),
      // What `no_log` hides is not kept: a resume evaluates the task again.
      ...(Object.keys(sets).length === 0 || isHidden ? {} : { sets: withoutSecrets(sets, walk) }),
      ...(said.length === 0 || isHidden ? {} : { note: said.join('; ') }),
      ...(isUnproven ? { unproven: true as const } : {}),
    },
    // It blocks the uncordon, so a crash must not lose it.
    isUnproven,
  );
}

/** What the journal keeps of a result. */
const keptResult = (
  task: ModuleTask,
  { status, registered }: Pick<TaskResult, 'status' | 'registered'>,
  walk: HostWalk,
): Mapping =>
  task.noLog === true
    ? { censored: true, changed: status === 'changed' }
    : withoutSecrets(registered, walk);

/** A resume must not use `***` as a value: a masked value becomes unknown. */
function withoutSecrets(kept: Mapping, walk: HostWalk): Mapping {
  const text = (value: string): Value =>
    walk.secrets.mask(value) === value
      ? value
      : unknown('it held a secret, which the journal does not keep');
  const deep = (value: Value): Value => {
    if (typeof value === 'string') return text(value);
    if (isList(value)) return value.map(deep);
    return isMapping(value) ? mapping(value) : value;
  };
  const mapping = (values: Mapping): Mapping =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, deep(value)]));
  return mapping(kept);
}
