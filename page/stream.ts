// The connection of the page to `kmend serve`: the stream of a run, and commands to it.
import type { ViewDelta } from '../src/core/view/model.ts';
import type { Overview } from '../src/core/view/overview.ts';
import type { CommandRequest, Snapshot } from '../src/core/view/protocol.ts';
import { withDelta } from '../src/core/view/read-view.ts';
import { readJson } from './safe-json.ts';

/** `lost`, `out`: what is shown is the past. `gone`: the run was removed. */
export type Link = 'live' | 'lost' | 'out' | 'gone';

export interface Seen {
  readonly snapshot: Snapshot | undefined;
  readonly link: Link;
  /** Time of the server less that of the browser. */
  readonly ahead: number;
}

const runPath = (run: string): string => `/api/runs/${encodeURIComponent(run)}`;

/** Milliseconds before the next attempt. */
const pause = 3000;

/** Shows each state of the run. A new connection begins with a new snapshot: nothing is missed. */
export function followRun(run: string, show: (seen: Seen) => void): void {
  let seen: Seen = { snapshot: undefined, link: 'live', ahead: 0 };
  const path = `${runPath(run)}/events`;
  const see = (change: Partial<Seen>): void => {
    seen = { ...seen, ...change };
    show(seen);
  };
  const connect = (): void => {
    const source = new EventSource(path);
    source.addEventListener('snapshot', ({ data }) => {
      const snapshot = readJson<Snapshot>(data);
      see({ snapshot, link: 'live', ahead: snapshot.now - Date.now() });
    });
    source.addEventListener('delta', ({ data }) => {
      const delta = readJson<ViewDelta>(data);
      if (seen.snapshot !== undefined)
        see({ snapshot: { ...seen.snapshot, view: withDelta(seen.snapshot.view, delta) } });
    });
    source.addEventListener('gone', () => {
      source.close();
      see({ link: 'gone' });
    });
    source.addEventListener('error', async () => {
      const { readyState } = source;
      see({ link: 'lost' });
      // A browser tries again by itself after a lost connection, but not after a refusal.
      if (readyState !== EventSource.CLOSED) return;
      const link = await linkAfterRefusal(path);
      see({ link });
      if (link !== 'gone') setTimeout(connect, pause);
    });
  };
  connect();
}

/** A stream of events does not say why it was refused. */
async function linkAfterRefusal(path: string): Promise<Link> {
  const stop = new AbortController();
  try {
    const { status } = await fetch(path, { signal: stop.signal });
    return status === 401 ? 'out' : status === 404 ? 'gone' : 'lost';
  } catch {
    return 'lost';
  } finally {
    stop.abort();
  }
}

export async function readOverview(): Promise<Overview> {
  const answer = await fetch('/api/overview', { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(await refusal(answer));
  return readJson(await answer.text());
}

/** Resolves when the server has left the command for the run. */
export async function sendCommand(run: string, request: CommandRequest): Promise<void> {
  const answer = await fetch(`${runPath(run)}/command`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!answer.ok) throw new Error(await refusal(answer));
}

const refusal = async (answer: Response): Promise<string> =>
  answer.status === 401
    ? 'the session has ended: open a new link of kmend serve'
    : (await answer.text()).slice(0, 300) || `the server answered ${answer.status}`;
