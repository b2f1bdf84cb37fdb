// A saved plan may be old: before its first host is started, all are looked at once more, and those that need nothing any more take no slot.
import { isMended } from '../../core/plan/drift.ts';
import { planFleet } from '../../engine/host/fleet.ts';
import type { EnginePorts } from '../../engine/host/walk-context.ts';
import type { EventBody } from '../../model/run/event.ts';
import { hasChanges, type PlayPlan } from '../../model/run/plan.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { hostProgress } from '../session/host-progress.ts';
import { endIfStopped, readingSignal, type Settings } from '../session/settings.ts';
import type { World } from '../session/world.ts';

/**
 * What the journal says of hosts of the play that were mended since it was planned. Read-only, as many at once as `--forks` says. Whatever
 * else is found (another difference, no answer) is not judged here: a host that is started is planned anew, and compared.
 */
export async function mendedSince(
  play: PlayPlan,
  ready: ReadyPlay,
  set: Settings,
  world: World,
  ports: Omit<EnginePorts, 'clock'>,
): Promise<readonly EventBody[]> {
  const saved = new Map(play.hosts.filter(hasChanges).map((plan) => [plan.host, plan]));
  const options = { forks: set.forks, retries: 0, signal: readingSignal(world) };
  const hosts = [...saved.keys()];
  const progress = hostProgress('looked again at', hosts, world);
  const fresh = await planFleet(hosts, ready.setup, options, { ...ports, clock: world.clock }, ({ host }) => progress(host));
  world.progress('');
  endIfStopped(world);
  return fresh.flatMap(({ host, outcome }): readonly EventBody[] => {
    const plan = saved.get(host);
    if (plan === undefined || !outcome.ok || !isMended(plan, outcome.value)) return [];
    return [
      { type: 'drift.noted', host, what: [`nothing of its plan is left to do (kmem: ${outcome.value.verdict})`] },
      { type: 'host.done', host, changed: false, proven: 'not_asked' },
    ];
  });
}
