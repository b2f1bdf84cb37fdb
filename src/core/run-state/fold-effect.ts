// Folds the effects of one host: what is under way, what ended, and what this run did to its node.
import { present } from '../../model/present.ts';
import type { EffectResult } from '../../model/run/effect.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import type { HostState } from './state.ts';

export function effectStarted(
  host: HostState,
  event: Event & EventOf<'effect.started'>,
): HostState {
  const { kind, task, effect, what, timeout, detached, bootId, stableFor, spool, harmless, at } =
    event;
  const reboot = kind === 'reboot' && bootId !== undefined;
  return {
    ...host,
    touched: host.touched || (kind !== 'wait' && harmless !== true),
    effects: host.effects + 1,
    inFlight: [
      ...host.inFlight,
      {
        task,
        effect,
        kind,
        what,
        timeout,
        detached,
        at,
        ...present({ bootId, stableFor, spool }),
      },
    ],
    ...present({ bootId }),
    ...(reboot ? { oldBootIds: [...host.oldBootIds, bootId] } : {}),
    marks:
      (kind === 'run' && harmless !== true) || kind === 'write' || kind === 'reboot'
        ? { ...host.marks, altered: true }
        : host.marks,
  };
}

export function effectDone(host: HostState, event: EventOf<'effect.done'>): HostState {
  const effect = host.inFlight.find((started) => started.effect === event.effect);
  if (effect === undefined) return host;
  return {
    ...host,
    inFlight: host.inFlight.filter((started) => started !== effect),
    ended: [
      ...host.ended,
      { task: effect.task, kind: effect.kind, what: effect.what, result: event.result },
    ],
    results: { ...host.results, [effect.kind]: event.result },
    marks: marked(host.marks, effect.kind),
    ...longOutput(host, event.result),
  };
}

function longOutput(
  { longOutput: before }: HostState,
  { output }: EffectResult,
): Pick<HostState, 'longOutput'> {
  if (output === undefined || !('file' in output)) return {};
  return { longOutput: { file: output.file, bytes: (before?.bytes ?? 0) + output.bytes } };
}

export function effectFailed(host: HostState, event: EventOf<'effect.failed'>): HostState {
  const effect = host.inFlight.find((started) => started.effect === event.effect);
  if (effect === undefined) return host;
  const { failure, result = { ok: false } } = event;
  return {
    ...host,
    inFlight: host.inFlight.filter((started) => started !== effect),
    ...(result.data?.sent === false ? { oldBootIds: host.oldBootIds.slice(0, -1) } : {}),
    ended: [
      ...host.ended,
      { task: effect.task, kind: effect.kind, what: effect.what, result, failure },
    ],
    ...longOutput(host, result),
  };
}

function marked(
  marks: HostState['marks'],
  kind: HostState['inFlight'][number]['kind'],
): HostState['marks'] {
  switch (kind) {
    case 'cordon':
      return { ...marks, cordoned: true, uncordoned: false };
    case 'drain':
      return { ...marks, drained: true };
    case 'uncordon':
      return { ...marks, uncordoned: true };
    case 'reboot':
      return { ...marks, rebooted: true };
    default:
      return marks;
  }
}
