// Which runs hold hosts, by the probe, the marks on nodes, and the journals of this state directory.

import {
  type Held,
  heldHosts,
  isOrphan,
  type KnownRun,
  runsNamed,
  type Seen,
  seenOf,
  type Twins,
  twinsAmong,
} from '../../core/history/orphans.ts';
import { type ExitReason, interruptedExit } from '../../core/rollout/exit.ts';
import { claimOf } from '../../engine/node/match.ts';
import type { NodeState } from '../../engine/ports/cluster.ts';
import type { RunInfo, Store } from '../../engine/ports/store.ts';
import type { Facts } from '../../model/fact.ts';
import type { Inventory, Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { causeText } from '../../model/run/failure.ts';
import { summaryOf } from '../history/summaries.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';

/**
 * Hosts that runs hold. A run that is over counts where a fence or a node names it.
 * @param runs those of the store, where they were read already
 */
export async function readHeld(
  seen: readonly Seen[],
  store: Store,
  runs?: readonly RunInfo[],
): Promise<ReadonlyMap<string, Held>> {
  const named = new Set(runsNamed(seen));
  const known = new Map<string, KnownRun>();
  for (const info of runs ?? (await store.runs())) {
    const { run, finished } = info;
    const isOpen = finished === undefined || finished.exit === interruptedExit;
    if (!isOpen && !named.has(run)) continue;
    const holder = await store.holder(run);
    known.set(run, { remains: await summaryOf(info, store), ...present({ holder }) });
  }
  return heldHosts(seen, known);
}

/** Runs and twins of the hosts, for read-only commands. */
export interface Standing {
  readonly held: readonly Held[];
  readonly twins: readonly Twins[];
}

export interface Surveyed {
  readonly host: string;
  /** Absent where the host could not be read. */
  readonly facts?: Facts;
}

export async function standingOf(
  rows: readonly Surveyed[],
  targets: readonly Target[],
  inventory: Inventory,
  session: Session,
): Promise<Standing> {
  const owners = await nodeOwners(targets, inventory, session);
  const seen = rows.map(({ host, facts = {} }) => ({
    ...seenOf(host, facts),
    owner: owners.get(host) ?? '',
  }));
  return {
    held: [...(await readHeld(seen, await session.ports.store())).values()],
    twins: twinsAmong(seen),
  };
}

export const standingReasons = ({ held }: Standing): readonly ExitReason[] =>
  held.filter(isOrphan).map(() => 'failed');

/** The run of the mark on each host's node. None where the cluster does not answer. */
async function nodeOwners(
  targets: readonly Target[],
  inventory: Inventory,
  session: Session,
): Promise<ReadonlyMap<string, string>> {
  const owned = new Map<string, string>();
  const nodes = await nodesOf(session);
  for (const { name, address } of nodes.length === 0 ? [] : targets) {
    const nodeName = inventory.hosts.get(name)?.vars.node_name;
    const named = typeof nodeName === 'string' ? { nodeName } : {};
    const claim = claimOf(
      { host: name, ...named, addresses: address === undefined ? [] : [address] },
      nodes,
    );
    const node = claim.ok ? nodes.find((one) => one.name === claim.value.node) : undefined;
    if (node?.owner !== undefined) owned.set(name, node.owner.run);
  }
  return owned;
}

async function nodesOf({ ports, world, observer }: Session): Promise<readonly NodeState[]> {
  const warn = (why: string): readonly NodeState[] => {
    observer.notice(`which nodes a run has cordoned is not known: ${why}`, 'warning');
    return [];
  };
  try {
    const cluster = await ports.cluster();
    if (cluster === undefined) return [];
    const nodes = await cluster.nodes(world.kill);
    return nodes.ok ? nodes.value : warn(causeText(nodes.failure));
  } catch (error) {
    if (error instanceof CommandError) return warn(error.message);
    throw error;
  }
}
