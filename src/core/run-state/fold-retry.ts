// Folds what continues a host after a failure: the decision of an operator, a retry, a resume.
import { present } from '../../model/present.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import { type Draft, put } from './counters.ts';
import { kept, settledTasks } from './once.ts';
import { isResolvable } from './resolve.ts';
import { type Acknowledged, type HostState, hostAt, untouched } from './state.ts';

/**
 * An operator acknowledges a host: its failures no longer count for the brake. For a host that did
 * not fail, nothing changes.
 */
export function resolve(
  draft: Draft,
  host: HostState,
  event: Event & EventOf<'host.resolved'>,
): void {
  if (!isResolvable(host)) return;
  const { who, as = 'skip' } = event;
  acknowledge(draft, host, resolved(host, event, draft.wave?.id), { who, as });
}

function acknowledge(
  draft: Draft,
  host: HostState,
  after: HostState,
  { who, as }: Omit<Acknowledged, 'host'>,
): void {
  put(draft, { ...after, failures: 0, unreachableFailures: 0 });
  // If other kept slots still leave no host to start, the run pauses again.
  if (draft.paused?.forKept === true) delete draft.paused;
  if (host.failures === 0) return;
  if (draft.brake !== undefined)
    draft.brake = {
      ...draft.brake,
      acknowledged: [...draft.brake.acknowledged, { host: host.host, who, as }],
    };
  if (draft.failedCanary !== undefined) updateFailedCanary(draft);
}

/** Another canary may have failed too, and not be acknowledged yet. */
function updateFailedCanary(draft: Draft): void {
  const canaries = draft.wave?.canary === true ? draft.wave.hosts : [];
  const failures = canaries.map((index) => hostAt(draft, index)).find((host) => host.failures > 0);
  if (failures === undefined) delete draft.failedCanary;
  else draft.failedCanary = failures.host;
}

/**
 * `retry` queues the host again, before all others, in the current wave. It is still out of
 * service, and what this run did to its node still holds. Tasks that are done once a run are not
 * repeated.
 */
function resolved(
  host: HostState,
  event: Event & EventOf<'host.resolved'>,
  wave: number | undefined,
): HostState {
  const note = { who: event.who, note: event.note, ...present({ as: event.as }) };
  if (event.as !== 'retry') {
    // What the operator did themselves counts as done, also for the other hosts.
    const done =
      event.as === 'done' && host.prelude !== undefined ? { prelude: 'done' as const } : {};
    return { ...host, ...done, resolved: note, keepsSlot: false, down: false };
  }
  const failure = host.failure === undefined ? {} : { failure: host.failure };
  return {
    ...requeued(host, wave),
    ...failure,
    resolved: note,
    tasks: settledTasks(host),
  };
}

/** The host is proven, and only its return to service failed: a resume tries that again. */
export const owesReturn = ({
  status,
  failure,
  proof,
  unproven,
  marks,
  ended,
}: HostState): boolean =>
  status === 'failed' &&
  failure?.kind !== 'fenced' &&
  proof !== undefined &&
  unproven === undefined &&
  marks.cordoned &&
  !marks.uncordoned &&
  ended.at(-1)?.kind === 'uncordon';

/** A resume tries the return to service again; the earlier failure no longer counts. */
export function retryReturn(draft: Draft, host: HostState, who: string): void {
  const ended = host.ended.filter((one) => one.kind !== 'uncordon');
  acknowledge(draft, host, resumed({ ...host, ended }, draft.wave?.id), { who, as: 'retry' });
}

/**
 * A host whose walk was interrupted by the end of the run continues where it stopped. A host that
 * was not touched yet waits for its start again.
 */
export function resumed(host: HostState, wave: number | undefined): HostState {
  if (!host.touched) return requeued(host, wave);
  const {
    failure: _failure,
    failedTask: _failedTask,
    left: _left,
    endedAt: _endedAt,
    ...rest
  } = host;
  return { ...rest, status: 'running', keepsSlot: false };
}

/** Queues a host again. It keeps what it is and what was done to it, and nothing of its last walk. */
export function requeued(host: HostState, wave: number | undefined): HostState {
  const { lockOut, bootId, longOutput, replaced } = host;
  return {
    ...untouched({
      ...host,
      status: wave === undefined || lockOut?.turn === 'never' ? 'planned' : 'waiting',
      down: host.keepsSlot || host.down,
    }),
    ...kept(host),
    missing: host.missing,
    touched: host.touched,
    failures: host.failures,
    unreachableFailures: host.unreachableFailures,
    results: host.results,
    effects: host.effects,
    oldBootIds: host.oldBootIds,
    marks: host.marks,
    starts: host.starts,
    ...present({ lockOut, bootId, longOutput, replaced, wave }),
  };
}
