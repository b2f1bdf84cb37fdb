// Worlds: histories of hosts, replayed on the model kernel, and what is true at their end.
//
// Blind spots, which no reading can see and no world has: `docker update` with --memory-swap,
// programs that will start inside a container (what they have made counts), and what somebody may
// yet make with ctr or by hand (again: what was made counts).
import {
  activeProbe,
  type Build,
  boot,
  churn,
  failingStats,
  join,
  type Memory,
  remove,
  smallProcess,
  writeKmemLimit,
} from './kernel.ts';
import {
  asks,
  type Client,
  type Cri,
  containerPath,
  type Engine,
  type Installed,
  type Kubelet,
  type Limited,
  type Manager,
  makeGroup,
  mkdirs,
  nestedPath,
  podContainerPath,
  podPath,
  type Qos,
  type Runc,
  type RuncProgram,
  silentPaths,
  startContainer,
  startKubelet,
} from './programs.ts';

export interface Software {
  readonly engine: { readonly row: Engine; readonly inBoot: boolean } | undefined;
  /** The runc that the engine brings along. */
  readonly bundled: Installed<Runc & { readonly path: string }> | undefined;
  readonly runc: Installed<RuncProgram> | undefined;
  readonly nvidia: Installed<Runc> | undefined;
  readonly kubelet: Installed<Kubelet> | undefined;
  readonly cri: Cri | undefined;
  /**
   * Managers: of docker, of the CRI runtime (containerd's plugin or cri-o), of the kubelet, of
   * podman where it is installed.
   */
  readonly docker: Manager;
  readonly runtime: Manager;
  readonly pods: Manager;
  readonly podman: Manager | undefined;
}

/** A kernel by its el7 build, or one that is healthy, and its command line. */
export interface Boot<B extends number | 'healthy' = number | 'healthy'> {
  readonly build: B;
  readonly args: string;
}

export type Event =
  | { readonly kind: 'pod'; readonly qos: Qos; readonly pod: boolean; readonly container: boolean }
  | { readonly kind: 'container'; readonly client: Client; readonly limited: Limited }
  | { readonly kind: 'silent'; readonly which: number; readonly limited: boolean }
  | { readonly kind: 'by_hand' }
  | { readonly kind: 'nested'; readonly asks: boolean; readonly limited: Limited }
  | { readonly kind: 'remove'; readonly which: number }
  | { readonly kind: 'recreate' }
  | { readonly kind: 'churn'; readonly times: number }
  | { readonly kind: 'replace'; readonly software: Partial<Software> }
  | { readonly kind: 'active_probe' };

export interface World {
  readonly software: Software;
  readonly boot: Boot<number>;
  readonly next: Boot;
  /** memory.use_hierarchy of the root: systemd sets it. */
  readonly hierarchy: boolean;
  readonly kmemFiles: boolean;
  /** Is the host asked by root? */
  readonly root: boolean;
  /**
   * Does the kernel log report caches that could not be made? Only where groups were accounted.
   */
  readonly damage: boolean;
  /**
   * A secret: did something make /kubepods before the kubelet came (runc does, for a container that
   * is started again)?
   */
  readonly premade: boolean;
  /** A secret: whether the builds that nobody has read obey `cgroup.memory=nokmem`. */
  readonly unreadObeys: ReadonlyMap<number, boolean>;
  readonly events: readonly Event[];
}

interface Made {
  readonly path: string;
  /** Who made it; undefined = nobody that is installed on the host. */
  readonly maker: Installed<{ readonly asks: 'yes' | 'no' | 'hidden' }> | undefined;
  readonly manager: Manager;
  readonly client: Client | 'pod' | 'kubelet' | 'other';
  readonly limited: Limited;
}

export interface Host {
  readonly world: World;
  readonly software: Software;
  readonly memory: Memory;
  readonly made: readonly Made[];
  readonly probe: '' | 'off' | 'on' | 'failed';
}

const buildOf = (world: World, build: number): Build => ({
  build,
  obeys: build >= 1062 || (world.unreadObeys.get(build) ?? false),
  kmemFiles: world.kmemFiles,
});

export function replay(world: World): Host {
  const { build, args } = world.boot;
  const memory = ['system.slice', 'user.slice'].reduce(
    mkdirs,
    boot(buildOf(world, build), args, world.hierarchy),
  );
  const early =
    world.premade && world.software.kubelet && world.software.pods === 'cgroupfs'
      ? mkdirs(memory, 'kubepods')
      : memory;
  const started = kubeletStarts({
    world,
    software: world.software,
    memory: early,
    made: [],
    probe: '',
  });
  return world.events.reduce((host, event, n) => step(host, event, n + 1), started);
}

