// One task on one host: its `when`, its arguments and the plan of its module. A plan uses it, and
// so does every walk on current facts.
import type { Scope } from '../../expression/index.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { isList, type Mapping } from '../../model/value.ts';
import { argumentsOf, withSource } from './task/arguments.ts';
import { askModule } from './task/ask.ts';
import { judge, render } from './task/condition.ts';
import { whereOf } from './task/delegate.ts';
import { environmentOf, withProxies } from './task/environment.ts';
import { type Evaluation, type Frame, scopeOf } from './task/frame.ts';
import { delegatedTo, evaluateHere, piecesReader } from './task/here.ts';
import type { TaskLayer, TaskVars } from './task/scope.ts';
import { asRootOnly, userOf } from './task/user.ts';

/** The variables of a round of a loop: its items are rendered already, and may be of a host. */
export const roundLayer = (item: Mapping): TaskLayer => ({ vars: item, isData: true });

/** The items of a task's loop, or one round without an item. */
export function loopItems(
  task: ModuleTask,
  scope: Scope,
): { readonly items: readonly Mapping[] } | Extract<Evaluation, { kind: 'later' | 'wrong' }> {
  if (task.loop === undefined) return { items: [{}] };
  const result = render(task.loop, scope);
  // Its `when` alone decides, as it does in Ansible for a loop that cannot be rendered.
  if (task.missing !== undefined && result.kind !== 'value') return { items: [{}] };
  if (result.kind === 'unknown') return { kind: 'later', why: result.why };
  if (result.kind === 'error')
    return {
      kind: 'wrong',
      message: `loop: ${result.message}`,
      place: task.argPlaces.loop ?? task.place,
    };
  if (!isList(result.value))
    return {
      kind: 'wrong',
      message: 'loop must give a list',
      place: task.argPlaces.loop ?? task.place,
    };
  const name = task.loopVar ?? 'item';
  const { indexVar } = task;
  return {
    items: result.value.map((item, index) =>
      indexVar === undefined ? { [name]: item } : { [name]: item, [indexVar]: index },
    ),
  };
}

/**
 * Evaluates `when`, renders and checks the arguments, and asks the module. `vars` are task and
 * block variables, the innermost first.
 */
export function evaluateTask(
  task: ModuleTask,
  module: AnyModule,
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void,
): Evaluation {
  const scope = scopeOf(frame, vars, onRead);
  if (task.missing !== undefined) return refusing(task, task.missing, scope);
  const when = judge(task.when, scope);
  if (when.kind === 'false') return { kind: 'skip', why: `not: ${when.source}` };
  if (when.kind === 'unknown') return { kind: 'later', why: when.why };
  if (when.kind === 'wrong') return when;

  const where =
    task.delegate === undefined
      ? ({ kind: 'host' } as const)
      : whereOf(
          delegatedTo(task.delegate.to, piecesReader(task, frame, vars, onRead)),
          task,
          module,
          frame.host,
        );
  if (where.kind === 'local') return evaluateHere(task, module, frame, vars, onRead);
  if (where.kind !== 'host') return where;
  const checked = argumentsOf(task, module, { frame, onRead }, vars);
  if (checked.kind !== 'args') return checked;
  const filled = withSource(task, module, checked.args, scope);
  if (filled.kind !== 'args') return filled;
  const user = userOf(task, frame.user);
  const own =
    user === undefined ? filled.args : (module.asUser?.(filled.args, user) ?? filled.args);
  const given = environmentOf(task, (layer) => render(layer, scope));
  if (given.kind === 'later') return given;
  if (given.kind === 'wrong') return { ...given, place: task.place };
  const { environment } = given;
  const args = module.inEnvironment?.(own, environment) ?? own;
  const asked = askModule(task, module, args, frame, { onRead });
  if (asked.kind !== 'plan') return asked;
  const plan = withProxies(asRootOnly(asked.plan, module, user), module, environment);
  return { ...asked, plan };
}

/** A task that kmend could not do: one condition that does not hold is enough to leave it out. */
function refusing({ when }: ModuleTask, missing: string, scope: Scope): Evaluation {
  let held = 'holds';
  for (const condition of when) {
    const judged = judge([condition], scope);
    if (judged.kind === 'false') return { kind: 'skip', why: `not: ${judged.source}` };
    if (judged.kind === 'wrong') return judged;
    if (judged.kind === 'unknown') held = `is not known yet (${judged.why})`;
  }
  const why = `kmend has no module \`${missing}\`, and its \`when\` ${held}`;
  const hint = 'leave the host out, or write a task of kmend in its place';
  return { kind: 'plan', plan: { changes: [], refuse: { why, hint } }, convergent: true };
}
