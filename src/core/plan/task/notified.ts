// Which handlers a plan runs: those that a task before them notifies.
import type { BlockTask, ModuleTask } from '../../../model/playbook.ts';
import type { TaskPlan } from '../../../model/run/plan.ts';

export const notNotified = 'not notified: nothing before it changes';

/** Whether a task changes something when it runs, as `changed_when` has it. */
export function changesHost(
  { changedWhen }: ModuleTask,
  { status }: TaskPlan,
): 'yes' | 'perhaps' | undefined {
  if (status === 'skip' || status === 'unmet' || changedWhen === false) return undefined;
  if (typeof changedWhen === 'object' || status === 'later') return 'perhaps';
  return status === 'change' || changedWhen === true ? 'yes' : undefined;
}

/** Undefined where the block is no handler, or a notified one. */
export function unlessNotified(
  { notifiedBy }: BlockTask,
  happens: ReadonlyMap<string, 'yes' | 'perhaps'>,
):
  | { readonly kind: 'false'; readonly source: string }
  | { readonly kind: 'unknown'; readonly why: string }
  | undefined {
  if (notifiedBy === undefined) return undefined;
  const asked = notifiedBy.map(({ task, unless = [] }) => {
    const taken = unless.map((block) => happens.get(block));
    if (taken.includes('yes')) return undefined;
    return taken.includes('perhaps') && happens.has(task) ? 'perhaps' : happens.get(task);
  });
  if (asked.includes('yes')) return undefined;
  const by = notifiedBy.find((_, index) => asked[index] === 'perhaps');
  return by === undefined
    ? { kind: 'false', source: notNotified }
    : {
        kind: 'unknown',
        why: 'a handler: runs only if a task that notifies it has changed something',
      };
}
