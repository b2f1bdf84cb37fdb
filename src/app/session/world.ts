// The world as use cases see it: disk, clock, operator, and makers of the adapters. It has nothing
// to print with: an Observer sees what happens.

import type { JudgeHolder, KubeCluster } from '../../adapters/kube/index.ts';
import type { Download, Inspected, Trust } from '../../adapters/local/index.ts';
import type { Secrets } from '../../engine/effects/mask.ts';
import type { Cluster, NodeState } from '../../engine/ports/cluster.ts';
import type { Asker, Clock, LocalHost } from '../../engine/ports/local.ts';
import type { Forwarder, Gates, Notifier } from '../../engine/ports/outside.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import type { Reader } from '../../load/index.ts';
import type { ForwardTarget } from '../../model/forward-target.ts';
import type { AnyModule } from '../../model/run/change.ts';
import type { Outcome } from '../../model/run/failure.ts';
import type { Observer } from '../observer.ts';

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
  /** This process, where it drains by hand: what it writes of itself into its marks. */
  readonly holder?: object;
  readonly judgeHolder: JudgeHolder;
}

/** The cluster port, and what commands ask for beside it. */
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

/** Writing and removing files of the operator's own choosing (plans, units). */
export interface Files {
  /** Whole or not at all: beside it, then renamed. */
  readonly write: (path: string, text: string, mode: number) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
}

export interface World {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Goes on in this directory; false where that cannot be. */
  readonly enter: (directory: string) => boolean;
  readonly home: string;
  /** Login name of the person, for the journal. */
  readonly who: string;
  /** Boot id of this machine; empty when it has none. */
  readonly ownBootId: string;
  /** What is known to be secret: masked in all that is printed and kept. */
  readonly secrets: Secrets;
  readonly reader: Reader;
  /** Who may instruct kmend by files on this machine. */
  readonly trust: Pick<Trust, 'judge' | 'trustAll'>;
  /** Standard input, whole; the same text each time. */
  readonly readInput: (signal: AbortSignal) => Promise<string>;
  readonly files: Files;
  readonly clock: Clock;
  readonly asker: Asker;
  /** First signal: finish the step. Second: stop now. The reason names the signal. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /**
   * While this goes on, the first signal only asks for a safe state; otherwise it ends the program.
   */
  readonly underWay: <T>(work: () => Promise<T>) => Promise<T>;
  readonly modules: () => Promise<ReadonlyMap<string, AnyModule>>;
  readonly store: (stateDir: string) => Promise<Store>;
  readonly transport: (needs: TransportNeeds) => Promise<Transport>;
  readonly cluster: (needs: ClusterNeeds) => Promise<Outcome<WorldCluster>>;
  /**
   * Where kubectl would look: the flag, KUBECONFIG, `~/.kube/config`; none = the account of the pod
   * that this runs in.
   */
  readonly kubeconfigPaths: (flag?: string) => Promise<readonly string[]>;
  /** YAML text of an inventory of these nodes. */
  readonly inventoryFromNodes: (nodes: readonly NodeState[]) => Promise<string>;
  readonly notifier: () => Promise<Notifier>;
  /** `warn` is told once when entries no longer get through. */
  readonly forwarder: (target: ForwardTarget, warn: (why: string) => void) => Promise<Forwarder>;
  readonly localHost: LocalHost;
  /** What a package file says of itself, and its sha256. */
  readonly inspectPackage: (path: string) => Promise<Inspected>;
  /**
   * Fetches a file over HTTP and keeps it when it has this sha256; otherwise the reason comes back.
   */
  readonly download: (wanted: Download) => Promise<string | undefined>;
  readonly gates: (cluster: Cluster | undefined) => Promise<Gates>;
  /** Path of the program that runs, to start it once more. */
  readonly program: string;
  /** Where playbooks/ lies. */
  readonly packageRoot: string;
}

/** What is there before a setting is read. */
export interface Surroundings {
  readonly world: World;
  readonly observer: Observer;
}

/**
 * A use case that cannot go on for a reason that is the operator's: a command reports it and ends
 * with this exit code.
 */
export class CommandError extends Error {
  readonly exit: number;
  readonly hint: string | undefined;
  constructor(exit: number, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}

export const noSuchRun = (run: string, stateDir: string): CommandError =>
  new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
