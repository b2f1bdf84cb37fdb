// Tasks with `run_once`: which host does them, and the plans of that host and of the others.
import { present } from '../../../model/present.ts';
import { type HostPlan, hasChanges, type TaskPlan } from '../../../model/run/plan.ts';
import { highestRisk } from '../../../model/run/risk.ts';

/** The highest risk of what these tasks change, surely or perhaps. */
export const riskOf = (tasks: readonly TaskPlan[]): HostPlan['risk'] =>
  highestRisk(
    tasks.filter(({ status }) => status === 'change' || status === 'later').map(({ risk }) => risk),
  );

/** Does this host do the tasks with `run_once`? */
export const isOwner = ({ tasks }: Pick<HostPlan, 'tasks'>): boolean =>
  tasks.some(({ once }) => once !== undefined);

/**
 * Gives the tasks with `run_once` to the first host of the order of work, as in Ansible. A host that
 * something else refuses is not the first one. Where such a task itself refuses it, no other host may
 * take its place.
 */
export function withOwner(
  hosts: readonly HostPlan[],
  canaryHosts: readonly string[] = [],
): readonly HostPlan[] {
  if (!hosts.some(({ once }) => once !== undefined)) return hosts;
  const owner = firstOf(hosts, canaryHosts);
  const others = hosts.map((plan) => (plan === owner ? plan : ofOther(plan, owner?.host)));
  return others.map((plan) =>
    plan === owner ? ofOwner(plan, others.some(hasChanges) ? 'for_others' : 'alone') : plan,
  );
}

function firstOf(hosts: readonly HostPlan[], canaryHosts: readonly string[]): HostPlan | undefined {
  const may = hosts.filter(({ refused, once }) => refused === undefined && once !== undefined);
  const free = may.filter(({ cordoned }) => cordoned !== true);
  const line = free.length > 0 ? free : may;
  return line.find(({ host }) => canaryHosts.includes(host)) ?? line[0];
}

/** @param reads whether other hosts wait for what its tasks register */
function ofOwner(plan: HostPlan, reads: 'for_others' | 'alone'): HostPlan {
  const { once, ...rest } = plan;
  if (once === undefined) return plan;
  const tasks = plan.tasks.map((task) =>
    reads === 'for_others' && once.learns.includes(task.id)
      ? { ...task, status: 'later' as const, why: 'all hosts wait for what it registers' }
      : task,
  );
  return {
    ...rest,
    tasks,
    risk: riskOf(tasks),
    reads: { ...once.reads, ...plan.reads },
    estimate: plan.estimate + once.seconds,
    ...present({ refused: plan.refused ?? once.refused }),
  };
}

function ofOther(plan: HostPlan, owner = 'another host'): HostPlan {
  const { once, ...rest } = plan;
  if (once === undefined) return plan;
  const warnings = plan.tasks.flatMap((task) =>
    task.once === undefined ? [] : (task.warnings ?? []),
  );
  const tasks = plan.tasks.map((task): TaskPlan => {
    if (task.once === undefined) return task;
    const { id, name, module } = task;
    const why = `once, on ${owner}`;
    return { id, name, module, status: 'skip', changes: [], risk: 'none', why };
  });
  const own: HostPlan = {
    ...rest,
    tasks,
    risk: riskOf(tasks),
    warnings: plan.warnings.filter((warning) => !warnings.includes(warning)),
  };
  if (tasks.some(({ status }) => status === 'change' || status === 'later')) return own;
  // A hold or a cordon matters only for a host that has something to do.
  const { cordoned: _cordoned, refused, ...idle } = own;
  return refused === undefined || refused.task === 'hold' ? idle : { ...idle, refused };
}

/** A fresh plan of a host, with the tasks with `run_once` where the saved plan has them. */
export const asIn = (saved: HostPlan, fresh: HostPlan): HostPlan =>
  isOwner(saved) ? ofOwner(fresh, 'alone') : ofOther(fresh);
