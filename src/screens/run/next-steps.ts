// The hosts of a run that is not over, and the commands for it.

import { brakeHolders } from '../../core/rollout/brake.ts';
import { sizeOf } from '../../core/run-state/ranked.ts';
import { firstAnswer, isUnresolved } from '../../core/run-state/resolve.ts';
import { hostStates, type RunState } from '../../core/run-state/state.ts';
import { isAway } from '../../model/run/failure.ts';
import { pasteable } from '../../model/text/quote.ts';
import { duration, plural } from '../layout.ts';
import { awayText } from '../live/head-lines.ts';

/** Commands to type after a run. */
export const nextSteps = (state: RunState): readonly string[] => [
  ...brakeLines(state),
  ...toCheck(state),
  ...(state.aborted === undefined && !isHaltedByCluster(state)
    ? []
    : [`go on with: kmend resume ${state.run}`]),
];

const isHaltedByCluster = (state: RunState): boolean =>
  state.away !== undefined ||
  [...hostStates(state)].some(({ status, failure }) => status === 'failed' && isAway(failure));

/** An outage of the cluster that lasts. */
export const awayLines = ({ away }: RunState): readonly string[] =>
  away === undefined ? [] : [awayText(away)];

/** The most names in a line, and lines of a kind. */
const shown = 5;

/** Failed hosts that must be acknowledged before the brake is released. */
function brakeLines(state: RunState): readonly string[] {
  const left = sizeOf(state.planned) + sizeOf(state.waiting);
  const holders = state.rollout === undefined ? [] : brakeHolders(state, state.rollout);
  if (left === 0 || holders.length === 0) return [];
  const more = holders.length > shown ? ` and ${holders.length - shown} more` : '';
  return [
    `the brake keeps ${plural(left, 'host')} from starting until these are acknowledged: ${holders.slice(0, shown).join(', ')}${more}`,
  ];
}

function toCheck(state: RunState): readonly string[] {
  const { run } = state;
  const hosts = [...hostStates(state)].filter(isUnresolved);
  const lines = hosts.slice(0, shown).map((found) => {
    const word = pasteable(found.host);
    const answers =
      firstAnswer(found) === 'done'
        ? `--done ${word}`
        : `--retry ${word}, or --skip ${word}, or --done ${word}`;
    return `check ${found.host}, then: kmend resume ${run} ${answers}`;
  });
  return hosts.length > shown
    ? [...lines, `and so for ${hosts.length - shown} more: kmend report ${run} names them`]
    : lines;
}

/**
 * A run that is not finished: its process, its hosts under way, and the commands for it.
 * @param holder the process that works on the run; absent when it is gone
 */
export function underWay(
  state: RunState,
  now: number,
  holder: string | undefined,
): readonly string[] {
  if (state.finished !== undefined) return nextSteps(state);
  const ago = (at: number): string => duration(Math.max(0, (now - at) / 1000));
  const hosts = [...hostStates(state)].flatMap(
    ({ host, status, startedAt, doneAt, inFlight: [effect] }) => {
      if (status === 'soaking')
        return [`${host}  returned to service ${ago(doneAt ?? now)} ago, soaks`];
      if (status !== 'running') return [];
      return [
        `${host}  started ${ago(startedAt ?? now)} ago; ${effect === undefined ? 'between two steps' : `${effect.what}, for ${ago(effect.at)}`}`,
      ];
    },
  );
  return [
    `${holder === undefined ? 'no process works on this run' : `under way: ${holder}`}; last entry ${ago(state.lastAt)} ago`,
    ...awayLines(state),
    ...hosts.map((line) => `  ${line}`),
    ...(holder === undefined ? [`go on with: kmend resume ${state.run}`] : controlsOf(state)),
    ...brakeLines(state),
    ...toCheck(state),
  ];
}

/** Control commands for a run under way. */
function controlsOf({ run, paused, rollout, canary, wave }: RunState): readonly string[] {
  if (paused?.forKept === true) return [`paused: ${paused.why}`];
  if (paused !== undefined)
    return [`paused by ${paused.who}: ${paused.why}; go on with: kmend continue ${run}`];
  const isWaiting =
    rollout?.canary?.promote === 'manual' &&
    canary.begun &&
    canary.promoted === undefined &&
    wave?.open === 0;
  return [
    ...(isWaiting ? [`let the canary be followed by the rest: kmend promote ${run}`] : []),
    `hold it with: kmend pause ${run}; end it with: kmend abort ${run}`,
  ];
}
