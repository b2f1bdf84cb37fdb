// A run as plain lines for a log, a pipe or a scheduler: one line for each important event.

import { leftBehind } from '../../core/history/left-behind.ts';
import type { Line } from '../../core/view/model.ts';
import type { Say } from '../../core/view/read-view.ts';
import type { Event } from '../../model/run/event.ts';
import { causeText, detailLines, isAway, lastDetail } from '../../model/run/failure.ts';
import { clockTime, duration, type Paint, plural, uncoloured } from '../layout.ts';
import { drainedText } from './drained-text.ts';
import { proofText } from './proof-text.ts';

/** The lines for an event; none for events that only the journal needs. */
export function eventLines(event: Event, paint: Paint): readonly string[] {
  const text = sentence(event, paint);
  if (text === undefined) return [];
  const below = event.type === 'host.failed' ? detailLines(event.failure) : [];
  return [`${paint.dim(clockTime(event.at))} ${text}`, ...below.map((line) => `    ${line}`)];
}

/** The line of an event in the view of a run. Its level is what a terminal shows as colour. */
export const lineOf: Say = (event) => {
  let level: Line['level'] = 'info';
  const seen = (one: Line['level']) => (text: string) => {
    level = one;
    return text;
  };
  const text = sentence(event, {
    ...uncoloured,
    red: seen('error'),
    green: seen('good'),
    yellow: seen('warning'),
  });
  return text === undefined ? undefined : { text, level };
};

function sentence(event: Event, paint: Paint): string | undefined {
  switch (event.type) {
    case 'run.started':
      return paint.bold(`run ${event.run}: ${event.play} on ${plural(event.hosts.length, 'host')}`);
    case 'run.resumed':
      return paint.bold(`run ${event.run} resumed by ${event.who}`);
    case 'run.paused':
      return paint.yellow(`paused by ${actor(event.who, event)}: ${event.why}`);
    case 'run.continued':
      return `continued by ${actor(event.who, event)}${event.why === undefined ? '' : `: ${event.why}`}`;
    case 'run.aborted':
      return paint.yellow(
        `stopping (${actor(event.who, event)}: ${event.why}): no further host is started`,
      );
    case 'run.finished':
      return paint.bold(`run ${event.run} finished: ${event.why} (exit ${event.exit})`);
    case 'run.closed':
      return undefined;
    case 'notice.sent':
      return event.refused === undefined
        ? undefined
        : paint.yellow(`a notice was not taken (${event.target}): ${event.refused}`);
    case 'approved':
      return event.about === 'unplannable'
        ? `approved by ${actor(event.who, event)} (${event.how}): go on without hosts that cannot be planned for${because(event)}`
        : `approved up to ${event.risk} by ${actor(event.who, event)} (${event.how})${because(event)}`;
    case 'wave.started':
      return paint.bold(
        `${event.canary ? 'canary' : `wave ${event.wave}`}: ${event.hosts.join(', ')}`,
      );
    case 'wave.done':
      return `${event.wave === 0 ? 'canary' : `wave ${event.wave}`} done`;
    case 'canary.promoted':
      return paint.green(`canary promoted by ${actor(event.by, event)}: ${event.why}`);
    case 'brake.tripped':
      return paint.red(
        `BRAKE: ${event.why}; no further host is started until the failed hosts are acknowledged`,
      );
    case 'brake.released':
      return paint.green(`brake released by ${event.by}: ${event.why}`);
    case 'gate.read':
      return `gate ${event.gate} is ${event.open ? 'open' : paint.yellow('closed')}: ${event.read}`;
    case 'capacity.read':
      return (
        [
          ...(event.unavailable.length === 0
            ? []
            : [`out of service and not ours: ${event.unavailable.join(', ')}`]),
          ...(event.lockOuts ?? []).map(({ host, why }) => `locked out: ${host}: ${why}`),
        ].join('; ') || undefined
      );
    case 'slots.read':
      return event.others.length === 0
        ? undefined
        : `out of service by other runs: ${event.others.map(({ host, run }) => `${host} (run ${run})`).join(', ')}`;
    case 'nodes.tainted':
      return paint.dim(
        `PreferNoSchedule on nodes whose turn is still to come: ${event.nodes.join(', ')}`,
      );
    case 'nodes.untainted':
      return paint.dim(`no longer PreferNoSchedule: ${event.nodes.join(', ')}`);
    case 'cluster.away':
      return paint.yellow(
        `cluster away since ${clockTime(event.since)}: ${event.why}; no host is started or failed by that`,
      );
    case 'cluster.back':
      return `cluster back after ${duration(event.seconds)}`;
    case 'database.back':
      return `database back after ${duration(event.seconds)}`;
    case 'waiting':
      return paint.dim(`waiting: ${event.why}`);
    case 'warning':
      return paint.yellow(
        `warning: ${event.host === undefined ? '' : `${event.host}: `}${event.text}`,
      );
    default:
      return hostSentence(event, paint);
  }
}

