// The port to the Kubernetes API: nodes, their pods, and who has them out of service.
import type { Forecast } from '../../model/facts/values.ts';
import type { DrainOptions } from '../../model/run/effect.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';

export type { Forecast };

/** Who holds a node: written as an annotation beside the cordon. */
export interface Owner {
  readonly run: string;
  readonly number: number;
}

export interface NodeState {
  readonly name: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  /** `status.nodeInfo.bootID`. */
  readonly bootId: string;
  readonly kernel: string;
  readonly runtime: string;
  readonly kubelet: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Keys of taints that say not-ready, unreachable or the like. */
  readonly notReadyTaints: readonly string[];
  readonly owner?: Owner & { readonly wasUnschedulable: boolean };
  /** The run whose pending taint it has: its turn is, or was, still to come there. */
  readonly pending?: string;
  /**
   * Why a person keeps it out of every rollout (annotation `kmend.io/hold`); one line. Absent =
   * nobody does.
   */
  readonly hold?: string;
  readonly addresses: readonly string[];
}

/** A pod on a node, in short. */
export interface PodState {
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly crashLooping: boolean;
  readonly ending: boolean;
  readonly daemonSet?: string;
  /** `NAMESPACE/KIND/NAME` of what made it; of a pod that nothing made, its own name. */
  readonly workload: string;
  readonly mirror: boolean;
  /** A container of it has a memory limit: it gives the kmem proof a sample. */
  readonly memoryLimited: boolean;
}

/** A pod of the control plane. */
export interface SystemPod {
  readonly name: string;
  readonly node: string;
  readonly component: string;
  readonly ready: boolean;
}

export interface DeploymentState {
  /** `namespace/name`. */
  readonly name: string;
  /** Replicas that it wants; one that was scaled to 0 wants none. */
  readonly wanted: number;
  /**
   * Replicas that are available now; 0 while its controller has not seen the newest specification.
   */
  readonly available: number;
}

export interface DrainResult {
  readonly evicted: readonly string[];
  /**
   * Only with `leftBehind: accept`, here and in `arrived`: pods that an option leaves where they
   * are, and volumes as `volume NAME`.
   */
  readonly left: readonly string[];
  /** Pods that came after the cordon and stay. */
  readonly arrived: readonly string[];
  /** Workloads (as in `PodState`) with a pod here that was crashing before the drain. */
  readonly crashing: readonly string[];
  readonly seconds: number;
}

/** What the cluster's own operators read in `kubectl describe node`. */
export interface NodeNote {
  readonly node: string;
  /** In CamelCase. */
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

/** What a long call reports of an API server that is away in the middle of it. */
export interface Outage {
  /** Seconds for which it is waited out; the time does not count as the call's own. */
  readonly limit: number;
  readonly away: (failure: Failure) => Promise<void>;
  readonly back: () => Promise<void>;
}

export interface Cluster {
  /**
   * Why somebody on the way could read our credential or answer for the server; absent = nobody
   * could.
   */
  readonly unsafe?: string;
  readonly nodes: (signal?: AbortSignal) => Promise<Outcome<readonly NodeState[]>>;
  readonly node: (name: string, signal?: AbortSignal) => Promise<Outcome<NodeState>>;
  readonly pods: (node: string, signal?: AbortSignal) => Promise<Outcome<readonly PodState[]>>;
  /** etcd members and API servers that run as pods; `when` as in `forecast`. */
  readonly systemPods: (
    signal?: AbortSignal,
    when?: 'plan' | 'start',
  ) => Promise<Outcome<readonly SystemPod[]>>;
  /**
   * Pods of the whole cluster that still wait for a node or for their containers, as
   * `namespace/name`.
   */
  readonly pendingPods: (signal?: AbortSignal) => Promise<Outcome<readonly string[]>>;
  readonly deployments: (signal?: AbortSignal) => Promise<Outcome<readonly DeploymentState[]>>;
  /**
   * `plan`: from readings that all nodes of a plan share, up to a minute old. `start`: this node as
   * it is now.
   */
  readonly forecast: (
    node: string,
    options: DrainOptions,
    signal?: AbortSignal,
    when?: 'plan' | 'start',
  ) => Promise<Outcome<Forecast>>;
  /**
   * Cordon and annotate as ours, in one write; a node that was unschedulable before stays so at the
   * end. Held by another run = `fenced`.
   */
  readonly cordon: (
    node: string,
    owner: Owner,
    signal?: AbortSignal,
  ) => Promise<Outcome<{ readonly wasUnschedulable: boolean; readonly staleMark?: string }>>;
  /**
   * Still cordoned and annotated as ours? Otherwise `blocked` (a person uncordoned it) or `fenced`.
   */
  readonly owns: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
  readonly drain: (
    node: string,
    options: DrainOptions,
    owner: Owner,
    progress: (text: string) => void,
    signal?: AbortSignal,
    outage?: Outage,
  ) => Promise<Outcome<DrainResult>>;
  /** Give back only what is ours: annotation away, unschedulable as it was found. */
  readonly uncordon: (
    node: string,
    owner: Owner,
    signal?: AbortSignal,
  ) => Promise<Outcome<{ readonly uncordoned: boolean; readonly why: string }>>;
  /** The mark away, the cordon as it is: for a person who drains a node alone and keeps it so. */
  readonly release: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
  /**
   * Sets or removes the pending taint of this run (PreferNoSchedule). Other taints stay, also those
   * that come at the same moment.
   */
  readonly taint: (
    node: string,
    run: string,
    pending: boolean,
    signal?: AbortSignal,
  ) => Promise<Outcome<true>>;
  /** Writes a Kubernetes event, or counts one that is the same. A missing right is `auth`. */
  readonly announce: (note: NodeNote, signal?: AbortSignal) => Promise<Outcome<true>>;
  readonly close: () => void;
}
