// The port to the Kubernetes API: nodes, their pods, and their owners.
import type { Forecast } from '../../model/facts/values.ts';
import type { DrainOptions } from '../../model/run/effect.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';

export type { Forecast };

/** The run that owns a cordon: an annotation of the node. */
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
  /** Keys of taints such as not-ready and unreachable. */
  readonly notReadyTaints: readonly string[];
  readonly owner?: Owner & { readonly wasUnschedulable: boolean };
  /** The run whose pending taint it has. */
  readonly pending?: string;
  /** Why an operator keeps it out of all rollouts (annotation `kmend.io/hold`); one line. */
  readonly hold?: string;
  readonly addresses: readonly string[];
}

/** A pod on a node. */
export interface PodState {
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly crashLooping: boolean;
  readonly ending: boolean;
  readonly daemonSet?: string;
  /** `NAMESPACE/KIND/NAME` of its controller; without a controller, its own name. */
  readonly workload: string;
  readonly mirror: boolean;
  /** A container of it has a memory limit: a sample for the kmem proof. */
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
  /** Replicas that it wants. */
  readonly wanted: number;
  /** Replicas that are available now; 0 until its controller has seen the newest specification. */
  readonly available: number;
}

export interface DrainResult {
  readonly evicted: readonly string[];
  /** Pods that an option leaves on the node, and `volume NAME`. Only with `leftBehind: accept`. */
  readonly left: readonly string[];
  /** Pods that came after the cordon and stay. Only with `leftBehind: accept`. */
  readonly arrived: readonly string[];
  /** Workloads (as in `PodState`) with a pod on the node that crashed before the drain. */
  readonly crashing: readonly string[];
  readonly seconds: number;
}

/** A Kubernetes event of a node, as in `kubectl describe node`. */
export interface NodeNote {
  readonly node: string;
  /** In CamelCase. */
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

/** How a long call reports an outage of the API server. */
export interface Outage {
  /** Seconds to wait for its end; they do not count against the call's own time limit. */
  readonly limit: number;
  readonly away: (failure: Failure) => Promise<void>;
  readonly back: () => Promise<void>;
}

export interface Cluster {
  /** Why the connection is not safe from others on the network; absent = it is safe. */
  readonly unsafe?: string;
  readonly nodes: (signal?: AbortSignal) => Promise<Outcome<readonly NodeState[]>>;
  readonly node: (name: string, signal?: AbortSignal) => Promise<Outcome<NodeState>>;
  readonly pods: (node: string, signal?: AbortSignal) => Promise<Outcome<readonly PodState[]>>;
  /** etcd members and API servers that run as pods; `when` as in `forecast`. */
  readonly systemPods: (
    signal?: AbortSignal,
    when?: 'plan' | 'start',
  ) => Promise<Outcome<readonly SystemPod[]>>;
  /** Pods of the cluster that wait for a node or for their containers, as `namespace/name`. */
  readonly pendingPods: (signal?: AbortSignal) => Promise<Outcome<readonly string[]>>;
  readonly deployments: (signal?: AbortSignal) => Promise<Outcome<readonly DeploymentState[]>>;
  /** `plan`: from shared lists, up to a minute old. `start`: the node as it is now. */
  readonly forecast: (
    node: string,
    options: DrainOptions,
    signal?: AbortSignal,
    when?: 'plan' | 'start',
  ) => Promise<Outcome<Forecast>>;
  /**
   * Cordons and annotates in one write. A node that was unschedulable before stays so after
   * `uncordon`. Owned by another run = `fenced`.
   */
  readonly cordon: (
    node: string,
    owner: Owner,
    signal?: AbortSignal,
  ) => Promise<Outcome<{ readonly wasUnschedulable: boolean; readonly staleMark?: string }>>;
  /** Still cordoned by this owner; otherwise `blocked` (somebody uncordoned it) or `fenced`. */
  readonly owns: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
  readonly drain: (
    node: string,
    options: DrainOptions,
    owner: Owner,
    progress: (text: string) => void,
    how?: { readonly signal?: AbortSignal; readonly outage?: Outage },
  ) => Promise<Outcome<DrainResult>>;
  /** Removes the annotation and restores `unschedulable`, if this owner has the node. */
  readonly uncordon: (
    node: string,
    owner: Owner,
    signal?: AbortSignal,
  ) => Promise<Outcome<{ readonly uncordoned: boolean; readonly why: string }>>;
  /** Removes the annotation and keeps the cordon: for `kmend drain`. */
  readonly release: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
  /** Sets or removes the pending taint of this run (PreferNoSchedule). Other taints stay. */
  readonly taint: (
    node: string,
    run: string,
    pending: boolean,
    signal?: AbortSignal,
  ) => Promise<Outcome<true>>;
  /** Writes a Kubernetes event, or counts an equal one. A missing right is `auth`. */
  readonly announce: (note: NodeNote, signal?: AbortSignal) => Promise<Outcome<true>>;
  readonly close: () => void;
}
