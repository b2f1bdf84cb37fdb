// The ports: what the engine asks of the outside. Adapters implement them in rooms of their own; tests bring fakes from test/fakes.
import type { HeldSlot } from '../core/slot.ts';
import type { DrainOptions, Piece } from '../model/effect.ts';
import type { Event, EventBody } from '../model/event.ts';
import type { Failure, Outcome } from '../model/failure.ts';
import type { Target } from '../model/host.ts';
import type { GateSpec } from '../model/playbook.ts';

// ---- Transport: SSH ----

export interface ExecRequest {
  /** POSIX sh. It stands in the target's process list: it must never hold a secret. */
  readonly script: string;
  /** Sent only after the script has started (after any password dialogue), on a stream that no password shares. */
  readonly stdin?: string;
  /**
   * Sent like `stdin`, in its place: chunk by chunk, as fast as the other side takes them. Begun once the script has started; an error of it
   * ends the script.
   */
  readonly input?: () => AsyncIterable<Uint8Array>;
  /** Run as the target's `become` user. */
  readonly become: boolean;
  /** Seconds from sending the command to its end. */
  readonly timeout: number;
  /** Bytes kept of stdout and of stderr each; more is dropped and `truncated` set. Default 4 MiB. */
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
  /** Called with stdout as it comes, whole lines. */
  readonly onLine?: (line: string) => void;
}

export interface ExecResult {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

export interface Connection {
  readonly exec: (request: ExecRequest) => Promise<Outcome<ExecResult>>;
  readonly close: () => void;
  /** False once the connection is lost or closed. */
  readonly alive: () => boolean;
  /** What the connection was made to: the name or address that was asked for, and the peer's address. Behind a jump host only the former is known. */
  readonly dialled?: readonly string[];
  /** Fingerprint of the host key: the other side has proven that it has the private key. */
  readonly hostKey?: string;
}

/** A host's place among those that are worked at. */
export interface Turn {
  /** Lets others go first: nothing is held from now on. */
  readonly leave: () => void;
  /** Waits for a place, where none is held. `first`: a host that has just answered goes before those that wait for their next try or their first. */
  readonly again: (first: boolean) => Promise<void>;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** Left while the host is silent, and taken again as soon as it answers. After a failure it may not be held. */
  readonly turn?: Turn;
}

export interface Transport {
  /** One attempt: a new TCP connection (through the jump host's kept one, where there is one) and a full login. Never retries. */
  readonly connect: (target: Target, options?: ConnectOptions) => Promise<Outcome<Connection>>;
  /** Closes all connections, those to jump hosts too. */
  readonly close: () => Promise<void>;
}

// ---- Cluster: the Kubernetes API ----

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
  readonly badTaints: readonly string[];
  readonly owner?: Owner & { readonly wasUnschedulable: boolean };
  /** The run whose pending taint it has: its turn is, or was, still to come there. */
  readonly pending?: string;
  /** Why a person keeps it out of every rollout (annotation `kmend.io/hold`); one line. Absent = nobody does. */
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
  /** Replicas that are available now; 0 while its controller has not seen the newest specification. */
  readonly available: number;
}

/** What a drain would do, read before the cordon. */
export interface Forecast {
  readonly evicts: readonly string[];
  /** Left running: DaemonSet and mirror pods. */
  readonly leaves: readonly string[];
  /** Will not go, and why ("ns/pod: PDB web allows 0 of 2 (minAvailable 2)"). Not empty = the drain cannot succeed. */
  readonly blocks: readonly string[];
  /** Would not go now, and could later: a PDB whose pods are not all healthy. */
  readonly busy: readonly string[];
  /** Pods that stay and have a memory limit: after a reboot they give the kmem proof its samples. */
  readonly samplers: readonly string[];
  readonly warnings: readonly string[];
  /** Seconds, by grace periods. */
  readonly estimate: number;
}

