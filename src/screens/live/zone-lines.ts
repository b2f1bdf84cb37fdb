// The zones of a run in the live view, and beside them where its time goes.
import type { HostRow, RowStatus, RunView, StepKind } from '../../core/view/model.ts';
import { cutTo, padRight, widthOf } from '../layout.ts';
import { bar, totalOf } from './bar.ts';
import { type Block, lineOf, list, type Screen } from './block.ts';

const stepWords: Readonly<Record<StepKind, string>> = {
  facts: 'facts',
  drain: 'drain',
  package: 'package',
  boot_argument: 'boot argument',
  reboot: 'reboot',
  proof: 'proof',
  soak: 'soak',
  wait: 'wait',
  other: 'other tasks',
};

/** From so many hosts under way on, a line of their steps says more than some of their rows. */
const manySteps = 5;
const widest = 60;

/** A bar for each zone where there are several, and how many hosts are at which step. */
export function zoneLines(view: RunView, screen: Screen): Block {
  const { columns, paint } = screen;
  const zones = view.zones.length < 2 ? [] : zoneBars(view, screen);
  const steps = stepsNow(view.hosts);
  const room = columns - widthOf(zones[0] ?? '') - 6;
  const beside = zones.length > 0 && steps !== '' && room >= widthOf(steps);
  const lines = [
    ...zones.map((line, index) => (beside && index === 0 ? `${line}      ${steps}` : line)),
    ...(beside || steps === '' ? [] : [lineOf(steps, columns)]),
  ];
  return list(
    lines,
    (line) => [line],
    (count) => paint.dim(lineOf(`and ${count} more`, columns)),
    { rank: 5, rows: 4 },
    { rank: 7, rows: 20 },
  );
}

function zoneBars({ zones, hosts }: RunView, { columns, paint }: Screen): readonly string[] {
  const counted = zones.map((): Partial<Record<RowStatus, number>> => ({}));
  for (const { zone, status } of hosts) {
    const counts = counted[zone] ?? {};
    counts[status] = (counts[status] ?? 0) + 1;
  }
  const rows = zones.flatMap(({ name }, index) => {
    const counts = counted[index] ?? {};
    const total = totalOf(counts);
    return total === 0
      ? []
      : [{ name: name === '' ? 'no zone' : name, counts, text: `${counts.done ?? 0} of ${total}` }];
  });
  const name = Math.min(
    Math.floor(columns / 4),
    Math.max(0, ...rows.map((row) => widthOf(row.name))),
  );
  const text = Math.max(0, ...rows.map((row) => widthOf(row.text)));
  const room = Math.min(widest, columns - name - text - 4);
  return rows.map((row) =>
    room < 5
      ? lineOf(`${row.name} ${row.text}`, columns)
      : `${padRight(cutTo(row.name, name), name)}  ${bar(row.counts, room, paint)}  ${padRight(row.text, text)}`,
  );
}

/** `steps now: drain 24, reboot 36`. */
function stepsNow(hosts: readonly HostRow[]): string {
  const counts = new Map<StepKind, number>();
  for (const { status, steps } of hosts) {
    const now = status === 'running' || status === 'soaking' ? steps.at(-1) : undefined;
    if (now !== undefined && now.to === undefined)
      counts.set(now.kind, (counts.get(now.kind) ?? 0) + 1);
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (all < manySteps) return '';
  const words = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${stepWords[kind]} ${count}`);
  return `steps now: ${words.join(', ')}`;
}
