// Gates: external conditions that must hold before every start. They fail closed: a gate without a
// recent reading is not open.
import type { GateSpec } from '../../model/playbook.ts';
import type { GateState } from '../run-state/state.ts';
import type { View, Why } from './decision.ts';

/** Milliseconds for which a reading is valid, unless a host is started meanwhile. */
export const readingAge = 15_000;

export type GateAnswer =
  | { readonly kind: 'open' }
  | { readonly kind: 'read'; readonly gates: readonly string[] }
  /** `closed`: at least one gate is not open. Otherwise all are open, but not for long enough. */
  | { readonly kind: 'shut'; readonly closed: boolean; readonly why: readonly Why[] };

/**
 * A gate's last reading. The name may be that of a property of every object, like `constructor`.
 */
const readingOf = (view: View, gate: GateSpec): GateState | undefined =>
  Object.hasOwn(view.state.gates, gate.name) ? view.state.gates[gate.name] : undefined;

const isFresh = (view: View, reading: GateState | undefined): reading is GateState =>
  reading !== undefined &&
  reading.seq > view.state.lastStartSeq &&
  view.now - reading.at < readingAge;

/** Are all gates open, by recent readings? */
export function gatesHold(view: View): GateAnswer {
  const stale = view.policy.gates.filter((gate) => !isFresh(view, readingOf(view, gate)));
  if (stale.length > 0) return { kind: 'read', gates: stale.map((gate) => gate.name) };
  const shut = view.policy.gates.flatMap((gate) => whyShut(view, gate, readingOf(view, gate)));
  if (shut.length === 0) return { kind: 'open' };
  return {
    kind: 'shut',
    closed: view.policy.gates.some((gate) => readingOf(view, gate)?.open !== true),
    why: shut,
  };
}

function whyShut(view: View, gate: GateSpec, reading: GateState | undefined): readonly Why[] {
  if (reading === undefined) return [];
  const again = reading.at + readingAge;
  if (reading.since === undefined)
    return [{ rule: 'gate', text: `gate ${gate.name} is closed: ${reading.read}`, until: again }];
  const enough = reading.since + gate.for * 1000;
  if (enough <= view.now) return [];
  const held = Math.round((view.now - reading.since) / 1000);
  return [
    {
      rule: 'gate',
      text: `gate ${gate.name} is open for ${held} s of ${gate.for} s`,
      until: Math.min(again, enough),
    },
  ];
}

/**
 * Gates with `for` are read also while no slot is free: otherwise no reading would show that they
 * were open without a break.
 */
export function gatesToWatch(view: View): {
  readonly due: readonly string[];
  readonly next: number | undefined;
} {
  const watched = view.policy.gates.filter((gate) => gate.for > 0);
  const due = watched.filter(
    (gate) => view.now - (readingOf(view, gate)?.at ?? Number.NEGATIVE_INFINITY) >= readingAge,
  );
  const times = watched.map((gate) => (readingOf(view, gate)?.at ?? view.now) + readingAge);
  return {
    due: due.map((gate) => gate.name),
    next: times.length === 0 ? undefined : Math.min(...times),
  };
}
