// The steps of some hosts as bars over time.
import type { HostRow, Step } from '../../src/core/view/model.ts';
import { stepWords } from '../../src/screens/html/words.ts';
import { lasting } from '../text.ts';
import { timeTicks, useWidth } from './axes.ts';

const pitch = 20;
const top = 20;
/** Width of a letter of a name. */
const letter = 7.2;
export const mostBars = 40;

const lastOf = (row: HostRow, now: number): number => row.endedAt ?? row.steps.at(-1)?.to ?? now;

/** Those that failed, then those that took longest; in the order of their start. */
export function worthBars(hosts: readonly HostRow[], now: number): readonly HostRow[] {
  const took = (row: HostRow): number => lastOf(row, now) - (row.startedAt ?? now);
  return hosts
    .filter(({ steps }) => steps.length > 0)
    .toSorted(
      (a, b) => Number(b.status === 'failed') - Number(a.status === 'failed') || took(b) - took(a),
    )
    .slice(0, mostBars)
    .toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0));
}

export interface GanttInput {
  readonly hosts: readonly HostRow[];
  readonly from: number;
  readonly to: number;
}

export function Gantt({ hosts, from, to }: GanttInput) {
  const [box, width] = useWidth<HTMLDivElement>();
  const longest = Math.max(0, ...hosts.map(({ host }) => host.length));
  const room = Math.min(longest, Math.floor((width * 0.32 - 12) / letter));
  const gutter = 12 + room * letter;
  const span = Math.max(1, to - from);
  const x = (at: number): number => gutter + ((at - from) / span) * (width - gutter - 10);
  const height = top + hosts.length * pitch;
  return (
    <div ref={box}>
      {width > 0 && (
        <svg
          class="chart"
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`Steps of ${hosts.length} hosts over time; the table of hosts has the times`}
        >
          {timeTicks(span, (width - gutter) / 80).map((tick) => (
            <g key={tick}>
              <line class="rule" x1={x(from + tick)} x2={x(from + tick)} y1={top - 4} y2={height} />
              <text
                x={x(from + tick)}
                y={12}
                text-anchor={tick === 0 ? 'start' : tick > span * 0.97 ? 'end' : 'middle'}
              >
                {tick === 0 ? '0' : lasting(tick)}
              </text>
            </g>
          ))}
          {hosts.map((row, index) => (
            <g key={row.host} transform={`translate(0 ${top + index * pitch})`}>
              <text class="name" x={gutter - 8} y={14} text-anchor="end">
                {row.host.length > room ? `${row.host.slice(0, room - 1)}…` : row.host}
                <title>{row.host}</title>
              </text>
              {row.steps.map((step) => (
                <Bar key={step.from} step={step} x={x} now={to} />
              ))}
              {row.status === 'failed' && (
                <path class="fault" d={cross(x(lastOf(row, to)) + 1, pitch / 2)} />
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

interface BarInput {
  readonly step: Step;
  readonly x: (at: number) => number;
  readonly now: number;
}

function Bar({ step, x, now }: BarInput) {
  const left = x(step.from);
  const wide = Math.max(1, x(step.to ?? now) - left - 0.75);
  const word = stepWords[step.kind];
  return (
    <>
      <rect class={`band k-${step.kind}`} x={left} y={4} width={wide} height={pitch - 7} rx={1.5}>
        <title>
          {word} {lasting((step.to ?? now) - step.from)}
        </title>
      </rect>
      {wide > word.length * 6.4 + 8 && (
        <text class={`on k-${step.kind}`} x={left + wide / 2} y={14} text-anchor="middle">
          {word}
        </text>
      )}
    </>
  );
}

const cross = (x: number, y: number): string => `M${x - 5} ${y - 5}l10 10m0-10l-10 10`;