function kubeletStarts(host: Host): Host {
  const { kubelet, pods } = host.software;
  if (kubelet === undefined) return host;
  const top = pods === 'systemd' ? 'kubepods.slice' : 'kubepods';
  const memory = startKubelet(host.memory, pods, asks(kubelet));
  if (host.memory.groups.has(top)) return { ...host, memory };
  return {
    ...host,
    memory,
    made: [
      ...host.made,
      { path: top, maker: kubelet, manager: pods, client: 'kubelet', limited: 'born' },
    ],
  };
}

/**
 * The runc that a client of this host starts containers with, and through which manager; undefined
 * where the client is not there.
 */
export function runtimeOf(software: Software, client: Client | Cri): Runtime | undefined {
  const { engine, bundled, runc, nvidia, podman } = software;
  const found = (maker: Installed<Runc> | undefined, manager: Manager): Runtime | undefined =>
    maker === undefined ? undefined : { maker, manager };
  switch (client) {
    case 'docker':
    case 'docker-parent':
      return engine === undefined ? undefined : found(bundled ?? runc, software.docker);
    case 'nvidia':
      return engine === undefined ? undefined : found(nvidia, software.docker);
    case 'podman':
      return podman === undefined ? undefined : found(runc, podman);
    case 'nerdctl':
    case 'ctr':
      // Neither asks systemd on cgroup v1 unless it is configured to.
      return runc?.row.from === 'containerd.io' || software.cri === 'containerd'
        ? found(runc, 'cgroupfs')
        : undefined;
    case 'containerd':
    case 'cri-o':
      return found(runc, software.runtime);
  }
}

function step(host: Host, event: Event, n: number): Host {
  const { memory, software } = host;
  switch (event.kind) {
    case 'pod':
      return startPod(host, event, n);
    case 'container':
      return runContainer(host, event.client, event.limited, n);
    case 'silent': {
      const path = silentPaths[event.which % silentPaths.length] ?? '';
      if (memory.groups.has(path)) return host;
      const limited = event.limited ? 'born' : 'no';
      return {
        ...host,
        memory: startContainer(memory, path, { asks: false, manager: 'systemd', limited }),
      };
    }
    case 'by_hand':
      return { ...host, memory: kernelLimitByHand(memory) };
    case 'nested': {
      const outer = host.made.find(({ client }) => client !== 'kubelet');
      if (outer === undefined) return host;
      const path = nestedPath(outer.path, n);
      const started = startContainer(memory, path, {
        asks: event.asks,
        manager: 'cgroupfs',
        limited: event.limited,
      });
      return {
        ...host,
        memory: started,
        made: [
          ...host.made,
          { path, maker: undefined, manager: 'cgroupfs', client: 'other', limited: event.limited },
        ],
      };
    }
    case 'remove': {
      const gone = host.made.filter(({ client }) => client !== 'kubelet')[
        event.which % Math.max(1, host.made.length)
      ];
      return gone === undefined ? host : removeTree(host, gone.path);
    }
    case 'recreate':
      return kubeletStarts(removeTree(removeTree(host, 'kubepods'), 'kubepods.slice'));
    case 'churn': {
      const parent = [...memory.groups].find(
        ([path, group]) => path !== '' && group.accounted && group.pids.length === 0,
      )?.[0];
      return parent === undefined
        ? host
        : { ...host, memory: churn(memory, parent, event.times, failingStats) };
    }
    case 'replace':
      return kubeletStarts({ ...host, software: { ...software, ...event.software } });
    case 'active_probe':
      return { ...host, probe: activeProbe(memory) };
  }
}

export interface Runtime {
  readonly maker: Installed<Runc>;
  readonly manager: Manager;
}

function addContainer(
  host: Host,
  { maker, manager }: Runtime,
  one: Pick<Made, 'path' | 'client' | 'limited'>,
): Host {
  const memory = startContainer(host.memory, one.path, {
    asks: asks(maker),
    manager,
    limited: one.limited,
  });
  return { ...host, memory, made: [...host.made, { ...one, maker, manager }] };
}

