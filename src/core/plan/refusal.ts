// Why a task must not begin on a host: an error, missing rights, or the module's own refusal.
import type { ModuleTask } from '../../model/playbook.ts';
import type { ModulePlan, Unmet } from '../../model/run/change.ts';
import { shownHint, shownText } from './shown.ts';
import type { Evaluation } from './task/frame.ts';

interface Refusal {
  readonly why: string;
  readonly hint?: string | undefined;
  readonly isUnmet?: true;
}

/** Why a round of a task must not begin on this host. */
export function refusalOf(
  round: Evaluation,
  task: ModuleTask,
  rootless: boolean,
): Refusal | undefined {
  if (round.kind === 'wrong')
    return {
      why: shownText(task, round.message),
      hint: `${round.place.file}:${round.place.line}:${round.place.column}`,
    };
  if (round.kind !== 'plan') return undefined;
  const { plan } = round;
  if (rootless && needsRoot(plan))
    return {
      why: 'changing a host needs root',
      hint: 'log in as root, or set become: true in the play (or -b)',
    };
  if (plan.refuse !== undefined)
    return { why: shownText(task, plan.refuse.why), hint: shownHint(task, plan.refuse.hint) };
  if (plan.unmet === undefined || isExcused(plan.unmet, task)) return undefined;
  return {
    why: shownText(task, plan.unmet.evidence),
    hint: shownHint(task, plan.unmet.hint),
    isUnmet: true,
  };
}

/**
 * These effects need root. It is better to refuse the host before a drain than at the first change
 * after it.
 */
const needsRoot = (plan: ModulePlan): boolean =>
  plan.changes.some((change) =>
    change.effects.some(
      ({ kind }) => kind === 'run' || kind === 'write' || kind === 'copy' || kind === 'reboot',
    ),
  );

/** The play ignores the error, or judges the exit status by `failed_when`. */
const isExcused = (unmet: Unmet, task: ModuleTask): boolean =>
  task.ignoreErrors === true || (unmet.kind === 'exit' && task.failedWhen !== undefined);

/** All failing items of a loop are named together, so that one correction is enough. */
export const several = (texts: readonly string[]): string => {
  const all = [...new Set(texts)];
  return all.length <= 10
    ? all.join('; ')
    : `${all.slice(0, 10).join('; ')}; and ${all.length - 10} more`;
};
