// Rules that ask the operator before the first start.
import { higherRisk } from '../../model/run/risk.ts';
import { plural } from '../../model/text/plural.ts';
import { type Decision, isAttended, type View } from '../rollout/decision.ts';
import { sizeOf } from '../run-state/ranked.ts';
import { finish } from './answer.ts';

/**
 * `unplannable`: the run leaves out hosts without a plan only if the policy or an operator says so.
 */
export function askUnplannable(view: View): Decision | undefined {
  const { state, policy } = view;
  const count = state.leftOut.length + state.refused;
  if (
    count === 0 ||
    state.started > 0 ||
    policy.unplannable === 'leave_out' ||
    state.unplannableAccepted
  )
    return undefined;
  const text = `${plural(count, 'host')} cannot be planned for`;
  if (policy.unplannable === 'ask' && isAttended(view)) {
    return {
      kind: 'ask',
      about: 'unplannable',
      risk: state.risk,
      question: `${text}. Go on without?`,
    };
  }
  return finish(view, 'unplannable', `${text} (unplannable: ${policy.unplannable})`);
}

/** `approve`: from this risk on an operator must approve the run. */
export function askRisk(view: View): Decision | undefined {
  const { state, policy } = view;
  if (policy.approve === 'never' || higherRisk(policy.approve, state.risk)) return undefined;
  if (state.approved !== undefined && !higherRisk(state.risk, state.approved)) return undefined;
  const question = `This run may ${state.risk === 'evict' ? 'evict pods' : state.risk} on ${plural(sizeOf(state.planned) + sizeOf(state.lockedOut), 'host')}. Go on?`;
  if (isAttended(view)) return { kind: 'ask', about: 'risk', risk: state.risk, question };
  return finish(
    view,
    'approval',
    `the risk ${state.risk} is not approved (approve: ${policy.approve})`,
  );
}