function hostSentence(event: Extract<Event, { host: string }>, paint: Paint): string | undefined {
  const host = paint.bold(event.host);
  switch (event.type) {
    case 'host.started':
      return `${host} started: ${event.why}`;
    case 'facts.read':
      return `${host} ${event.verdict}: ${event.evidence}`;
    case 'remedy.chosen':
      return event.remedy === 'none' ? undefined : `${host} remedy ${event.remedy}: ${event.why}`;
    case 'kernel.seen':
      return event.obeys === 'yes'
        ? paint.green(
            `${event.host} kernel ${event.release} obeys cgroup.memory=nokmem (active probe)`,
          )
        : paint.red(
            `${event.host} kernel ${event.release} does not obey cgroup.memory=nokmem (active probe)`,
          );
    case 'prelude.done':
      return `${host} is past the tasks that run once before all others`;
    case 'drift.noted':
      return paint.yellow(
        `${event.host} is not quite what the plan was made from: ${event.what.join('; ')}`,
      );
    case 'block.entered':
      return undefined;
    case 'block.failed':
      return paint.yellow(`${host} [${event.failed}] ${causeText(event.failure)}`);
    case 'block.rescued':
      return paint.yellow(`${host} rescued after [${event.failed ?? event.task}]`);
    case 'task.planned':
      return event.status === 'change'
        ? `${host} [${event.name}] ${event.changes.map((change) => `${change.sign} ${change.what}`).join(', ')}`
        : undefined;
    case 'effect.started':
      return event.kind === 'reboot'
        ? paint.cyan(
            `${event.host} ${event.what} (boot id ${event.bootId?.slice(0, 8) ?? 'unknown'})`,
          )
        : undefined;
    case 'effect.progress':
      return paint.dim(`${event.host}   ${event.text}`);
    case 'effect.done':
      return effectDone(event, host);
    case 'effect.failed':
      return paint.red(
        `${event.host} ${event.failure.kind}: ${event.failure.message}${lastDetail(event.failure)}`,
      );
    case 'task.done':
      return event.status === 'changed'
        ? `${host} [${event.name}] ${paint.green('done')}`
        : noted(event, host, paint);
    case 'proof':
      return proofLine(event, paint);
    case 'host.done':
      return paint.green(
        `${event.host} done${event.changed ? '' : ', nothing to change'}${provenWords[event.proven]}`,
      );
    case 'host.soaked':
      return `${host} still good at the end of its soak: ${event.evidence}`;
    case 'host.failed':
      return (isAway(event.failure) ? paint.yellow : paint.red)(
        `${event.host} ${isAway(event.failure) ? 'stopped:' : 'FAILED'} ${event.failure.kind}${event.task === undefined ? '' : ` at "${event.task}"`}: ${event.failure.message} [left: ${event.state}]${event.failure.hint === undefined ? '' : `; ${event.failure.hint}`}`,
      );
    case 'host.resolved':
      return `${host} resolved by ${actor(event.who, event)}: ${event.note}`;
  }
}

/** The operator, and how they gave the command where it was not by the command line. */
const actor = (who: string, { via }: Event): string =>
  via === undefined ? who : `${who} via the ${via}`;

const provenWords = {
  yes: '',
  not_asked: '',
  partial: ', proven in part',
  provisional: ', not proven yet',
} as const;

function proofLine(event: Extract<Event, { type: 'proof' }>, paint: Paint): string {
  if (event.by === 'none')
    return paint.green(`${event.host} not proven yet (none): ${event.evidence}`);
  if (event.accepted !== undefined)
    return paint.yellow(`${event.host} accounting ${proofText(event)}`);
  return paint.green(`${event.host} proven ${proofText(event)}`);
}

function effectDone(
  event: Extract<Event, { type: 'effect.done' }>,
  host: string,
): string | undefined {
  const { data } = event.result;
  if (typeof data?.bootId === 'string' && typeof data.seconds === 'number')
    return `${host} back with boot id ${data.bootId.slice(0, 8)} after ${duration(data.seconds)}`;
  if (Array.isArray(data?.evicted))
    return `${host} ${drainedText(leftBehind(data))}: ${plural(data.evicted.length, 'pod')} evicted`;
  return undefined;
}

function noted(
  event: Extract<Event, { type: 'task.done' }>,
  host: string,
  paint: Paint,
): string | undefined {
  const why = event.note === undefined ? '' : `: ${event.note}`;
  if (event.status === 'ignored')
    return paint.yellow(`${event.host} [${event.name}] failed, ignored${why}`);
  return event.note === undefined || event.status === 'skipped'
    ? undefined
    : `${host} [${event.name}] ${event.note}`;
}

/** What an operator gave as the reason. */
const because = ({ why }: { readonly why?: string }): string =>
  why === undefined ? '' : `: ${why}`;
