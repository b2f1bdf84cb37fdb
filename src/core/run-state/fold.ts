// Fold: computes the state of a run from its journal, one event at a time. Pure: the old state
// stays unchanged.
import { present } from '../../model/present.ts';
import type { Event, EventOf, LockOut, RunHost } from '../../model/run/event.ts';
import { hasChanges } from '../../model/run/plan.ts';
import { higherRisk, highestRisk } from '../../model/run/risk.ts';
import { type Draft, isOpen, proofKey, put, putAll, putFirst } from './counters.ts';
import { foldHost, type HostEvent } from './fold-host.ts';
import { owesReturn, resumed, retryReturn } from './fold-retry.ts';
import { plannedLockOut, withLockOut } from './lock-out.ts';
import { owing } from './once.ts';
import { byKey, rankedOf } from './ranked.ts';
import {
  awayUntil,
  emptyState,
  type HostState,
  type HostStatus,
  hostAt,
  isOfWave,
  type RunState,
  untouched,
  type WaveState,
  type ZoneState,
} from './state.ts';
import { tableOf } from './table.ts';

/**
 * A gate that was not read for so long may have been closed in between: its time "open without a
 * break" starts again.
 */
export const longestGateGap = 60_000;

/** The state after one more event. */
export function fold(state: RunState, event: Event): RunState {
  const draft: Draft = { ...state, lastAt: event.at, lastSeq: event.seq };
  apply(draft, event);
  return draft;
}

/** The state after all these events. */
export function foldAll(events: Iterable<Event>, from: RunState = emptyState): RunState {
  let state = from;
  for (const event of events) state = fold(state, event);
  return state;
}

function apply(draft: Draft, event: Event): void {
  switch (event.type) {
    case 'run.started':
      begin(draft, event);
      break;
    case 'run.resumed':
      draft.activeSince = event.at;
      if (event.takeover !== undefined) draft.takeover = event.takeover;
      draft.awayFor = 0;
      delete draft.away;
      delete draft.finished;
      // A resume continues an aborted run. A pause stays, because another operator may have asked
      // for it.
      delete draft.aborted;
      resumeHosts(draft, event.who);
      break;
    case 'run.paused':
      draft.paused = { who: event.who, why: event.why, forKept: event.hosts !== undefined };
      break;
    case 'run.continued':
      delete draft.paused;
      break;
    case 'run.aborted':
      draft.aborted = { who: event.who, why: event.why };
      break;
    case 'run.finished':
      draft.finished = { exit: event.exit, why: event.why };
      break;
    case 'approved':
      approve(draft, event);
      break;
    case 'wave.started':
      beginWave(draft, event);
      break;
    case 'wave.done':
      draft.wave = undefined;
      break;
    case 'canary.promoted':
      draft.canary = { ...draft.canary, promoted: { by: event.by, why: event.why } };
      break;
    case 'brake.tripped':
      draft.brake = { why: event.why, host: event.host, acknowledged: [] };
      break;
    case 'brake.released':
      delete draft.brake;
      break;
    case 'gate.read':
      readGate(draft, event);
      break;
    case 'capacity.read':
      draft.capacityRead = { at: event.at, seq: event.seq };
      draft.unavailable = event.unavailable;
      markMissing(draft);
      if (event.lockOuts !== undefined) markLockOuts(draft, event.lockOuts);
      break;
    case 'slots.read':
      draft.others = event.others;
      markMissing(draft);
      break;
    case 'kernel.seen':
      seeKernel(draft, event);
      break;
    case 'cluster.away':
      draft.away = { since: event.since, why: event.why };
      break;
    case 'cluster.back':
      draft.awayFor = awayUntil(draft, event.at);
      delete draft.away;
      break;
    case 'database.back':
      draft.awayFor += databaseAway(draft, event);
      break;
    case 'run.closed':
    case 'nodes.tainted':
    case 'nodes.untainted':
    case 'waiting':
    case 'warning':
    case 'notice.sent':
      break;
    default:
      foldHost(draft, event satisfies HostEvent);
  }
}

