// The re-check of a saved plan before its first host is started: hosts that were remediated
// meanwhile take no slot.
import { isRemediated } from '../../core/plan/drift.ts';
import { asIn } from '../../core/plan/task/once.ts';
import { planFleet } from '../../engine/host/fleet.ts';
import { present } from '../../model/present.ts';
import type { EventBody } from '../../model/run/event.ts';
import { hasChanges, type PlayPlan } from '../../model/run/plan.ts';
import { answerOf } from '../observer.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { runPorts, type Session } from '../session/session.ts';
import { endIfStopped, readingSignal } from '../session/settings.ts';

/**
 * Events for hosts that were remediated since the plan. It only reads, `--forks` hosts at a time.
 * Other differences are not judged here: each host is planned and compared again at its start.
 */
export async function remediatedSince(
  play: PlayPlan,
  ready: ReadyPlay,
  session: Session,
): Promise<readonly EventBody[]> {
  const { settings, world, observer } = session;
  const saved = new Map(play.hosts.filter(hasChanges).map((plan) => [plan.host, plan]));
  const elsewhere = await ready.elsewhere(0);
  const options = {
    forks: settings.forks,
    retries: 0,
    signal: readingSignal(world),
    ...present({ elsewhere }),
  };
  const hosts = [...saved.keys()];
  const reading = observer.reading('re-checked', hosts);
  const ports = { ...(await runPorts(session)), clock: world.clock };
  const fresh = await planFleet(hosts, ready.setup, options, ports, ({ host, outcome }) =>
    reading.answered(answerOf(host, outcome)),
  );
  reading.end();
  endIfStopped(world);
  return fresh.flatMap(({ host, outcome }): readonly EventBody[] => {
    const plan = saved.get(host);
    if (plan === undefined || !outcome.ok || !isRemediated(plan, asIn(plan, outcome.value)))
      return [];
    return [
      {
        type: 'drift.noted',
        host,
        what: [`nothing of its plan is left to do (kmem: ${outcome.value.verdict})`],
      },
      { type: 'host.done', host, changed: false, proven: 'not_asked' },
    ];
  });
}
