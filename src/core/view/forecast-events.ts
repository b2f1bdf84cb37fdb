// What a forecast needs of the entries of a journal: a small part of them, to be sent to a thread.
import type { Event } from '../../model/run/event.ts';
import type { HostPlan } from '../../model/run/plan.ts';

/**
 * The entry without what says nothing about the end of the run; undefined where nothing is left of
 * it. A fold over these gives the same forecast.
 */
export function forecastEvent(event: Event): Event | undefined {
  switch (event.type) {
    case 'run.started': {
      const hosts = event.hosts.map((host) => ({ ...host, plan: bare(host.plan) }));
      return { ...event, hosts };
    }
    case 'effect.done':
      return { ...event, result: { ok: event.result.ok } };
    case 'effect.failed': {
      const { result: _result, ...rest } = event;
      return rest;
    }
    case 'facts.read':
    case 'remedy.chosen':
    case 'kernel.seen':
    case 'drift.noted':
    case 'block.entered':
    case 'block.failed':
    case 'task.planned':
    case 'effect.progress':
    case 'task.done':
    case 'proof':
    case 'warning':
    case 'waiting':
    case 'nodes.tainted':
    case 'nodes.untainted':
      return undefined;
    default:
      return event;
  }
}

/** A plan with one task: whether it has changes, and whether it can be carried out. */
const bare = (plan: HostPlan): HostPlan => {
  const task =
    plan.tasks.find(({ status }) => status === 'unmet') ??
    plan.tasks.find(({ status }) => status === 'change' || status === 'later');
  return {
    ...plan,
    tasks: task === undefined ? [] : [{ ...task, changes: [] }],
    reads: {},
    warnings: [],
  };
};
