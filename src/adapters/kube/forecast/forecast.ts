// Forecasts a drain from what was read before the cordon: which pods go, what blocks, how long it
// takes and whether the pods fit elsewhere. Pure.

import type { Forecast } from '../../../engine/ports/cluster.ts';
import { present } from '../../../model/present.ts';
import type { DrainOptions } from '../../../model/run/effect.ts';
import { plural } from '../../../model/text/plural.ts';
import type { EvictionApi } from '../client/api.ts';
import { noEviction, wayOf } from '../drain/evict.ts';
import { isAwaited } from '../drain/jobs.ts';
import { describeWays, type Ways } from '../drain/single-replica.ts';
import { nodeState } from '../node/ownership.ts';
import { nowhereToGo, type Usage, type Volumes } from '../node/placement.ts';
import { graceOf, overdue, type Selection } from '../objects/filters.ts';
import {
  controllerOf,
  hasMemoryLimit,
  isFinished,
  isPodReady,
  type NodeObject,
  type PdbObject,
  type PodObject,
  podName,
} from '../objects/objects.ts';
import { askPdbs, describePdb, type PdbAnswer, type PdbApi, pdbsOf } from '../objects/pdb.ts';
import type { EvictionWebhook } from '../objects/webhooks.ts';
import type { DryRunAnswer } from './dry-run.ts';

/** What could be read. `notes` explains absent parts. */
export interface ForecastInput {
  readonly node: NodeObject;
  readonly options: DrainOptions;
  readonly selection: Selection;
  /** The API server's clock, milliseconds since 1970. */
  readonly now: number;
  readonly evictionApi: EvictionApi;
  readonly pdbs?: { readonly api: PdbApi; readonly items: readonly PdbObject[] };
  readonly nodes?: readonly NodeObject[];
  readonly usage?: Usage;
  readonly volumes?: Volumes;
  /** The API server's answers to a dry run, if it was asked. */
  readonly evictionAnswers?: ReadonlyMap<PodObject, DryRunAnswer>;
  readonly webhooks: readonly SeenWebhook[];
  /** What `single_replica` does for pods that a PDB can never allow to go. */
  readonly ways?: Ways;
  readonly notes: readonly string[];
}

/** `answers`: whether its service has an endpoint. Absent: unknown. */
export interface SeenWebhook extends EvictionWebhook {
  readonly answers?: boolean;
}

/** Seconds past its grace period after which a pod counts as stuck: no drain ends it. */
const stuckAfter = 300;
/** Seconds until a new pod is ready, as an estimate. */
const readyAfter = 5;

interface Findings {
  readonly blocks: string[];
  readonly busy: string[];
  readonly warnings: string[];
}

function nodeFindings({ node, options }: ForecastInput, { blocks }: Findings): void {
  const state = nodeState(node);
  if (!state.ready && options.deadNodeSkipWaitAfter === undefined) {
    blocks.push(
      `node ${state.name} is NotReady: its kubelet ends no pods (needs dead_node_skip_wait_after)`,
    );
  }
}

/** A deletion ignores budgets: names those that the deletions would break. */
function brokenBudgets({ selection, pdbs }: ForecastInput, option: string): readonly string[] {
  if (selection.evict.length === 0) return [];
  if (pdbs === undefined)
    return [`deletes ${plural(selection.evict.length, 'pod')} and asks no PDB (${option})`];
  return pdbs.items.flatMap((pdb) => {
    const going = selection.evict
      .filter((pod) => pdbsOf(pod, [pdb], pdbs.api).length > 0)
      .map(podName);
    const spare = pdb.status?.disruptionsAllowed ?? 0;
    return going.length <= spare
      ? []
      : [`deletes ${going.join(', ')} and breaks their budget (${option}): ${describePdb(pdb)}`];
  });
}

/**
 * The server's answer wins. The model adds the numbers, and whether a refusing budget could ever
 * allow it.
 */
