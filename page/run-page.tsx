// The page of a run, live or as a report: the same parts.
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { RunView } from '../src/core/view/model.ts';
import type { CommandRequest } from '../src/core/view/protocol.ts';
import type { Evidence } from './chain.ts';
import { Curve } from './charts/curve.tsx';
import { type Ask, Dialog, RunButtons } from './parts/controls.tsx';
import { Events } from './parts/events.tsx';
import { EvidencePart } from './parts/evidence.tsx';
import { Fleet } from './parts/fleet.tsx';
import { Head, isOver } from './parts/head.tsx';
import { everyHost, type Filter, Hosts } from './parts/hosts.tsx';
import { Groups, groupsOf, Needs } from './parts/needs.tsx';
import { Section } from './parts/section.tsx';
import { Times } from './parts/times.tsx';
import { count } from './text.ts';

/** Above so many hosts paper has those that are not done, unless all are wanted. */
const mostPrinted = 500;

export interface RunPageInput {
  readonly view: RunView;
  readonly now: number;
  readonly printing: boolean;
  /** Of a report. */
  readonly evidence?: Evidence;
  /** Where this reader may steer. */
  readonly send?: (request: CommandRequest) => Promise<void>;
  /** Above all else, for example that the connection is lost. */
  readonly notice?: ComponentChildren;
}

export function RunPage({ view, printing, evidence, send, notice, ...input }: RunPageInput) {
  const now = isOver(view.head) ? view.head.lastAt : input.now;
  const [filter, setFilter] = useState<Filter>(everyHost);
  const [paperAll, setPaperAll] = useState(false);
  const [asked, setAsked] = useState<Parameters<Ask>[0]>();
  const [left, setLeft] = useState(false);
  useEffect(() => setLeft(false), [view.head.phase]);
  const ask: Ask | undefined = send === undefined || isOver(view.head) ? undefined : setAsked;
  const show = useCallback((change: Partial<Filter>): void => {
    setFilter({ ...everyHost, ...change });
    const heading = document.getElementById('hosts');
    heading?.scrollIntoView({ block: 'start' });
  }, []);
  const find = useCallback((text: string) => show({ find: text }), [show]);
  const groups = useMemo(() => groupsOf(view.hosts), [view.hosts]);
  const events = useMemo(() => <Events lines={view.lines} />, [view.lines]);
  const { counts } = view.head;
  const many = view.hosts.length > mostPrinted;
  return (
    <main>
      {notice}
      <Head head={view.head} now={now} choose={(status) => show({ status })}>
        {ask !== undefined && <RunButtons head={view.head} ask={ask} />}
        <p role="status" class="quiet">
          {left && 'The command is left for the run. It shows here once the journal has it.'}
        </p>
      </Head>
      <Needs needs={view.head.needs} ask={ask} />
      <Fleet view={view} find={find} chooseZone={(zone) => show({ zone })} />
      <div class="halves">
        <Section id="curve" title="Done, against the plan">
          <Curve
            done={view.done}
            planned={view.planned}
            forecast={isOver(view.head) ? undefined : view.head.forecast}
            from={view.head.startedAt}
            now={now}
            wanted={view.hosts.length - counts.same - counts.left_out - counts.refused}
          />
        </Section>
        <Groups groups={groups} find={find} />
      </div>
      <Times view={view} now={now} />
      <Hosts
        view={view}
        now={now}
        filter={filter}
        setFilter={setFilter}
        paper={printing ? (many && !paperAll ? 'not done' : 'all') : undefined}
      />
      {many && (
        <label class="screen">
          <input
            type="checkbox"
            checked={paperAll}
            onChange={({ currentTarget }) => setPaperAll(currentTarget.checked)}
          />{' '}
          print all {count(view.hosts.length)} hosts, not only those that are not done
        </label>
      )}
      {events}
      {evidence !== undefined && <EvidencePart run={view.head.run} evidence={evidence} />}
      {asked !== undefined && send !== undefined && (
        <Dialog
          run={view.head.run}
          asked={asked}
          send={send}
          close={(sent) => {
            setAsked(undefined);
            setLeft(sent);
          }}
        />
      )}
    </main>
  );
}
