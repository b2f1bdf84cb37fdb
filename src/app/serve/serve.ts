// `kmend serve`: the pages, streams and commands of a state directory, until a signal ends it.
import {
  type Address,
  type Answer,
  type Asked,
  type Channel,
  json,
  type ProxyLogin,
  plainText,
  type Route,
  type WebServer,
} from '../../adapters/web/index.ts';
import type { Store } from '../../engine/ports/store.ts';
import { Wakeup } from '../../engine/wakeup.ts';
import { present } from '../../model/present.ts';
import { isRunId } from '../../model/run/run-id.ts';
import { shellHtml } from '../../screens/html/shell.ts';
import { type PageFile, readPageFile } from '../session/page-files.ts';
import type { Session } from '../session/session.ts';
import { CommandError, type World } from '../session/world.ts';
import { type LiveRuns, liveRuns } from './live-runs.ts';
import { metricsOf } from './metrics.ts';
import { overviewOf } from './overview.ts';
import { steer } from './steer.ts';
import { allTokens } from './tokens.ts';

export interface ServeInput {
  readonly address: Address;
  readonly allowControl: boolean;
  readonly proxy?: ProxyLogin;
  /** Gets the link to log in with, instead of the output. */
  readonly linkFile?: string;
}

/** Milliseconds between two reads of the journals: at most five deltas a second. */
const tick = 200;
/** Milliseconds between two reads where the state reports changes, and none was reported. */
const idle = 1_000;

export async function serve(input: ServeInput, session: Session): Promise<void> {
  const { world, observer } = session;
  const store = await session.ports.store();
  const runs = liveRuns({ store, now: world.clock.now, forecaster: world.forecaster });
  const server = await listen(input, routesOf(runs, session), store, session);
  observer.log(
    `kmend serves ${session.settings.state} on ${baseOf(input.address, server.port)}${input.allowControl ? '' : ', read-only'}; Ctrl-C ends it`,
  );
  const changed = new Wakeup(world.clock);
  const unwatch = store.watch?.(() => changed.notify());
  const shown = store.outages?.(({ since, until }) =>
    runs.away(until === undefined ? since : undefined),
  );
  const stopped = new Promise<void>((resolve) => {
    world.stop.addEventListener('abort', () => resolve(), { once: true });
  });
  void stopped.then(() => changed.notify());
  try {
    while (!world.stop.aborted) {
      const before = changed.count;
      // A read waits for a database that is away.
      await Promise.race([runs.tick(), stopped]);
      await world.clock.sleep(tick, world.stop);
      if (unwatch !== undefined) await changed.sleep(idle - tick, before);
    }
  } finally {
    unwatch?.();
    shown?.();
    await server.close();
    await runs.close();
  }
}

async function listen(
  { address, allowControl, proxy, linkFile }: ServeInput,
  routes: readonly Route[],
  store: Store,
  { world, observer }: Session,
): Promise<WebServer> {
  const onError = (error: unknown): void => void observer.failed(error);
  const onLink = (token: string, port: number): void => {
    const link = `${baseOf(address, port)}/login?token=${token}`;
    if (linkFile === undefined) observer.log(`open once: ${link}`);
    else world.files.write(linkFile, `${link}\n`, 0o600).catch(onError);
  };
  try {
    return await world.webServer({
      address,
      routes,
      who: world.who,
      allowControl,
      ...present({ proxy }),
      now: world.clock.now,
      tokenNamed: async (digest) =>
        (await allTokens(store.tokens)).find(({ sha256 }) => sha256 === digest)?.name,
      onLink,
      onError,
    });
  } catch (error) {
    throw notListening(error, address);
  }
}

const errors: ReadonlyMap<unknown, readonly [why: string, hint: string]> = new Map([
  ['EADDRINUSE', ['another program listens there', 'choose another one with --port']],
  ['EACCES', ['this user has no right to it', 'choose a port above 1023 with --port']],
  ['EADDRNOTAVAIL', ['this machine does not have that address', 'correct --listen']],
  ['ENOTFOUND', ['there is no such name', 'correct --listen']],
]);

function notListening(error: unknown, { listen, port }: Address): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const [why, hint] = errors.get(code) ?? [];
  return why === undefined
    ? error
    : new CommandError(1, `kmend serve cannot listen on ${listen} port ${port}: ${why}`, hint);
}

const baseOf = ({ listen, publicUrl }: Address, port: number): string =>
  publicUrl?.origin ?? `http://${listen.includes(':') ? `[${listen}]` : listen}:${port}`;

const asset =
  (name: PageFile, type: string, world: World): Route['answer'] =>
  async () => ({ kind: 'text', type, text: readPageFile(name, world) });

const shell: Route['answer'] = async () => ({
  kind: 'text',
  type: 'text/html; charset=utf-8',
  text: shellHtml,
});

function routesOf(runs: LiveRuns, session: Session): readonly Route[] {
  const { world } = session;
  return [
    { method: 'GET', path: /^\/$/, answer: shell },
    { method: 'GET', path: /^\/runs\/([^/]+)$/, answer: shell },
    {
      method: 'GET',
      path: /^\/assets\/page\.js$/,
      answer: asset('page.js', 'text/javascript; charset=utf-8', world),
    },
    {
      method: 'GET',
      path: /^\/assets\/page\.css$/,
      answer: asset('page.css', 'text/css; charset=utf-8', world),
    },
    {
      method: 'GET',
      path: /^\/api\/overview$/,
      answer: async ({ reader }) => json(await overviewOf(runs, reader, session)),
    },
    {
      method: 'GET',
      path: /^\/metrics$/,
      answer: async ({ accept }) => ({
        kind: 'text',
        ...(await metricsOf(runs, accept, session)),
      }),
    },
    {
      method: 'GET',
      path: /^\/api\/runs\/([^/]+)\/events$/,
      answer: (asked) => streamOf(asked, runs, world),
    },
    {
      method: 'POST',
      path: /^\/api\/runs\/([^/]+)\/command$/,
      answer: (asked) => take(asked, session),
    },
  ];
}

/** The snapshot is the first event: fetched apart, changes in between would be lost. */
async function streamOf({ parts, reader }: Asked, runs: LiveRuns, world: World): Promise<Answer> {
  const [run = ''] = parts;
  const live = isRunId(run) ? await runs.follow(run) : undefined;
  if (live === undefined) return plainText(404, 'there is no such run');
  const open = (channel: Channel): (() => void) =>
    runs.watch(live, {
      ready: channel.ready,
      snapshot: (view) => {
        const now = world.clock.now();
        const { control } = reader;
        channel.send('snapshot', JSON.stringify({ view, control, now }), view.head.lastSeq);
      },
      changed: (delta) => channel.send('delta', JSON.stringify(delta), delta.head.lastSeq),
      gone: (why) => {
        channel.send('gone', JSON.stringify({ why }));
        channel.end();
      },
    });
  return { kind: 'stream', open };
}

async function take({ parts, reader, body }: Asked, session: Session): Promise<Answer> {
  const [run = ''] = parts;
  if (!isRunId(run)) return plainText(404, 'there is no such run');
  try {
    return json(await steer(run, body, reader.who, session), 202);
  } catch (error) {
    if (error instanceof CommandError)
      return plainText(409, [error.message, error.hint ?? ''].filter(Boolean).join('\n'));
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return plainText(404, 'there is no such run');
    throw error;
  }
}
