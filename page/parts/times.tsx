// Where the time goes: hosts per step, what each step takes, and the hosts that took longest.
import { useMemo, useRef } from 'preact/hooks';
import type { HostRow, RunView } from '../../src/core/view/model.ts';
import { stepWords } from '../../src/screens/html/words.ts';
import { StepArea } from '../charts/area.tsx';
import { Gantt, mostBars, worthBars } from '../charts/gantt.tsx';
import { costs, stackOf } from '../charts/stack.ts';
import { count, lasting } from '../text.ts';
import { Section } from './section.tsx';

const bins = 180;

interface TimesInput {
  readonly view: RunView;
  readonly now: number;
}

/** All hosts are read for these charts, so those of large fleets are not drawn every second. */
export function Times({ view, now }: TimesInput) {
  const latest = useRef({ view, now });
  latest.current = { view, now };
  const redrawn = view.hosts.length > 500 ? 5000 : 1000;
  const turn = Math.floor((now - view.head.startedAt) / redrawn);
  return useMemo(() => <Charts {...latest.current} />, [turn, view.head.phase]);
}

function Charts({ view: { hosts, head }, now }: TimesInput) {
  const from = head.startedAt;
  const begun = hosts.filter(({ steps }) => steps.length > 0);
  if (begun.length === 0) return null;
  const many = begun.length > mostBars;
  return (
    <Section id="times" title="Where the time goes">
      {many && (
        <>
          <h3>Hosts at work, by step</h3>
          <StepArea stack={stackOf(begun, from, now, bins)} />
        </>
      )}
      <div class="beside">
        <Costs hosts={begun} />
        <div>
          {many && <h3>The {mostBars} hosts that failed or took longest</h3>}
          <Gantt hosts={worthBars(begun, now)} from={from} to={now} />
        </div>
      </div>
    </Section>
  );
}

const Costs = ({ hosts }: { readonly hosts: readonly HostRow[] }) => (
  <table class="costs">
    <thead>
      <tr>
        <th scope="col">step</th>
        <th scope="col" class="number c-hosts">
          hosts
        </th>
        <th scope="col" class="number">
          share
        </th>
        <th scope="col" class="number">
          median
        </th>
        <th scope="col" class="number">
          95 %
        </th>
      </tr>
    </thead>
    <tbody>
      {costs(hosts).map(({ kind, hosts: owners, share, median, late }) => (
        <tr key={kind}>
          <th scope="row">
            <span class={`swatch k-${kind}`} aria-hidden="true" /> {stepWords[kind]}
          </th>
          <td class="number c-hosts">{count(owners)}</td>
          <td class="number">{Math.round(100 * share)} %</td>
          <td class="number">{lasting(median)}</td>
          <td class="number">{lasting(late)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
