// Real workers over a real PostgreSQL and a practice fleet: processes that a test kills and stops.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import type { Event, EventType } from '../../src/model/run/event.ts';
import { type Child, spawnCommand } from '../cli/child.ts';
import { type Practice, practice, sick } from '../cli/practice.ts';
import type { Postgres } from './postgres.ts';

/** Where a worker runs, and how it reaches the database, if not as this process does. */
export interface WorkerPlace {
  readonly prefix?: readonly string[];
  readonly url?: string;
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** More words of its command. */
  readonly args?: readonly string[];
}

export interface WorkersLab {
  readonly fleet: Practice;
  readonly url: string;
  /** Starts a worker, and waits until it is known as alive. */
  readonly worker: (place?: WorkerPlace) => Promise<Child>;
  /** A command over the database, or another place, to its end. */
  readonly kmend: (
    args: readonly string[],
    place?: WorkerPlace,
  ) => Promise<{
    readonly exit: number | NodeJS.Signals;
    readonly out: string;
    readonly err: string;
  }>;
  /** Begins a run that waits for a worker; returns its name. `from`: flags of the inventory. */
  readonly detach: (
    playbook: string,
    from?: readonly string[],
    place?: WorkerPlace,
  ) => Promise<string>;
  readonly events: (run: string) => readonly Event[];
  /** Waits for an event that `is` accepts; returns it. */
  readonly event: (
    run: string,
    type: EventType,
    is?: (event: Event) => boolean,
    seconds?: number,
  ) => Promise<Event>;
  /** The process that leads a run. */
  readonly leader: (run: string) => number | undefined;
  readonly close: () => Promise<void>;
}

const isOver = ({ ended }: Child): Promise<boolean> =>
  Promise.race([ended.then(() => true), sleep(0).then(() => false)]);

let databases = 0;

/**
 * In a database of its own.
 * @param sites the sites of hosts that have one
 */
export async function workersLab(
  server: Postgres,
  hosts: readonly string[],
  downSeconds = 0.5,
  sites: Readonly<Record<string, string>> = {},
): Promise<WorkersLab> {
  databases += 1;
  const database = `kmend${databases}`;
  const url = server.createDatabase(database);
  await migrate(url);
  const fleet = await practice(
    hosts.map((name) => {
      const site = sites[name];
      return sick(name, site === undefined ? {} : { vars: { kmend_site: site } });
    }),
    { downSeconds },
  );
  const children: Child[] = [];
  const home = join(fleet.dir, 'home');
  const start = async (args: readonly string[], place: WorkerPlace = {}): Promise<Child> => {
    const child = await spawnCommand(
      [...args, ...(place.args ?? []), '--state', place.url ?? url],
      place.home ?? home,
      place.env,
      place.prefix,
    );
    children.push(child);
    return child;
  };
  const ask = (sql: string): string => server.psql(database, `set search_path = kmend; ${sql}`);
  const living = (): readonly number[] =>
    ask(`select (says::json->>'pid') from holder where kind = 'worker' and is_alive(id)`)
      .split('\n')
      .map(Number);
  const events: WorkersLab['events'] = (run) =>
    ask(`select line from event where run = '${run}' order by seq`)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Event);
  const kmend: WorkersLab['kmend'] = async (args, place) => {
    const child = await start(args, place);
    return { exit: await child.ended, out: child.out(), err: child.err() };
  };
  return {
    fleet,
    url,
    kmend,
    events,
    worker: async (place) => {
      const child = await start(['worker'], place);
      for (let waited = 0; !living().includes(child.pid); waited += 1) {
        if (waited > 200 || (await isOver(child)))
          throw new Error(`the worker does not live: ${child.err()}`);
        await sleep(100);
      }
      return child;
    },
    detach: async (playbook, from = ['-i', fleet.fleet.inventoryFile], place = {}) => {
      const words = ['apply', playbook, ...from, '--yes', '--detach', '-q'];
      const { exit, out, err } = await kmend(words, place);
      if (exit !== 0) throw new Error(`apply ended with ${exit}: ${err}`);
      return out.trim().split('\n').at(-1) ?? '';
    },
    event: async (run, type, is = () => true, seconds = 60) => {
      for (let waited = 0; waited < seconds * 20; waited += 1) {
        const found = events(run).find((event) => event.type === type && is(event));
        if (found !== undefined) return found;
        await sleep(50);
      }
      throw new Error(
        `waited ${seconds} s for ${type}: ${events(run).at(-1)?.type}\n${children.map((one) => one.out() + one.err()).join('\n')}`,
      );
    },
    leader: (run) => {
      const pid = ask(
        `select (says::json->>'pid') from run join holder on holder.id = leader where run = '${run}'`,
      );
      return pid === '' ? undefined : Number(pid);
    },
    close: async () => {
      for (const child of children) {
        child.signal('SIGCONT');
        child.signal('SIGKILL');
      }
      await Promise.all(children.map(({ ended }) => ended));
      await fleet.close();
    },
  };
}
