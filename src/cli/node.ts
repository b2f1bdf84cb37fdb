// `kmend drain NODE` and `kmend uncordon NODE`: kubectl's commands with kubectl's flags, by the same adapter that a run uses.
import type { Command } from 'commander';
import type { DrainOptions } from '../model/effect.ts';
import type { FleetFlags } from './options.ts';
import { openCluster, settings } from './setup.ts';
import { CommandError, type World } from './world.ts';

interface DrainFlags extends FleetFlags {
  readonly ignoreDaemonsets?: boolean;
  readonly deleteEmptydirData?: boolean;
  readonly force?: boolean;
  readonly timeout?: string;
  readonly gracePeriod?: string;
  readonly podSelector?: string;
  readonly disableEviction?: boolean;
  readonly skipWaitForDeleteTimeout?: string;
  readonly dryRun?: string | boolean;
}

export function nodeCommands(program: Command, world: World, done: (exit: number) => void): void {
  const clusterOptions = (command: Command): Command =>
    command.option('--kubeconfig <file>', 'default $KUBECONFIG').option('--context <name>', 'context of the kubeconfig');
  clusterOptions(program.command('drain'))
    .description('drain a node as kubectl drain does, with a forecast first')
    .argument('<node>')
    .option('--ignore-daemonsets', 'leave DaemonSet pods where they are')
    .option('--delete-emptydir-data', 'evict pods with emptyDir volumes: their data is lost')
    .option('--force', 'evict pods that nothing will make again')
    .option('--timeout <duration>', 'give up after this long: 90, 90s, 5m (0 = an hour)', '0')
    .option('--grace-period <seconds>', 'seconds a pod gets to end; -1 = its own', '-1')
    .option('--pod-selector <selector>', 'only pods with these labels')
    .option('--disable-eviction', 'delete instead of evict: PDBs are not asked')
    .option('--skip-wait-for-delete-timeout <seconds>', 'do not wait for pods deleted longer ago than this', '0')
    .option('--dry-run [mode]', 'only say what would go')
    .action(async (node: string, flags: DrainFlags) => done(await drain(node, flags, world)));
  clusterOptions(program.command('uncordon'))
    .description('make a node schedulable again')
    .argument('<node>')
    .action(async (node: string, flags: FleetFlags) => done(await uncordon(node, flags, world)));
}

const needCluster = async (flags: FleetFlags, world: World) => {
  const cluster = await openCluster(settings(flags, world), world);
  if (cluster === undefined) throw new CommandError(3, 'no cluster is configured', 'give --kubeconfig, or set KUBECONFIG');
  return cluster;
};

function seconds(text: string, flag: string): number {
  const match = /^(-?\d+)(s|m|h)?$/.exec(text);
  if (match === null) throw new CommandError(3, `${flag} wants seconds or a duration such as 90s or 5m, not \`${text}\``);
  return Number(match[1]) * ({ s: 1, m: 60, h: 3600 }[match[2] ?? 's'] ?? 1);
}

function optionsOf(flags: DrainFlags): DrainOptions {
  const grace = seconds(flags.gracePeriod ?? '-1', '--grace-period');
  const skip = seconds(flags.skipWaitForDeleteTimeout ?? '0', '--skip-wait-for-delete-timeout');
  const timeout = seconds(flags.timeout ?? '0', '--timeout');
  return {
    timeout: timeout === 0 ? 3600 : timeout,
    ...(grace < 0 ? {} : { gracePeriod: grace }),
    ignoreDaemonsets: flags.ignoreDaemonsets === true,
    deleteEmptydirData: flags.deleteEmptydirData === true,
    force: flags.force === true,
    ...(flags.podSelector === undefined ? {} : { podSelector: flags.podSelector }),
    disableEviction: flags.disableEviction === true,
    ...(skip > 0 ? { skipWaitForDeleteTimeout: skip } : {}),
    fallbackWithoutEviction: false,
    // As kubectl: a failed drain leaves the node cordoned. In a play it is the other way round.
    keepCordoned: true,
  };
}

async function drain(node: string, flags: DrainFlags, world: World): Promise<number> {
  const cluster = await needCluster(flags, world);
  try {
    const options = optionsOf(flags);
    if (flags.dryRun !== undefined && flags.dryRun !== 'none') return await forecast(cluster, node, options, world);
    const owner = { run: `drain-${world.clock.id().slice(0, 8)}`, number: 1 };
    const cordoned = await cluster.cordon(node, owner, world.kill);
    if (!cordoned.ok) throw new CommandError(4, cordoned.failure.message, cordoned.failure.hint);
    world.out(`node/${node} ${cordoned.value.wasUnschedulable ? 'already cordoned' : 'cordoned'}`);
    const drained = await cluster.drain(node, options, owner, (text) => world.out(text), world.stop);
    // From here on it is a person's cordon, as kubectl leaves it: a second try, and any run, finds no mark in its way.
    const released = await cluster.release(node, owner);
    if (!released.ok) world.err(`warning: the mark kmend.io/owner stays on node ${node}: ${released.failure.message}`);
    if (!drained.ok) throw new CommandError(4, `${drained.failure.message}; node ${node} stays cordoned`, drained.failure.hint);
    for (const pod of drained.value.evicted) world.out(`pod/${pod} evicted`);
    world.out(`node/${node} drained`);
    return 0;
  } finally {
    cluster.close();
  }
}

async function forecast(
  cluster: Awaited<ReturnType<typeof needCluster>>,
  node: string,
  options: DrainOptions,
  world: World,
): Promise<number> {
  const seen = await cluster.forecast(node, options, world.kill);
  if (!seen.ok) throw new CommandError(4, seen.failure.message, seen.failure.hint);
  const { evicts, leaves, blocks, busy, warnings, estimate } = seen.value;
  for (const pod of evicts) world.out(`would evict ${pod}`);
  for (const pod of leaves) world.out(`would leave ${pod}`);
  for (const warning of warnings) world.err(`warning: ${warning}`);
  for (const text of busy) world.err(`busy now: ${text}`);
  for (const block of blocks) world.err(`blocked: ${block}`);
  world.out(`node/${node}: ${evicts.length} pods would go, in about ${Math.round(estimate)} s by their grace periods`);
  return blocks.length === 0 ? 0 : 4;
}

async function uncordon(node: string, flags: FleetFlags, world: World): Promise<number> {
  const cluster = await needCluster(flags, world);
  try {
    const outcome = await cluster.plainUncordon(node, world.kill);
    if (!outcome.ok) throw new CommandError(4, outcome.failure.message, outcome.failure.hint);
    world.out(`node/${node} ${outcome.value.changed ? 'uncordoned' : 'already uncordoned'}`);
    return 0;
  } finally {
    cluster.close();
  }
}
