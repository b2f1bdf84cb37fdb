// Decides what `single_replica` does for pods that a PDB can never allow to go: restart their
// Deployment, or scale it up by one. Pure.
import type { Owner } from '../../../engine/ports/cluster.ts';
import {
  controllerOf,
  type DeploymentObject,
  type Meta,
  type NodeObject,
  type PodObject,
  workloadName,
} from '../objects/objects.ts';
import { amount, canNeverAllow, type PdbAnswer } from '../objects/pdb.ts';

/** On a Deployment: the node whose drain scaled it up, and its number of replicas before. */
export const surgeAnnotation = 'kmend.io/surge';
/**
 * On a node: the Deployments that its drain scales up. It is written before the first of them, so
 * that none is forgotten.
 */
export const surgedAnnotation = 'kmend.io/surged';
/** `kubectl rollout restart` writes it into the template; each new value makes new pods. */
export const restartAnnotation = 'kubectl.kubernetes.io/restartedAt';

export type Way =
  | { readonly kind: 'restart' | 'surge'; readonly deployment: string; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

/** By the uid of a pod. A pod without an entry is evicted like any other. */
export type Ways = ReadonlyMap<string, Way>;

const annotationOf = (
  object: { readonly metadata?: Meta } | undefined,
  name: string,
): string | undefined => object?.metadata?.annotations?.[name];

const keyOf = ({ metadata }: DeploymentObject): string =>
  `${metadata?.namespace ?? 'default'}/${metadata?.name ?? '?'}`;

/**
 * Why a restart is refused. It must start new pods before it ends old ones, or it breaks the
 * budget.
 */
function whyNoRestart({ spec }: DeploymentObject): string | undefined {
  const { type, rollingUpdate: { maxSurge = '25%', maxUnavailable = '25%' } = {} } =
    spec?.strategy ?? {};
  const replicas = spec?.replicas ?? 1;
  if (spec?.paused === true) return 'is paused: a restart makes no new pods';
  if (type === 'Recreate')
    return 'has the strategy Recreate: a restart ends its pods before there are new ones';
  if ((amount(maxSurge, replicas) ?? 0) <= 0)
    return 'has maxSurge 0: a restart ends its pods before there are new ones';
  const away = amount(maxUnavailable, replicas, Math.floor) ?? replicas;
  return away > 0
    ? `has maxUnavailable ${maxUnavailable}: a restart may take ${away} of its ${replicas} pods away at once`
    : undefined;
}

function whyNoSurge(answer: Never, autoscaler: string | undefined): string | undefined {
  if (autoscaler !== undefined)
    return `is scaled by HorizontalPodAutoscaler ${autoscaler}, which would undo one more replica`;
  const { pdb } = answer;
  const more = pdb && {
    ...pdb,
    status: { ...pdb.status, expectedPods: (pdb.status?.expectedPods ?? 0) + 1 },
  };
  return more === undefined || canNeverAllow(more)
    ? 'is not helped by one more replica'
    : undefined;
}

type Never = Extract<PdbAnswer, { kind: 'never' }>;

export interface WayQuestion {
  readonly mode: 'restart' | 'surge';
  readonly pod: PodObject;
  readonly answer: Never;
  /** Undefined: the pod belongs to no Deployment. */
  readonly deployment: DeploymentObject | undefined;
  /** Name of an autoscaler of the Deployment, as far as the account may read it. */
  readonly autoscaler?: string | undefined;
}

export function decideWay({ mode, pod, answer, deployment, autoscaler }: WayQuestion): Way {
  const cannot = (what: string): Way => ({
    kind: 'refused',
    why: `${answer.why}; single_replica: ${mode} cannot help: ${what}`,
  });
  if (deployment === undefined)
    return cannot(
      `${controllerOf(pod)?.kind ?? 'the pod'} ${workloadName(pod)} is of no Deployment`,
    );
  const key = keyOf(deployment);
  const why = mode === 'restart' ? whyNoRestart(deployment) : whyNoSurge(answer, autoscaler);
  return why === undefined
    ? { kind: mode, deployment: key, why: answer.why }
    : cannot(`Deployment ${key} ${why}`);
}

/** For a plan: one line per workload. */
export const describeWays = (ways: Ways): readonly string[] => [
  ...new Set(
    [...ways.values()].flatMap((way) => {
      if (way.kind === 'refused') return [];
      const what =
        way.kind === 'restart' ? 'is restarted' : 'gets one more replica until the node is drained';
      return [`Deployment ${way.deployment} ${what} (single_replica: ${way.kind}): ${way.why}`];
    }),
  ),
];

type Write = { readonly kind: 'write'; readonly patch: object };
type Nothing = { readonly kind: 'nothing'; readonly patch?: never };

/** A pod of an older template is already being replaced, by an earlier drain or by an operator. */
export function decideRestart(
  deployment: DeploymentObject,
  pod: PodObject,
  at: string,
): Write | Nothing {
  if (
    annotationOf(deployment.spec?.template, restartAnnotation) !==
    annotationOf(pod, restartAnnotation)
  )
    return { kind: 'nothing' };
  const template = { metadata: { annotations: { [restartAnnotation]: at } } };
  return {
    kind: 'write',
    patch: {
      metadata: { resourceVersion: deployment.metadata?.resourceVersion },
      spec: { template },
    },
  };
}

interface Surge {
  readonly run: string;
  readonly node: string;
  /** Number of replicas before the surge. */
  readonly replicas: number;
}

/** Longest name of a node or a run. */
const longestName = 253;

/** An annotation that cannot be read still counts as a surge of somebody else. */
function surgeOf(deployment: DeploymentObject): Surge | undefined {
  const text = annotationOf(deployment, surgeAnnotation);
  if (text === undefined) return undefined;
  const read = parse(text);
  const given: Partial<Record<keyof Surge, unknown>> =
    typeof read === 'object' && read !== null ? read : {};
  const { run, node, replicas } = given;
  const short = (value: unknown): string => String(value).slice(0, longestName);
  return {
    run: short(run),
    node: short(node),
    replicas: typeof replicas === 'number' ? replicas : Number.NaN,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const surgePatch = (
  { metadata }: DeploymentObject,
  annotation: string | null,
  replicas: number | undefined,
): object => ({
  metadata: {
    resourceVersion: metadata?.resourceVersion,
    annotations: { [surgeAnnotation]: annotation },
  },
  ...(replicas === undefined ? {} : { spec: { replicas } }),
});

/** `others`: the drain of another node scaled it up and scales it down. */
export function decideSurge(
  deployment: DeploymentObject,
  node: string,
  { run }: Owner,
):
  | (Write & { readonly replicas: number })
  | Nothing
  | { readonly kind: 'others'; readonly why: string; readonly patch?: never } {
  const surge = surgeOf(deployment);
  if (surge?.node === node) return { kind: 'nothing' };
  if (surge !== undefined)
    return {
      kind: 'others',
      why: `is scaled up for the drain of node ${surge.node} by run ${surge.run}`,
    };
  const replicas = deployment.spec?.replicas ?? 1;
  const mark: Surge = { run, node, replicas };
  return {
    kind: 'write',
    replicas,
    patch: surgePatch(deployment, JSON.stringify(mark), replicas + 1),
  };
}

/** Restores the number of replicas, unless somebody else changed it meanwhile. */
export function decideScaleBack(
  deployment: DeploymentObject,
  node: string,
): (Write & { readonly replicas?: number }) | Nothing {
  const surge = surgeOf(deployment);
  if (surge?.node !== node) return { kind: 'nothing' };
  if (deployment.spec?.replicas !== surge.replicas + 1)
    return { kind: 'write', patch: surgePatch(deployment, null, undefined) };
  return {
    kind: 'write',
    replicas: surge.replicas,
    patch: surgePatch(deployment, null, surge.replicas),
  };
}

/** Deployments that the drain of this node scaled up, or was about to. */
export function surgedOf(node: NodeObject): readonly string[] {
  const read = parse(annotationOf(node, surgedAnnotation) ?? '');
  return Array.isArray(read) ? read.map(String) : [];
}

/** Without `patch`: all of them are written already. */
export function decideSurged(
  node: NodeObject,
  deployments: readonly string[],
): { readonly patch?: object } {
  const known = surgedOf(node);
  const all = [...new Set([...known, ...deployments])].sort();
  return all.length === known.length ? {} : { patch: surgedPatch(node, JSON.stringify(all)) };
}

export const surgedPatch = ({ metadata }: NodeObject, annotation: string | null): object => ({
  metadata: {
    resourceVersion: metadata?.resourceVersion,
    annotations: { [surgedAnnotation]: annotation },
  },
});
