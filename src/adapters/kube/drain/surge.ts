// Performs `single_replica` before the evictions: reads the workloads, restarts them or scales them
// up.
import { type Failure, type Outcome, ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { ofDeployment, ofNode, rewrite } from '../client/rewrite.ts';
import { ownershipFailure } from '../node/ownership.ts';
import type { Selection } from '../objects/filters.ts';
import {
  controllerOf,
  type DeploymentObject,
  type NodeObject,
  type PdbObject,
  type PodObject,
} from '../objects/objects.ts';
import { askPdbs, type PdbApi } from '../objects/pdb.ts';
import { type DrainContext, uidOf } from './drain-work.ts';
import { type EvictContext, type PodEnd, retryPause } from './evict.ts';
import {
  decideRestart,
  decideSurge,
  decideSurged,
  decideWay,
  restartAnnotation,
  type Way,
  type Ways,
} from './single-replica.ts';

interface Pdbs {
  readonly api: PdbApi;
  readonly items: readonly PdbObject[];
}

const namespaceOf = (pod: PodObject): string => pod.metadata?.namespace ?? 'default';

/** Undefined: its controller is not a ReplicaSet of a Deployment. */
async function deploymentOf(
  api: Api,
  pod: PodObject,
  signal: AbortSignal | undefined,
): Promise<Outcome<DeploymentObject | undefined>> {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'ReplicaSet') return ok(undefined);
  const set = await api.replicaSet(`${namespaceOf(pod)}/${owner.name}`, signal);
  if (!set.ok) return set;
  const above = controllerOf(set.value);
  return above?.kind === 'Deployment'
    ? api.deployment(`${namespaceOf(pod)}/${above.name}`, signal)
    : ok(undefined);
}

/** Without the right to read autoscalers, none is assumed. */
async function autoscalerOf(
  api: Api,
  { metadata }: DeploymentObject,
  signal: AbortSignal | undefined,
): Promise<Outcome<string | undefined>> {
  const listed = await api.autoscalers(metadata?.namespace ?? 'default', signal);
  if (!listed.ok) return ['auth', 'refused'].includes(listed.failure.kind) ? ok(undefined) : listed;
  const scales = (ref: { readonly kind?: string; readonly name?: string } | undefined): boolean =>
    ref?.kind === 'Deployment' && ref.name === metadata?.name;
  return ok(listed.value.items.find(({ spec }) => scales(spec?.scaleTargetRef))?.metadata?.name);
}

/** Reads the workloads of those pods that a PDB can never allow to go. */
export async function readWays(
  api: Api,
  mode: 'restart' | 'surge',
  { evict }: Selection,
  pdbs: Pdbs,
  signal?: AbortSignal,
): Promise<Outcome<Ways>> {
  const ways = new Map<string, Way>();
  for (const pod of evict) {
    const answer = askPdbs(pod, pdbs.items, pdbs.api);
    if (answer.kind !== 'never') continue;
    const deployment = await deploymentOf(api, pod, signal);
    if (!deployment.ok) return deployment;
    const scaler =
      mode === 'surge' && deployment.value !== undefined
        ? await autoscalerOf(api, deployment.value, signal)
        : ok(undefined);
    if (!scaler.ok) return scaler;
    ways.set(
      uidOf(pod),
      decideWay({ mode, pod, answer, deployment: deployment.value, autoscaler: scaler.value }),
    );
  }
  return ok(ways);
}

/**
 * The ways for a drain. Empty if the play does not set `single_replica`, or if no eviction is used.
 */
