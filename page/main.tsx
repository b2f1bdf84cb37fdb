// The page: a report that holds its data, a run of `kmend serve`, or the overview.
import { type ComponentChild, render } from 'preact';
import type { RunView } from '../src/core/view/model.ts';
import type { Overview } from '../src/core/view/overview.ts';
import { type Evidence, inflate } from './chain.ts';
import { OverviewPage } from './parts/overview.tsx';
import { RunPage } from './run-page.tsx';
import { readJson } from './safe-json.ts';
import { followRun, readOverview, type Seen, sendCommand } from './stream.ts';

interface ReportData {
  readonly view: RunView;
  readonly evidence: Evidence;
}

const textOf = (id: string): string | undefined =>
  document.getElementById(id)?.textContent ?? undefined;

/** What is on the page; for paper it is drawn once more, at once. */
let draw = (_printing: boolean): void => {};
addEventListener('beforeprint', () => draw(true));
addEventListener('afterprint', () => draw(false));

function main(root: HTMLElement): void {
  root.replaceChildren();
  const show = (child: ComponentChild): void => render(child, root);
  const data = textOf('data');
  const run = /^\/runs\/([^/]+)$/.exec(location.pathname)?.[1];
  if (data !== undefined)
    // The browser lacks something: the summary and the table are shown.
    report(data, show).catch(() => document.documentElement.classList.remove('drawn'));
  else if (run !== undefined) live(decodeURIComponent(run), show);
  else overview(show);
}

async function report(data: string, show: (child: ComponentChild) => void): Promise<void> {
  const { view, evidence } = readJson<ReportData>(
    new TextDecoder().decode(await inflate(JSON.parse(data))),
  );
  const journal = textOf('journal');
  draw = (printing) =>
    show(
      <RunPage
        view={view}
        now={view.head.lastAt}
        printing={printing}
        evidence={journal === undefined ? evidence : { ...evidence, journal: JSON.parse(journal) }}
      />,
    );
  draw(false);
  document.getElementById('static')?.remove();
}

const notices: Readonly<Record<Seen['link'], string>> = {
  live: '',
  lost: 'The connection is lost: what you see is the past. The page connects again by itself.',
  out: 'The session has ended: what you see is the past. Open a new link of kmend serve.',
  gone: 'This run was removed. What you see was its last state.',
};

function live(run: string, show: (child: ComponentChild) => void): void {
  let seen: Seen | undefined;
  draw = (printing) => {
    if (seen?.snapshot === undefined) {
      show(<main>{seen !== undefined && <p class="notice">{notices[seen.link]}</p>}</main>);
      return;
    }
    const { snapshot, link, ahead } = seen;
    document.title = `${snapshot.view.head.play} – kmend`;
    show(
      <RunPage
        view={snapshot.view}
        now={Math.max(snapshot.view.head.lastAt, Date.now() + ahead)}
        printing={printing}
        {...(snapshot.control && link === 'live'
          ? { send: (request) => sendCommand(run, request) }
          : {})}
        notice={<Bar text={notices[link]} />}
      />,
    );
  };
  followRun(run, (next) => {
    seen = next;
    requestAnimationFrame(() => draw(false));
  });
  setInterval(() => draw(false), 1000);
}

const Bar = ({ text }: { readonly text: string }) => (
  <nav class="bar">
    <a href="/">All runs</a>
    <p class="notice" role="status">
      {text}
    </p>
  </nav>
);

const refreshEvery = 5000;

function overview(show: (child: ComponentChild) => void): void {
  let known: Overview | undefined;
  const read = (): void => {
    readOverview()
      .then(
        (answer) => {
          known = answer;
          show(<OverviewPage overview={answer} />);
        },
        (error: unknown) =>
          show(
            <>
              <p class="notice" role="status">
                {error instanceof Error ? error.message : String(error)}
              </p>
              {known !== undefined && <OverviewPage overview={known} />}
            </>,
          ),
      )
      .finally(() => setTimeout(read, refreshEvery));
  };
  read();
}

document.documentElement.classList.add('drawn');
addEventListener('DOMContentLoaded', () => {
  const root = document.getElementById('page');
  if (root !== null) main(root);
});
