// The page: a run that is under way, or the overview.
import { render } from 'preact';
import { followRun } from './stream.ts';

const root = document.getElementById('page');
const run = /^\/runs\/([^/]+)$/.exec(location.pathname)?.[1];

if (root !== null && run !== undefined) {
  followRun(decodeURIComponent(run), ({ snapshot, link }) => {
    if (snapshot !== undefined)
      render(
        <main>
          <h1>{snapshot.view.head.play}</h1>
          <p>
            {link}: {snapshot.view.head.counts.done} done
          </p>
        </main>,
        root,
      );
  });
}