/** Milliseconds without the database that the outage of the cluster under way does not have. */
const databaseAway = (
  { away, activeSince }: Draft,
  { at, since }: Event & EventOf<'database.back'>,
): number => Math.max(0, (away?.since ?? at) - Math.max(since, activeSince));

/**
 * The first status of a planned host. A host with an unmet condition is refused: starting it could
 * only fail.
 */
function firstStatus(host: RunHost): HostStatus {
  if (host.plan.refused !== undefined || host.plan.tasks.some((task) => task.status === 'unmet'))
    return 'refused';
  return hasChanges(host.plan) ? 'planned' : 'same';
}

function begin(draft: Draft, event: Event & EventOf<'run.started'>): void {
  const policy = { rollout: event.rollout, approvedByFlag: draft.approvedByFlag };
  const zones = new Map<string, number>();
  const hosts = event.hosts.map((host, index): HostState => {
    const zone = zones.get(host.plan.zone ?? '') ?? zones.size;
    zones.set(host.plan.zone ?? '', zone);
    const status = firstStatus(host);
    const { host: name, plan, down } = host;
    const first = owing(untouched({ index, host: name, plan, rank: index, zone, status, down }));
    return plan.cordoned === true ? withLockOut(first, plannedLockOut, policy) : first;
  });
  const sizes = new Array<number>(zones.size).fill(0);
  for (const host of hosts) sizes[host.zone] = (sizes[host.zone] ?? 0) + 1;
  Object.assign(draft, {
    run: event.run,
    begun: true,
    startedAt: event.at,
    activeSince: event.at,
    playbook: event.playbook,
    play: event.play,
    planId: event.planId,
    rollout: event.rollout,
    attended: event.attended,
    ...present({ takeover: event.takeover }),
    pool: event.pool,
    leftOut: event.leftOut,
    risk: highestRisk(
      event.hosts.filter((host) => hasChanges(host.plan)).map((host) => host.plan.risk),
    ),
    // A host that was unreachable while planning counts as out of service.
    outside: new Set(
      event.leftOut.filter((left) => left.failure.kind === 'unreachable').map((left) => left.host),
    ),
    indexOf: new Map(hosts.map((host) => [host.host, host.index])),
    zones: tableOf(
      [...zones.keys()].map((name, index): ZoneState => emptyZone(name, sizes[index] ?? 0)),
    ),
  } satisfies Partial<RunState>);
  const owner = event.hosts.findIndex(({ plan }) =>
    plan.tasks.some(({ once }) => once !== undefined),
  );
  if (owner >= 0) draft.owner = owner;
  putFirst(draft, hosts);
  draft.setAside = event.hosts.flatMap(({ plan }, index) =>
    plan.cordoned === true ? [index] : [],
  );
}

function resumeHosts(draft: Draft, who: string): void {
  for (const index of draft.indexOf.values()) {
    const host = hostAt(draft, index);
    // An operator chose to leave this host as it is.
    if (host.status !== 'failed' || isLeft(host)) continue;
    if (host.failure?.resumable === true) put(draft, resumed(host, draft.wave?.id));
    else if (owesReturn(host)) retryReturn(draft, host, who);
  }
}

const isLeft = ({ resolved }: HostState): boolean =>
  resolved !== undefined && resolved.as !== 'retry';

const emptyZone = (name: string, size: number): ZoneState => ({
  name,
  size,
  started: 0,
  failures: 0,
  unreachableFailures: 0,
  held: 0,
  kept: 0,
  out: 0,
  waiting: undefined,
});

function approve(draft: Draft, event: EventOf<'approved'>): void {
  if (event.how === 'flag') draft.approvedByFlag = true;
  if (event.about === 'unplannable') draft.unplannableAccepted = true;
  else if (draft.approved === undefined || higherRisk(event.risk, draft.approved))
    draft.approved = event.risk;
}