export interface DrainResult {
  readonly evicted: readonly string[];
  /** Only with `leftBehind: accept`, here and in `arrived`: pods that an option leaves where they are, and volumes as `volume NAME`. */
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
  /** Why somebody on the way could read our credential or answer for the server; absent = nobody could. */
  readonly unsafe?: string;
  readonly nodes: (signal?: AbortSignal) => Promise<Outcome<readonly NodeState[]>>;
  readonly node: (name: string, signal?: AbortSignal) => Promise<Outcome<NodeState>>;
  readonly pods: (node: string, signal?: AbortSignal) => Promise<Outcome<readonly PodState[]>>;
  /** etcd members and API servers that run as pods; `when` as in `forecast`. */
  readonly systemPods: (signal?: AbortSignal, when?: 'plan' | 'start') => Promise<Outcome<readonly SystemPod[]>>;
  /** Pods of the whole cluster that still wait for a node or for their containers, as `namespace/name`. */
  readonly pendingPods: (signal?: AbortSignal) => Promise<Outcome<readonly string[]>>;
  readonly deployments: (signal?: AbortSignal) => Promise<Outcome<readonly DeploymentState[]>>;
  /** `plan`: from readings that all nodes of a plan share, up to a minute old. `start`: this node as it is now. */
  readonly forecast: (node: string, options: DrainOptions, signal?: AbortSignal, when?: 'plan' | 'start') => Promise<Outcome<Forecast>>;
  /** Cordon and annotate as ours, in one write; a node that was unschedulable before stays so at the end. Held by another run = `fenced`. */
  readonly cordon: (
    node: string,
    owner: Owner,
    signal?: AbortSignal,
  ) => Promise<Outcome<{ readonly wasUnschedulable: boolean; readonly staleMark?: string }>>;
  /** Still cordoned and annotated as ours? Otherwise `blocked` (a person uncordoned it) or `fenced`. */
  readonly holds: (node: string, owner: Owner, signal?: AbortSignal) => Promise<Outcome<true>>;
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
  /** Sets or removes the pending taint of this run (PreferNoSchedule). Other taints stay, also those that come at the same moment. */
  readonly taint: (node: string, run: string, pending: boolean, signal?: AbortSignal) => Promise<Outcome<true>>;
  /** Writes a Kubernetes event, or counts one that is the same. A missing right is `auth`. */
  readonly announce: (note: NodeNote, signal?: AbortSignal) => Promise<Outcome<true>>;
  readonly close: () => void;
}

// ---- Store: journal, plans, locks, slots under the state directory ----

/** A host that a run has out of service, as it is written down for other runs. */
export interface Slot {
  /** Where it is reached, as in locks: two inventories may have two names for it. */
  readonly address: string;
  /** Its name in that run. */
  readonly host: string;
  readonly play: string;
  readonly zone?: string;
  readonly kind: HeldSlot;
}

export interface Slots {
  /** Writes a slot before anything is done to its host, and then reads those of other runs: of two runs that do so at one moment one sees the other. */
  readonly claim: (slot: Slot) => Promise<readonly TakenSlot[]>;
  /** Writes that the slot is taken, or what became of its host. */
  readonly keep: (slot: Slot) => Promise<void>;
  readonly drop: (address: string) => Promise<void>;
  /** Drops what other runs have written of a host that this one has brought back into service. */
  readonly clear: (address: string) => Promise<void>;
  /** What earlier controllers of this run have written and is not its own any more: away with it. */
  readonly forget: () => Promise<void>;
  readonly others: () => Promise<readonly TakenSlot[]>;
}

export interface TakenSlot extends Slot {
  readonly run: string;
}

/** How far a journal goes. Who keeps the head can prove later that nothing before it was changed or cut off. */
export interface JournalHead {
  readonly entries: number;
  /** sha256 of the last line. */
  readonly head: string;
}

export interface Journal {
  readonly run: string;
  readonly end: () => JournalHead;
  /** Adds a line; resolves when it is on disk (fdatasync) where `sync` says so. Fails loudly: a journal that cannot be written ends the run. */
  readonly append: (body: EventBody, sync: boolean) => Promise<Event>;
  /** From now on shows every event with its line in order, when it is written and before its `append` resolves. One follower; the last one stays. */
  readonly follow: (see: (event: Event, line: string) => void) => void;
  readonly close: () => Promise<void>;
}

/** Where a long output lies (below the run's directory), or why it was not kept. */
export type KeptOutput =
  | { readonly kept: true; readonly file: string; readonly piece: Piece }
  | { readonly kept: false; readonly why: string };

export interface RunInfo extends JournalHead {
  readonly run: string;
  readonly startedAt: number;
  readonly playbook: string;
  readonly play: string;
  readonly finished?: { readonly exit: number; readonly why: string };
  readonly previous?: { readonly run: string; readonly head: string };
  /** The job whose turn it was. */
  readonly job?: string;
  /** Its journal has no entry: it was killed as it began, and did nothing. */
  readonly begun?: false;
}

/** `taken`: another run has taken these hosts over. `gone`: the state directory is not where it was. */
export type LockState = 'held' | 'taken' | 'gone';

/** A pod as the holder of a lock. */
export interface PodHolder {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** `booted`: the boot and the machine that its kubelet reported when the lock was taken; absent where that was not the kernel of the pod. */
  readonly node?: { readonly name: string; readonly booted?: { readonly boot: string; readonly machine: string } };
}

