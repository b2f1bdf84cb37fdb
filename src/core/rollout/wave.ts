// Waves of hosts. The next wave begins when all hosts of the last one have ended, soaked and proven
// themselves again; with `wave_overlap`, when all but some have.

import type { Amount } from '../../model/playbook.ts';
import { plural } from '../../model/text/plural.ts';
import { inOrder, sizeOf, take } from '../run-state/ranked.ts';
import { hostAt, type WaveState } from '../run-state/state.ts';
import { shareOf, waveSize } from './amount.ts';
import { reachableFirst } from './budget.ts';
import { needsCanary, nextCanaries, uselessCanaries } from './canary.ts';
import type { Decision, View, Why } from './decision.ts';

/** All hosts of the play in this run, planned or left out: the base of a wave given as a share. */
const base = ({ state }: View): number => state.hosts.length + state.leftOut.length;

/** The next wave: the canary, or as many of the planned hosts as the policy says. */
export function beginWave(view: View): Decision | undefined {
  const { state } = view;
  if (state.wave !== undefined || state.planned === undefined) return undefined;
  if (needsCanary(view)) {
    const hosts = nextCanaries(view).map((host) => host.host);
    return {
      kind: 'begin_wave',
      wave: 0,
      hosts,
      canary: true,
      why: `canary: ${hosts.length} of ${plural(sizeOf(state.planned), 'host')} to go first`,
    };
  }
  return nextWave(view);
}

function nextWave(view: View, why = ''): Decision {
  const { state, policy } = view;
  const number = state.waves - Number(state.canary.begun) + 1;
  const amount = policy.waves[Math.min(number, policy.waves.length) - 1] ?? { percent: 100 };
  const left = sizeOf(state.planned);
  const hosts = nextHosts(view, waveSize(amount, base(view), left));
  return {
    kind: 'begin_wave',
    wave: number,
    hosts,
    canary: false,
    why: `${hosts.length} of ${plural(left, 'host')} left${why}`,
  };
}

/**
 * `wave_overlap`: the next wave begins although hosts of this one are under way. Those that have
 * ended have soaked, are proven again, and none of them has failed. Never after a canary.
 */
export function overlapWave(view: View, wave: WaveState): Decision | Why | undefined {
  const { state, policy } = view;
  if (wave.canary || state.planned === undefined || wave.failures > 0) return undefined;
  if (wave.open > mayOverlap(policy.waveOverlap, wave.hosts.length)) return undefined;
  return (
    soakWave(view, wave) ??
    nextWave(view, `; ${plural(wave.open, 'host')} of wave ${wave.number} still under way`)
  );
}

/** At most half of a wave: it is judged by the others. */
function mayOverlap(amount: Amount | undefined, size: number): number {
  if (amount === undefined) return 0;
  const wanted = 'count' in amount ? amount.count : shareOf(amount.percent, size);
  return Math.min(wanted, Math.floor(size / 2));
}

/** Those that a worker can reach come first: the others would hold up the wave. */
function nextHosts(view: View, count: number): readonly string[] {
  const { state, context } = view;
  const all = context.hostsWithoutWorker === undefined ? count : sizeOf(state.planned);
  const hosts = take(state.planned, all).map((index) => hostAt(state, index));
  return reachableFirst(view, hosts)
    .slice(0, count)
    .map(({ host }) => host);
}

/** Replaces canary hosts that were refused or needed nothing. */
export function replaceCanaries(view: View): Decision | undefined {
  const { state } = view;
  if (state.wave?.canary !== true || state.wave.open > 0 || !needsCanary(view)) return undefined;
  const hosts = nextCanaries(view).map((host) => host.host);
  if (hosts.length === 0) return undefined;
  return {
    kind: 'begin_wave',
    wave: 0,
    hosts,
    canary: true,
    why: `in place of ${uselessCanaries(view)}`,
  };
}

const soakSeconds = (view: View, wave: WaveState): number =>
  wave.canary ? (view.policy.canary?.soak ?? 0) : view.policy.soak.wave;

/** When the soak of the current wave ends. */
export const soakEnd = (view: View, wave: WaveState): number =>
  wave.lastEndAt + soakSeconds(view, wave) * 1000;

/**
 * Waits for the soak of a wave whose hosts have all ended, then repeats the proof of each changed
 * host.
 */
export function soakWave(view: View, wave: WaveState): Decision | Why | undefined {
  const name = wave.canary ? 'the canary' : `wave ${wave.number}`;
  const end = soakEnd(view, wave);
  if (view.now < end)
    return { rule: wave.canary ? 'canary' : 'soak', text: `${name} soaks`, until: end };
  if (soakSeconds(view, wave) === 0) return undefined;
  for (const index of inOrder(wave.byLastProof)) {
    const host = hostAt(view.state, index);
    if ((host.soakedAt ?? host.doneAt ?? end) >= end) break;
    // The soak of a host of its own has its own end.
    if (host.status === 'soaking') continue;
    if (view.context.busy?.has(host.host) === true)
      return { rule: 'soak', text: `the proof of ${host.host} is being repeated` };
    return { kind: 'repeat_proof', host: host.host, why: `the soak of ${name} is over` };
  }
  return undefined;
}
