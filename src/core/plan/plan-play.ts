// Assembles the plan of a play from the plans of its hosts: order of work, zones, and the first
// event of its run.

import type { Scope } from '../../expression/index.ts';
import type { Play } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { EventOf } from '../../model/run/event.ts';
import type { Outcome } from '../../model/run/failure.ts';
import type { HostPlan, Plan, PlayPlan, TaskPlan } from '../../model/run/plan.ts';
import { plural } from '../../model/text/plural.ts';
import { type Earlier, expectedOf } from './estimate.ts';
import { orderHosts } from './order.ts';
import { render } from './task/condition.ts';
import { withOwner } from './task/once.ts';

export interface PlannedHost {
  readonly host: string;
  readonly outcome: Outcome<HostPlan>;
}

/** Beside the plans of the hosts. */
export interface Assembly {
  /** Hosts of the pattern of the play before `--limit`. */
  readonly pool: number;
  /** Decides a shuffled order. */
  readonly seed: string;
  /** Notes of the planning itself. */
  readonly found?: readonly string[];
  /** Hosts of the canary's pattern, in their order. */
  readonly canaryHosts?: readonly string[];
  /** Hosts of earlier runs of this play. */
  readonly earlier?: readonly Earlier[];
}

export function assemblePlay(
  play: Play,
  planned: readonly PlannedHost[],
  { pool, seed, found = [], canaryHosts, earlier = [] }: Assembly,
): PlayPlan {
  const hosts = planned.flatMap(({ outcome }) => (outcome.ok ? [outcome.value] : []));
  const leftOut = planned.flatMap(({ host, outcome }) =>
    outcome.ok ? [] : [{ host, failure: outcome.failure }],
  );
  const notes = [...notesOf(hosts), ...found];
  const { order } = play.rollout;
  const ordered = orderHosts(
    order === 'longest_first' ? timed(hosts, earlier) : hosts,
    order,
    seed,
  );
  return {
    play: play.name,
    rollout: play.rollout,
    pool,
    hosts: withOwner(ordered, canaryHosts),
    leftOut,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

function timed(hosts: readonly HostPlan[], earlier: readonly Earlier[]): readonly HostPlan[] {
  const expected = expectedOf(hosts, earlier);
  return hosts.map((host, index) => ({ ...host, ...present({ expected: expected[index] }) }));
}

/** Reports of this bug advise to upgrade Docker: the note says that this is not needed. */
function notesOf(hosts: readonly HostPlan[]): readonly string[] {
  const setsNokmem = ({ module, changes }: TaskPlan): boolean =>
    module === 'kernel_arg' && changes.some(({ after = '' }) => after.includes('nokmem'));
  const count = hosts.filter(
    (host) => host.refused === undefined && host.tasks.some(setsNokmem),
  ).length;
  if (count === 0) return [];
  return [
    `${plural(count, 'host')} with cgroup.memory=nokmem: Docker, containerd and kubelet need no upgrade for this. Once the argument is in force the kernel refuses accounting, whoever asks`,
  ];
}

/**
 * The failure domain of a host: the `zone` expression of the play, else its variable `zone`;
 * undefined where neither gives one.
 */
export function zoneOf(rollout: Play['rollout'], scope: Scope): string | undefined {
  const source = rollout.zone ?? "{{ zone | default('') }}";
  const result = render(source.includes('{{') ? source : `{{ ${source} }}`, scope);
  return result.kind === 'value' && result.value !== null && result.value !== ''
    ? String(result.value)
    : undefined;
}

/** The first event of a run of this plan. `down` names hosts that are already out of service. */
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