function answerOf(pod: PodObject, { evictionAnswers, pdbs }: ForecastInput): PdbAnswer {
  const known = evictionAnswers?.get(pod);
  const model: PdbAnswer =
    pdbs === undefined ? { kind: 'passes' } : askPdbs(pod, pdbs.items, pdbs.api);
  if (known?.kind === 'goes') return { kind: 'passes', ...present({ pdb: model.pdb }) };
  return known?.kind === 'budget' && model.kind === 'passes'
    ? { ...model, kind: 'busy', why: known.why }
    : model;
}

/**
 * Names the workload if the budget covers only one pod. A ReplicaSet gets the name of its
 * Deployment, without the hash of the template.
 */
function soleReplica(pod: PodObject, pdb: PdbObject | undefined): string {
  const owner = controllerOf(pod);
  if (owner === undefined || pdb?.status?.expectedPods !== 1) return '';
  const hash = pod.metadata?.labels?.['pod-template-hash'];
  const isDeployment =
    owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`);
  const name = isDeployment
    ? `Deployment ${owner.name.slice(0, -hash.length - 1)}`
    : `${owner.kind} ${owner.name}`;
  return `; it is the single replica of ${name}`;
}

function pdbFindings(input: ForecastInput, { blocks, busy, warnings }: Findings): void {
  const { selection, options, evictionApi, ways } = input;
  const way = wayOf(options, evictionApi);
  if (way === undefined && selection.evict.length > 0) blocks.push(noEviction);
  if (way?.by !== undefined) warnings.push(...brokenBudgets(input, way.by));
  if (way === undefined || way.by !== undefined) return;
  if (ways !== undefined) warnings.push(...describeWays(ways));
  const turns = new Map<PdbObject, number>();
  for (const pod of selection.evict) {
    const answer = answerOf(pod, input);
    if (answer.kind === 'passes') {
      if (answer.pdb !== undefined) turns.set(answer.pdb, (turns.get(answer.pdb) ?? 0) + 1);
      continue;
    }
    const other = ways?.get(pod.metadata?.uid ?? '');
    if (other !== undefined && other.kind !== 'refused') continue;
    const text = `${podName(pod)}: ${other?.why ?? answer.why}${soleReplica(pod, answer.pdb)}`;
    (answer.kind === 'never' ? blocks : busy).push(text);
  }
  for (const [pdb, count] of turns) {
    const allowed = pdb.status?.disruptionsAllowed ?? 0;
    if (count > allowed)
      warnings.push(
        `${plural(count, 'pod of this node goes', 'pods of this node go')} in turns: ${describePdb(pdb)}`,
      );
    if ((pdb.status?.observedGeneration ?? 0) < (pdb.metadata?.generation ?? 0)) {
      warnings.push(
        `PDB ${pdb.metadata?.name} was changed just now: its numbers are not up to date`,
      );
    }
  }
}

/** Number of names in a message. */
const shown = 3;
const nameAll = (pods: readonly PodObject[]): string =>
  pods.slice(0, shown).map(podName).join(', ') +
  (pods.length > shown ? ` and ${pods.length - shown} more` : '');

/** One line per reason, since a webhook refuses many pods alike. */
function answerFindings(input: ForecastInput, { blocks, warnings }: Findings): void {
  const { selection, evictionAnswers } = input;
  const byReason = new Map<string, PodObject[]>();
  for (const pod of selection.evict) {
    const answer = evictionAnswers?.get(pod);
    if (answer?.kind !== 'refused' && answer?.kind !== 'unknown') continue;
    if (answer.kind === 'refused' && answerOf(pod, input).kind === 'never') continue;
    const key = `${answer.kind} ${answer.why}`;
    byReason.set(key, [...(byReason.get(key) ?? []), pod]);
  }
  for (const pods of byReason.values()) {
    const answer = evictionAnswers?.get(pods[0] ?? {});
    if (answer?.kind === 'refused')
      blocks.push(`${nameAll(pods)}: the API server refuses the eviction: ${answer.why}`);
    if (answer?.kind === 'unknown')
      warnings.push(
        `${nameAll(pods)}: what the API server answers to an eviction is not known: ${answer.why}`,
      );
  }
}

/**
 * For pods without an answer of the server: what the configured webhooks may do. A webhook for some
 * namespaces only is a warning, since it may not be asked.
 */
function webhookFindings(
  { selection, options, evictionAnswers, webhooks }: ForecastInput,
  { blocks, warnings }: Findings,
): void {
  const open = selection.evict.filter(
    (pod) => (evictionAnswers?.get(pod) ?? { kind: 'unknown' }).kind === 'unknown',
  );
  if (options.disableEviction || (open.length === 0 && evictionAnswers !== undefined)) return;
  for (const { name, service, selective, byUrl, answers } of webhooks.filter(
    ({ required }) => required,
  )) {
    const where = service === undefined ? '' : ` (service ${service.namespace}/${service.name})`;
    if (byUrl)
      warnings.push(
        `admission webhook ${name} is asked about evictions by URL: whether it answers is not known`,
      );
    if (answers !== false) continue;
    if (selective)
      warnings.push(
        `admission webhook ${name}${where} is asked about evictions in some namespaces, and nothing answers there`,
      );
    else
      blocks.push(
        `admission webhook ${name}${where} is asked about every eviction, and nothing answers there`,
      );
  }
}

const ordinary = /^batch\.kubernetes\.io\/job-tracking$/;

/** A pod of a Job is only a warning: it may finish while the drain waits. */
function leftFindings({ selection, options }: ForecastInput, { blocks, warnings }: Findings): void {
  const accepted = options.leftBehind === 'accept';
  for (const { pod, why } of selection.left) {
    const text = `${podName(pod)}: ${why}`;
    if (accepted) warnings.push(`${text}: it is left behind`);
    else
      (controllerOf(pod)?.kind === 'Job' ? warnings : blocks).push(
        `${text}: the node is not drained while it is there`,
      );
  }
}

function endingFindings(
  { selection, options, now }: ForecastInput,
  { blocks, warnings }: Findings,
): void {
  for (const pod of selection.evict) {
    const finalizers = (pod.metadata?.finalizers ?? []).filter((name) => !ordinary.test(name));
    if (finalizers.length > 0)
      warnings.push(
        `${podName(pod)}: goes only when finalizer ${finalizers.join(', ')} is taken off`,
      );
    const late = overdue(pod, now);
    if (late === undefined || late < stuckAfter) continue;
    const text = `${podName(pod)}: should have ended ${Math.round(late)} s ago and is still there`;
    const isLeft =
      (options.skipWaitForDeleteTimeout ?? 0) > 0 || options.deadNodeSkipWaitAfter !== undefined;
    if (isLeft && options.leftBehind === 'accept') warnings.push(text);
    else blocks.push(text);
  }
}

/** True: the budget requires healthy pods, so that they go in turns or not at all. */
function keepsSome(pod: PodObject, { items, api }: NonNullable<ForecastInput['pdbs']>): boolean {
  const answer = askPdbs(pod, items, api);
  return answer.kind !== 'passes' || (answer.pdb?.status?.desiredHealthy ?? 0) > 0;
}

/** The work of a Job's pod is lost unless the drain waits for it. */
function jobFindings({ selection, options }: ForecastInput, { warnings }: Findings): void {
  for (const pod of selection.evict) {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'Job' || isFinished(pod)) continue;
    const end = isAwaited(pod, options)
      ? `it is waited for (jobs: wait), up to ${options.timeout} s`
      : 'its work is lost, and counts as a failure against the backoffLimit';
    warnings.push(`${podName(pod)}: runs for Job ${owner.name}: ${end}`);
  }
}

/**
 * Pods that fit nowhere stay Pending, and a budget that counts them allows no more: the drain would
 * stop halfway. Room may come, for example by an uncordon, so the run waits.
 */
function placementFindings(input: ForecastInput, { busy, warnings }: Findings): void {
  const { selection, node, nodes, usage, volumes } = input;
  if (nodes === undefined || usage === undefined) return;
  const movable = selection.evict.filter((pod) => controllerOf(pod) !== undefined);
  const stuck = nowhereToGo(movable, nodes, node.metadata?.name ?? '', usage, volumes);
  warnings.push(...stuck.values());
  if (input.options.disableEviction) return;
  const waiting = new Map<PdbObject, PodObject[]>();
  for (const pod of stuck.keys()) {
    const { kind, pdb } = answerOf(pod, input);
    if (kind === 'passes' && pdb !== undefined)
      waiting.set(pdb, [...(waiting.get(pdb) ?? []), pod]);
  }
  for (const [pdb, pods] of waiting) {
    const allowed = pdb.status?.disruptionsAllowed ?? 0;
    if (pods.length > allowed)
      busy.push(
        `${nameAll(pods)}: nowhere to go, and ${describePdb(pdb)}: the drain would stop after ${allowed}`,
      );
  }
}

/**
 * Workloads whose ready pods are all on this node: they are down while the pods move, and no PDB
 * prevents it.
 */
function ownerFindings({ selection, usage, pdbs }: ForecastInput, { warnings }: Findings): void {
  if (usage === undefined) return;
  const owners = new Map<string, { readonly name: string; readonly pods: PodObject[] }>();
  for (const pod of selection.evict) {
    const owner = controllerOf(pod);
    if (owner === undefined || !isPodReady(pod) || owner.kind === 'Job') continue;
    const entry = owners.get(owner.uid) ?? {
      name: `${owner.kind} ${pod.metadata?.namespace ?? 'default'}/${owner.name}`,
      pods: [],
    };
    entry.pods.push(pod);
    owners.set(owner.uid, entry);
  }
  for (const [uid, { name, pods }] of owners) {
    const ready = usage.readyByOwner.get(uid) ?? 0;
    const guarded = pods.some((pod) => pdbs !== undefined && keepsSome(pod, pdbs));
    if (ready > 0 && pods.length >= ready && !guarded)
      warnings.push(
        `${name}: all ${ready} ready pods are on this node: it is down while they move`,
      );
  }
}

/** Seconds: the longest grace period, or for pods of one budget the sum of their turns. */
export function estimateSeconds({ selection, options, pdbs }: ForecastInput): number {
  const perPdb = new Map<PdbObject, number[]>();
  let longest = 0;
  for (const pod of selection.evict) {
    longest = Math.max(longest, graceOf(pod, options));
    const answer = pdbs === undefined ? undefined : askPdbs(pod, pdbs.items, pdbs.api);
    if (answer?.pdb !== undefined)
      perPdb.set(answer.pdb, [...(perPdb.get(answer.pdb) ?? []), graceOf(pod, options)]);
  }
  for (const [pdb, graces] of perPdb) {
    const rounds = Math.ceil(graces.length / Math.max(1, pdb.status?.disruptionsAllowed ?? 1));
    if (rounds > 1) longest = Math.max(longest, rounds * (Math.max(...graces) + readyAfter));
  }
  return longest;
}

/** A warning, since most pods end long before their grace period is over. */
function timeFindings(
  { selection, options }: ForecastInput,
  estimate: number,
  { warnings }: Findings,
): void {
  if (estimate <= options.timeout) return;
  const long = selection.evict.filter((pod) => graceOf(pod, options) > options.timeout);
  const cause = long.length === 0 ? 'one after the other, by their budget' : nameAll(long);
  warnings.push(
    `needs at least ${Math.round(estimate)} s of grace, timeout is ${options.timeout} s: ${cause}`,
  );
}

export function forecastDrain(input: ForecastInput): Forecast {
  const { selection } = input;
  const findings: Findings = { blocks: [], busy: [], warnings: [] };
  const estimate = estimateSeconds(input);
  nodeFindings(input, findings);
  findings.blocks.push(...selection.refused);
  webhookFindings(input, findings);
  answerFindings(input, findings);
  pdbFindings(input, findings);
  leftFindings(input, findings);
  timeFindings(input, estimate, findings);
  endingFindings(input, findings);
  jobFindings(input, findings);
  ownerFindings(input, findings);
  findings.warnings.push(...selection.warnings);
  placementFindings(input, findings);
  return {
    evicts: selection.evict.map(podName),
    leaves: selection.leave.map(podName),
    blocks: findings.blocks,
    busy: findings.busy,
    samplers: selection.leave.filter(hasMemoryLimit).map(podName),
    warnings: [...findings.warnings, ...input.notes],
    estimate,
  };
}
