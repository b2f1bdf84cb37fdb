// Two machines at each of two sites, and leaders without a way to any host, on a virtual clock.
import { emptyState } from '../../src/core/run-state/state.ts';
import { planFleet } from '../../src/engine/host/fleet.ts';
import type { PlaySetup } from '../../src/engine/host/walk-context.ts';
import type { Errand } from '../../src/engine/ports/sites.ts';
import type { Connection, Transport } from '../../src/engine/ports/transport.ts';
import { runLoop } from '../../src/engine/run.ts';
import { runLogOf } from '../../src/engine/run-log.ts';
import { Errands } from '../../src/engine/sites/errands.ts';
import { followSite, SiteRun } from '../../src/engine/sites/working.ts';
import { slotsOf } from '../../src/engine/state/slots.ts';
import { Wakeup } from '../../src/engine/wakeup.ts';
import type { Event, EventBody, EventType } from '../../src/model/run/event.ts';
import { begin } from '../core/fleet.ts';
import { type Fate, HostWorld, type Recording } from '../fakes/host-world.ts';
import { SharedRun } from '../fakes/sites.ts';
import { emptyWorld, memorySlots, type SlotWorld } from '../fakes/slots.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { nobody, setupFor, sharedTime } from '../hostile/fleet.ts';

const good: Fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 2,
  bootSeconds: 10,
  reboot: 'good',
  drain: 'good',
};

const tasks = `    - shell: {cmd: count-me}
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - reboot: {when_pending: true, timeout: 120s, stable_for: 1s, drain: none}
    - verify_kmem: {timeout: 30s}
`;

export interface SitesLab {
  readonly clock: VirtualClock;
  readonly shared: SharedRun;
  readonly slots: SlotWorld;
  readonly worlds: ReadonlyMap<string, HostWorld>;
  /** A process that leads the run until its end. */
  readonly lead: (options?: LeadOptions) => Led;
  /** A worker that is ready for the run; it works until it is killed. */
  readonly worker: (site: string, options?: WorkerOptions) => Worked;
  readonly events: (type: EventType) => readonly Event[];
  /** Waits by the clock until there is such an event. */
  readonly event: (is: (event: Event) => boolean) => Promise<Event>;
}

export interface LeadOptions {
  readonly stop?: AbortSignal;
  readonly kill?: AbortSignal;
  readonly othersElsewhere?: () => Promise<boolean>;
  readonly freed?: readonly string[];
}

export interface Led {
  readonly process: number;
  readonly ended: Promise<{ readonly exit: number }>;
}

export interface WorkerOptions {
  readonly bootId?: string;
  readonly ready?: boolean;
  /** Why it is not ready. */
  readonly why?: string;
  readonly stop?: AbortSignal;
  readonly kill?: AbortSignal;
}

const never = new AbortController().signal;

export interface Worked {
  readonly process: number;
  /** Its errors. */
  readonly errors: readonly unknown[];
  readonly ended: Promise<void>;
}

/** @param sites the site of each host */
export async function sitesLab(
  recording: Recording,
  sites: Readonly<Record<string, string>>,
  { rollout = '{max_unavailable: 10}', fate = {} as Partial<Fate> } = {},
): Promise<SitesLab> {
  const clock = new VirtualClock();
  const names = Object.keys(sites);
  const worlds = new Map(
    names.map((name) => [
      name,
      new HostWorld(recording, { ...good, ...fate }, {}, sharedTime(clock), name),
    ]),
  );
  const setup = withSites(
    setupFor(names, tasks, `- hosts: all\n  rollout: ${rollout}\n  tasks:\n`),
    sites,
  );
  const shared = new SharedRun(clock);
  const slots = emptyWorld();
  const all = transportTo(worlds, () => false);
  const planned = await clock.drive(
    planFleet(
      names,
      setup,
      { forks: 10, retries: 1, signal: new AbortController().signal },
      { transport: all, clock },
      () => {},
    ),
  );
  const hosts = planned.map(({ host, outcome }) => {
    if (!outcome.ok) throw new Error(outcome.failure.message);
    return { host, plan: outcome.value, down: false };
  });
  shared.add(begin(hosts, setup.play.rollout));
  shared.add({ type: 'approved', risk: 'reboot', who: 'ops', how: 'flag' });
  const dead = new Set<number>();
  const kill = shared.kill.bind(shared);
  shared.kill = (process) => {
    dead.add(process);
    kill(process);
  };
  const lab: Omit<SitesLab, 'lead' | 'worker'> = {
    clock,
    shared,
    slots,
    worlds,
    events: (type) => shared.events.filter((event) => event.type === type),
    event: async (is) => {
      for (let waited = 0; waited < 60_000; waited += 1) {
        const found = shared.events.find(is);
        if (found !== undefined) return found;
        await clock.sleep(20);
      }
      throw new Error('it did not come');
    },
  };
  const parts = { ...lab, setup, dead };
  return {
    ...lab,
    lead: (options = {}) => lead(parts, options),
    worker: (site, options = {}) => work(parts, site, options),
  };
}

