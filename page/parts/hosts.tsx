// The table of hosts: found by text, filtered, sorted, a page at a time.
import { useMemo, useState } from 'preact/hooks';
import type { HostRow, RowStatus, RunView } from '../../src/core/view/model.ts';
import { outcome, spaced } from '../../src/screens/html/outcome.ts';
import { statuses, statusWords } from '../../src/screens/html/words.ts';
import { count, lasting, time } from '../text.ts';
import { Section, Status } from './section.tsx';

export interface Filter {
  readonly find: string;
  readonly status: RowStatus | '';
  /** Index of a zone; -1 = all. */
  readonly zone: number;
}
export const everyHost: Filter = { find: '', status: '', zone: -1 };

type Column = 'host' | 'zone' | 'was' | 'remedy' | 'end' | 'took';

interface Sorting {
  readonly by: Column | 'plan';
  readonly down: boolean;
}

const pageSize = 50;

const notDone: readonly RowStatus[] = ['failed', 'refused', 'left_out'];

const tookOf = ({ startedAt, endedAt }: HostRow, now: number): number | undefined =>
  startedAt === undefined ? undefined : (endedAt ?? now) - startedAt;

function keyOf(column: Column, view: RunView, now: number): (row: HostRow) => string | number {
  switch (column) {
    case 'host':
      return (row) => row.host;
    case 'zone':
      return (row) => view.zones[row.zone]?.name ?? '';
    case 'was':
      return (row) => row.before ?? '';
    case 'remedy':
      return (row) => row.remedy ?? '';
    case 'end':
      return (row) => statuses.indexOf(row.status);
    case 'took':
      return (row) => tookOf(row, now) ?? -1;
  }
}

function found(view: RunView, { find, status, zone }: Filter): readonly HostRow[] {
  const wanted = find.trim().toLowerCase();
  return view.hosts.filter(
    (row) =>
      (status === '' || row.status === status) &&
      (zone < 0 || row.zone === zone) &&
      (wanted === '' ||
        `${row.host} ${row.before ?? ''} ${row.remedy ?? ''} ${outcome(row)}`
          .toLowerCase()
          .includes(wanted)),
  );
}

interface HostsInput {
  readonly view: RunView;
  readonly now: number;
  readonly filter: Filter;
  readonly setFilter: (filter: Filter) => void;
  /** On paper there are no pages. */
  readonly paper: 'all' | 'not done' | undefined;
}

