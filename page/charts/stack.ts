// How many hosts are in each kind of step over time, and what the steps take.
import type { HostRow, Step, StepKind } from '../../src/core/view/model.ts';
import { steps } from '../../src/screens/html/words.ts';

export interface Stack {
  /** Kinds that occur, in the order of a host's walk. */
  readonly kinds: readonly StepKind[];
  /** For each kind, the mean number of hosts in it in each bin. */
  readonly bins: ReadonlyMap<StepKind, Float64Array>;
  readonly from: number;
  readonly to: number;
  readonly top: number;
}

const endOf = (step: Step, now: number): number => step.to ?? now;

export function stackOf(hosts: readonly HostRow[], from: number, to: number, count: number): Stack {
  const width = Math.max(1, to - from) / count;
  // Differences first: a long step touches its ends only.
  const edges = new Map<StepKind, Float64Array>();
  const inside = new Map<StepKind, Float64Array>();
  const of = (map: Map<StepKind, Float64Array>, kind: StepKind): Float64Array => {
    const known = map.get(kind) ?? new Float64Array(count + 1);
    map.set(kind, known);
    return known;
  };
  const add = (array: Float64Array, index: number, value: number): void => {
    array[index] = (array[index] ?? 0) + value;
  };
  for (const { steps } of hosts)
    for (const step of steps) {
      const a = Math.max(0, (step.from - from) / width);
      const b = Math.min(count, (endOf(step, to) - from) / width);
      if (b <= a) continue;
      const edge = of(edges, step.kind);
      const first = Math.min(count - 1, Math.floor(a));
      const last = Math.min(count - 1, Math.floor(b));
      if (first === last) {
        add(edge, first, b - a);
        continue;
      }
      add(edge, first, first + 1 - a);
      add(edge, last, b - last);
      const whole = of(inside, step.kind);
      add(whole, first + 1, 1);
      add(whole, last, -1);
    }
  const kinds = steps.filter((kind) => edges.has(kind));
  const bins = new Map<StepKind, Float64Array>();
  const sums = new Float64Array(count);
  for (const kind of kinds) {
    const values = new Float64Array(count);
    let level = 0;
    for (let index = 0; index < count; index += 1) {
      level += inside.get(kind)?.[index] ?? 0;
      values[index] = level + (edges.get(kind)?.[index] ?? 0);
      add(sums, index, values[index] ?? 0);
    }
    bins.set(kind, values);
  }
  return { kinds, bins, from, to, top: sums.reduce((most, one) => Math.max(most, one), 0) };
}

export interface StepCost {
  readonly kind: StepKind;
  readonly hosts: number;
  readonly share: number;
  /** Milliseconds. */
  readonly median: number;
  readonly late: number;
}

/** What each kind of step took: steps that go on do not count. */
export function costs(hosts: readonly HostRow[]): readonly StepCost[] {
  const times = new Map<StepKind, number[]>();
  const owners = new Map<StepKind, number>();
  for (const { steps } of hosts) {
    for (const { kind, from, to } of steps)
      if (to !== undefined) {
        const known = times.get(kind) ?? [];
        known.push(to - from);
        times.set(kind, known);
      }
    for (const kind of new Set(steps.map((step) => step.kind)))
      owners.set(kind, (owners.get(kind) ?? 0) + 1);
  }
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
  const total = sum([...times.values()].map(sum));
  return steps.flatMap((kind) => {
    const sorted = times.get(kind)?.toSorted((a, b) => a - b);
    if (sorted === undefined) return [];
    const at = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
    return [
      {
        kind,
        hosts: owners.get(kind) ?? 0,
        share: total === 0 ? 0 : sum(sorted) / total,
        median: at(0.5),
        late: at(0.95),
      },
    ];
  });
}
