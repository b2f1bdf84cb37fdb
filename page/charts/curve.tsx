// Hosts done over time: the run, the plan, and the forecast as a wedge.
import type { Forecast, Point } from '../../src/core/view/model.ts';
import { count, lasting, range, time } from '../text.ts';
import { countTicks, timeTicks, useWidth } from './axes.ts';

const height = 230;
const bottom = 22;
const top = 10;
const gutter = 46;

export interface CurveInput {
  readonly done: readonly Point[];
  readonly planned: readonly Point[];
  readonly forecast?: Forecast | undefined;
  readonly from: number;
  readonly now: number;
  /** Hosts that the run is to change. */
  readonly wanted: number;
}

export function Curve({ done, planned, forecast, from, now, wanted }: CurveInput) {
  const [box, width] = useWidth<HTMLDivElement>();
  const last = done.at(-1)?.done ?? 0;
  const most = Math.max(1, wanted, last, planned.at(-1)?.done ?? 0);
  const end = Math.max(from + 1000, now, planned.at(-1)?.at ?? 0, forecast?.to ?? 0);
  const x = (at: number): number => gutter + ((at - from) / (end - from)) * (width - gutter - 6);
  const y = (value: number): number => height - bottom - (value / most) * (height - bottom - top);
  const steps = (points: readonly Point[], until: number): string => stairs(points, x, y, until);
  const lastPlanned = planned.at(-1)?.at ?? from;
  const wedge =
    forecast === undefined || forecast.blocked !== undefined
      ? undefined
      : `M${x(now)} ${y(last)}L${x(forecast.from)} ${y(wanted)}H${x(forecast.to)}Z`;
  return (
    <>
      <p class="legend">
        <Key kind="real" word={`done ${count(last)} of ${count(wanted)}`} />
        {planned.length > 0 && <Key kind="plan" word={`plan ${time(lastPlanned, now)}`} />}
        {wedge !== undefined && forecast !== undefined && (
          <Key kind="forecast" word={`forecast ${range(forecast.from, forecast.to, now)}`} />
        )}
      </p>
      <div ref={box}>
        {width > 0 && (
          <svg
            class="chart"
            viewBox={`0 0 ${width} ${height}`}
            role="img"
            aria-label={`${last} of ${wanted} hosts done; the plan had ${plannedAt(planned, now)} by then`}
          >
            {countTicks(most, 5).map((tick) => (
              <g key={tick}>
                <line class="rule" x1={gutter} x2={width} y1={y(tick)} y2={y(tick)} />
                <text x={gutter - 8} y={y(tick) + 4} text-anchor="end">
                  {count(tick)}
                </text>
              </g>
            ))}
            {timeTicks(end - from, width / 80).map((tick) => (
              <text
                key={tick}
                x={x(from + tick)}
                y={height - 5}
                text-anchor={tick === 0 ? 'start' : tick > (end - from) * 0.97 ? 'end' : 'middle'}
              >
                {tick === 0 ? '0' : lasting(tick)}
              </text>
            ))}
            {wedge !== undefined && <path class="wedge" d={wedge} />}
            {planned.length > 0 && <path class="line plan" d={steps(planned, lastPlanned)} />}
            <path class="line real" d={steps(done, now)} />
            <circle class="dot" cx={x(now)} cy={y(last)} r="3.5" />
          </svg>
        )}
      </div>
    </>
  );
}

/** Thousands of points are drawn as one step a pixel. */
function stairs(
  points: readonly Point[],
  x: (at: number) => number,
  y: (value: number) => number,
  until: number,
): string {
  let path = `M${gutter} ${y(0)}`;
  let drawn = gutter;
  for (const [index, { at, done }] of points.entries()) {
    const next = points[index + 1];
    if (next !== undefined && x(next.at) - drawn < 1) continue;
    drawn = x(at);
    path += `H${drawn.toFixed(1)}V${y(done).toFixed(1)}`;
  }
  return `${path}H${x(until).toFixed(1)}`;
}

const plannedAt = (planned: readonly Point[], at: number): number =>
  planned.findLast((point) => point.at <= at)?.done ?? 0;

interface KeyInput {
  readonly kind: 'real' | 'plan' | 'forecast';
  readonly word: string;
}

const Key = ({ kind, word }: KeyInput) => (
  <span>
    <svg class="key" viewBox="0 0 22 10" aria-hidden="true">
      {kind === 'forecast' ? (
        <path class="wedge" d="M0.5 9.5V0.5H21.5V9.5Z" />
      ) : (
        <path class={`line ${kind}`} d="M0 5H22" />
      )}
    </svg>
    {word}
  </span>
);
