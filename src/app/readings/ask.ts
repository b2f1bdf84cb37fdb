// Asks the workers of sites to read hosts, where this machine may have no way to them.
import type { Sites } from '../../engine/ports/sites.ts';
import type { LiveWorker, Workers } from '../../engine/ports/workers.ts';
import type { Elsewhere, Visit } from '../../engine/session/each-host.ts';
import { Wakeup } from '../../engine/wakeup.ts';
import type { Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import { toJson } from '../../model/text/printable.ts';
import { wayFlags } from '../session/flags.ts';
import { digestsOf, type InputFiles, summarized } from '../session/inputs.ts';
import { type JudgedPlay, keptVars } from '../session/kept-flags.ts';
import type { Session } from '../session/session.ts';
import { askingFlag, keptPasswordFlags } from '../session/vault.ts';
import { CommandError } from '../session/world.ts';
import { type About, type AskedHosts, answerIn, rowShapes } from './request.ts';

export interface Asking {
  readonly question: About['question'];
  readonly retries: number;
  readonly project: InputFiles;
  /** The plays that say which variables are secret. */
  readonly plays: readonly JudgedPlay[];
  /** What is asked of these hosts besides. */
  readonly more?: (hosts: readonly string[]) => Pick<AskedHosts, 'accepted'>;
}

/** How workers read hosts of sites for a command, by the hosts that count as no node. */
export type AskedElsewhere<T> = (disputed?: ReadonlyMap<string, string>) => Elsewhere<T>;

/** Undefined where none of the hosts has a site, or the state is not shared. */
export async function askedElsewhere<T extends { readonly host: string }>(
  asking: Asking,
  targets: readonly Target[],
  session: Session,
): Promise<AskedElsewhere<T> | undefined> {
  const atSite = targets.find(({ site }) => site !== undefined);
  if (atSite === undefined) return undefined;
  const { sites, workers, watch } = await session.ports.store();
  if (sites === undefined || workers === undefined) return undefined;
  refusePasswords(atSite, session);
  const state = { sites, workers, ...present({ watch }) };
  const { about, digests } = aboutOf(asking, session);
  return (disputed = new Map()) => ({
    has: ({ site }) => site !== undefined,
    read: (there, signal, visit) => {
      const requestOf = (names: readonly string[]): string => {
        const own = names.map((name) => digests.get(name) ?? [`variables of ${name}`, '']);
        const called = names.flatMap((name) => {
          const why = disputed.get(name);
          return why === undefined ? [] : [[name, why] as const];
        });
        const hosts: AskedHosts = {
          names,
          inputs: Object.fromEntries(own),
          ...(called.length === 0 ? {} : { disputed: Object.fromEntries(called) }),
          ...asking.more?.(names),
        };
        return toJson(session.world.secrets.mask({ about, hosts }));
      };
      return new SiteReading({ asking, requestOf, signal, visit }, state, session).read(there);
    },
  });
}

function refusePasswords({ name, site }: Target, { settings }: Session): void {
  const asking = askingFlag(settings.flags);
  if (asking === undefined) return;
  throw new CommandError(
    3,
    `${asking} does not go with hosts of a site (${name} is at ${site}): its workers cannot be asked for a password`,
    'give the workers a key, or the password as a variable',
  );
}

/** The request without its hosts; and the digests of the variables of each host. */
function aboutOf(
  { question, retries, project, plays }: Asking,
  session: Session,
): {
  readonly about: About;
  readonly digests: ReadonlyMap<string, readonly [string, string]>;
} {
  const { settings, world } = session;
  const { limit, flags } = settings;
  const { secrets, forks, kubeconfig, context } = flags;
  const { extraVars, withheld } = keptVars(plays, session);
  const salt = world.clock.id();
  const { shared, hosts } = digestsOf(project, salt, session);
  return {
    about: {
      question,
      retries,
      flags: {
        inventory: settings.inventories,
        extraVars,
        ...present({ limit, secrets, forks, kubeconfig, context }),
        ...wayFlags(flags),
        ...present(keptPasswordFlags(flags, world)),
      },
      withheld: [...new Set(withheld)].sort(),
      salt,
      inputs: summarized(shared),
    },
    digests: hosts,
  };
}

/** Hosts of a question: small enough that several workers share them, and that answers stream. */
const mostHosts = 50;
const leastHosts = 10;
const shares = 8;

/** Milliseconds: how often it looks, at most and at least. */
const shortest = 100;
const tick = 1_000;
/**
 * Milliseconds for which a site may have no worker: from the beginning; and once one was there, since
 * it may start again, and a database that starts again loses all of them for a while.
 */
const longestWithout = { first: 3_000, later: 30_000 };

interface Part {
  readonly site: string;
  readonly hosts: readonly string[];
}

function partsOf(targets: readonly Target[]): readonly Part[] {
  const bySite = new Map<string, string[]>();
  for (const { name, site = '' } of targets) bySite.set(site, [...(bySite.get(site) ?? []), name]);
  return [...bySite].flatMap(([site, hosts]) => {
    const size = Math.min(mostHosts, Math.max(leastHosts, Math.ceil(hosts.length / shares)));
    return Array.from({ length: Math.ceil(hosts.length / size) }, (_, index) => ({
      site,
      hosts: hosts.slice(index * size, (index + 1) * size),
    }));
  });
}

interface Reader<T> {
  readonly asking: Asking;
  readonly requestOf: (hosts: readonly string[]) => string;
  readonly signal: AbortSignal;
  readonly visit: Pick<Visit<T>, 'failed' | 'onHost' | 'keep'>;
}

interface SharedState {
  readonly sites: Sites;
  readonly workers: Workers;
  readonly watch?: (changed: () => void) => () => void;
}

class SiteReading<T extends { readonly host: string }> {
  readonly #reader: Reader<T>;
  readonly #state: SharedState;
  readonly #session: Session;
  readonly #open = new Map<number, Part>();
  readonly #rows = new Map<string, T>();
  /** When a site was seen without a worker for the first time, or with one for the last time. */
  readonly #seen = new Map<string, { readonly at: number; readonly had: boolean }>();
  #alive: readonly LiveWorker[] = [];
  #looked = Number.NEGATIVE_INFINITY;

  constructor(reader: Reader<T>, state: SharedState, session: Session) {
    this.#reader = reader;
    this.#state = state;
    this.#session = session;
  }

  async read(targets: readonly Target[]): Promise<readonly T[]> {
    const { signal } = this.#reader;
    const wakeup = new Wakeup(this.#session.world.clock);
    const notify = (): void => wakeup.notify();
    const unwatch = this.#state.watch?.(notify);
    signal.addEventListener('abort', notify);
    try {
      for (const part of partsOf(targets)) await this.#ask(part);
      while (this.#open.size > 0 && !signal.aborted) {
        const before = wakeup.count;
        await this.#look();
        if (this.#open.size === 0) break;
        await this.#session.world.clock.sleep(shortest, signal);
        await wakeup.sleep(tick - shortest, before);
      }
      const stopped: Failure = { kind: 'interrupted', message: 'interrupted while it was read' };
      for (const { hosts } of this.#open.values()) await this.#fail(hosts, stopped);
    } finally {
      signal.removeEventListener('abort', notify);
      unwatch?.();
      if (this.#open.size > 0) await this.#state.sites.withdraw([...this.#open.keys()]);
    }
    return targets.flatMap(({ name }) => this.#rows.get(name) ?? []);
  }

  async #ask({ site, hosts }: Part): Promise<void> {
    const { asking, requestOf, signal } = this.#reader;
    if (signal.aborted) return;
    const reading = asking.question.kind === 'plan' ? 'plan' : 'check';
    const question = { site, reading, request: requestOf(hosts) } as const;
    const id = await this.#state.sites.ask(question, this.#session.world.version);
    this.#open.set(id, { site, hosts });
  }

  async #look(): Promise<void> {
    const { sites, workers } = this.#state;
    const now = this.#session.world.clock.now();
    if (now - this.#looked >= tick) {
      this.#alive = await workers.alive();
      this.#looked = now;
      await this.#failWithout(now);
    }
    const answers = await sites.answers([...this.#open.keys()]);
    if (answers.size > 0) await sites.withdraw([...answers.keys()]);
    for (const [id, answer] of answers) {
      const part = this.#open.get(id);
      this.#open.delete(id);
      if (part !== undefined) await this.#take(part, answer);
    }
  }

  async #take({ site, hosts }: Part, json: string): Promise<void> {
    const answer = answerIn(json, rowShapes[this.#reader.asking.question.kind]);
    if ('kind' in answer) return this.#fail(hosts, answer);
    if ('refused' in answer) {
      const machine = this.#alive.find(({ bootId }) => bootId === answer.bootId)?.machine;
      const worker = `a worker of site ${site}${machine === undefined ? '' : ` (${machine})`}`;
      return this.#fail(hosts, {
        kind: 'unreachable',
        message: `${worker} does not read it: ${answer.refused}`,
      });
    }
    // The shape of the rows was checked.
    const rows = new Map(answer.rows.map((row) => [row.host, row as T]));
    for (const host of hosts) {
      const row = rows.get(host);
      if (row !== undefined) this.#give(row);
      else
        await this.#fail([host], {
          kind: 'parse',
          message: `the answer of a worker of site ${site} lacks this host`,
        });
    }
  }

  #give(row: T): void {
    const { onHost, keep } = this.#reader.visit;
    onHost?.(row);
    this.#rows.set(row.host, keep === undefined ? row : keep(row));
  }

  async #fail(hosts: readonly string[], failure: Failure): Promise<void> {
    for (const host of hosts) this.#give(await this.#reader.visit.failed(host, failure));
  }

  /** Questions that nobody would answer. */
  async #failWithout(now: number): Promise<void> {
    const { version } = this.#session.world;
    for (const site of new Set([...this.#open.values()].map((part) => part.site))) {
      const there = this.#alive.filter((worker) => worker.sites.includes(site));
      const has = there.some((worker) => worker.version === version);
      const { at, had } = this.#seen.get(site) ?? { at: now, had: false };
      this.#seen.set(site, has ? { at: now, had: true } : { at, had });
      if (!has && now - at >= longestWithout[had ? 'later' : 'first'])
        await this.#giveUp(site, there);
    }
  }

  async #giveUp(site: string, others: readonly LiveWorker[]): Promise<void> {
    const parts = [...this.#open].filter(([, part]) => part.site === site);
    await this.#state.sites.withdraw(parts.map(([id]) => id));
    for (const [id, { hosts }] of parts) {
      this.#open.delete(id);
      await this.#fail(hosts, withoutWorker(site, others, this.#session.world.version));
    }
  }
}

function withoutWorker(site: string, others: readonly LiveWorker[], version: string): Failure {
  const versions = [...new Set(others.map((worker) => worker.version))].sort().join(', ');
  return {
    kind: 'unreachable',
    ...(others.length === 0
      ? {
          message: `no worker of site ${site} is alive`,
          hint: `start one with kmend worker --sites ${site}`,
        }
      : {
          message: `no worker of site ${site} has this version: they have kmend ${versions}, this is ${version}`,
          hint: 'use one version of kmend here and there',
        }),
  };
}