/** Replacing a refused canary extends the wave of the canary. Any other wave is a new one. */
function beginWave(draft: Draft, event: Event & EventOf<'wave.started'>): void {
  const indexes = event.hosts.flatMap((host) => draft.indexOf.get(host) ?? []);
  if (event.canary) draft.canary = { ...draft.canary, begun: true };
  if (event.canary && draft.wave?.canary === true) {
    // A host that was locked out meanwhile may be in the wave already.
    const hosts = [...new Set([...draft.wave.hosts, ...indexes])];
    draft.wave = { ...draft.wave, hosts, base: hosts.length };
  } else {
    draft.wave = {
      id: draft.waves,
      number: event.wave,
      canary: event.canary,
      hosts: indexes,
      startedAt: event.at,
      open: 0,
      lastEndAt: event.at,
      failures: 0,
      unreachableFailures: 0,
      byLastProof: undefined,
      base: indexes.length,
      ...stragglers(draft, indexes.length),
    };
    draft.waves += 1;
  }
  const wave = draft.wave.id;
  putAll(
    draft,
    [...new Set(indexes)]
      .map((index) => hostAt(draft, index))
      .flatMap((host) => (host.status === 'planned' ? { ...host, status: 'waiting', wave } : [])),
  );
}

/** `wave_overlap`: what the next wave takes over from one that is not done. */
function stragglers(draft: Draft, size: number): Partial<WaveState> {
  const { wave } = draft;
  if (wave === undefined || wave.open === 0) return {};
  const hosts = [...draft.indexOf.values()]
    .map((index) => hostAt(draft, index))
    .filter((host) => isOfWave(wave, host) && isOpen(host));
  const proofs = hosts.flatMap((host) => {
    const key = proofKey(host);
    return key === undefined ? [] : [{ key, index: host.index }];
  });
  return {
    stragglers: new Set(hosts.map(({ index }) => index)),
    open: hosts.length,
    base: Math.min(size, wave.base),
    byLastProof: rankedOf(proofs.sort(byKey)),
  };
}

function readGate(draft: Draft, event: Event & EventOf<'gate.read'>): void {
  const before = Object.hasOwn(draft.gates, event.gate) ? draft.gates[event.gate] : undefined;
  const unbroken = before?.since !== undefined && event.at - before.at <= longestGateGap;
  const reading = { open: event.open, read: event.read, at: event.at, seq: event.seq };
  draft.gates = {
    ...draft.gates,
    [event.gate]: event.open ? { ...reading, since: unbroken ? before.since : event.at } : reading,
  };
}

/** A name may be that of a host or a node. Names of other hosts count for the pool only. */
function markMissing(draft: Draft): void {
  const names = [...draft.unavailable, ...draft.others.map(({ host }) => host)];
  const named = new Set<number>();
  const outside = new Set(
    draft.leftOut.filter((left) => left.failure.kind === 'unreachable').map((left) => left.host),
  );
  const byNode = names.some((name) => !draft.indexOf.has(name)) ? nodesOf(draft) : undefined;
  for (const name of names) {
    const index = draft.indexOf.get(name) ?? byNode?.get(name);
    if (index === undefined) outside.add(name);
    else named.add(index);
  }
  putAll(
    draft,
    [...new Set([...draft.missing, ...named])]
      .map((index) => ({ ...hostAt(draft, index), missing: named.has(index) }))
      .filter(({ index, missing }) => missing !== hostAt(draft, index).missing),
  );
  draft.missing = [...named];
  draft.outside = outside;
}

function markLockOuts(draft: Draft, lockOuts: readonly LockOut[]): void {
  const now = new Map(
    lockOuts.flatMap((one) =>
      draft.indexOf.has(one.host) ? [[draft.indexOf.get(one.host) ?? 0, one]] : [],
    ),
  );
  putAll(
    draft,
    [...new Set([...draft.setAside, ...now.keys()])].map((index) =>
      withLockOut(hostAt(draft, index), now.get(index), draft),
    ),
  );
  draft.setAside = [...now.keys()];
}

/** The first answer is kept, unless a later one is "no". */
function seeKernel(draft: Draft, { release, obeys, host }: EventOf<'kernel.seen'>): void {
  if (draft.kernels.has(release) && obeys === 'yes') return;
  draft.kernels = new Map([...draft.kernels, [release, { obeys, host }]]);
}

function nodesOf(state: RunState): Map<string, number> {
  const nodes = new Map<string, number>();
  for (const index of state.indexOf.values()) {
    const node = hostAt(state, index).plan.node;
    if (node !== undefined) nodes.set(node, index);
  }
  return nodes;
}
