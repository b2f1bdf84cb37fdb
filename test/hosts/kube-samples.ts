// What a rollout may never break, sampled from outside several times a second while it runs:
// availability, zones, and pods on hosts that are down.
import type { NodeHosts } from './kube-fleet.ts';

interface Item {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly nodeName?: string;
    readonly replicas?: number;
  };
  readonly status: {
    readonly availableReplicas?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly phase?: string;
  };
}

export interface Samples {
  /** Ends the looking. */
  readonly end: () => Promise<void>;
  readonly taken: () => number;
  /** Least that was ever available, by Deployment. */
  readonly least: () => Readonly<Record<string, number>>;
  /** Sets of nodes that were out of service at one moment. */
  readonly cordoned: () => readonly (readonly string[])[];
  /** Everything that must not have been seen. */
  readonly broken: () => readonly string[];
}

const zoneLabel = 'topology.kubernetes.io/zone';

/** Zones count where nodes have one: never two zones at once. */
export function sample({ lab, hosts }: NodeHosts): Samples {
  const least: Record<string, number> = {};
  const sets = new Map<string, readonly string[]>();
  const broken = new Set<string>();
  let taken = 0;
  let going = true;

  const list = async (path: string): Promise<readonly Item[]> =>
    ((await lab.read(path)) as { items: readonly Item[] }).items;

  async function sample(): Promise<void> {
    // Down before and after the pods were listed: down while they were.
    const down = hosts.fleet.hosts.filter((host) => !host.isUp()).map((host) => host.name);
    const [nodes, deployments, budgets, pods] = await Promise.all(
      [
        '/api/v1/nodes',
        '/apis/apps/v1/deployments',
        '/apis/policy/v1beta1/poddisruptionbudgets',
        '/api/v1/namespaces/default/pods',
      ].map(list),
    );
    const stillDown = new Set(
      down.filter((name) => hosts.fleet.hosts.some((host) => host.name === name && !host.isUp())),
    );
    taken += 1;
    for (const { metadata, status } of deployments ?? []) {
      const available = status.availableReplicas ?? 0;
      least[metadata.name] = Math.min(least[metadata.name] ?? available, available);
    }
    for (const { metadata, status } of budgets ?? []) {
      const { currentHealthy = 0, desiredHealthy = 0 } = status;
      if (currentHealthy < desiredHealthy)
        broken.add(`PDB ${metadata.name}: ${currentHealthy} healthy of ${desiredHealthy} needed`);
    }
    for (const { metadata, spec } of pods ?? [])
      if (stillDown.has(spec.nodeName ?? ''))
        broken.add(`pod ${metadata.name} on ${spec.nodeName}, whose host is down`);
    const out = (nodes ?? []).filter((node) => node.spec.unschedulable === true);
    sets.set(
      out.map((node) => node.metadata.name).join(),
      out.map((node) => node.metadata.name),
    );
    const zones = new Set(out.flatMap((node) => node.metadata.labels?.[zoneLabel] ?? []));
    if (zones.size > 1)
      broken.add(
        `nodes of ${zones.size} zones out of service: ${out.map((node) => node.metadata.name).join(', ')}`,
      );
  }

  const looking = (async () => {
    while (going) {
      await sample().catch((error: Error) => {
        going = false;
        broken.add(`no sample: ${error.message}`);
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  return {
    end: () => {
      going = false;
      return looking;
    },
    taken: () => taken,
    least: () => least,
    cordoned: () => [...sets.values()],
    broken: () => [...broken],
  };
}
