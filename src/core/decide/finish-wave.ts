// The rule that ends a wave, or promotes the canary.
import type { Decision, View } from '../rollout/decision.ts';
import { overlapWave, soakWave } from '../rollout/wave.ts';
import { wait } from './answer.ts';
import { waitForGates } from './gates.ts';

/**
 * Ends a wave when all its hosts have ended, soaked and proven themselves again. A canary is
 * promoted first. With `wave_overlap` the next wave may begin before.
 */
export function finishWave(view: View): Decision | undefined {
  const { state } = view;
  const wave = state.wave;
  if (wave === undefined || state.waiting !== undefined) return undefined;
  const rule = wave.canary ? 'canary' : 'wave';
  if (wave.open > 0) {
    const next = overlapWave(view, wave) ?? {
      rule,
      text: `${wave.canary ? 'the canary' : `wave ${wave.number}`} is not done`,
    };
    return 'kind' in next ? next : wait(view, [next]);
  }
  const soak = soakWave(view, wave);
  if (soak !== undefined) return 'kind' in soak ? soak : wait(view, [soak]);
  if (wave.canary && state.canary.promoted === undefined) return promote(view);
  return { kind: 'end_wave', wave: wave.number, why: 'all of it have ended' };
}

/**
 * `canary.promote`: by the policy or by an operator, and only with open gates. The soak is over
 * already.
 */
function promote(view: View): Decision {
  const shut = waitForGates(view);
  if (shut !== undefined) return shut;
  if (view.policy.canary?.promote === 'manual') {
    return wait(view, [
      {
        rule: 'canary',
        text: `the canary is done; go on with: kmend promote ${view.state.run}`,
        needs: 'promotion',
      },
    ]);
  }
  const soak = view.policy.canary?.soak ?? 0;
  const gates = view.policy.gates.map(
    (gate) => `${gate.name}: ${view.state.gates[gate.name]?.read ?? ''}`,
  );
  const why = [`all canary hosts are done and soaked ${soak} s`, ...gates].join('; ');
  return { kind: 'promote', by: 'policy', why };
}