export async function waysOf(
  context: DrainContext,
  selection: Selection,
  signal: AbortSignal,
): Promise<Outcome<Ways>> {
  const { api, node, owner, options, evictionApi } = context;
  if (options.singleReplica === undefined || options.disableEviction || evictionApi === 'none')
    return ok(new Map());
  const version = await context.pdbApi();
  if (!version.ok) return version;
  const items = await api.pdbs(version.value, signal);
  if (!items.ok) return items;
  const ways = await readWays(
    api,
    options.singleReplica,
    selection,
    { api: version.value, items: items.value },
    signal,
  );
  if (!ways.ok) return ways;
  if ([...ways.value.values()].some((way) => way.kind === 'refused')) return ways;
  const surged = [...ways.value.values()].flatMap((way) =>
    way.kind === 'surge' ? [way.deployment] : [],
  );
  if (surged.length === 0) return ways;
  const decide = (object: NodeObject): { readonly failure?: Failure; readonly patch?: object } => {
    const failure = ownershipFailure(object, owner);
    return failure === undefined ? decideSurged(object, surged) : { failure };
  };
  const written = await rewrite(ofNode(api, node, signal), decide);
  if (!written.ok) return written;
  return written.value.failure === undefined ? ways : { ok: false, failure: written.value.failure };
}

export interface MoveContext {
  readonly drain: DrainContext;
  readonly evicting: EvictContext;
}

const pollEvery = 1_000;

/**
 * Restarts or scales up the workload of a pod that no budget would let go. Undefined: evict it now.
 */
export async function move(
  pod: PodObject,
  way: Exclude<Way, { kind: 'refused' }>,
  context: MoveContext,
): Promise<PodEnd | undefined> {
  const { signal, note, clock, mayGo } = context.evicting;
  for (let tries = 0; !signal.aborted; tries += 1) {
    if (!(await mayGo())) return { kind: 'stopped' };
    const done = await (way.kind === 'restart'
      ? restart(pod, way.deployment, context)
      : surge(way.deployment, context));
    if (done.ok && done.value === undefined) {
      note(uidOf(pod), {
        by: 'workload',
        why: `waits for another pod of Deployment ${way.deployment} to be Ready elsewhere`,
      });
      return way.kind === 'restart' ? { kind: 'replaced' } : mayBeEvicted(pod, context);
    }
    if (!done.ok && done.failure.transport !== true)
      return { kind: 'failed', why: done.failure.message };
    note(uidOf(pod), {
      by: 'workload',
      why: done.ok ? `Deployment ${way.deployment} ${done.value}` : done.failure.message,
    });
    await clock.sleep(retryPause(tries, clock.random()), signal);
  }
  return { kind: 'stopped' };
}

/** Undefined: done. Otherwise: why not yet. */
async function restart(
  pod: PodObject,
  deployment: string,
  { drain, evicting }: MoveContext,
): Promise<Outcome<string | undefined>> {
  const at = new Date(drain.api.serverNow()).toISOString();
  const done = await rewrite(ofDeployment(drain.api, deployment, evicting.signal), (object) =>
    decideRestart(object, pod, at),
  );
  if (done.ok && done.value.kind === 'write')
    drain.progress(`restarted Deployment ${deployment} (${restartAnnotation})`);
  return done.ok ? ok(undefined) : done;
}

async function surge(
  deployment: string,
  { drain, evicting }: MoveContext,
): Promise<Outcome<string | undefined>> {
  const decide = (object: DeploymentObject) => decideSurge(object, drain.node, drain.owner);
  const done = await rewrite(ofDeployment(drain.api, deployment, evicting.signal), decide);
  if (!done.ok) return done;
  if (done.value.kind === 'others') return ok(done.value.why);
  if (done.value.kind === 'write')
    drain.progress(
      `scaled Deployment ${deployment} from ${done.value.replicas} to ${done.value.replicas + 1}`,
    );
  return ok(undefined);
}

/** Waits until the budget counts the additional replica. Until then it would still refuse. */
async function mayBeEvicted(
  pod: PodObject,
  { drain, evicting }: MoveContext,
): Promise<PodEnd | undefined> {
  const { signal, clock, isGone } = evicting;
  while (!signal.aborted) {
    const version = await drain.pdbApi();
    const items = version.ok
      ? await drain.api.pdbsIn(version.value, namespaceOf(pod), signal)
      : version;
    if (!items.ok && items.failure.transport !== true)
      return { kind: 'failed', why: items.failure.message };
    if (isGone(uidOf(pod))) return undefined;
    if (version.ok && items.ok && askPdbs(pod, items.value, version.value).kind === 'passes')
      return undefined;
    await clock.sleep(pollEvery, signal);
  }
  return { kind: 'stopped' };
}
