// The world of the use cases: disk, clock, operator, and makers of the adapters. It cannot print: an
// Observer does.

import type { JudgeHolder, KubeCluster } from '../../adapters/kube/index.ts';
import type { Download, decryptVault, Inspected, Trust } from '../../adapters/local/index.ts';
import type { WebNeeds, WebServer } from '../../adapters/web/index.ts';
import type { Secrets } from '../../engine/effects/mask.ts';
import type { Cluster, NodeState } from '../../engine/ports/cluster.ts';
import type { StateDatabase } from '../../engine/ports/database.ts';
import type { Forecaster } from '../../engine/ports/forecaster.ts';
import type { Asker, Clock, LocalHost } from '../../engine/ports/local.ts';
import type { Forwarder, Gates, Notifier } from '../../engine/ports/outside.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import type { Reader } from '../../load/index.ts';
import type { ForwardTarget } from '../../model/forward-target.ts';
import type { AnyModule } from '../../model/run/change.ts';
import type { Outcome } from '../../model/run/failure.ts';
import { CommandError } from '../command-error.ts';
import type { Observer } from '../observer.ts';

export { CommandError };

export interface TransportNeeds {
  readonly asker: Asker;
  readonly handshakes: number;
  readonly warn: (text: string) => void;
}

export interface ClusterNeeds {
  /** Paths, as `--kubeconfig` or KUBECONFIG give them. */
  readonly kubeconfigs: readonly string[];
  readonly context?: string;
  readonly takeover?: string;
  readonly warn: (text: string) => void;
  /** This process, as a drain by hand writes it into its mark on the node. */
  readonly holder?: object;
  readonly judgeHolder: JudgeHolder;
}

/** The cluster port, and the calls that only commands need. */
export type WorldCluster = Cluster &
  Pick<
    KubeCluster,
    | 'nodesWith'
    | 'plainCordon'
    | 'plainUncordon'
    | 'mayCordon'
    | 'missingRights'
    | 'stats'
    | 'description'
  >;

/** Where state is kept. */
export interface StatePlace {
  /** A directory, or the URL of a database. */
  readonly state: string;
  /** The directory of what stays on this machine. */
  readonly stateDir: string;
}

/** Writes and removes files that the operator named (plans, units). */
export interface Files {
  /** Written beside it, then renamed, so that no reader sees half a file. */
  readonly write: (path: string, text: string, mode: number) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
}

export interface World {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Changes the working directory; false where that fails. */
  readonly enter: (directory: string) => boolean;
  readonly home: string;
  /** Login name of the operator, for the journal. */
  readonly who: string;
  /** Boot id of this machine; empty when it has none. */
  readonly ownBootId: string;
  /** Known secrets: they are masked in all output and in all files. */
  readonly secrets: Secrets;
  readonly reader: Reader;
  readonly decryptVault: typeof decryptVault;
  /** Which files of this machine may instruct kmend. */
  readonly trust: Pick<Trust, 'judge' | 'isOpenToAll' | 'trustAll'>;
  /** The whole standard input; the same text each time. */
  readonly readInput: (signal: AbortSignal) => Promise<string>;
  readonly files: Files;
  readonly clock: Clock;
  readonly asker: Asker;
  /** Aborted by the first signal: finish the step. The reason names the signal. */
  readonly stop: AbortSignal;
  /** Aborted by the second signal: stop now. */
  readonly kill: AbortSignal;
  /** During this work the first signal only asks for a safe state. Otherwise it ends the program. */
  readonly underWay: <T>(work: () => Promise<T>) => Promise<T>;
  readonly modules: () => Promise<ReadonlyMap<string, AnyModule>>;
  readonly store: (place: StatePlace) => Promise<Store>;
  readonly stateDatabase: () => Promise<StateDatabase>;
  readonly transport: (needs: TransportNeeds) => Promise<Transport>;
  readonly cluster: (needs: ClusterNeeds) => Promise<Outcome<WorldCluster>>;
  /** Paths as for kubectl: the flag, KUBECONFIG, `~/.kube/config`; none = the pod's own account. */
  readonly kubeconfigPaths: (flag?: string) => Promise<readonly string[]>;
  /** YAML text of an inventory of these nodes. */
  readonly inventoryFromNodes: (nodes: readonly NodeState[]) => Promise<string>;
  /** Listens, or throws the error of the operating system. */
  readonly webServer: (needs: WebNeeds) => Promise<WebServer>;
  readonly notifier: () => Promise<Notifier>;
  /** `warn` is called once when entries can no longer be sent. */
  readonly forwarder: (target: ForwardTarget, warn: (why: string) => void) => Promise<Forwarder>;
  /** One for each run. */
  readonly forecaster: () => Promise<Forecaster>;
  readonly localHost: LocalHost;
  /** Name, version and dependencies of a package file, and its sha256. */
  readonly inspectPackage: (path: string) => Promise<Inspected>;
  /** Fetches a file over HTTP and keeps it if its sha256 is right. Returns why it failed. */
  readonly download: (wanted: Download) => Promise<string | undefined>;
  readonly gates: (cluster: Cluster | undefined) => Promise<Gates>;
  /** Path of this program, to start it again. */
  readonly program: string;
  /** The directory that has playbooks/. */
  readonly packageRoot: string;
}

/** What exists before the settings are read. */
export interface Surroundings {
  readonly world: World;
  readonly observer: Observer;
}

export const noSuchRun = (run: string, state: string): CommandError =>
  new CommandError(3, `there is no run ${run} under ${state}`, 'kmend runs lists them');
