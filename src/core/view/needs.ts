// What only an operator can end, each with the command to type.
import { lastDetail } from '../../model/run/failure.ts';
import { pasteable } from '../../model/text/quote.ts';
import type { Decision } from '../rollout/decision.ts';
import { sizeOf } from '../run-state/ranked.ts';
import { firstAnswer } from '../run-state/resolve.ts';
import { hostAt, hostStates, type RunState } from '../run-state/state.ts';
import type { Need } from './model.ts';

/** The most hosts that are named: the head stays short. */
const most = 20;

export function needsOf(
  state: RunState,
  decision: Decision | undefined,
  unresolved: Iterable<number>,
  holder: string | undefined,
): readonly Need[] {
  const { run } = state;
  const resolve = toResolve(state, unresolved);
  if (state.finished !== undefined || holder === undefined)
    return [...resolve, ...(state.begun && isResumable(state) ? [toResume(state)] : [])];
  const needs: Need[] = [];
  if (decision?.kind === 'ask') needs.push({ kind: 'approve', text: decision.question });
  if (decision?.kind === 'wait' && waitsForPromotion(state, decision))
    needs.push({
      kind: 'promote',
      text: 'the canary is done and waits for its promotion',
      command: `kmend promote ${run}`,
    });
  if (state.paused !== undefined && state.paused.forKept !== true)
    needs.push({
      kind: 'continue',
      text: `paused by ${state.paused.who}: ${state.paused.why}`,
      command: `kmend continue ${run}`,
    });
  return [...needs, ...resolve];
}

function toResolve(state: RunState, unresolved: Iterable<number>): readonly Need[] {
  const needs: Need[] = [];
  for (const index of unresolved) {
    const found = hostAt(state, index);
    const { host, rescued } = found;
    const answer = firstAnswer(found);
    const failure = answer === 'done' ? rescued?.failure : found.failure;
    const cause =
      failure === undefined
        ? undefined
        : `${failure.kind}: ${failure.message}${lastDetail(failure)}`;
    needs.push({
      kind: 'resolve',
      host,
      text: answer === 'done' ? `rescued after ${cause ?? 'a failure'}` : (cause ?? 'failed'),
      command: `kmend resume ${state.run} --${answer} ${pasteable(host)}`,
    });
    if (needs.length >= most) break;
  }
  return needs;
}

/** The only rule of the canary that waits for no time and for no host is the one that asks. */
export const waitsForPromotion = (
  { wave, rollout, canary }: RunState,
  { why }: Decision & { readonly kind: 'wait' },
): boolean =>
  rollout?.canary?.promote === 'manual' &&
  wave?.canary === true &&
  wave.open === 0 &&
  canary.promoted === undefined &&
  why.some(({ rule, until }) => rule === 'canary' && until === undefined);

/** A resume goes on with hosts that were not started, or that the end of the run interrupted. */
const isResumable = (state: RunState): boolean =>
  state.finished === undefined ||
  state.away !== undefined ||
  sizeOf(state.planned) + sizeOf(state.waiting) + sizeOf(state.soaking) > 0 ||
  (state.aborted !== undefined &&
    [...hostStates(state)].some(({ failure }) => failure?.resumable === true));

const toResume = ({ run, finished }: RunState): Need => ({
  kind: 'resume',
  text: finished === undefined ? 'no process works on this run' : finished.why,
  command: `kmend resume ${run}`,
});
