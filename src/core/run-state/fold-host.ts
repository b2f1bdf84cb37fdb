// Folds the events of one host: its walk, its tasks, its end.
import { present } from '../../model/present.ts';
import { type Proof, packagesIn } from '../../model/run/change.ts';
import type { Event, EventOf, EventType, Proven } from '../../model/run/event.ts';
import { causeText, isAway } from '../../model/run/failure.ts';
import { type Draft, put, putDetail } from './counters.ts';
import { effectDone, effectFailed, effectStarted } from './fold-effect.ts';
import { requeued, resolve } from './fold-retry.ts';
import { proofIn } from './host-history.ts';
import { isUntaken } from './lock-out.ts';
import { type HostState, hostAt, type Rescued } from './state.ts';

type HostEventType =
  | Extract<EventType, `${'host' | 'task' | 'effect'}.${string}`>
  | 'facts.read'
  | 'remedy.chosen'
  | 'drift.noted'
  | `block.${'entered' | 'failed' | 'rescued'}`
  | 'prelude.done'
  | 'proof';
export type HostEvent = Extract<Event, { readonly type: HostEventType }>;

export function foldHost(draft: Draft, event: HostEvent): void {
  const index = draft.indexOf.get(event.host);
  if (index === undefined) foldLeftOut(draft, event);
  else foldOurs(draft, hostAt(draft, index), event);
}

function foldOurs(draft: Draft, host: HostState, event: HostEvent): void {
  switch (event.type) {
    case 'host.started':
      draft.lastStartSeq = event.seq;
      put(draft, started(host, event));
      break;
    case 'host.done':
      put(draft, done(host, event, (draft.rollout?.soak.host ?? 0) > 0));
      break;
    case 'host.soaked':
      put(draft, {
        ...host,
        status: host.status === 'soaking' ? 'done' : host.status,
        soakedAt: event.at,
      });
      break;
    case 'host.failed':
      fail(draft, host, event);
      break;
    case 'host.resolved':
      resolve(draft, host, event);
      break;
    case 'prelude.done':
      put(draft, { ...host, prelude: 'done' });
      break;
    case 'block.rescued':
      rescue(draft, host, event);
      break;
    default:
      putDetail(draft, detail(host, event));
  }
}

/** What `brake.rescued` counts is a failure that an operator must acknowledge. */
function rescue(draft: Draft, host: HostState, event: Event & EventOf<'block.rescued'>): void {
  const counts = event.counts && draft.rollout?.brake.rescued !== 'ignore';
  const before: Rescued = host.rescued ?? { blocks: [], counts: false };
  if (before.blocks.includes(event.task)) return;
  put(draft, {
    ...host,
    failures: counts ? Math.max(host.failures, 1) : host.failures,
    rescued: {
      ...before,
      blocks: [...before.blocks, event.task],
      counts: before.counts || counts,
      ...(counts || !before.counts
        ? present({ failed: event.failed, failure: event.failure })
        : {}),
    },
  });
  if (!counts) return;
  draft.lastFailed = host.host;
  draft.lastFailedReachable = host.host;
  if (draft.wave?.canary === true && host.wave === draft.wave.id) draft.failedCanary = host.host;
}

/** An operator may also resolve a host that was left out: then it no longer counts as missing. */
function foldLeftOut(draft: Draft, event: HostEvent): void {
  if (!draft.leftOut.some((left) => left.host === event.host))
    throw new Error(`the journal names a host that is not of its run: ${event.host}`);
  if (event.type !== 'host.resolved') return;
  draft.leftOut = draft.leftOut.filter((left) => left.host !== event.host);
  draft.outside = new Set([...draft.outside].filter((name) => name !== event.host));
}

const started = (host: HostState, event: Event & EventOf<'host.started'>): HostState => ({
  ...host,
  ...(host.status === 'done' && host.epilogue === 'owed' ? { epilogue: 'begun' } : {}),
  status: 'running',
  startedAt: event.at,
  starts: host.starts + 1,
});

/** A host that needed nothing after all frees its slot at once: there is nothing to soak. */
function done(host: HostState, event: Event & EventOf<'host.done'>, soaks: boolean): HostState {
  const soaking = soaks && event.changed && host.status === 'running';
  return {
    ...host,
    status: soaking ? 'soaking' : 'done',
    // A completed walk brings the host into service. The next reading of the pool may differ.
    down: event.changed ? false : host.down,
    changed: event.changed,
    proven: event.proven,
    ...(host.prelude === undefined ? {} : { prelude: 'done' }),
    ...(host.epilogue === 'begun' ? { epilogue: 'done' } : {}),
    doneAt: event.at,
    endedAt: event.at,
    inFlight: [],
  };
}

