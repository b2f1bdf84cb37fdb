// The world as commands see it: streams, disk, clock, and makers of the adapters. `main.ts` builds the real one, tests bring another.

import type { JudgeHolder, KubeCluster } from '../../adapters/kube/index.ts';
import type { Download, Inspected, Trust } from '../../adapters/local/index.ts';
import type { Secrets } from '../../engine/effects/mask.ts';
import type { Cluster, NodeState } from '../../engine/ports/cluster.ts';
import type { Asker, Clock, Here } from '../../engine/ports/local.ts';
import type { Forwarder, Gates, Notifier } from '../../engine/ports/outside.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import type { Reader } from '../../load/index.ts';
import type { ForwardTarget } from '../../model/forward-target.ts';
import type { AnyModule } from '../../model/run/change.ts';
import type { Outcome } from '../../model/run/failure.ts';

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
  Pick<KubeCluster, 'nodesWith' | 'plainCordon' | 'plainUncordon' | 'mayCordon' | 'missingRights' | 'stats' | 'description'>;

/** Writing and reading files of the user's own choosing (plans), and of the state directory. */
export interface Files {
  readonly read: (path: string) => Promise<string>;
  /** Whole or not at all: beside it, then renamed. */
  readonly write: (path: string, text: string, mode: number) => Promise<void>;
  readonly list: (path: string) => Promise<readonly string[]>;
  readonly remove: (path: string) => Promise<void>;
}

export interface World {
  readonly version: string;
  /** Prints one line: a line end in it is shown, never obeyed. Text of several lines goes through `printText`. */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** One line that is drawn over on a terminal while a person waits, and nowhere else; the empty text takes it away. */
  readonly progress: (text: string) => void;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** Columns now; a terminal may be resized. */
  readonly width: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
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
  /** While this goes on, the first signal only asks for a safe state; otherwise it ends the program. */
  readonly underWay: <T>(work: () => Promise<T>) => Promise<T>;
  readonly modules: () => Promise<ReadonlyMap<string, AnyModule>>;
  readonly store: (stateDir: string) => Promise<Store>;
  readonly transport: (needs: TransportNeeds) => Promise<Transport>;
  readonly cluster: (needs: ClusterNeeds) => Promise<Outcome<WorldCluster>>;
  /** Where kubectl would look: the flag, KUBECONFIG, `~/.kube/config`; none = the account of the pod that this runs in. */
  readonly kubeconfigPaths: (flag?: string) => Promise<readonly string[]>;
  /** YAML text of an inventory of these nodes. */
  readonly inventoryFromNodes: (nodes: readonly NodeState[]) => Promise<string>;
  readonly notifier: () => Promise<Notifier>;
  /** `warn` is told once when entries no longer get through. */
  readonly forwarder: (target: ForwardTarget, warn: (why: string) => void) => Promise<Forwarder>;
  readonly here: Here;
  /** What a package file says of itself, and its sha256. */
  readonly inspectPackage: (path: string) => Promise<Inspected>;
  /** Fetches a file over HTTP and keeps it when it has this sha256; otherwise the reason comes back. */
  readonly download: (wanted: Download) => Promise<string | undefined>;
  readonly gates: (cluster: Cluster | undefined) => Promise<Gates>;
  /** Path of the program that runs, to start it once more. */
  readonly program: string;
  /** Where playbooks/ lies. */
  readonly packageRoot: string;
}

/** Runs one command line in this world and gives its exit code. */
export type RunLine = (args: readonly string[], world: World) => Promise<number>;

/** Prints kmend's own text of several lines. */
export const printText = (text: string, print: (line: string) => void): void => {
  for (const line of text.replace(/\n$/, '').split('\n')) print(line);
};

/** A command that cannot go on for a reason that is the user's: told on stderr, ends with this exit code. Caught in one place. */
export class CommandError extends Error {
  readonly exit: number;
  readonly hint: string | undefined;
  constructor(exit: number, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}
