// Settings of a command from its flags, and the adapters made from them.

import { setMaxListeners } from 'node:events';
import { judgeHolder, ownHolder } from '../../adapters/store/index.ts';
import { type IsSecretName, secretNames } from '../../core/plan/secrets.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import { type ForwardTarget, forwardTarget } from '../../model/forward-target.ts';
import { type Secret, secret } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { causeText, type Failure } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import { coloured, type Paint, uncoloured } from '../../screens/layout.ts';
import { environmentVars, extraVarsOf } from './extra-vars.ts';
import { type FleetFlags, stateDirOf, wholeNumber } from './flags.ts';
import { learnWritten } from './secrets.ts';
import { type ClusterNeeds, CommandError, type World, type WorldCluster } from './world.ts';

/** What `kmend rollback` knows of each host, from the journal of the run that is taken back. */
export interface RollbackSettings {
  readonly run: string;
  /** Variables of its play, without those that may be secret. */
  readonly playVars: Mapping;
  /** Variables that win over all others, as `-e` does. */
  readonly vars: ReadonlyMap<string, Mapping>;
  /** Hosts that cannot be taken back, and why. */
  readonly refused: readonly { readonly host: string; readonly failure: Failure }[];
}

export interface Settings {
  readonly inventories: readonly string[];
  readonly limit?: string;
  readonly extraVars: Mapping;
  readonly isSecret: IsSecretName;
  readonly rollback?: RollbackSettings;
  readonly forks: number;
  readonly stateDir: string;
  /** Where entries of the journal are sent to. */
  readonly forward?: ForwardTarget;
  readonly flags: FleetFlags;
  /** Asked once, when first needed. */
  readonly loginPassword?: () => Promise<Secret>;
  readonly becomePassword?: () => Promise<Secret>;
}

export function settings(flags: FleetFlags, world: World): Settings {
  const fromEnv = world.env.ANSIBLE_INVENTORY;
  const forward = flags.auditForward === undefined ? undefined : forwardTarget(flags.auditForward);
  if (flags.auditForward !== undefined && forward === undefined)
    throw new CommandError(3, '--audit-forward must be syslog, journald, or udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT');
  const inventories = flags.inventory ?? (fromEnv === undefined || fromEnv === '' ? defaultInventories(world) : fromEnv.split(':'));
  const isSecret = secretNames(flags.secrets);
  const extraVars = extraVarsOf([...environmentVars(world), ...(flags.extraVars ?? [])], world);
  learnWritten(extraVars, isSecret, world);
  return {
    inventories,
    ...present({ limit: flags.limit }),
    extraVars,
    isSecret,
    forks: wholeNumber(flags.forks, '--forks', 50),
    stateDir: stateDirOf(flags, world),
    ...present({ forward }),
    flags,
    ...(flags.askPass === true ? { loginPassword: askOnce('SSH password: ', world) } : {}),
    ...(flags.askBecomePass === true ? { becomePassword: askOnce('BECOME password: ', world) } : {}),
  };
}

/** `inventory.yaml` or its kin in the working directory; nothing else is ever taken by itself. */
function defaultInventories(world: World): readonly string[] {
  const found = ['inventory.yaml', 'inventory.yml', 'inventory.ini', 'inventory'].find((name) => {
    const read = world.reader.readText(`${world.cwd}/${name}`);
    // One that must not be obeyed is no reason to look for another: loading it says why.
    return read.ok || read.distrusted === true;
  });
  return found === undefined ? [] : [found];
}

function askOnce(prompt: string, world: World): () => Promise<Secret> {
  let answer: Promise<Secret> | undefined;
  return () => {
    answer ??= world.asker.secret(prompt).then(secret);
    return answer;
  };
}

export const paintOf = (world: Pick<World, 'colour'>): Paint => (world.colour ? coloured : uncoloured);

/** While hosts are only read there is nothing to bring to a safe state: the first signal ends it. */
export function readingSignal(world: World): AbortSignal {
  const signal = AbortSignal.any([world.stop, world.kill]);
  // Every host that is read listens: Node would call more than ten of them a leak, on stderr.
  setMaxListeners(0, signal);
  return signal;
}

export function endIfStopped(world: World, text = 'interrupted while hosts were read: nothing was changed'): void {
  if (!world.stop.aborted) return;
  throw new CommandError(world.stop.reason === 'SIGTERM' ? 143 : 130, text);
}

export function openTransport(set: Settings, world: World): Promise<Transport> {
  return world.transport({ asker: world.asker, handshakes: set.forks, warn: (text) => world.err(`warning: ${text}`) });
}

/** The cluster of `--kubeconfig` or KUBECONFIG; without either there is none, which is not an error. */
export async function openCluster(set: Settings, world: World, takeover?: string): Promise<WorldCluster | undefined> {
  const fromEnv = world.env.KUBECONFIG;
  const kubeconfigs =
    set.flags.kubeconfig !== undefined ? [set.flags.kubeconfig] : fromEnv === undefined || fromEnv === '' ? [] : fromEnv.split(':');
  return kubeconfigs.length === 0 ? undefined : clusterOf(kubeconfigs, set, world, takeover === undefined ? {} : { takeover });
}

/** The cluster that kubectl would talk to: a run takes only what it is told, one node by hand is another matter. */
export async function openKubectlCluster(set: Settings, world: World, takeover?: string): Promise<WorldCluster> {
  const more = { holder: ownHolder(), ...present({ takeover }) };
  return clusterOf(await world.kubeconfigPaths(set.flags.kubeconfig), set, world, more);
}

async function clusterOf(
  kubeconfigs: readonly string[],
  set: Settings,
  world: World,
  more: Pick<ClusterNeeds, 'holder' | 'takeover'>,
): Promise<WorldCluster> {
  const { context } = set.flags;
  const cluster = await world.cluster({
    kubeconfigs,
    warn: (text) => world.err(`warning: ${text}`),
    judgeHolder,
    ...present({ context }),
    ...more,
  });
  if (!cluster.ok) throw new CommandError(3, causeText(cluster.failure), cluster.failure.hint);
  return cluster.value;
}
