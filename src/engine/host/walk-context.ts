// What the caller and the run give to plans and walks of hosts.

import type { IsSecretName } from '../../core/plan/secrets.ts';
import type { Variables } from '../../core/plan/task/scope.ts';
import type { RunState } from '../../core/run-state/state.ts';
import type { DeclaredFacts } from '../../facts/index.ts';
import type { Facts, FactWant } from '../../model/fact.ts';
import type { Target } from '../../model/host.ts';
import type { PackageFiles } from '../../model/package-file.ts';
import type { Play, Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { Mapping, Value } from '../../model/value.ts';
import type { Secrets } from '../effects/mask.ts';
import type { NodeSearch } from '../node/facts.ts';
import type { HostIdentity } from '../node/match.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { FenceToken } from '../ports/fence.ts';
import type { Clock, LocalHost } from '../ports/local.ts';
import type { KeptOutput } from '../ports/store.ts';
import type { Transport } from '../ports/transport.ts';

export interface EnginePorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly cluster?: Cluster;
  /** Absent where tasks are not delegated to this machine. */
  readonly localHost?: LocalHost;
}

/** A host as the caller resolved it from the inventory. */
export interface HostSetup {
  readonly target: Target;
  /** Inventory variables and the magic ones. */
  readonly variables: Variables;
  /** A variable of the inventory as it is written; absent where plans are not shared. */
  readonly written?: (name: string) => Value | undefined;
  /** The inventory's `node_name`. */
  readonly node?: string;
  readonly zone?: string;
  /** What the operator declares of its kernel and its programs. */
  readonly declared?: DeclaredFacts;
}

/** One play on one fleet, as the caller set it up. */
export interface PlaySetup {
  readonly play: Play;
  readonly modules: ReadonlyMap<string, AnyModule>;
  readonly hosts: ReadonlyMap<string, HostSetup>;
  readonly extraVars: Mapping;
  /** Masks what is shown and kept. */
  readonly secrets: Secrets;
  /** Is a variable of this name secret? */
  readonly isSecret: IsSecretName;
  /** The package files that its tasks name. */
  readonly files?: PackageFiles;
  readonly isWanted: (task: Task) => boolean;
  /** Facts that its expressions name, beside the base facts. */
  readonly wants?: readonly FactWant[];
  /** Boot id of the machine that runs kmend; empty = not known. */
  readonly ownBootId: string;
  /** The one host that an operator named (`--limit HOST`). */
  readonly askedByName?: string;
  /** Plans run all read-only commands of the play, not only the marked ones. */
  readonly runReadOnly?: boolean;
  /** A run whose hosts and nodes this run may take over (`--takeover`). */
  readonly takeover?: string;
  /** Every host of the pool, also without `--limit`: to count capacity that is out of service. */
  readonly pool?: readonly HostIdentity[];
  /** The hosts of the pool by address: to find slots of other runs among them. */
  readonly addresses: () => ReadonlyMap<string, string>;
  /** Every host of the inventory: two of them must not be one node of the cluster. */
  readonly known?: readonly HostIdentity[];
}

/** What the node of a host is found by, and what the host reports of itself. */
export const searchFor = (
  { target, node }: HostSetup,
  setup: PlaySetup,
  dialled: readonly string[],
  hostFacts: Facts,
): NodeSearch => ({
  identity: {
    host: target.name,
    ...present({ nodeName: node }),
    addresses: [...(target.address === undefined ? [] : [target.address]), ...dialled],
  },
  known: setup.known ?? [],
  hostFacts,
});

/** A run under way. */
export interface RunContext {
  readonly setup: PlaySetup;
  readonly ports: EnginePorts;
  readonly token: FenceToken;
  readonly record: (body: EventBody, sync: boolean) => Promise<Event>;
  readonly state: () => RunState;
  /** Keeps a long output of a host, without secrets. */
  readonly keepOutput: (host: string, text: string) => Promise<KeptOutput>;
  /** The failure of a host that has used up its share of the journal. */
  readonly overQuota: (host: string) => Failure | undefined;
  /** Fires at once when the run must stop now. */
  readonly signal: AbortSignal;
  /** The run itself has failed: its journal cannot be written, or its hosts were taken over. */
  readonly isOver: () => boolean;
  /** The run is handed over: no further step is begun. */
  readonly isLeaving: () => boolean;
  /**
   * Hands the run over because this host is the machine of this process; false where nobody on
   * another machine would carry it on.
   */
  readonly leaveOwn: (host: string) => Promise<boolean>;
  /** Whether this host may begin its next task. */
  readonly mayContinue: (host: string) => 'go' | 'hold';
  /** Any difference from the saved plan is drift, even without more risk. */
  readonly strict: boolean;
  /** The run only returns proven hosts to service: see `returning.ts`. */
  readonly onlyReturns?: boolean;
}

/** Whether this host is the machine that runs kmend, by its boot id: also seen from a pod. */
export const carriesKmend = (facts: Facts, { ownBootId }: PlaySetup): boolean =>
  ownBootId !== '' && facts['boot.id'] === ownBootId;