type Parts = Omit<SitesLab, 'lead' | 'worker'> & {
  readonly setup: PlaySetup;
  readonly dead: ReadonlySet<number>;
};

function lead({ clock, shared, setup, slots }: Parts, options: LeadOptions): Led {
  const process = shared.begin();
  const run = async (): Promise<{ readonly exit: number }> => {
    const isFirst = !shared.events.some(({ type }) => type === 'wave.started');
    const number = shared.lead(process);
    const runLog = runLogOf(shared.journal(process), emptyState, () => {});
    await runLog.catchUp();
    if (!isFirst) await runLog.append({ type: 'run.resumed', who: 'ops', tool: 'test' }, true);
    return runLoop({
      runLog,
      setup,
      ports: {
        transport: transportTo(new Map(), () => false),
        clock,
        asker: nobody,
        gates: { read: async () => ({ open: true, read: '' }) },
      },
      slots: slotsOf(memorySlots(slots), shared.run, new Set()),
      number,
      strict: false,
      wait: false,
      operator: 'ops',
      keepOutput: async () => ({ kept: false, why: 'no store' }),
      commands: async () => [],
      stop: never,
      kill: never,
      ...options,
      sites: {
        leads: shared.sites(process),
        workers: { alive: shared.alive },
        version: '1.2.3',
        watch: shared.watch(process),
      },
    });
  };
  const ended = run();
  ended.catch(() => {});
  return { process, ended };
}

function work(
  { clock, shared, setup, worlds, dead }: Parts,
  site: string,
  { bootId = '', ready = true, why, stop = never, kill = never }: WorkerOptions,
): Worked {
  const process = shared.begin();
  const errors: unknown[] = [];
  const sites = shared.sites(process);
  const say = (most: number): void =>
    shared.say(process, {
      machine: `m${process}`,
      pid: process,
      bootId,
      version: '1.2.3',
      since: 0,
      sites: [site],
      ready: ready ? [shared.run] : [],
      most,
      refused: why === undefined ? [] : [{ run: shared.run, why }],
    });
  const elsewhere = async (): Promise<boolean> =>
    (await shared.alive()).some((one) => one.bootId !== bootId && one.ready.includes(shared.run));
  const live = async (): Promise<void> => {
    say(4);
    const run = new SiteRun(await followSite(shared.run, sites, () => {}), {
      setup: { ...setup, ownBootId: bootId },
      ports: { transport: transportTo(worlds, () => dead.has(process)), clock },
      strict: false,
      keepOutput: async () => ({ kept: false, why: 'no store' }),
      isLeaving: () => stop.aborted,
      kill,
      othersElsewhere: elsewhere,
    });
    const wakeup = new Wakeup(clock);
    const changed = (): void => wakeup.notify();
    const errands = new Errands({
      sites,
      names: [site],
      version: '1.2.3',
      bootId,
      most: 10,
      clock,
      ready: new Map(ready ? [[shared.run, run]] : []),
      isLeaving: () => stop.aborted,
      answer: async () => '',
      onTask: () => {},
      failed: (_errand: Errand, error: unknown) => errors.push(error),
      changed,
    });
    const unwatch = shared.watch(process)(changed);
    while (!stop.aborted && !dead.has(process)) {
      const before = wakeup.count;
      await errands.look();
      await clock.sleep(100);
      await wakeup.sleep(900, before);
    }
    unwatch();
    await errands.over();
    if (!dead.has(process)) shared.kill(process);
  };
  const ended = live();
  ended.catch((error: unknown) => errors.push(error));
  return { process, errors, ended };
}

/** A process that is dead gets no answer. A host that the machine cannot reach is an error here. */
function transportTo(worlds: ReadonlyMap<string, HostWorld>, isDead: () => boolean): Transport {
  const unlessDead = async <T>(answer: Promise<T>): Promise<T> => {
    if (isDead()) return new Promise(() => {});
    const value = await answer;
    return isDead() ? new Promise(() => {}) : value;
  };
  return {
    connect: async (target, options) => {
      const world = worlds.get(target.name);
      if (world === undefined) throw new Error(`there is no way from here to ${target.name}`);
      const made = await unlessDead(world.transport.connect(target, options));
      if (!made.ok) return made;
      const exec: Connection['exec'] = (request) =>
        isDead() ? new Promise(() => {}) : unlessDead(made.value.exec(request));
      return { ...made, value: { ...made.value, exec, hostKey: `key of ${target.name}` } };
    },
    close: async () => {},
  };
}

function withSites(setup: PlaySetup, sites: Readonly<Record<string, string>>): PlaySetup {
  const hosts = new Map(
    [...setup.hosts].map(([name, host]) => {
      const site = sites[name];
      const target = site === undefined || site === '' ? host.target : { ...host.target, site };
      return [name, { ...host, target }] as const;
    }),
  );
  return { ...setup, hosts };
}

export const isOf =
  (type: EventBody['type'], host?: string) =>
  (event: Event): boolean =>
    event.type === type && (host === undefined || ('host' in event && event.host === host));
