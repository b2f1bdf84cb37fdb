// The fleet by zone: names where there are few hosts, squares where there are many.
import { useState } from 'preact/hooks';
import type { HostRow, RunView, Zone } from '../../src/core/view/model.ts';
import { statuses, statusWords } from '../../src/screens/html/words.ts';
import { Squares } from '../charts/squares.tsx';
import { count } from '../text.ts';
import { Section, Status } from './section.tsx';

/** Up to so many hosts are tiles with their names. */
const mostTiles = 60;

interface FleetInput {
  readonly view: RunView;
  readonly find: (host: string) => void;
  readonly chooseZone: (zone: number) => void;
}

export function Fleet({ view: { zones, hosts }, find, chooseZone }: FleetInput) {
  const [seen, setSeen] = useState<HostRow>();
  const byZone = zones.map((_, index) => hosts.filter(({ zone }) => zone === index));
  const pitch = hosts.length > 3000 ? 9 : hosts.length > 600 ? 12 : 17;
  const tiles = hosts.length <= mostTiles;
  const one = zones.length === 1;
  return (
    <Section
      id="fleet"
      title={one ? 'Fleet' : 'Fleet by zone'}
      {...(tiles ? {} : { aside: <Seen row={seen} zones={zones} /> })}
    >
      <div class="zones">
        {zones.map(({ name }, index) => {
          const own = byZone[index] ?? [];
          const label = name === '' ? 'no zone' : name;
          return (
            <div key={name} class={`zone ${one ? 'only' : ''}`}>
              {!one && (
                <div class="label">
                  <button type="button" class="link" onClick={() => chooseZone(index)}>
                    {label}
                  </button>
                  <span class="quiet">
                    {count(own.filter(({ status }) => status === 'done').length)} of{' '}
                    {count(own.length)} done
                  </span>
                </div>
              )}
              {tiles ? (
                <Tiles hosts={own} find={find} />
              ) : (
                <Squares
                  name={label}
                  hosts={own}
                  pitch={pitch}
                  spoken={spoken(own)}
                  see={setSeen}
                  choose={(row) => find(row.host)}
                />
              )}
            </div>
          );
        })}
      </div>
    </Section>
  );
}

const spoken = (hosts: readonly HostRow[]): string =>
  statuses
    .map((status) => [hosts.filter((row) => row.status === status).length, status] as const)
    .filter(([number]) => number > 0)
    .map(([number, status]) => `${number} ${statusWords[status].word}`)
    .join(', ');

interface SeenInput {
  readonly row: HostRow | undefined;
  readonly zones: readonly Zone[];
}

/** The host under the pointer. */
const Seen = ({ row, zones }: SeenInput) =>
  row === undefined ? (
    <span class="quiet">Point at a square to see its host; click to list it.</span>
  ) : (
    <span>
      <b class="host">{row.host}</b> {zones[row.zone]?.name} <Status status={row.status} />{' '}
      <span class="quiet">{row.doing?.text ?? row.reason?.text ?? ''}</span>
    </span>
  );

interface TilesInput {
  readonly hosts: readonly HostRow[];
  readonly find: (host: string) => void;
}

const Tiles = ({ hosts, find }: TilesInput) => (
  <ul class="tiles">
    {hosts.map(({ host, status, doing }) => (
      <li key={host}>
        <button type="button" class={`tile e-${status}`} onClick={() => find(host)}>
          <b class="host">{host}</b>
          <Status status={status} />
          {doing !== undefined && <span class="quiet doing">{doing.text}</span>}
        </button>
      </li>
    ))}
  </ul>
);
