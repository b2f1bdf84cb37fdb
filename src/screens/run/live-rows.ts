// The rows of the live view, from the state of a run: at most thirty, for a fleet of any size.

import { leftBehind } from '../../core/history/left-behind.ts';
import { type HostState, hostAt, hostStates, type RunState } from '../../core/run-state/state.ts';
import type { Event } from '../../model/run/event.ts';
import { lastDetail } from '../../model/run/failure.ts';
import { cutTo, duration, type Paint, padRight } from '../layout.ts';
import { drainedText } from './drained-text.ts';
import { awayLines } from './next-steps.ts';

const maxRows = 30;

/** What each running host does now, kept from events, since the state has no texts. */
export type Activity = ReadonlyMap<string, string>;

/** The activity of a host after this event; undefined = no change. */
export function activityOf(
  event: Event,
): { readonly host: string; readonly text: string } | undefined {
  switch (event.type) {
    case 'host.started':
      return { host: event.host, text: 'reading facts' };
    case 'task.planned':
      return event.status === 'change' ? { host: event.host, text: event.name } : undefined;
    case 'effect.started':
      return { host: event.host, text: event.what };
    case 'effect.progress':
      return { host: event.host, text: event.text };
    case 'effect.done': {
      const left = leftBehind(event.result.data);
      return left.length === 0 ? undefined : { host: event.host, text: drainedText(left) };
    }
    default:
      return undefined;
  }
}

/** The title of the view: a summary of the run. */
export function liveTitle(state: RunState): string {
  const counts = countStates(state);
  const wave =
    state.wave === undefined ? '' : state.wave.canary ? 'canary: ' : `wave ${state.wave.number}: `;
  const parts = [
    [counts.running, 'running'],
    [counts.soaking, 'soaking'],
    [counts.done, 'done'],
    [counts.failed, 'failed'],
    [counts.refused, 'refused'],
    [counts.waiting, 'to go'],
    [state.leftOut.length, 'left out'],
  ] as const;
  const shownCounts = parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`);
  return `${wave}${shownCounts.join(', ') || 'nothing to do'}`;
}

interface Counts {
  running: number;
  soaking: number;
  done: number;
  failed: number;
  refused: number;
  waiting: number;
}

function countStates(state: RunState): Counts {
  const counts: Counts = { running: 0, soaking: 0, done: 0, failed: 0, refused: 0, waiting: 0 };
  for (const host of hostStates(state)) {
    if (host.status === 'planned' || host.status === 'waiting') counts.waiting++;
    else if (host.status !== 'same') counts[host.status]++;
  }
  return counts;
}

interface RowOptions {
  readonly width: number;
  readonly now: number;
  readonly paint: Paint;
}

/** Failures first, since they are most important, then running hosts, then those done last. */
export function liveRows(
  state: RunState,
  activity: Activity,
  options: RowOptions,
): readonly string[] {
  const hosts = [...hostStates(state)];
  const failed = hosts.filter((host) => host.status === 'failed');
  const active = hosts.filter((host) => host.status === 'running' || host.status === 'soaking');
  const done = hosts
    .filter((host) => host.status === 'done')
    .sort((a, b) => (b.doneAt ?? 0) - (a.doneAt ?? 0));
  const away = awayLines(state).map((line) => options.paint.yellow(line));
  const halted = [...haltedRow(state, options.paint), ...away, ...lockedOutRow(state, options)];
  const room = maxRows - halted.length;
  // A failed host takes two rows.
  const shownFailed = failed.slice(-Math.max(3, Math.floor(room / 6)));
  const shownActive = active.slice(0, room - 2 * shownFailed.length - 2);
  const shownDone = done.slice(
    0,
    Math.max(0, Math.min(5, room - 2 * shownFailed.length - shownActive.length - 2)),
  );
  const shown = [...shownFailed, ...shownActive, ...shownDone];
  const name = Math.max(8, ...shown.map((host) => host.host.length));
  const hidden = failed.length + active.length - shownFailed.length - shownActive.length;
  return [
    ...halted,
    ...shown.flatMap((host) => [
      row(host, activity, name, options),
      ...lastOutput(host, name, options),
    ]),
    ...(hidden > 0 ? [options.paint.dim(`and ${hidden} more`)] : []),
  ];
}

/** Hosts that are not started, or are last, because of a hold or a cordon. */
function lockedOutRow(state: RunState, { paint, width }: RowOptions): readonly string[] {
  const rows = state.setAside
    .map((index) => hostAt(state, index))
    .filter(({ status }) => status === 'planned' || status === 'waiting');
  const texts = rows.flatMap(({ host, lockOut }) =>
    lockOut === undefined
      ? []
      : [`${lockOut.turn === 'never' ? 'kept out' : 'goes last'}: ${host} (${lockOut.why})`],
  );
  return texts.length === 0 ? [] : [paint.yellow(cutTo(texts.join('; '), width - 4))];
}

function haltedRow(state: RunState, paint: Paint): readonly string[] {
  if (state.aborted !== undefined)
    return [paint.yellow(`stopping (${state.aborted.who}): hosts under way go to a safe state`)];
  if (state.brake !== undefined) return [paint.red(`BRAKE: ${state.brake.why}`)];
  if (state.paused !== undefined)
    return [paint.yellow(`paused by ${state.paused.who}: ${state.paused.why}`)];
  return [];
}

/** The last line of a failure's output, below the row of its host. */
function lastOutput(
  { status, failure }: HostState,
  name: number,
  { paint, width }: RowOptions,
): readonly string[] {
  const last = status === 'failed' && failure !== undefined ? lastDetail(failure) : '';
  return last === '' ? [] : [paint.red(cutTo(`${' '.repeat(name + 3)}${last}`, width - 4))];
}

function row(host: HostState, activity: Activity, name: number, options: RowOptions): string {
  const { paint, now, width } = options;
  const since = (at: number | undefined): string =>
    at === undefined ? '' : duration(Math.max(0, Math.round((now - at) / 1000)));
  const cell = (mark: string, time: string, text: string): string =>
    cutTo(`${mark} ${padRight(host.host, name)}  ${padRight(time, 7)} ${text}`, width - 4);
  switch (host.status) {
    case 'failed':
      return paint.red(
        cell(
          'x',
          since(host.startedAt),
          `${host.failure?.kind ?? 'failed'}: ${host.failure?.message ?? ''}`,
        ),
      );
    case 'soaking':
      return cell('~', since(host.doneAt), 'soaking');
    case 'running':
      return cell('>', since(host.startedAt), activity.get(host.host) ?? 'starting');
    default:
      return (host.proven === 'partial' ? paint.yellow : paint.green)(
        cell(
          '+',
          '',
          host.proof === undefined ? 'done' : `${host.proof.verdict}: ${host.proof.evidence}`,
        ),
      );
  }
}
