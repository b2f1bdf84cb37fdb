// Watches a simulated rollout with counters of its own, kept in the plainest way, and says which
// rule a start broke.
import { shareOf } from '../../src/core/rollout/amount.ts';
import type { Amount, Rollout } from '../../src/model/playbook.ts';
import type { Event, EventOf } from '../../src/model/run/event.ts';

export type Property =
  | 'budget'
  | 'brake'
  | 'zones'
  | 'canary'
  | 'gates'
  | 'window'
  | 'twice'
  | 'soak'
  | 'refused'
  | 'waves';

export interface Broken {
  readonly property: Property;
  readonly what: string;
}

export interface Monitor {
  readonly see: (event: Event) => void;
  readonly broken: readonly Broken[];
}

interface Seen {
  readonly zone: string;
  readonly down: boolean;
  readonly estimate: number;
  status: 'idle' | 'running' | 'soaking' | 'done' | 'kept' | 'failed';
  doneAt: number;
  soakedAt: number;
  wave: number;
}

const most = (amount: Amount, base: number): number =>
  'count' in amount ? amount.count : Math.max(1, shareOf(amount.percent, base));
const tooMany = (failures: number, amount: Amount, base: number): boolean =>
  'count' in amount
    ? failures > amount.count
    : failures > 0 && failures / base > amount.percent / 100 + 1e-12;

/** Wall clock of the zone, minute by minute: slow, and without any arithmetic of the product. */
function isOpen(rollout: Rollout, at: number): boolean {
  const local = (tz: string) => {
    const parts = new Intl.DateTimeFormat('en-GB', {
      timeZone: tz,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    }).formatToParts(at);
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
    return {
      day: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(part('weekday')),
      minute: Number(part('hour')) * 60 + Number(part('minute')),
    };
  };
  return (
    rollout.windows.length === 0 ||
    rollout.windows.some((window) => {
      const { day, minute } = local(window.tz);
      if (window.to > window.from)
        return window.days.includes(day) && minute >= window.from && minute < window.to;
      return (
        (window.days.includes(day) && minute >= window.from) ||
        (window.days.includes((day + 6) % 7) && minute < window.to)
      );
    })
  );
}

