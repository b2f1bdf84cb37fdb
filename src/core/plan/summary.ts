// The plan of one task from the plans of its rounds.
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import type { TaskPlan } from '../../model/run/plan.ts';
import { highestRisk, type Risk } from '../../model/run/risk.ts';
import { hiddenChange, shownChange, shownText } from './shown.ts';
import type { Evaluation } from './task/frame.ts';

/** Summarises the rounds of a loop: it changes if one round does, and is later if one round is. */
export function summary(
  task: ModuleTask,
  rounds: readonly Evaluation[],
  module: AnyModule,
): TaskPlan {
  const plans = rounds.flatMap((round) => (round.kind === 'plan' ? [round.plan] : []));
  const changes = plans.flatMap((plan) =>
    plan.changes.map((change) =>
      task.noLog === true ? hiddenChange(change) : shownChange(change),
    ),
  );
  const later = rounds.find((round) => round.kind === 'later');
  const shown = task.noLog === true ? [] : plans;
  const notes = shown.flatMap((plan) => (plan.note === undefined ? [] : [plan.note]));
  const warnings = shown.flatMap((plan) => plan.warnings ?? []);
  const alternatives = shown.flatMap((plan) => plan.alternatives ?? []);
  const extra = {
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(alternatives.length === 0 ? {} : { alternatives }),
  };
  if (later !== undefined && later.kind === 'later')
    return {
      ...unplanned(
        task,
        'later',
        shownText(task, later.why),
        highestRisk([later.risk ?? module.maxRisk, ...changes.map((c) => c.risk)]),
      ),
      changes,
      ...extra,
    };
  if (changes.length > 0) {
    const why = notes.length === 0 ? {} : { why: notes.join('; ') };
    return {
      id: task.id,
      name: task.name,
      module: task.missing ?? task.module,
      status: 'change',
      changes,
      risk: highestRisk(changes.map((c) => c.risk)),
      ...why,
      ...extra,
      ...present({ once: task.once }),
    };
  }
  const skipped = rounds.length > 0 && rounds.every((round) => round.kind === 'skip');
  const [firstRound] = rounds;
  if (skipped && firstRound?.kind === 'skip')
    return unplanned(task, 'skip', shownText(task, firstRound.why), 'none');
  return { ...unplanned(task, 'same', notes.join('; '), 'none'), ...extra };
}

export const unplanned = (
  task: ModuleTask,
  status: TaskPlan['status'],
  why: string,
  risk: Risk,
): TaskPlan => ({
  id: task.id,
  name: task.name,
  module: task.missing ?? task.module,
  status,
  changes: [],
  risk,
  ...(why === '' ? {} : { why }),
  ...present({ once: task.once }),
});
