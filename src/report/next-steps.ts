// Where the hosts of a run stand that is not over, and what to type next.
import { hostStates, type RunState } from '../core/state.ts';
import { duration, harmless } from './layout.ts';

/** What to type next after a run, where there is something. */
export const nextSteps = (state: RunState): readonly string[] => [
  ...looks(state),
  ...(state.aborted === undefined ? [] : [`go on with: kmend resume ${state.run}`]),
];

function looks(state: RunState): readonly string[] {
  const { run } = state;
  const kept = [...hostStates(state)].filter((host) => host.status === 'failed' && host.keepsSlot && host.failure?.resumable !== true);
  const lines = kept.slice(0, 5).map((host) => `look at ${host.host}, then: kmend resolve ${run} ${host.host} --as done, skip or retry`);
  return kept.length > 5 ? [...lines, `and so for ${kept.length - 5} more: kmend report ${run} names them`] : lines;
}

/**
 * For a run that is not finished: who works on it, what each host under way does, and the words for it.
 * @param holder the process that works on the run; absent when it is gone
 */
export function underWay(state: RunState, now: number, holder: string | undefined): readonly string[] {
  if (state.finished !== undefined) return nextSteps(state);
  const ago = (at: number): string => duration(Math.max(0, (now - at) / 1000));
  const hosts = [...hostStates(state)].flatMap(({ host, status, startedAt, doneAt, inFlight: [effect] }) => {
    if (status === 'soaking') return [`${host}  given back ${ago(doneAt ?? now)} ago, soaks`];
    if (status !== 'running') return [];
    return [
      `${host}  started ${ago(startedAt ?? now)} ago; ${effect === undefined ? 'between two steps' : `${effect.what}, for ${ago(effect.at)}`}`,
    ];
  });
  return [
    `${holder === undefined ? 'nobody works on this run: its process is gone' : `under way: ${holder}`}; last entry ${ago(state.lastAt)} ago`,
    ...hosts.map((line) => `  ${harmless(line)}`),
    ...(holder === undefined ? [`go on with: kmend resume ${state.run}`] : wordsFor(state)),
    ...looks(state),
  ];
}

/** What a person may say to a run under way. */
function wordsFor({ run, paused, rollout, canary, wave }: RunState): readonly string[] {
  if (paused !== undefined) return [`paused by ${paused.who}: ${harmless(paused.why)}; go on with: kmend continue ${run}`];
  const isWaiting = rollout?.canary?.promote === 'manual' && canary.begun && canary.promoted === undefined && wave?.open === 0;
  return [
    ...(isWaiting ? [`let the canary be followed by the rest: kmend promote ${run}`] : []),
    `hold it with: kmend pause ${run}; end it with: kmend abort ${run}`,
  ];
}