function runContainer(host: Host, client: Client, limited: Limited, n: number): Host {
  const runtime = runtimeOf(host.software, client);
  if (runtime === undefined) return host;
  // `update` and `--kernel-memory` are docker's; the others' containers keep the limit that they
  // were made with.
  const kind =
    (limited === 'later' || limited === 'kernel') &&
    !client.startsWith('docker') &&
    client !== 'nvidia'
      ? 'born'
      : limited;
  return addContainer(host, runtime, {
    path: containerPath(client, runtime.manager, n),
    client,
    limited: kind,
  });
}

function startPod(
  host: Host,
  { qos, pod, container }: { qos: Qos; pod: boolean; container: boolean },
  n: number,
): Host {
  const { kubelet, cri, pods } = host.software;
  const runtime = cri === undefined ? undefined : runtimeOf(host.software, cri);
  if (kubelet === undefined || cri === undefined || runtime === undefined) return host;
  const limited = (yes: boolean): Limited => (yes && qos !== 'besteffort' ? 'born' : 'no');
  const inner = (id: number): string => podContainerPath(cri, runtime.manager, pods, qos, n, id);
  const path = podPath(pods, qos, n);
  const memory = makeGroup(host.memory, path, {
    asks: asks(kubelet) && pods === 'cgroupfs',
    limited: limited(pod),
  });
  const made: Made = { path, maker: kubelet, manager: pods, client: 'pod', limited: limited(pod) };
  // The pause container has no limit, the other may have one.
  const paused = addContainer({ ...host, memory, made: [...host.made, made] }, runtime, {
    path: inner(n + 1000),
    client: 'pod',
    limited: 'no',
  });
  return addContainer(paused, runtime, {
    path: inner(n),
    client: 'pod',
    limited: limited(container || pod),
  });
}

/** cgconfig, LXC or Slurm where an administrator has configured it to limit kernel memory. */
function kernelLimitByHand(memory: Memory): Memory {
  const path = 'limits/kernel';
  return memory.groups.has(path)
    ? memory
    : join(writeKmemLimit(mkdirs(memory, path), path, '1073741824'), path, 77, smallProcess);
}

function removeTree(host: Host, top: string): Host {
  const below = (path: string): boolean => path === top || path.startsWith(`${top}/`);
  const paths = [...host.memory.groups.keys()].filter(below).sort((a, b) => b.length - a.length);
  return {
    ...host,
    memory: paths.reduce(remove, host.memory),
    made: host.made.filter(({ path }) => !below(path)),
  };
}

export interface Truth {
  /** Live groups that are accounted. */
  readonly now: readonly string[];
  /**
   * What will account a group of its own: when it makes its next limited one in this boot, or after
   * the next boot.
   */
  readonly soon: readonly string[];
  readonly nextBoot: readonly string[];
}

export const isAffected = ({ now, soon, nextBoot }: Truth): boolean =>
  now.length + soon.length + nextBoot.length > 0;

export function truthOf(host: Host): Truth {
  const { world, memory } = host;
  const now = [...memory.groups].filter(([, group]) => group.accounted).map(([path]) => path);
  if (world.next.build === 'healthy') return { now, soon: nextGroups(host), nextBoot: [] };
  const up = kubeletStarts({
    ...host,
    made: [],
    memory: boot(buildOf(world, world.next.build), world.next.args, world.hierarchy),
  });
  const early = [...up.memory.groups].filter(([, group]) => group.accounted).map(([path]) => path);
  return {
    now,
    soon: nextGroups(host),
    nextBoot: [...early, ...nextGroups({ ...up, made: host.made })],
  };
}

/**
 * The clients whose next memory-limited container, or whose pod, would be accounted; nerdctl where
 * somebody uses it.
 */
function nextGroups(host: Host): readonly string[] {
  const n = 9999;
  const clients: readonly Client[] = [
    'docker',
    'nvidia',
    'podman',
    ...(host.made.some(({ client }) => client === 'nerdctl') ? (['nerdctl'] as const) : []),
  ];
  const after: readonly (readonly [string, Host])[] = [
    ...clients.map((client) => [client, runContainer(host, client, 'born', n)] as const),
    ['pod', startPod(host, { qos: 'burstable', pod: true, container: true }, n)],
  ];
  return after
    .filter(([, later]) =>
      [...later.memory.groups].some(
        ([path, group]) => group.accounted && !host.memory.groups.has(path),
      ),
    )
    .map(([name]) => name);
}
