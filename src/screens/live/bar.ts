// A bar of hosts by what became of them. Each state has a mark of its own beside its colour.
import type { RowStatus } from '../../core/view/model.ts';
import type { Paint } from '../layout.ts';

export type Counts = Readonly<Partial<Record<RowStatus, number>>>;

const parts = [
  { mark: '#', colour: 'green', statuses: ['done'] },
  { mark: '>', colour: 'cyan', statuses: ['running', 'soaking'] },
  { mark: 'x', colour: 'red', statuses: ['failed'] },
  { mark: '!', colour: 'yellow', statuses: ['refused'] },
  { mark: '.', colour: 'dim', statuses: ['waiting', 'planned'] },
] as const;

/** Hosts that the run is about: those with nothing to do, or left out, are not in the bar. */
export const totalOf = (counts: Counts): number =>
  parts.reduce((sum, part) => sum + sizeOf(part, counts), 0);

const sizeOf = ({ statuses }: (typeof parts)[number], counts: Counts): number =>
  statuses.reduce((sum, status) => sum + (counts[status] ?? 0), 0);

/** A bar of `width` columns: no part that has hosts is without a mark. */
export function bar(counts: Counts, width: number, paint: Paint): string {
  const total = totalOf(counts);
  const cells = parts.map((part) => {
    const size = sizeOf(part, counts);
    return size === 0 ? 0 : Math.max(1, Math.floor((size / total) * width));
  });
  // Rounding is settled where it shows least.
  const largest = cells.indexOf(Math.max(...cells));
  const spare = width - cells.reduce((sum, count) => sum + count, 0);
  cells[largest] = Math.max(0, (cells[largest] ?? 0) + spare);
  return total === 0
    ? paint.dim('.'.repeat(width))
    : parts
        .map(({ mark, colour }, index) => [mark.repeat(cells[index] ?? 0), colour] as const)
        .map(([text, colour]) => (text === '' ? '' : paint[colour](text)))
        .join('');
}
