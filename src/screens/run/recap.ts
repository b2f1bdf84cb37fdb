// The recap: one line a host, as Ansible prints it, from the state of a run.
import type { HostState } from '../../core/run-state/state.ts';
import { isAway } from '../../model/run/failure.ts';
import { type Paint, padRight } from '../layout.ts';
import { leftOpenText } from './proof-text.ts';

export interface RecapRow {
  readonly host: string;
  readonly ok: number;
  readonly changed: number;
  readonly unreachable: number;
  readonly failed: number;
  readonly skipped: number;
  readonly rescued: number;
  readonly ignored: number;
  readonly end: string;
}

export function recapRow(host: HostState): RecapRow {
  const count = (status: string): number =>
    host.tasks.filter((task) => task.status === status).length;
  const unreachable = host.status === 'failed' && host.failure?.kind === 'unreachable' ? 1 : 0;
  return {
    host: host.host,
    ok: count('ok') + count('changed'),
    changed: count('changed'),
    unreachable,
    failed: host.status === 'failed' && unreachable === 0 && !isAway(host.failure) ? 1 : 0,
    skipped: count('skipped'),
    rescued: host.rescued?.blocks.length ?? 0,
    ignored: count('ignored'),
    end: endOf(host),
  };
}

function endOf(host: HostState): string {
  switch (host.status) {
    case 'failed':
      return host.failure?.kind ?? 'failed';
    case 'refused':
      return 'refused';
    case 'done':
    case 'soaking':
      return `${host.changed === false ? 'already remediated' : provenText(host)}${host.rescued === undefined ? '' : ', rescued'}`;
    case 'same':
      return 'nothing to do';
    case 'planned':
    case 'waiting':
      return host.lockOut?.turn === 'never' ? 'kept out' : 'not started';
    case 'running':
      return 'running';
  }
}

function provenText({ proven, proof }: HostState): string {
  switch (proven) {
    case 'yes':
      return 'proven';
    case 'partial':
      return `proven in part${leftOpenText(proof?.accepted)}`;
    case 'provisional':
      return 'not proven';
    default:
      return 'done';
  }
}

const counters = [
  'ok',
  'changed',
  'unreachable',
  'failed',
  'skipped',
  'rescued',
  'ignored',
] as const;
/** A narrower terminal gets only counters that some host has; so does any for `rescued`. */
const wide = 110;

/** The rows, then hosts that were left out of the plan. */
export function recapLines(
  hosts: Iterable<HostState>,
  leftOut: readonly { readonly host: string }[],
  paint: Paint,
  columns = wide,
): readonly string[] {
  const rows = [
    ...[...hosts].map(recapRow),
    ...leftOut.map(
      ({ host }): RecapRow => ({
        host,
        ok: 0,
        changed: 0,
        unreachable: 1,
        failed: 0,
        skipped: 0,
        rescued: 0,
        ignored: 0,
        end: 'left out',
      }),
    ),
  ];
  const width = Math.max(20, ...rows.map((row) => row.host.length));
  const shown = counters.filter(
    (key) => (columns >= wide && key !== 'rescued') || rows.some((row) => row[key] > 0),
  );
  const number = (key: string, value: number): string =>
    padRight(`${key}=${value}`, key.length + 5);
  return [
    paint.bold('RECAP'),
    ...rows.map((row) => {
      const isFailed =
        row.failed + row.unreachable > 0 || row.end === 'refused' || row.end === 'kept out';
      const name = padRight(row.host, width);
      const colour = isFailed ? paint.red : row.changed > 0 ? paint.yellow : paint.green;
      const counts = shown.map((key) => number(key, row[key])).join('');
      return `${colour(name)} : ${counts}${row.end}`;
    }),
  ];
}
