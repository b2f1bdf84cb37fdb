// The overview: runs, what the last check of each inventory found, and jobs.
import type {
  CheckedHost,
  FleetSummary,
  JobSummary,
  Overview,
  RunSummary,
} from '../../src/core/view/overview.ts';
import { phaseWords, statuses, statusWords } from '../../src/screens/html/words.ts';
import { count, time } from '../text.ts';
import { Section, Time } from './section.tsx';

export function OverviewPage({ overview }: { readonly overview: Overview }) {
  const { runs, olderRuns, fleets, jobs, at } = overview;
  const now = runs.filter(({ head }) => head !== undefined);
  const past = runs.filter(({ head }) => head === undefined);
  return (
    <main>
      <header>
        <div class="heading">
          <h1>kmend</h1>
          <p class="quiet">
            as of <Time at={at}>{time(at)}</Time>
          </p>
        </div>
      </header>
      <Section id="now" title="Runs under way">
        {now.length === 0 && <p class="quiet">No run is under way.</p>}
        {now.map((run) => (
          <Active key={run.run} run={run} />
        ))}
      </Section>
      {fleets.length > 0 && (
        <Section
          id="fleets"
          title="Fleets"
          aside={<span class="quiet">the last check of each</span>}
        >
          <div class="cards">
            {fleets.map((fleet) => (
              <FleetCard key={fleet.inventory} fleet={fleet} now={at} />
            ))}
          </div>
        </Section>
      )}
      {jobs.length > 0 && <Jobs jobs={jobs} now={at} />}
      <Past runs={past} older={olderRuns} now={at} />
    </main>
  );
}

function Active({ run: { run, play, head } }: { readonly run: RunSummary }) {
  if (head === undefined) return null;
  const { word, mark } = phaseWords[head.phase];
  const shown = statuses.filter((status) => head.counts[status] > 0);
  return (
    <article class="run">
      <div class="heading">
        <h3>
          <a href={`/runs/${encodeURIComponent(run)}`}>{play}</a>
        </h3>
        <p class={`phase p-${head.phase}`}>
          <span aria-hidden="true">{mark}</span> {word}
        </p>
      </div>
      <div class="progress thin" aria-hidden="true">
        {shown.map((status) => (
          <span key={status} class={`s-${status}`} style={{ flexGrow: head.counts[status] }} />
        ))}
      </div>
      <p class="quiet about">
        <code>{run}</code>
        {shown.map((status) => (
          <span key={status}>
            {count(head.counts[status])} {statusWords[status].word}
          </span>
        ))}
        {head.needs.length > 0 && <b class="t-failed">needs you: {count(head.needs.length)}</b>}
      </p>
    </article>
  );
}

interface PastInput {
  readonly runs: readonly RunSummary[];
  readonly older: number;
  readonly now: number;
}

