// Exit codes, and which one wins when several reasons apply.
import { isAway } from '../../model/run/failure.ts';
import { unclosed } from '../run-state/once.ts';
import { sizeOf } from '../run-state/ranked.ts';
import { countsAsRescued } from '../run-state/resolve.ts';
import { type HostState, hostStates, type RunState } from '../run-state/state.ts';

/** Every reason for an exit code other than 0. */
export type ExitReason =
  | 'internal'
  | 'usage'
  | 'locked'
  | 'stale'
  | 'no_hosts'
  | 'blocked'
  | 'failed'
  | 'unreachable'
  | 'unverified'
  | 'window'
  | 'closed'
  | 'changes';

/** In order of precedence. */
const codes: readonly (readonly [ExitReason, number])[] = [
  ['internal', 1],
  ['usage', 3],
  ['locked', 7],
  ['stale', 8],
  ['no_hosts', 11],
  ['blocked', 5],
  ['failed', 4],
  ['unreachable', 6],
  ['unverified', 12],
  ['window', 9],
  ['closed', 10],
  ['changes', 2],
];

export const exitCode = (reasons: Iterable<ExitReason>): number => {
  const all = new Set(reasons);
  return codes.find(([reason]) => all.has(reason))?.[1] ?? 0;
};

/**
 * Exit code of a run that an operator or a signal ended. After SIGTERM the process exits with 143
 * instead.
 */
export const interruptedExit = 130;

/** Why hosts were not started. */
export type Unstarted =
  | 'brake'
  | 'prelude'
  | 'kept'
  | 'window'
  | 'deadline'
  | 'gate'
  | 'capacity'
  | 'approval'
  | 'unplannable'
  | 'cluster'
  | 'aborted';

const unstartedReason: Readonly<Partial<Record<Unstarted, ExitReason>>> = {
  brake: 'blocked',
  prelude: 'blocked',
  kept: 'blocked',
  window: 'window',
  deadline: 'window',
  gate: 'closed',
  capacity: 'closed',
  cluster: 'closed',
  approval: 'usage',
};

/** The exit code of a run that ends now, and one sentence about what it did. */
export function runExit(
  state: RunState,
  unstarted?: Unstarted,
): { readonly exit: number; readonly why: string } {
  const left = sizeOf(state.planned) + sizeOf(state.waiting);
  const reasons = new Set<ExitReason>();
  const counts = {
    done: 0,
    same: 0,
    failed: 0,
    refused: 0,
    unproven: 0,
    partial: 0,
    rescued: 0,
    away: 0,
    soaking: 0,
  };
  for (const host of hostStates(state)) {
    const reason = reasonOf(host);
    if (reason !== undefined) reasons.add(reason);
    if (host.rescued !== undefined && host.status === 'done') counts.rescued += 1;
    else if (host.status === 'done' || host.status === 'soaking') counts[host.status] += 1;
    if (host.status === 'done' && host.proven === 'provisional') counts.unproven += 1;
    if (host.status === 'done' && host.proven === 'partial') counts.partial += 1;
    if (host.status === 'failed' && isAway(host.failure)) counts.away += 1;
    else if (host.status === 'same' || host.status === 'failed' || host.status === 'refused')
      counts[host.status] += 1;
  }
  const lockedOut = sizeOf(state.lockedOut);
  if (lockedOut > 0) reasons.add('failed');
  for (const { failure } of state.leftOut)
    reasons.add(failure.kind === 'unreachable' ? 'unreachable' : 'failed');
  // A host that soaks was started: only its repeated proof is missing.
  const isAllStarted = left === 0 && unclosed(state)?.status !== 'done';
  const reason =
    unstarted === undefined || (isAllStarted && unstarted !== 'cluster')
      ? undefined
      : unstartedReason[unstarted];
  if (reason !== undefined) reasons.add(reason);
  const why = sentence([
    [counts.done, 'done'],
    [counts.rescued, 'rescued'],
    [counts.soaking, 'soaking'],
    [counts.same, 'with nothing to do'],
    [counts.failed, 'failed'],
    [counts.away, 'left where the outage of the cluster found them'],
    [counts.refused, 'refused'],
    [state.leftOut.length, 'left out'],
    [counts.unproven, 'not proven'],
    [counts.partial, 'proven in part'],
    [lockedOut, 'kept out by a hold or a cordon'],
    [left, `not started${unstarted === undefined ? '' : ` (${unstarted})`}`],
  ]);
  return { exit: unstarted === 'aborted' ? interruptedExit : exitCode(reasons), why };
}

function reasonOf(host: HostState): ExitReason | undefined {
  if (host.status === 'refused') return 'failed';
  if (host.status === 'done' && (host.proven === 'provisional' || host.proven === 'partial'))
    return 'unverified';
  if (countsAsRescued(host)) return 'unverified';
  if (host.status !== 'failed' || host.resolved?.as === 'done') return undefined;
  return host.failure?.kind === 'unreachable' || isAway(host.failure) ? 'unreachable' : 'failed';
}

const sentence = (parts: readonly (readonly [number, string])[]): string =>
  parts
    .filter(([count]) => count > 0)
    .map(([count, text]) => `${count} ${text}`)
    .join(', ') || 'no hosts';
