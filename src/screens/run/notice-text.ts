// The sentence of a notice: what a chat or a mail shows.

import type { NoticeKind, RunNotice } from '../../core/notices/outbox.ts';
import type { HostFailure } from '../../core/run-state/failures.ts';
import { failureText } from './failure-text.ts';

/** Failures that a notice names; a chat shows no more. */
export const mostFailures = 3;

/** What a turn of a job gave. */
export interface TurnNotice {
  readonly job: string;
  readonly why: string;
  readonly exit: number;
  readonly run?: string;
  readonly head?: string;
  readonly failures: readonly HostFailure[];
}

const ended = ({ why, exit, run, head, failures = [] }: Partial<TurnNotice>): string => {
  const reasons = failures
    .slice(0, mostFailures)
    .map(
      ({ host, failure, rescued }) =>
        `; ${host}: ${rescued === true ? 'rescued after ' : ''}${failureText(failure)}`,
    )
    .join('');
  const more =
    failures.length > mostFailures ? `; and ${failures.length - mostFailures} more hosts` : '';
  const report = run === undefined ? '' : `; kmend report ${run}`;
  const journal = head === undefined ? '' : `; journal head ${head}`;
  return `${why} (exit ${exit})${reasons}${more}${report}${journal}`;
};

export const turnText = (turn: TurnNotice, from: string): string =>
  `kmend job ${turn.job} on ${from}: ${ended(turn)}`;

/** What comes before the reason, by kind; a finished run has its own form. */
const leads: Readonly<Record<Exclude<NoticeKind, 'finished'>, string>> = {
  started: '',
  canary: 'waits for an operator: ',
  brake: 'BRAKE: ',
  waits: 'waits for an operator: ',
  paused: '',
};

const statusText = ({ counts }: RunNotice): string =>
  Object.entries(counts)
    .map(([status, count]) => `${count} ${status.replace('_', ' ')}`)
    .join(', ');

export function noticeText(notice: RunNotice, from: string): string {
  const { kind, run, play, why } = notice;
  const begin = `kmend run ${run} (${play}) on ${from}: `;
  if (kind === 'finished') return `${begin}${ended(notice)}`;
  const next = kind === 'paused' ? `; kmend continue ${run}` : `; kmend report ${run}`;
  const hosts = statusText(notice);
  return `${begin}${leads[kind]}${why}${hosts === '' ? '' : `; hosts: ${hosts}`}${next}`;
}
