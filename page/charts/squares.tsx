// Hosts as squares: one path for all squares of a status, one for the marks on them.
import type { HostRow, RowStatus } from '../../src/core/view/model.ts';
import { statuses } from '../../src/screens/html/words.ts';
import { useWidth } from './axes.ts';

export interface SquaresInput {
  readonly name: string;
  readonly hosts: readonly HostRow[];
  readonly pitch: number;
  readonly spoken: string;
  readonly see: (row: HostRow | undefined) => void;
  readonly choose: (row: HostRow) => void;
}

/** Marks that tell statuses apart without colour; the others differ by fill and outline. */
function markOf(status: RowStatus, x: number, y: number, size: number): string {
  const edge = size * 0.24;
  const long = size - 2 * edge;
  const middle = size / 2;
  switch (status) {
    case 'failed':
      return `M${x + edge} ${y + edge}l${long} ${long}m0 ${-long}l${-long} ${long}`;
    case 'refused':
      return `M${x + edge} ${y + middle}h${long}`;
    case 'running':
      return `M${x + middle} ${y + edge}v${long}`;
    case 'soaking':
      return `M${x + edge} ${y + size - edge}l${long} ${-long}`;
    default:
      return '';
  }
}

export function Squares({ name, hosts, pitch, spoken, see, choose }: SquaresInput) {
  const [box, width] = useWidth<HTMLDivElement>();
  const columns = Math.max(1, Math.floor(width / pitch));
  const rows = Math.ceil(hosts.length / columns);
  const size = pitch - (pitch > 12 ? 2.5 : 1.5);
  const paths = new Map<RowStatus, string>();
  let marks = '';
  hosts.forEach(({ status }, index) => {
    const x = (index % columns) * pitch;
    const y = Math.floor(index / columns) * pitch;
    paths.set(status, `${paths.get(status) ?? ''}M${x} ${y}h${size}v${size}h${-size}z`);
    marks += markOf(status, x, y, size);
  });
  const rowAt = ({ offsetX, offsetY, currentTarget }: MouseEvent): HostRow | undefined => {
    const shown = currentTarget instanceof Element ? currentTarget.clientWidth : width;
    const scale = width / Math.max(1, shown);
    const column = Math.floor((offsetX * scale) / pitch);
    return column < columns
      ? hosts[Math.floor((offsetY * scale) / pitch) * columns + column]
      : undefined;
  };
  return (
    <div ref={box} class="squares">
      {width > 0 && (
        // The list of hosts does the same for keys.
        // biome-ignore lint/a11y/useKeyWithClickEvents: see above
        <svg
          viewBox={`0 0 ${width} ${rows * pitch}`}
          role="img"
          aria-label={`${name}: ${spoken}`}
          onMouseMove={(event) => see(rowAt(event))}
          onMouseLeave={() => see(undefined)}
          onClick={(event) => {
            const row = rowAt(event);
            if (row !== undefined) choose(row);
          }}
        >
          {statuses.map((status) => {
            const d = paths.get(status);
            return d === undefined ? null : (
              <path key={status} class={`square s-${status}`} d={d} />
            );
          })}
          <path class="marks" d={marks} />
        </svg>
      )}
    </div>
  );
}