const Past = ({ runs, older, now }: PastInput) => (
  <Section id="past" title="Past runs">
    {runs.length === 0 ? (
      <p class="quiet">No run has ended yet.</p>
    ) : (
      <table class="runs">
        <thead>
          <tr>
            <th scope="col">run</th>
            <th scope="col">play</th>
            <th scope="col">started</th>
            <th scope="col">end</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(({ run, play, startedAt, job, finished, damaged }) => (
            <tr key={run}>
              <th scope="row">
                {damaged === undefined ? (
                  <a href={`/runs/${encodeURIComponent(run)}`}>
                    <code>{run}</code>
                  </a>
                ) : (
                  <code>{run}</code>
                )}
              </th>
              <td>
                {play}
                {job !== undefined && <span class="quiet"> job {job}</span>}
              </td>
              <td>
                <Time at={startedAt}>{time(startedAt, now)}</Time>
              </td>
              <td>
                {damaged !== undefined && <span class="status t-failed">✕ {damaged}</span>}
                {finished !== undefined && (
                  <span class={`status ${finished.exit === 0 ? 't-done' : 't-failed'}`}>
                    {finished.exit === 0 ? '✓' : '✕'} {finished.why}{' '}
                    <span class="quiet">(exit {finished.exit})</span>
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
    {older > 0 && (
      <p class="quiet">
        {count(older)} older runs: <code>kmend runs</code> lists them.
      </p>
    )}
  </Section>
);

/** Verdicts as statuses, for their colours and marks. */
const verdictLooks: Readonly<Record<string, { readonly look: string; readonly mark: string }>> = {
  off: { look: 'done', mark: '✓' },
  not_applicable: { look: 'same', mark: '=' },
  at_risk: { look: 'soaking', mark: '◐' },
  on: { look: 'refused', mark: '!' },
  leaking: { look: 'failed', mark: '✕' },
  unknown: { look: 'waiting', mark: '?' },
  unread: { look: 'left_out', mark: '–' },
};

interface FleetInput {
  readonly fleet: FleetSummary;
  readonly now: number;
}

function FleetCard({ fleet: { inventory, check, drift }, now }: FleetInput) {
  const verdicts = Object.entries(verdictLooks).flatMap(([verdict, { look, mark }]) => {
    const hosts = check?.verdicts[verdict] ?? 0;
    return hosts === 0 ? [] : [{ verdict, look, mark, hosts }];
  });
  return (
    <article class="card">
      <h3>{inventory}</h3>
      {check === undefined ? (
        <p class="quiet">never checked</p>
      ) : (
        <>
          <p class="quiet">
            {count(check.hosts)} hosts, checked <Time at={check.at}>{time(check.at, now)}</Time> by{' '}
            {check.who}
          </p>
          <div class="progress thin" aria-hidden="true">
            {verdicts.map(({ verdict, look, hosts }) => (
              <span key={verdict} class={`s-${look}`} style={{ flexGrow: hosts }} />
            ))}
          </div>
          <ul class="counts">
            {verdicts.map(({ verdict, look, mark, hosts }) => (
              <li key={verdict}>
                <span class={`swatch s-${look}`} aria-hidden="true">
                  {mark}
                </span>
                <b>{count(hosts)}</b> {verdict.replaceAll('_', ' ')}
              </li>
            ))}
          </ul>
          <Ids hosts={check.worst.filter(({ idsUsed }) => idsUsed !== undefined).slice(0, 8)} />
        </>
      )}
      {drift !== undefined && (
        <p class={drift.lost.length > 0 ? 't-failed' : 'quiet'}>
          {drift.lost.length === 0
            ? `no host of ${count(drift.hosts)} lost its remedy`
            : `✕ ${count(drift.lost.length)} of ${count(drift.hosts)} lost their remedy: ${drift.lost
                .slice(0, 5)
                .map(({ host }) => host)
                .join(', ')}`}
          , <Time at={drift.at}>{time(drift.at, now)}</Time>
        </p>
      )}
    </article>
  );
}

/** Cgroup ids of a kernel. */
const allIds = 65_534;

const Ids = ({ hosts }: { readonly hosts: readonly CheckedHost[] }) =>
  hosts.length === 0 ? null : (
    <table class="ids">
      <caption>Cgroup ids in use</caption>
      <tbody>
        {hosts.map(({ host, idsUsed = 0, idsDaysLeft, idsFullOn }) => (
          <tr key={host}>
            <th scope="row" class="host">
              {host}
            </th>
            <td>
              <div class="meter" aria-hidden="true">
                <span style={{ width: `${Math.min(100, (100 * idsUsed) / allIds)}%` }} />
              </div>
            </td>
            <td class="number">{Math.round((100 * idsUsed) / allIds)} %</td>
            <td class="number">
              {idsFullOn === undefined ? '' : `full ${idsFullOn}`}
              {idsDaysLeft === undefined ? '' : ` (${count(Math.floor(idsDaysLeft))} d)`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );

interface JobsInput {
  readonly jobs: readonly JobSummary[];
  readonly now: number;
}

const Jobs = ({ jobs, now }: JobsInput) => (
  <Section id="jobs" title="Jobs">
    <table class="runs">
      <thead>
        <tr>
          <th scope="col">job</th>
          <th scope="col">every</th>
          <th scope="col">next turn</th>
          <th scope="col">last turn</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map(({ name, every, command, last, next }) => (
          <tr key={name}>
            <th scope="row">
              {name} <code class="quiet">kmend {command}</code>
            </th>
            <td>{every}</td>
            <td>{next === undefined ? '' : <Time at={next}>{time(next, now)}</Time>}</td>
            <td>
              {last !== undefined && (
                <span class={`status ${last.exit === 0 ? 't-done' : 't-failed'}`}>
                  {last.exit === 0 ? '✓' : '✕'} <Time at={last.at}>{time(last.at, now)}</Time> (exit{' '}
                  {last.exit})
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Section>
);