function fail(draft: Draft, host: HostState, event: Event & EventOf<'host.failed'>): void {
  if (event.failure.kind === 'kept_out' && isUntaken(host))
    return keepOut(draft, host, causeText(event.failure));
  const after = failed(host, event);
  // Nothing was done before the cluster went away: the host counts as not started.
  if (isAway(event.failure) && !after.touched) return put(draft, requeued(host, draft.wave?.id));
  put(draft, after);
  if (after.failures === host.failures) return;
  draft.lastFailed = after.host;
  if (event.failure.kind !== 'unreachable') draft.lastFailedReachable = after.host;
  if (draft.wave?.canary === true && after.wave === draft.wave.id) draft.failedCanary = after.host;
}

/**
 * Locked out while nothing was done to it, or after that was undone. Nothing failed: the host waits
 * until the lock-out ends.
 */
function keepOut(draft: Draft, host: HostState, why: string): void {
  const lockOut = { by: 'hold', why, turn: 'never' } as const;
  put(draft, {
    ...requeued({ ...host, touched: false, lockOut }, undefined),
    ...present({ wave: host.wave }),
  });
  draft.setAside = [...draft.setAside, host.index];
}

function failed(host: HostState, event: Event & EventOf<'host.failed'>): HostState {
  const undone = host.marks.uncordoned && !host.marks.altered;
  const touched = event.touched && !undone;
  const untouchable =
    !event.touched && (event.failure.kind === 'refused' || event.failure.kind === 'drift');
  const ours = host.starts > 0;
  const held = event.failure.resumable === true;
  // A host counts once, also where a rescue that counts came before.
  const isCounted = host.rescued?.counts === true && host.failures > 0;
  const counts = ours && !untouchable && !held && !isCounted;
  // An acknowledgement refers to an earlier failure.
  const { resolved: _resolved, ...rest } = host;
  return {
    ...rest,
    status: untouchable && event.failure.kind === 'refused' ? 'refused' : 'failed',
    failure: event.failure,
    ...present({ failedTask: event.task }),
    left: event.state,
    touched: host.touched || event.touched,
    // A host that does not answer is out of service, touched or not.
    keepsSlot: ours && (touched || event.failure.kind === 'unreachable'),
    down: host.down || (!ours && event.failure.kind === 'unreachable'),
    failures: host.failures + Number(counts),
    unreachableFailures:
      host.unreachableFailures + Number(counts && event.failure.kind === 'unreachable'),
    endedAt: event.at,
    // A resume continues the effects that were under way.
    inFlight: held ? host.inFlight : [],
  };
}

type DetailEvent = Exclude<
  HostEvent,
  { readonly type: Extract<EventType, `host.${string}`> | 'block.rescued' | 'prelude.done' }
>;

function detail(host: HostState, event: DetailEvent): HostState {
  switch (event.type) {
    case 'facts.read':
      return {
        ...host,
        verdict: event.verdict,
        evidence: event.evidence,
        ...present({ bootId: event.bootId }),
      };
    case 'remedy.chosen':
      return { ...host, remedy: { remedy: event.remedy, why: event.why } };
    case 'drift.noted':
      return { ...host, differences: [...host.differences, ...event.what] };
    case 'block.entered':
      return { ...host, blocks: [...host.blocks, { task: event.task, entered: event.entered }] };
    case 'block.failed': {
      const { type: _type, host: _host, ...rest } = event;
      const begun = [...host.ended, ...host.inFlight].map(({ task }) => task);
      return {
        ...host,
        failedBlocks: [...(host.failedBlocks ?? []), { ...rest, begun }],
        inFlight: [],
        ...(event.unproven === undefined ? {} : { unproven: event.failed }),
      };
    }
    case 'task.done':
      return {
        ...host,
        tasks: [...host.tasks, taskOf(event)],
        ended: [],
        ...(event.unproven === undefined ? {} : { unproven: event.name }),
      };
    case 'effect.started':
      return effectStarted(host, event);
    case 'effect.done':
      return effectDone(host, event);
    case 'effect.failed':
      return effectFailed(host, event);
    case 'proof':
      return {
        ...withoutUnproven(host),
        proof: proofIn(event),
        // A provisional host is proven by its first sample within the soak.
        ...(host.proven === 'provisional' ? { proven: provenBy(proofIn(event)) } : {}),
      };
    case 'task.planned':
      return replacing(host, event);
    case 'effect.progress':
      return host;
  }
}

/**
 * Packages count as replaced once their change is planned: an interrupted transaction may have
 * changed them too.
 */
function replacing(host: HostState, { changes, bootId }: EventOf<'task.planned'>): HostState {
  const names = packagesIn(changes);
  if (bootId === undefined || names.length === 0) return host;
  const before = host.replaced?.bootId === bootId ? host.replaced.names : [];
  return { ...host, replaced: { bootId, names: [...new Set([...before, ...names])] } };
}

/** How far a proof proves its host. */
export const provenBy = ({ by, accepted }: Proof): Proven =>
  by === 'none' ? 'provisional' : accepted === undefined ? 'yes' : 'partial';

function withoutUnproven({ unproven: _unproven, ...host }: HostState): HostState {
  return host;
}

const taskOf = (event: EventOf<'task.done'>): HostState['tasks'][number] => ({
  task: event.task,
  name: event.name,
  status: event.status,
  ...present({ registered: event.registered, sets: event.sets }),
});
