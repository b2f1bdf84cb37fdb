// The plan of a play from the plans of its hosts: order of work, zones, and the event with which a
// run of it begins.

import type { Scope } from '../../expression/index.ts';
import type { Play } from '../../model/playbook.ts';
import type { EventOf } from '../../model/run/event.ts';
import type { Outcome } from '../../model/run/failure.ts';
import type { HostPlan, Plan, PlayPlan, TaskPlan } from '../../model/run/plan.ts';
import { render } from './condition.ts';
import { orderHosts } from './order.ts';

export interface PlannedHost {
  readonly host: string;
  readonly outcome: Outcome<HostPlan>;
}

/**
 * `pool` = hosts of the play's pattern before `--limit`; `seed` decides a shuffled order; `found` =
 * notes of the planning itself.
 */
export function assemblePlay(
  play: Play,
  pool: number,
  planned: readonly PlannedHost[],
  seed: string,
  found: readonly string[] = [],
): PlayPlan {
  const hosts = planned.flatMap(({ outcome }) => (outcome.ok ? [outcome.value] : []));
  const leftOut = planned.flatMap(({ host, outcome }) =>
    outcome.ok ? [] : [{ host, failure: outcome.failure }],
  );
  const notes = [...notesOf(hosts), ...found];
  const ordered = orderHosts(hosts, play.rollout.order, seed);
  return {
    play: play.name,
    rollout: play.rollout,
    pool,
    hosts: ordered,
    leftOut,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** The original report upgraded Docker: whoever knows it asks whether that is needed still. */
function notesOf(hosts: readonly HostPlan[]): readonly string[] {
  const setsNokmem = ({ module, changes }: TaskPlan): boolean =>
    module === 'kernel_arg' && changes.some(({ after = '' }) => after.includes('nokmem'));
  const count = hosts.filter(
    (host) => host.refused === undefined && host.tasks.some(setsNokmem),
  ).length;
  if (count === 0) return [];
  return [
    `${count === 1 ? '1 host' : `${count} hosts`} with cgroup.memory=nokmem: Docker, containerd and kubelet need no upgrade for this. Once the argument is in force the kernel refuses accounting, whoever asks`,
  ];
}

/**
 * The failure domain of a host: the play's `zone` expression, else its variable `zone`; absent
 * where neither says one.
 */
export function zoneOf(rollout: Play['rollout'], scope: Scope): string | undefined {
  const source = rollout.zone ?? "{{ zone | default('') }}";
  const result = render(source.includes('{{') ? source : `{{ ${source} }}`, scope);
  return result.kind === 'value' && result.value !== null && result.value !== ''
    ? String(result.value)
    : undefined;
}

/** How a run of this plan begins. `down` names hosts that are out of service already. */
export function beginning(
  plan: Plan,
  play: PlayPlan,
  more: { readonly who: string; readonly attended: boolean; readonly down: ReadonlySet<string> },
): EventOf<'run.started'> {
  return {
    type: 'run.started',
    tool: plan.tool,
    playbook: plan.playbook,
    play: play.play,
    rollout: play.rollout,
    pool: play.pool,
    hosts: play.hosts.map((host) => ({
      host: host.host,
      plan: host,
      down: more.down.has(host.host),
    })),
    leftOut: play.leftOut,
    who: more.who,
    attended: more.attended,
    planId: plan.id,
  };
}
