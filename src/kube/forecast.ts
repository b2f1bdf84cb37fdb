// What a drain would do, from what was read before the cordon: who goes, who blocks with which numbers, how long, and where to. Pure.
import type { Forecast } from '../engine/ports.ts';
import type { DrainOptions } from '../model/effect.ts';
import type { EvictionApi } from './api.ts';
import { noEviction, wayOf } from './evict.ts';
import { graceOf, overdue, type Selection } from './filters.ts';
import { controllerOf, hasMemoryLimit, isPodReady, type NodeObject, type PdbObject, type PodObject, podName } from './objects.ts';
import { nodeState } from './ownership.ts';
import { askPdbs, describePdb, type PdbApi, pdbsOf } from './pdb.ts';
import { nowhereToGo, type Usage } from './placement.ts';
import { describeWays, type Ways } from './single-replica.ts';

/** What could be read; what the account may not read is absent and said in `notes`. */
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
  /** Webhooks that nobody answers for. */
  readonly deadWebhooks: readonly string[];
  /** What `single_replica` does for pods that a PDB can never allow to go. */
  readonly ways?: Ways;
  readonly notes: readonly string[];
}

/** Longer past its own grace period than this, a pod is stuck: no drain ends it. */
const stuckAfter = 300;
/** What a replacement takes to become ready, where nothing else is known. */
const settle = 5;

interface Findings {
  readonly blocks: string[];
  readonly busy: string[];
  readonly warnings: string[];
}

function nodeFindings({ node, options }: ForecastInput, { blocks }: Findings): void {
  const state = nodeState(node);
  if (!state.ready && options.deadNodeSkipWaitAfter === undefined) {
    blocks.push(`node ${state.name} is NotReady: its kubelet ends no pods (needs dead_node_skip_wait_after)`);
  }
}

/** Who deletes asks no budget: which of them have fewer pods to spare than go here, all at once. */
function brokenBudgets({ selection, pdbs }: ForecastInput, option: string): readonly string[] {
  if (selection.evict.length === 0) return [];
  if (pdbs === undefined) return [`deletes ${selection.evict.length} pods and asks no PDB (${option})`];
  return pdbs.items.flatMap((pdb) => {
    const going = selection.evict.filter((pod) => pdbsOf(pod, [pdb], pdbs.api).length > 0).map(podName);
    const spare = pdb.status?.disruptionsAllowed ?? 0;
    return going.length <= spare ? [] : [`deletes ${going.join(', ')} and breaks their budget (${option}): ${describePdb(pdb)}`];
  });
}

function pdbFindings(input: ForecastInput, { blocks, busy, warnings }: Findings): void {
  const { selection, options, pdbs, evictionApi, ways } = input;
  const way = wayOf(options, evictionApi);
  if (way === undefined && selection.evict.length > 0) blocks.push(noEviction);
  if (way?.by !== undefined) warnings.push(...brokenBudgets(input, way.by));
  if (pdbs === undefined || way === undefined || way.by !== undefined) return;
  if (ways !== undefined) warnings.push(...describeWays(ways));
  const turns = new Map<PdbObject, number>();
  for (const pod of selection.evict) {
    const answer = askPdbs(pod, pdbs.items, pdbs.api);
    if (answer.kind === 'passes') {
      if (answer.pdb !== undefined) turns.set(answer.pdb, (turns.get(answer.pdb) ?? 0) + 1);
      continue;
    }
    const other = ways?.get(pod.metadata?.uid ?? '');
    if (other !== undefined && other.kind !== 'refused') continue;
    (answer.kind === 'never' ? blocks : busy).push(`${podName(pod)}: ${other?.why ?? answer.why}`);
  }
  for (const [pdb, count] of turns) {
    const allowed = pdb.status?.disruptionsAllowed ?? 0;
    if (count > allowed) warnings.push(`${count} pods of this node go in turns: ${describePdb(pdb)}`);
    if ((pdb.status?.observedGeneration ?? 0) < (pdb.metadata?.generation ?? 0)) {
      warnings.push(`PDB ${pdb.metadata?.name} was changed just now: its numbers are not up to date`);
    }
  }
}

const ordinary = /^batch\.kubernetes\.io\/job-tracking$/;

/** A Job's pod may end by itself while the drain waits. */
function leftFindings({ selection, options }: ForecastInput, { blocks, warnings }: Findings): void {
  const accepted = options.leftBehind === 'accept';
  for (const { pod, why } of selection.left) {
    const text = `${podName(pod)}: ${why}`;
    if (accepted) warnings.push(`${text}: it is left behind`);
    else (controllerOf(pod)?.kind === 'Job' ? warnings : blocks).push(`${text}: the node is not drained while it is there`);
  }
}

