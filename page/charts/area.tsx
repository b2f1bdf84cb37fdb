// Hosts per step over time: one path a step, its name in it where there is room.
import type { StepKind } from '../../src/core/view/model.ts';
import { stepWords } from '../../src/screens/html/words.ts';
import { lasting } from '../text.ts';
import { countTicks, timeTicks, useWidth } from './axes.ts';
import type { Stack } from './stack.ts';

const height = 210;
const bottom = 22;
const top = 8;
const gutter = 40;

interface Band {
  readonly kind: StepKind;
  readonly path: string;
  readonly label?: { readonly x: number; readonly y: number };
}

function bandsOf(
  { kinds, bins }: Stack,
  x: (index: number) => number,
  y: (value: number) => number,
): readonly Band[] {
  let base = new Float64Array(bins.get(kinds[0] ?? 'other')?.length ?? 0);
  return kinds.map((kind) => {
    const values = bins.get(kind) ?? base;
    const upper = base.map((low, index) => low + (values[index] ?? 0));
    const point = (line: Float64Array, index: number): string =>
      `${x(index).toFixed(1)} ${y(line[index] ?? 0).toFixed(1)}`;
    const indexes = [...upper.keys()];
    const path = `M${indexes.map((index) => point(upper, index)).join('L')}L${indexes
      .toReversed()
      .map((index) => point(base, index))
      .join('L')}Z`;
    const label = roomFor(stepWords[kind], base, upper, { x, y });
    base = upper;
    return { kind, path, ...(label === undefined ? {} : { label }) };
  });
}

/** The place of a band that is high enough for its name over the whole name. */
function roomFor(
  name: string,
  low: Float64Array,
  high: Float64Array,
  { x, y }: { readonly x: (index: number) => number; readonly y: (value: number) => number },
): { readonly x: number; readonly y: number } | undefined {
  const reach = Math.ceil((name.length * 7) / 2 / Math.max(0.5, x(1) - x(0)));
  let best = 16;
  let found: { readonly x: number; readonly y: number } | undefined;
  for (let index = reach; index < low.length - reach; index += 1) {
    let roof = Number.NEGATIVE_INFINITY;
    let floor = Number.POSITIVE_INFINITY;
    for (let near = index - reach; near <= index + reach; near += 1) {
      roof = Math.max(roof, y(high[near] ?? 0));
      floor = Math.min(floor, y(low[near] ?? 0));
    }
    if (floor - roof <= best) continue;
    best = floor - roof;
    found = { x: x(index), y: (floor + roof) / 2 + 4 };
  }
  return found;
}

export function StepArea({ stack }: { readonly stack: Stack }) {
  const [box, width] = useWidth<HTMLDivElement>();
  const count = stack.bins.get(stack.kinds[0] ?? 'other')?.length ?? 1;
  const x = (index: number): number => gutter + (index / Math.max(1, count - 1)) * (width - gutter);
  const y = (value: number): number =>
    height - bottom - (value / Math.max(1, stack.top)) * (height - bottom - top);
  const span = stack.to - stack.from;
  return (
    <div ref={box}>
      {width > 0 && (
        <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={spoken(stack)}>
          {countTicks(stack.top, 4).map((tick) => (
            <g key={tick}>
              <line class="rule" x1={gutter} x2={width} y1={y(tick)} y2={y(tick)} />
              <text x={gutter - 8} y={y(tick) + 4} text-anchor="end">
                {tick}
              </text>
            </g>
          ))}
          {bandsOf(stack, x, y).map(({ kind, path, label }) => (
            <g key={kind}>
              <path class={`band k-${kind}`} d={path}>
                <title>{stepWords[kind]}</title>
              </path>
              {label !== undefined && (
                <text class={`on k-${kind}`} x={label.x} y={label.y} text-anchor="middle">
                  {stepWords[kind]}
                </text>
              )}
            </g>
          ))}
          {timeTicks(span, width / 80).map((tick) => (
            <text
              key={tick}
              x={gutter + (tick / Math.max(1, span)) * (width - gutter)}
              y={height - 5}
              text-anchor={tick === 0 ? 'start' : tick > span * 0.97 ? 'end' : 'middle'}
            >
              {tick === 0 ? '0' : lasting(tick)}
            </text>
          ))}
        </svg>
      )}
    </div>
  );
}

const spoken = ({ kinds, top }: Stack): string =>
  `Hosts at work over time, at most ${Math.round(top)} at once, by step: ${kinds
    .map((kind) => stepWords[kind])
    .join(', ')}. The table below has the times.`;