export function Hosts({ view, now, filter, setFilter, paper }: HostsInput) {
  const [sorting, setSorting] = useState<Sorting>({ by: 'plan', down: false });
  const [first, setFirst] = useState(0);
  // Only an order by time follows the clock.
  const clock = sorting.by === 'took' ? now : 0;
  const rows = useMemo(() => {
    const matching = found(view, filter).filter(
      ({ status }) => paper !== 'not done' || notDone.includes(status),
    );
    if (sorting.by === 'plan') return matching;
    const key = keyOf(sorting.by, view, clock);
    const sign = sorting.down ? -1 : 1;
    return matching.toSorted((a, b) => {
      const [x, y] = [key(a), key(b)];
      return x < y ? -sign : x > y ? sign : 0;
    });
  }, [view, filter, sorting, paper, clock]);
  const from = Math.min(first, Math.max(0, rows.length - 1));
  const start = from - (from % pageSize);
  const shown = paper !== undefined ? rows : rows.slice(start, start + pageSize);
  const set = (change: Partial<Filter>): void => {
    setFirst(0);
    setFilter({ ...filter, ...change });
  };
  return (
    <Section id="hosts" title="Hosts" aside={<Found rows={rows.length} of={view.hosts.length} />}>
      <Filters view={view} filter={filter} set={set} />
      {paper === 'not done' && (
        <p class="quiet">
          Those that failed, were refused or left out. <code>kmend report --csv</code> has all.
        </p>
      )}
      <table class={`hosts ${view.zones.length < 2 ? 'zoneless' : ''}`}>
        <Heads
          sorting={sorting}
          sort={(by) =>
            setSorting(
              sorting.by !== by ? { by, down: by === 'took' } : { by, down: !sorting.down },
            )
          }
        />
        <tbody>
          {shown.map((row) => (
            <Row key={row.host} row={row} view={view} now={now} />
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="quiet">No host matches.</p>}
      {paper === undefined && rows.length > pageSize && (
        <nav class="pages" aria-label="Pages of hosts">
          <button type="button" disabled={start === 0} onClick={() => setFirst(start - pageSize)}>
            Previous
          </button>
          <span>
            {count(start + 1)}–{count(Math.min(rows.length, start + pageSize))} of{' '}
            {count(rows.length)}
          </span>
          <button
            type="button"
            disabled={start + pageSize >= rows.length}
            onClick={() => setFirst(start + pageSize)}
          >
            Next
          </button>
        </nav>
      )}
    </Section>
  );
}

const Found = ({ rows, of }: { readonly rows: number; readonly of: number }) => (
  <span class="quiet" role="status">
    {rows === of ? count(of) : `${count(rows)} of ${count(of)}`}
  </span>
);

interface FiltersInput {
  readonly view: RunView;
  readonly filter: Filter;
  readonly set: (change: Partial<Filter>) => void;
}

const Filters = ({ view, filter, set }: FiltersInput) => (
  <form class="filters" onSubmit={(event) => event.preventDefault()}>
    <label>
      Find{' '}
      <input
        type="search"
        value={filter.find}
        placeholder="host, remedy, reason"
        onInput={({ currentTarget }) => set({ find: currentTarget.value })}
      />
    </label>
    <label>
      State{' '}
      <select
        value={filter.status}
        onChange={({ currentTarget }) =>
          set({ status: statuses.find((one) => one === currentTarget.value) ?? '' })
        }
      >
        <option value="">all</option>
        {statuses
          .filter((status) => view.head.counts[status] > 0)
          .map((status) => (
            <option key={status} value={status}>
              {statusWords[status].word} ({view.head.counts[status]})
            </option>
          ))}
      </select>
    </label>
    {view.zones.length > 1 && (
      <label>
        Zone{' '}
        <select
          value={filter.zone}
          onChange={({ currentTarget }) => set({ zone: Number(currentTarget.value) })}
        >
          <option value={-1}>all</option>
          {view.zones.map(({ name, hosts }, index) => (
            <option key={name} value={index}>
              {name === '' ? 'no zone' : name} ({hosts})
            </option>
          ))}
        </select>
      </label>
    )}
    {(filter.find !== '' || filter.status !== '' || filter.zone >= 0) && (
      <button type="button" onClick={() => set(everyHost)}>
        Show all
      </button>
    )}
  </form>
);

const columns: readonly (readonly [Column, string])[] = [
  ['host', 'host'],
  ['zone', 'zone'],
  ['was', 'was'],
  ['remedy', 'remedy'],
  ['end', 'state'],
  ['took', 'took'],
];

interface HeadsInput {
  readonly sorting: Sorting;
  readonly sort: (by: Column) => void;
}

const Heads = ({ sorting, sort }: HeadsInput) => (
  <thead>
    <tr>
      {columns.map(([column, word]) => {
        const sorted = sorting.by === column;
        return (
          <th
            key={column}
            scope="col"
            class={`c-${column}`}
            {...(sorted
              ? { 'aria-sort': sorting.down ? ('descending' as const) : ('ascending' as const) }
              : {})}
          >
            <span class="paper">{word}</span>
            <button type="button" class="sort" onClick={() => sort(column)}>
              {word}
              <span aria-hidden="true">{sorted ? (sorting.down ? ' ↓' : ' ↑') : ''}</span>
            </button>
          </th>
        );
      })}
      <th scope="col">proof, or why not</th>
    </tr>
  </thead>
);

interface RowInput {
  readonly row: HostRow;
  readonly view: RunView;
  readonly now: number;
}

function Row({ row, view, now }: RowInput) {
  const zone = view.zones[row.zone]?.name ?? '';
  const took = tookOf(row, now);
  const passed = took === undefined ? '' : lasting(took);
  return (
    <tr>
      <th scope="row" class="c-host">
        <span class="host">{row.host}</span>
        <span class="narrow quiet">
          {[zone, spaced(row.before), row.remedy ?? '', passed]
            .filter((text) => text !== '')
            .join(' · ')}
        </span>
      </th>
      <td class="c-zone">{zone}</td>
      <td class="c-was">{spaced(row.before)}</td>
      <td class="c-remedy">{row.remedy}</td>
      <td class="c-end">
        <Status status={row.status} />
      </td>
      <td class="c-took number">{passed}</td>
      <td class="c-text">
        {outcome(row)}
        <More row={row} now={now} />
      </td>
    </tr>
  );
}

/** What a row says beyond its line. */
function More({ row, now }: { readonly row: HostRow; readonly now: number }) {
  const { reason, doing, acknowledged, keepsSlot } = row;
  return (
    <>
      {doing !== undefined && (
        <span class="quiet">
          {' '}
          for {lasting(now - doing.since)}
          {doing.usual === undefined ? '' : `, usually ${lasting(doing.usual * 1000)}`}
        </span>
      )}
      {keepsSlot === true && <span class="quiet"> keeps its slot</span>}
      {acknowledged !== undefined && (
        <p class="quiet">
          acknowledged by {acknowledged.by} as {acknowledged.as}: {acknowledged.note}
        </p>
      )}
      {reason?.hint !== undefined && <p class="quiet screen">{reason.hint}</p>}
      {reason?.detail !== undefined && (
        <details>
          <summary>its last output</summary>
          <pre>{reason.detail}</pre>
        </details>
      )}
      {row.startedAt !== undefined && (
        <span class="paper quiet"> started {time(row.startedAt, now)}</span>
      )}
    </>
  );
}