/** `rules` are what is watched for; the simulation may have been given others, on purpose. */
export function monitor(begin: EventOf<'run.started'>, rules: Rollout): Monitor {
  const broken: Broken[] = [];
  const hosts = new Map<string, Seen>(
    begin.hosts.map(({ host, plan, down }) => [
      host,
      {
        zone: plan.zone ?? '',
        down,
        estimate: plan.estimate,
        status: 'idle',
        doneAt: 0,
        soakedAt: 0,
        wave: -1,
      },
    ]),
  );
  const refused = new Set(
    begin.hosts
      .filter(
        ({ plan }) =>
          plan.refused !== undefined || plan.tasks.every((task) => task.status === 'same'),
      )
      .map(({ host }) => host),
  );
  const downNow = new Set(begin.hosts.filter((host) => host.down).map((host) => host.host));
  for (const left of begin.leftOut) if (left.failure.kind === 'unreachable') downNow.add(left.host);
  let missing: ReadonlySet<string> = new Set();
  const startedHosts = new Set<string>();
  const again = new Set<string>();
  const gateReads: {
    readonly gate: string;
    readonly open: boolean;
    readonly at: number;
    readonly seq: number;
  }[] = [];
  let lastStart = 0;
  let canary = new Set<string>();
  let promoted = false;
  /** A canary was locked out: another must have taken its place. */
  let withoutSome = false;
  let canaryOver = false;
  let tripped = false;
  let wave = -1;
  /** Waves whose failures count: the current one, and those that it overlaps. */
  let watched = new Set<number>();
  const sizes = new Map<number, number>();
  let waveEnd = Number.NEGATIVE_INFINITY;
  let failures: string[] = [];
  let reachableBad: string[] = [];
  const bad = new Map<number, number>();
  const slots = most(rules.maxUnavailable, begin.pool);
  const complain = (property: Property, what: string): void => void broken.push({ property, what });
  const held = (): string[] =>
    [...hosts]
      .filter(([, seen]) => ['running', 'soaking', 'kept'].includes(seen.status))
      .map(([host]) => host);

  const checkGates = (event: Event): void => {
    for (const gate of rules.gates) {
      const reads = gateReads.filter((read) => read.gate === gate.name);
      const last = reads.at(-1);
      if (last === undefined || !last.open || last.seq < lastStart || event.at - last.at >= 15_000)
        complain('gates', `${event.type} without an open gate`);
      const from = event.at - gate.for * 1000;
      const inTime = reads.filter((read) => read.at >= from);
      const before = reads.findLast((read) => read.at <= from);
      if (gate.for > 0 && (before?.open !== true || inTime.some((read) => !read.open)))
        complain('gates', 'it did not hold long enough');
    }
  };

  const checkStart = (event: Event & EventOf<'host.started'>): void => {
    const me = hosts.get(event.host);
    if (me === undefined) throw new Error(`${event.host} is not of this run`);
    if (startedHosts.has(event.host) && !again.delete(event.host))
      complain('twice', `${event.host} was started before`);
    if (refused.has(event.host)) complain('refused', `${event.host} must not be started`);
    const busy = held();
    if (busy.length + 1 > slots) complain('budget', `${busy.length + 1} of ${slots} held`);
    const out = new Set([...busy, ...downNow, ...missing]);
    if (!downNow.has(event.host) && !missing.has(event.host) && out.size + 1 > slots)
      complain('budget', `${out.size + 1} of ${slots} out of service`);
    if (tripped || tooMany(counted().length, rules.brake.failures, startedHosts.size))
      complain('brake', `after ${counted().join(' ')}`);
    if (failures.some((host) => canary.has(host) && wave === 0))
      complain('brake', 'after a bad canary');
    if (
      rules.brake.perWave !== undefined &&
      rules.brake.unreachable === 'count' &&
      [...watched].some((one) =>
        tooMany(bad.get(one) ?? 0, rules.brake.perWave ?? { count: 0 }, sizes.get(one) ?? 0),
      )
    )
      complain('brake', 'per wave');
    const inZone = busy.filter((host) => hosts.get(host)?.zone === me.zone).length;
    const zones = new Set([me.zone, ...busy.map((host) => hosts.get(host)?.zone ?? '')]);
    if (rules.maxZones !== undefined && zones.size > rules.maxZones)
      complain('zones', `${[...zones].join(' ')} at once`);
    const zoneSize = begin.hosts.filter((host) => (host.plan.zone ?? '') === me.zone).length;
    if (rules.maxPerZone !== undefined && inZone + 1 > most(rules.maxPerZone, zoneSize))
      complain('zones', `${inZone + 1} in ${me.zone}`);
    if (rules.canary !== undefined && !promoted && !canary.has(event.host))
      complain('canary', `${event.host} before the promotion`);
    if (me.wave !== wave) complain('waves', `${event.host} is not of wave ${wave}`);
    for (let at = event.at; at < event.at + me.estimate * 1000; at += 300_000)
      if (!isOpen(rules, at)) complain('window', `${event.host} would run outside`);
    checkGates(event);
  };

  const checkPromotion = (event: Event): void => {
    const ends = [...canary].map((host) => hosts.get(host));
    if (
      ends.some(
        (seen) => seen !== undefined && ['idle', 'running', 'soaking'].includes(seen.status),
      )
    )
      complain('canary', 'promoted before all have ended');
    const good = ends.filter((seen) => seen?.status === 'done' && seen.doneAt > 0);
    if (withoutSome && good.length === 0) complain('canary', 'promoted by nobody');
    const soak = (rules.canary?.soak ?? 0) * 1000;
    for (const seen of good) {
      if (seen !== undefined && event.at < seen.doneAt + soak)
        complain('soak', 'promoted before the soak was over');
      if (soak > 0 && seen !== undefined && seen.soakedAt < seen.doneAt + soak)
        complain('soak', 'promoted without a second proof');
    }
    checkGates(event);
  };

  const underWay = (): number =>
    [...hosts.values()].filter(
      (seen) => seen.wave >= 0 && ['running', 'soaking'].includes(seen.status),
    ).length;

  /** Hosts that may be under way when the wave after this one begins. */
  const mayOverlap = (): number => {
    const { waveOverlap } = rules;
    const size = sizes.get(wave) ?? 0;
    if (waveOverlap === undefined || wave <= 0) return 0;
    const wanted = 'count' in waveOverlap ? waveOverlap.count : shareOf(waveOverlap.percent, size);
    return Math.min(wanted, Math.floor(size / 2));
  };

  const checkProofs = (at: number): void => {
    if (rules.soak.wave === 0) return;
    for (const [host, seen] of hosts)
      if (seen.wave === wave && seen.status === 'done' && seen.doneAt > 0 && seen.soakedAt < at)
        if (seen.soakedAt < waveEnd + rules.soak.wave * 1000)
          complain('soak', `${host} was not proven again before the next wave`);
  };

  const counted = (): string[] => (rules.brake.unreachable === 'ignore' ? reachableBad : failures);

  const resolve = (event: Event & EventOf<'host.resolved'>): void => {
    const seen = hosts.get(event.host);
    if (seen === undefined) return;
    if (failures.includes(event.host)) bad.set(seen.wave, (bad.get(seen.wave) ?? 0) - 1);
    failures = failures.filter((host) => host !== event.host);
    reachableBad = reachableBad.filter((host) => host !== event.host);
    if (event.as !== 'retry') {
      seen.status = 'failed';
      downNow.delete(event.host);
      return;
    }
    if (seen.status === 'kept') downNow.add(event.host);
    Object.assign(seen, { status: 'idle', wave, doneAt: 0 });
    again.add(event.host);
    // It joins the canary that is under way, and is waited for with it.
    if (wave === 0 && !canaryOver) canary.add(event.host);
  };

  const end = (event: Event & { readonly host: string }, status: Seen['status']): void => {
    const seen = hosts.get(event.host);
    if (seen === undefined) return;
    seen.status = status;
    if (status !== 'running') waveEnd = event.at;
  };

  const see = (event: Event): void => {
    switch (event.type) {
      case 'wave.started':
        if (event.wave !== wave) {
          // Hosts that a person has tried again when nothing else was left have no wave before them
          // to wait for.
          const retried = event.hosts.every((host) => again.has(host));
          if (
            !retried &&
            wave >= 0 &&
            rules.soak.wave > 0 &&
            wave > 0 &&
            event.at < waveEnd + rules.soak.wave * 1000
          )
            complain('soak', 'the next wave came too early');
          if (!retried && wave > 0) checkProofs(event.at);
          const open = underWay();
          if (open > mayOverlap()) complain('waves', 'before the last wave was done');
          if (open > 0 && [...watched].some((one) => (bad.get(one) ?? 0) > 0))
            complain('waves', 'beside a wave in which a host failed');
          watched = new Set([...(open > 0 ? watched : []), event.wave]);
          bad.set(event.wave, 0);
          sizes.set(event.wave, 0);
        }
        wave = event.wave;
        sizes.set(wave, (sizes.get(wave) ?? 0) + event.hosts.length);
        for (const host of event.hosts) {
          const seen = hosts.get(host);
          if (seen !== undefined) seen.wave = event.wave;
          if (event.canary) canary = new Set([...(canaryOver ? [] : canary), host]);
          canaryOver = false;
        }
        return;
      case 'wave.done':
        // Over with nobody left to follow: hosts that are tried again later have a canary of their
        // own.
        canaryOver = event.wave === 0;
        return;
      case 'host.started':
        checkStart(event);
        end(event, 'running');
        startedHosts.add(event.host);
        lastStart = event.seq;
        return;
      case 'host.done': {
        end(event, rules.soak.host > 0 && event.changed ? 'soaking' : 'done');
        const seen = hosts.get(event.host);
        if (seen !== undefined && event.changed) seen.doneAt = event.at;
        if (event.changed) downNow.delete(event.host);
        return;
      }
      case 'host.soaked': {
        const seen = hosts.get(event.host);
        if (seen?.status === 'soaking') {
          if (event.at < seen.doneAt + rules.soak.host * 1000)
            complain('soak', `${event.host} was let go too early`);
          seen.status = 'done';
        }
        if (seen !== undefined) seen.soakedAt = event.at;
        return;
      }
      case 'host.failed': {
        const light =
          !event.touched && (event.failure.kind === 'refused' || event.failure.kind === 'drift');
        end(event, event.touched || event.failure.kind === 'unreachable' ? 'kept' : 'failed');
        if (light || failures.includes(event.host)) return;
        failures = [...failures, event.host];
        if (event.failure.kind !== 'unreachable') reachableBad = [...reachableBad, event.host];
        const of = hosts.get(event.host)?.wave ?? -1;
        bad.set(of, (bad.get(of) ?? 0) + 1);
        return;
      }
      case 'block.rescued': {
        if (!event.counts || rules.brake.rescued === 'ignore' || failures.includes(event.host))
          return;
        failures = [...failures, event.host];
        reachableBad = [...reachableBad, event.host];
        const of = hosts.get(event.host)?.wave ?? -1;
        bad.set(of, (bad.get(of) ?? 0) + 1);
        return;
      }
      case 'brake.tripped':
        tripped = true;
        return;
      case 'host.resolved':
        resolve(event);
        return;
      case 'brake.released': {
        const holders = [
          ...counted(),
          ...failures.filter((host) => canary.has(host) && wave === 0),
        ];
        if (holders.length > 0)
          complain('brake', `released before anybody acknowledged ${holders.join(' ')}`);
        tripped = false;
        return;
      }
      case 'canary.promoted':
        checkPromotion(event);
        promoted = true;
        return;
      case 'capacity.read':
        missing = new Set(event.unavailable);
        for (const { host, by } of event.lockOuts ?? [])
          if (
            (by === 'hold' || rules.cordoned !== 'first') &&
            hosts.get(host)?.status === 'idle' &&
            canary.delete(host)
          )
            withoutSome = true;
        return;
      case 'gate.read':
        gateReads.push({ gate: event.gate, open: event.open, at: event.at, seq: event.seq });
        return;
    }
  };
  return { see, broken };
}
