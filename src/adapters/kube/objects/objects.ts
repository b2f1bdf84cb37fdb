// The parts of Kubernetes objects that kmend reads. Every field may be absent: servers differ in
// age.
import type { DeploymentState } from '../../../engine/ports/cluster.ts';

export interface Meta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface NodeObject {
  readonly metadata?: Meta;
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly allocatable?: Readonly<Record<string, string>>;
    /**
     * Volumes that the kubelet has mounted or will mount, by unique name:
     * `kubernetes.io/csi/DRIVER^HANDLE`.
     */
    readonly volumesInUse?: readonly string[];
    readonly nodeInfo?: {
      readonly bootID?: string;
      readonly machineID?: string;
      readonly systemUUID?: string;
      readonly kernelVersion?: string;
      readonly containerRuntimeVersion?: string;
      readonly kubeletVersion?: string;
    };
  };
  /**
   * Ours, not the API's: the process of a manual drain that owns the node, and why it may be alive.
   */
  readonly ownedBy?: string;
  /** Ours, not the API's: which mark was ignored as stale, and why. */
  readonly staleMark?: string;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

export interface SelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly SelectorRequirement[];
}

export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly SelectorRequirement[];
  readonly matchFields?: readonly SelectorRequirement[];
}

export interface ContainerSpec {
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
}

/** A volume of a pod. One further key names its source. */
export interface PodVolume {
  readonly name?: string;
  readonly emptyDir?: object | null;
  readonly persistentVolumeClaim?: { readonly claimName?: string };
  readonly ephemeral?: object;
}

export interface PodObject {
  readonly metadata?: Meta;
  readonly spec?: {
    readonly nodeName?: string;
    readonly volumes?: readonly PodVolume[];
    readonly containers?: readonly ContainerSpec[];
    readonly initContainers?: readonly ContainerSpec[];
    readonly terminationGracePeriodSeconds?: number;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: readonly Toleration[];
    readonly affinity?: {
      readonly nodeAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution?: {
          readonly nodeSelectorTerms?: readonly NodeSelectorTerm[];
        };
      };
    };
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly {
      readonly name?: string;
      readonly restartCount?: number;
      readonly state?: {
        readonly waiting?: { readonly reason?: string };
        readonly terminated?: { readonly reason?: string; readonly containerID?: string };
      };
    }[];
  };
}

export interface PdbObject {
  readonly metadata?: Meta;
  readonly spec?: {
    readonly selector?: LabelSelector;
    readonly minAvailable?: number | string;
    readonly maxUnavailable?: number | string;
    readonly unhealthyPodEvictionPolicy?: string;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly expectedPods?: number;
  };
}

export interface PersistentVolumeObject {
  readonly metadata?: Meta;
  readonly spec?: {
    readonly claimRef?: { readonly namespace?: string; readonly name?: string };
    readonly nodeAffinity?: {
      readonly required?: { readonly nodeSelectorTerms?: readonly NodeSelectorTerm[] };
    };
    readonly local?: object;
  };
}

export interface DeploymentObject {
  readonly metadata?: Meta & { readonly generation?: number };
  readonly spec?: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly strategy?: {
      readonly type?: string;
      readonly rollingUpdate?: {
        readonly maxSurge?: number | string;
        readonly maxUnavailable?: number | string;
      };
    };
    readonly template?: { readonly metadata?: Meta };
  };
  readonly status?: { readonly observedGeneration?: number; readonly availableReplicas?: number };
}

export interface AutoscalerObject {
  readonly metadata?: Meta;
  readonly spec?: { readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string } };
}

/**
 * The name is `namespace/name`. The status counts only if it belongs to the newest specification.
 */
export function deploymentState({ metadata, spec, status }: DeploymentObject): DeploymentState {
  const isCurrent = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  return {
    name: `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`,
    wanted: spec?.replicas ?? 1,
    available: isCurrent ? (status?.availableReplicas ?? 0) : 0,
  };
}

export interface ListObject<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

/** Fields of the API's error object. */
export interface StatusObject {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly causes: readonly { readonly reason: string; readonly message?: string }[];
  };
}

export const podName = (pod: { readonly metadata?: Meta }): string =>
  `${pod.metadata?.namespace ?? 'default'}/${pod.metadata?.name ?? '?'}`;

export const controllerOf = (pod: { readonly metadata?: Meta }): OwnerReference | undefined =>
  pod.metadata?.ownerReferences?.find((owner) => owner.controller === true);

/** Name of the workload of a pod. A replacement pod has the same. */
export const workloadName = (pod: { readonly metadata?: Meta }): string => {
  const owner = controllerOf(pod);
  return owner === undefined
    ? podName(pod)
    : `${pod.metadata?.namespace ?? 'default'}/${owner.kind}/${owner.name}`;
};

export const isCrashLooping = (pod: PodObject): boolean =>
  (pod.status?.containerStatuses ?? []).some(
    (status) => status.state?.waiting?.reason === 'CrashLoopBackOff',
  );

export const restartsOf = (pod: PodObject): number =>
  (pod.status?.containerStatuses ?? []).reduce(
    (sum, status) => sum + (status.restartCount ?? 0),
    0,
  );

export const isFinished = (pod: PodObject): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** A mirror pod: the kubelet runs it from a manifest on disk, and the API only shows it. */
export const isMirror = (pod: { readonly metadata?: Meta }): boolean =>
  pod.metadata?.annotations !== undefined &&
  Object.hasOwn(pod.metadata.annotations, 'kubernetes.io/config.mirror');

/**
 * A container has a memory limit, so that its cgroup shows whether limited groups are accounted.
 */
export const hasMemoryLimit = (pod: PodObject): boolean =>
  (pod.spec?.containers ?? []).some(
    (container) => container.resources?.limits?.memory !== undefined,
  );

export const isPodReady = (pod: PodObject): boolean =>
  pod.status?.conditions?.some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  ) ?? false;

/** Also true for a moment of a crash loop in which it runs: it has restarted and is not ready. */
export const isCrashing = (pod: PodObject): boolean =>
  isCrashLooping(pod) || (restartsOf(pod) > 0 && !isPodReady(pod) && !isFinished(pod));
