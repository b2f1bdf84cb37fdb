// The row of a host in the view, from its state and its steps.
import { present } from '../../model/present.ts';
import { causeText, detailLines, type Failure } from '../../model/run/failure.ts';
import { isKept } from '../run-state/counters.ts';
import { countsAsRescued } from '../run-state/resolve.ts';
import type { HostState } from '../run-state/state.ts';
import type { HostRow } from './model.ts';
import type { Track } from './steps.ts';

/** @param firstWave the number of the first wave of the run */
export function rowOf(
  host: HostState,
  track: Track | undefined,
  soak: number,
  firstWave: number,
): HostRow {
  const { host: name, zone, status, startedAt, left, plan } = host;
  const isEnded = status === 'failed' || status === 'done' || status === 'refused';
  return {
    host: name,
    zone,
    status,
    before: plan.verdict,
    remedy: host.remedy?.remedy ?? plan.remedy,
    steps: track === undefined ? [] : [...track.steps],
    ...present({
      wave: host.wave === undefined ? undefined : firstWave + host.wave,
      startedAt,
      endedAt: isEnded ? host.endedAt : undefined,
      doing: doing(host, track, soak),
      proof: proofOf(host),
      reason: reasonOf(host),
      left: status === 'failed' ? left : undefined,
      keepsSlot: isKept(host) ? true : undefined,
      rescued: rescuedOf(host),
      acknowledged: acknowledged(host),
    }),
  };
}

/** The row of a host that has no plan. */
export const leftOutRow = (host: string, zone: number, failure: Failure): HostRow => ({
  host,
  zone,
  status: 'left_out',
  steps: [],
  reason: reason(failure),
});

function doing(host: HostState, track: Track | undefined, soak: number): HostRow['doing'] {
  if (host.status === 'soaking') return { text: 'soaking', since: host.doneAt ?? 0, usual: soak };
  if (host.status !== 'running') return undefined;
  const since = track?.steps.at(-1)?.from ?? host.startedAt ?? 0;
  return { text: track?.text ?? 'started', since, ...present({ usual: track?.usual }) };
}

function proofOf({ proof }: HostState): HostRow['proof'] {
  return proof === undefined
    ? undefined
    : { verdict: proof.verdict, by: proof.by, evidence: proof.evidence };
}

/** Why it failed or was refused, or why it waits for an operator who has locked it out. */
function reasonOf({ status, failure, plan, lockOut }: HostState): HostRow['reason'] {
  if (status === 'failed' && failure !== undefined) return reason(failure);
  if (status === 'refused') {
    if (failure !== undefined) return reason(failure);
    const unmet = plan.tasks.find((task) => task.status === 'unmet');
    const { task, why, hint } = plan.refused ?? { task: unmet?.name, why: unmet?.why };
    return { kind: 'refused', text: `${task}: ${why}`, ...present({ hint }) };
  }
  return (status === 'planned' || status === 'waiting') && lockOut !== undefined
    ? { kind: lockOut.turn === 'never' ? 'kept_out' : 'goes_last', text: lockOut.why }
    : undefined;
}

function reason(failure: Failure): NonNullable<HostRow['reason']> {
  const { kind, message, hint } = failure;
  const detail = detailLines(failure).join('\n');
  return { kind, text: message, ...present({ hint, detail: detail === '' ? undefined : detail }) };
}

function acknowledged({ resolved }: HostState): HostRow['acknowledged'] {
  return resolved === undefined
    ? undefined
    : { by: resolved.who, as: resolved.as ?? 'skip', note: resolved.note };
}

function rescuedOf(host: HostState): HostRow['rescued'] {
  if (host.rescued === undefined) return undefined;
  const { failed, failure } = host.rescued;
  const cause = failure === undefined ? '' : `: ${causeText(failure)}`;
  return { counts: countsAsRescued(host), after: `${failed ?? 'a block'}${cause}` };
}