/** The cluster in which this process is a pod. */
export interface PodWitness {
  /** Absent where it cannot be found out. */
  readonly own: () => Promise<PodHolder | undefined>;
  /** Why a pod is not proven dead; undefined = it is dead. */
  readonly doubt: (pod: PodHolder) => Promise<string | undefined>;
}

export interface Store {
  readonly createJournal: (run: string) => Promise<Journal>;
  /** For resume: opens it for appending after checking the chain and showing every event; `torn`: a half-written last line was cut off. */
  readonly openJournal: (run: string, see: (event: Event) => void) => Promise<{ readonly journal: Journal; readonly torn: boolean }>;
  /** Shows every event of a run's journal, oldest first, after checking its link; none is kept. */
  readonly scanEvents: (run: string, see: (event: Event) => void) => Promise<void>;
  /** All runs, the oldest first. A journal that has not changed is not read again. */
  readonly runs: () => Promise<readonly RunInfo[]>;
  /** The newest run, and the head of its journal; none where there is none, or its journal is broken. */
  readonly newest: () => Promise<{ readonly run: string; readonly head: string } | undefined>;
  /** Locks these hosts for a run, or says who holds one of them. Time alone never frees it; `takeover` names a run to set aside. */
  readonly lock: (
    hosts: readonly string[],
    run: string,
    takeover?: string,
  ) => Promise<
    | {
        readonly held: true;
        readonly release: () => Promise<void>;
        readonly state: () => Promise<LockState>;
      }
    | { readonly held: false; readonly run: string; readonly by: string }
  >;
  /** Slots of this run beside those of others in its pool. */
  readonly slots: (run: string, pool: ReadonlySet<string>) => Slots;
  /** The process that works on a run, where it is not proven dead. */
  readonly holder: (run: string) => Promise<string | undefined>;
  /** Adds text, without secrets, to what is kept of this host's long output. Never throws, and never takes the space that the journal needs. */
  readonly keepOutput: (run: string, host: string, text: string) => Promise<KeptOutput>;
}

// ---- The rest ----

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends early, without an error, when the signal fires. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** 0 <= x < 1, for jitter. */
  readonly random: () => number;
  /** A new random id: lower-case letters and digits. */
  readonly id: () => string;
}

/** What is told to people who are not there: the end of a job. Its `text` is a whole sentence, so that chat webhooks can show it as it is. */
export interface Notice {
  readonly schema: 'kmend.notice/1';
  readonly text: string;
  readonly job: string;
  readonly exit: number;
  readonly run?: string;
  /** Head of the run's journal: what left this machine cannot be changed here any more. */
  readonly head?: string;
  /** Why hosts of the run failed, were refused or left out: the first few. */
  readonly failures?: readonly { readonly host: string; readonly failure: Failure }[];
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The machine that ran the job. */
  readonly from: string;
}

/** `url` may hold a secret and is never printed. A command gets the notice as JSON on its standard input. */
export type NoticeTarget = { readonly kind: 'webhook'; readonly url: string } | { readonly kind: 'command'; readonly command: string };

export interface Notifier {
  /** Tries a few times where that can help. A notice that does not arrive changes nothing about the job: it is told, and that is all. */
  readonly send: (target: NoticeTarget, notice: Notice, signal?: AbortSignal) => Promise<Outcome<true>>;
}

/** Sends entries of a journal elsewhere, while the run goes on. It never throws, and nothing waits for it but the end of the run. */
export interface Forwarder {
  readonly send: (event: Event, line: string) => void;
  /** Waits a few seconds for what is under way; gives what did not get through. */
  readonly close: () => Promise<string | undefined>;
}

export interface Asker {
  /** A person is there. */
  readonly attended: boolean;
  readonly confirm: (question: string) => Promise<boolean>;
  readonly secret: (prompt: string) => Promise<string>;
}

export interface GateReading {
  readonly open: boolean;
  /** What it read, for people: "503", "3 firing alerts: ...". */
  readonly read: string;
}
export interface Gates {
  /** Reads a gate once; any error is a closed gate that says why. */
  readonly read: (gate: GateSpec, signal?: AbortSignal) => Promise<GateReading>;
}

export interface HereRequest {
  /** Program and arguments; no shell between. */
  readonly argv: readonly string[];
  /** Beside the environment of kmend itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds; then it is killed. */
  readonly timeout: number;
}

/** The machine that runs kmend. */
export interface Here {
  /** `code` null: it could not be started, or was killed; `said` is the end of its output, or why. */
  readonly run: (request: HereRequest) => Promise<{ readonly code: number | null; readonly said: string }>;
  /** The bytes of a file from this offset on, read as they are asked for. */
  readonly read: (path: string, from: number) => AsyncIterable<Uint8Array>;
}