function endingFindings({ selection, options, now }: ForecastInput, { blocks, warnings }: Findings): void {
  for (const pod of selection.evict) {
    const finalizers = (pod.metadata?.finalizers ?? []).filter((name) => !ordinary.test(name));
    if (finalizers.length > 0) warnings.push(`${podName(pod)}: goes only when finalizer ${finalizers.join(', ')} is taken off`);
    const late = overdue(pod, now);
    if (late === undefined || late < stuckAfter) continue;
    const text = `${podName(pod)}: should have ended ${Math.round(late)} s ago and is still there`;
    const isLeft = (options.skipWaitForDeleteTimeout ?? 0) > 0 || options.deadNodeSkipWaitAfter !== undefined;
    if (isLeft && options.leftBehind === 'accept') warnings.push(text);
    else blocks.push(text);
  }
}

/** A budget that wants some of them healthy lets them go in turns, or not at all. */
function keepsSome(pod: PodObject, { items, api }: NonNullable<ForecastInput['pdbs']>): boolean {
  const answer = askPdbs(pod, items, api);
  return answer.kind !== 'passes' || (answer.pdb?.status?.desiredHealthy ?? 0) > 0;
}

/** Workloads of which every ready pod is on this node: they are down while their pods move, and no PDB says so. */
function ownerFindings({ selection, usage, pdbs }: ForecastInput, { warnings }: Findings): void {
  if (usage === undefined) return;
  const owners = new Map<string, { readonly name: string; readonly pods: PodObject[] }>();
  for (const pod of selection.evict) {
    const owner = controllerOf(pod);
    if (owner === undefined || !isPodReady(pod) || owner.kind === 'Job') continue;
    const entry = owners.get(owner.uid) ?? { name: `${owner.kind} ${pod.metadata?.namespace ?? 'default'}/${owner.name}`, pods: [] };
    entry.pods.push(pod);
    owners.set(owner.uid, entry);
  }
  for (const [uid, { name, pods }] of owners) {
    const ready = usage.readyByOwner.get(uid) ?? 0;
    const guarded = pods.some((pod) => pdbs !== undefined && keepsSome(pod, pdbs));
    if (ready > 0 && pods.length >= ready && !guarded)
      warnings.push(`${name}: all ${ready} ready pods are on this node: it is down while they move`);
  }
}

/** The longest grace period; pods of one budget one turn after the other. */
export function estimateSeconds({ selection, options, pdbs }: ForecastInput): number {
  const perPdb = new Map<PdbObject, number[]>();
  let longest = 0;
  for (const pod of selection.evict) {
    longest = Math.max(longest, graceOf(pod, options));
    const answer = pdbs === undefined ? undefined : askPdbs(pod, pdbs.items, pdbs.api);
    if (answer?.pdb !== undefined) perPdb.set(answer.pdb, [...(perPdb.get(answer.pdb) ?? []), graceOf(pod, options)]);
  }
  for (const [pdb, graces] of perPdb) {
    const rounds = Math.ceil(graces.length / Math.max(1, pdb.status?.disruptionsAllowed ?? 1));
    if (rounds > 1) longest = Math.max(longest, rounds * (Math.max(...graces) + settle));
  }
  return longest;
}

export function forecastDrain(input: ForecastInput): Forecast {
  const { selection, node, nodes, usage, options } = input;
  const findings: Findings = { blocks: [], busy: [], warnings: [] };
  nodeFindings(input, findings);
  findings.blocks.push(...selection.refused);
  for (const webhook of options.disableEviction ? [] : input.deadWebhooks) {
    findings.blocks.push(`admission webhook ${webhook} is asked about every eviction, and nothing answers there`);
  }
  pdbFindings(input, findings);
  leftFindings(input, findings);
  endingFindings(input, findings);
  ownerFindings(input, findings);
  findings.warnings.push(...selection.warnings);
  const movable = selection.evict.filter((pod) => controllerOf(pod) !== undefined);
  if (nodes !== undefined && usage !== undefined) findings.warnings.push(...nowhereToGo(movable, nodes, node.metadata?.name ?? '', usage));
  return {
    evicts: selection.evict.map(podName),
    leaves: selection.leave.map(podName),
    blocks: findings.blocks,
    busy: findings.busy,
    samplers: selection.leave.filter(hasMemoryLimit).map(podName),
    warnings: [...findings.warnings, ...input.notes],
    estimate: estimateSeconds(input),
  };
}
