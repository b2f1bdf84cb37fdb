// The session of a use case: its settings, its world, its ports and its observer.
import { judgeHolder, ownHolder } from '../../adapters/store/index.ts';
import type { LocalHost } from '../../engine/ports/local.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import { overStateOutages } from '../../engine/state/outage.ts';
import { present } from '../../model/present.ts';
import { causeText } from '../../model/run/failure.ts';
import { type FleetFlags, isDatabase } from './flags.ts';
import { type Settings, settingsOf } from './settings.ts';
import { askVaultPasswords } from './vault.ts';
import {
  type ClusterNeeds,
  CommandError,
  type Surroundings,
  type World,
  type WorldCluster,
} from './world.ts';

export interface Session extends Surroundings {
  readonly settings: Settings;
  readonly ports: Ports;
}

/** Each port is opened once, when it is first needed. */
export interface Ports {
  readonly store: () => Promise<Store>;
  readonly transport: () => Promise<Transport>;
  /** The cluster of `--kubeconfig` or KUBECONFIG; undefined where neither is set. */
  readonly cluster: () => Promise<WorldCluster | undefined>;
  readonly close: () => Promise<void>;
}

/** The opened ports of a plan or a run. */
export interface RunPorts {
  readonly transport: Transport;
  readonly cluster?: WorldCluster;
  readonly store: Store;
  readonly localHost: LocalHost;
}

export async function runPorts({ ports, world }: Session): Promise<RunPorts> {
  const cluster = await ports.cluster();
  return {
    localHost: world.localHost,
    transport: await ports.transport(),
    store: await ports.store(),
    ...present({ cluster }),
  };
}

/**
 * Works in a session, and closes its ports afterwards.
 * @param takeover the run whose marks on nodes do not count
 */
export async function inSession<T>(
  flags: FleetFlags,
  { world, observer }: Surroundings,
  work: (session: Session) => Promise<T>,
  takeover?: string,
): Promise<T> {
  await askVaultPasswords(flags, world);
  const settings = settingsOf(flags, { world, observer });
  let store: Store | undefined;
  // One clock for all that share the state: decisions, windows and journals go by it.
  const clock = { ...world.clock, now: () => store?.now?.() ?? world.clock.now() };
  const around = { world: { ...world, clock }, observer };
  const opened = (value: Store): void => {
    store = value;
  };
  const session = {
    ...around,
    settings,
    ports: portsOf(settings, around, { takeover, opened }),
  };
  try {
    return await work(session);
  } finally {
    await session.ports.close();
  }
}

interface PortOptions {
  readonly takeover: string | undefined;
  readonly opened: (store: Store) => void;
}

function portsOf(
  settings: Settings,
  around: Surroundings,
  { takeover, opened }: PortOptions,
): Ports {
  const { world, observer } = around;
  const warn = (text: string): void => observer.notice(text, 'warning');
  const store = once(async () => {
    const made = await world.store(settings);
    opened(made);
    return isDatabase(settings.state) ? overStateOutages(made, world) : made;
  });
  const transport = once(() =>
    world.transport({ asker: world.asker, handshakes: settings.forks, warn }),
  );
  const cluster = once(async () => {
    const paths = kubeconfigsOf(settings, world);
    return paths.length === 0
      ? undefined
      : openCluster(paths, settings, around, present({ takeover }));
  });
  return {
    store: store.get,
    transport: transport.get,
    cluster: cluster.get,
    close: async () => {
      await (await transport.opened())?.close();
      (await cluster.opened())?.close();
      await (await store.opened())?.close();
    },
  };
}

interface Once<T> {
  readonly get: () => Promise<T>;
  /** Undefined where it was not needed, or could not be opened. */
  readonly opened: () => Promise<T | undefined>;
}

function once<T>(open: () => Promise<T>): Once<T> {
  let value: Promise<T> | undefined;
  return {
    get: () => {
      value ??= open();
      return value;
    },
    opened: async () => value?.catch(() => undefined),
  };
}

function kubeconfigsOf({ flags }: Settings, { env }: World): readonly string[] {
  if (flags.kubeconfig !== undefined) return [flags.kubeconfig];
  return env.KUBECONFIG === undefined || env.KUBECONFIG === '' ? [] : env.KUBECONFIG.split(':');
}

/** The cluster of kubectl's defaults, for commands on single nodes. Runs must be given one. */
export async function openKubectlCluster(
  settings: Settings,
  around: Surroundings,
  takeover?: string,
): Promise<WorldCluster> {
  const paths = await around.world.kubeconfigPaths(settings.flags.kubeconfig);
  return openCluster(paths, settings, around, { holder: ownHolder(), ...present({ takeover }) });
}

async function openCluster(
  kubeconfigs: readonly string[],
  settings: Settings,
  { world, observer }: Surroundings,
  more: Pick<ClusterNeeds, 'holder' | 'takeover'>,
): Promise<WorldCluster> {
  const { context } = settings.flags;
  const warn = (text: string): void => observer.notice(text, 'warning');
  const cluster = await world.cluster({
    kubeconfigs,
    warn,
    judgeHolder,
    ...present({ context }),
    ...more,
  });
  if (!cluster.ok) throw new CommandError(3, causeText(cluster.failure), cluster.failure.hint);
  return cluster.value;
}
