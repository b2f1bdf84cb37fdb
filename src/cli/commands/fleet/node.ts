// `kmend drain NODE...`, `kmend cordon NODE...` and `kmend uncordon NODE...`: kubectl's commands
// with kubectl's flags, by the same adapter that a run uses.

import type { Command } from 'commander';
import { returnByRun } from '../../../app/run/return-proven.ts';
import { openKubectlCluster } from '../../../app/session/session.ts';
import { settingsOf } from '../../../app/session/settings.ts';
import { CommandError, type WorldCluster } from '../../../app/session/world.ts';
import { type ExitReason, exitCode } from '../../../core/rollout/exit.ts';
import type { Owner } from '../../../engine/ports/cluster.ts';
import type { DrainOptions } from '../../../model/run/effect.ts';
import { causeText, detailLines, type Failure, type Outcome } from '../../../model/run/failure.ts';
import { plural } from '../../../screens/layout.ts';
import { drainedText } from '../../../screens/run/drained-text.ts';
import {
  type DrainFlags,
  drainOptions,
  isDryRun,
  type NodeFlags,
  withFlags,
} from '../../node-flags.ts';
import { stateOption } from '../../options.ts';
import { type NodeLine, printJson } from '../../output.ts';
import { observerOf, withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

export function nodeCommands(program: Command, world: World, done: (exit: number) => void): void {
  const nodeOptions = (command: Command): Command =>
    command
      .argument('[node...]')
      .option(
        '--kubeconfig <file>',
        'default $KUBECONFIG, ~/.kube/config, or the account of the pod',
      )
      .option('--context <name>', 'context of the kubeconfig')
      .option('-l, --selector <selector>', 'instead of names: all nodes with these labels')
      .option('--takeover <run>', 'a node that this run of kmend holds is taken from it')
      .option('--dry-run [mode]', 'only say what would be done (none, client, server)')
      .option('--json', 'a JSON line for each node; the text goes to stderr')
      .option(
        '-v, --verbose',
        'say what it cost: API calls and bytes',
        (_value: string, before: number | undefined) => (before ?? 0) + 1,
      );
  nodeOptions(program.command('drain'))
    .description('drain nodes as kubectl drain does; --dry-run is a forecast')
    .option('--ignore-daemonsets', 'leave DaemonSet pods where they are')
    .option('--delete-emptydir-data', 'evict pods with emptyDir volumes: their data is lost')
    .option('--delete-local-data', 'the older name of --delete-emptydir-data')
    .option('--force', 'evict pods that nothing will make again')
    .option(
      '--timeout <duration>',
      'give up on a node after this long: 90, 90s, 1m30s (0 = no limit)',
      '0',
    )
    .option('--grace-period <seconds>', 'seconds a pod gets to end; -1 = its own', '-1')
    .option(
      '--pod-selector <selector>',
      'only pods with these labels; the node is not drained while others are there',
    )
    .option('--disable-eviction', 'delete instead of evict: PDBs are not asked')
    .option(
      '--fallback-without-eviction',
      'where the API server offers no eviction: delete, which breaks PDBs',
    )
    .option(
      '--skip-wait-for-delete-timeout <seconds>',
      'pods deleted longer ago than this are left behind',
      '0',
    )
    .option(
      '--dead-node-skip-wait-after <seconds>',
      'drain a node that is not ready: pods deleted longer ago than this are left behind',
    )
    .option(
      '--left-behind <what>',
      'fail (default) or accept: what the options leave on the node, and what comes to it after the cordon',
    )
    .option(
      '--single-replica <how>',
      'restart or surge: for pods of Deployments that a PDB can never let go',
    )
    .option('--jobs <how>', 'evict (default) or wait: for pods of running Jobs')
    .action(async (names: string[], flags: DrainFlags) =>
      done(await drain(names, flags, nodeWorld(flags, world))),
    );
  nodeOptions(program.command('cordon'))
    .description('make nodes unschedulable: their pods stay')
    .action(async (names: string[], flags: NodeFlags) =>
      done(await setCordon(names, flags, nodeWorld(flags, world))),
    );
  nodeOptions(program.command('uncordon'))
    .description(
      'make nodes schedulable again; one that a run has proven and not returned is returned by that run',
    )
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .action(async (names: string[], flags: NodeFlags) =>
      done(await uncordon(names, flags, nodeWorld(flags, world))),
    );
}

interface NodeWorld extends World {
  /** Prints the line of a node with `--json`; the text is printed in any case. */
  readonly line: (line: NodeLine) => void;
}

const nodeWorld = ({ json }: NodeFlags, world: World): NodeWorld =>
  json === true
    ? { ...world, out: world.err, line: (line) => printJson('kmend.node/1', line, world) }
    : { ...world, line: () => {} };

/** The failure of one node; the others go on, as with kubectl. */
type End = ExitReason | undefined;

/** kubectl ends with 1 for every failure; a node that a run of kmend holds has its own exit code. */
const reasonOf = (failure: Failure): ExitReason =>
  failure.kind === 'fenced' || failure.kind === 'kept_out' ? 'locked' : 'internal';

function reportFailure(
  line: Omit<NodeLine, 'failure'>,
  failure: Failure,
  world: NodeWorld,
): ExitReason {
  const { node } = line;
  world.line({ ...line, failure });
  const { message, hint } =
    failure.kind === 'fenced' ? { ...failure, hint: takeoverHint(failure.hint) } : failure;
  world.err(`error: ${withFlags(message.includes(node) ? message : `node ${node}: ${message}`)}`);
  for (const line of detailLines(failure)) world.err(`  ${withFlags(line)}`);
  if (hint !== undefined) world.err(`  hint: ${withFlags(hint)}`);
  return reasonOf(failure);
}

const takeoverHint = (hint: string | undefined): string =>
  `\`--takeover RUN\` takes it from that run, which then ends for this host${hint === undefined ? '' : `; ${hint}`}`;

async function withCluster(
  flags: NodeFlags,
  world: NodeWorld,
  use: (cluster: WorldCluster) => Promise<number>,
): Promise<number> {
  const around = { world, observer: observerOf(world, {}) };
  const cluster = await openKubectlCluster(settingsOf(flags, around), around, flags.takeover);
  try {
    const exit = await use(cluster);
    if ((flags.verbose ?? 0) > 0) {
      const { calls, connections, sent, received } = cluster.stats();
      world.err(
        `${plural(calls, 'API call')} on ${plural(connections, 'connection')}, ${sent} bytes of content sent, ${received} received`,
      );
    }
    return exit;
  } finally {
    cluster.close();
  }
}

function orThrow<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new CommandError(1, causeText(outcome.failure), outcome.failure.hint);
}

/** The nodes of a command. All must exist before the first one is changed. */
async function nodesOf(
  names: readonly string[],
  flags: NodeFlags,
  cluster: WorldCluster,
  world: NodeWorld,
): Promise<readonly string[]> {
  if (flags.selector !== undefined && names.length > 0)
    throw new CommandError(3, 'give names of nodes or --selector, not both');
  if (flags.selector === undefined && names.length === 0)
    throw new CommandError(3, 'which node? Give its name, or --selector');
  if (flags.selector !== undefined) {
    const found = orThrow(await cluster.nodesWith(flags.selector, world.kill));
    if (found.length === 0) throw new CommandError(11, `no node has the labels ${flags.selector}`);
    return found;
  }
  const unique = [...new Set(names)];
  // A single node is read by its cordon.
  if (unique.length > 1) for (const name of unique) orThrow(await cluster.node(name, world.kill));
  return unique;
}

async function drain(
  names: readonly string[],
  flags: DrainFlags,
  world: NodeWorld,
): Promise<number> {
  const options = drainOptions(flags);
  const dryRun = isDryRun(flags);
  return withCluster(flags, world, async (cluster) => {
    const nodes = await nodesOf(names, flags, cluster, world);
    const owner = { run: `drain-${world.clock.id().slice(0, 8)}`, number: 1 };
    if (dryRun)
      return exitOf(
        await inTurn(nodes, (node) => forecast(cluster, node, options, owner, world)),
        world,
      );
    // As in kubectl, all are cordoned before the first is drained, so that no pod moves between
    // them.
    const cordoned: string[] = [];
    const refused = await inTurn(nodes, async (node) => {
      const end = await cordon(cluster, node, owner, world);
      if (end === undefined) cordoned.push(node);
      return end;
    });
    const ended = await inTurn(cordoned, (node) => drainOne(cluster, node, options, owner, world));
    return exitOf([...refused, ...ended], world);
  });
}

async function inTurn(
  nodes: readonly string[],
  act: (node: string) => Promise<End>,
): Promise<readonly End[]> {
  const ends: End[] = [];
  for (const node of nodes) ends.push(await act(node));
  return ends;
}

function exitOf(ends: readonly End[], world: NodeWorld): number {
  if (world.stop.aborted) return world.stop.reason === 'SIGTERM' ? 143 : 130;
  return exitCode(ends.filter((end) => end !== undefined));
}

async function cordon(
  cluster: WorldCluster,
  node: string,
  owner: Owner,
  world: NodeWorld,
): Promise<End> {
  const cordoned = await cluster.cordon(node, owner, world.kill);
  if (!cordoned.ok)
    return reportFailure({ node, action: 'drain', dryRun: false }, cordoned.failure, world);
  sayStale(node, cordoned.value.staleMark, world);
  world.out(`node/${node} ${cordoned.value.wasUnschedulable ? 'already cordoned' : 'cordoned'}`);
  return undefined;
}

function sayStale(node: string, staleMark: string | undefined, world: NodeWorld): void {
  if (staleMark !== undefined) world.err(`warning: node ${node}: ${staleMark}`);
}

async function drainOne(
  cluster: WorldCluster,
  node: string,
  options: DrainOptions,
  owner: Owner,
  world: NodeWorld,
): Promise<End> {
  const drained = await cluster.drain(node, options, owner, (text) => world.out(withFlags(text)), {
    signal: world.stop,
  });
  // From now on it is a plain cordon, as kubectl leaves it: no mark blocks another drain or a run.
  const released = await cluster.release(node, owner);
  // A node that was deleted has no mark.
  if (!released.ok && released.failure.kind !== 'refused')
    world.err(
      `warning: the mark kmend.io/owner stays on node ${node}: ${released.failure.message}`,
    );
  const line = { node, action: 'drain', dryRun: false } as const;
  if (!drained.ok) {
    const end = reportFailure(line, drained.failure, world);
    world.err(`node/${node} ${await cordonNow(cluster, node, world)}`);
    return end;
  }
  const { evicted } = drained.value;
  const left = [...drained.value.left, ...drained.value.arrived];
  world.line({ ...line, evicted, left });
  for (const pod of evicted) world.out(`pod/${pod} evicted`);
  world.out(`node/${node} ${drainedText(left)}`);
  return undefined;
}

/** The cordon as it is now: a drain also fails when its node was uncordoned or deleted. */
async function cordonNow(cluster: WorldCluster, node: string, world: NodeWorld): Promise<string> {
  const now = await cluster.node(node, world.kill);
  if (now.ok) return now.value.unschedulable ? 'stays cordoned' : 'is not cordoned';
  return now.failure.kind === 'refused'
    ? 'is not in the cluster any more'
    : `may be cordoned: ${now.failure.message}`;
}

async function forecast(
  cluster: WorldCluster,
  node: string,
  options: DrainOptions,
  owner: Owner,
  world: NodeWorld,
): Promise<End> {
  // A node that a run holds is refused, as by the drain.
  const may = await cluster.mayCordon(node, owner, world.kill);
  const seen = await cluster.forecast(node, options, world.kill);
  const line = { node, action: 'drain', dryRun: true } as const;
  if (!seen.ok) return reportFailure(line, seen.failure, world);
  const { evicts, leaves, blocks, busy, warnings, estimate } = seen.value;
  const forecasted = { ...line, evicted: evicts, left: leaves, blocks, busy, estimate };
  if (may.ok) world.line(forecasted);
  for (const pod of evicts) world.out(`would evict ${pod}`);
  for (const pod of leaves) world.out(`would leave ${pod}`);
  for (const warning of warnings) world.err(`warning: ${withFlags(warning)}`);
  for (const text of busy) world.err(`busy now: ${text}`);
  for (const block of blocks) world.err(`blocked: ${withFlags(block)}`);
  const refused = may.ok ? undefined : reportFailure(forecasted, may.failure, world);
  world.out(
    `node/${node}: ${plural(evicts.length, 'pod')} would go, in about ${Math.round(estimate)} s by their grace periods`,
  );
  return refused ?? (blocks.length === 0 ? undefined : 'internal');
}

type SetOne = (cluster: WorldCluster, node: string, dryRun: boolean) => Promise<End>;

async function setEach(
  names: readonly string[],
  flags: NodeFlags,
  world: NodeWorld,
  setOne: SetOne,
): Promise<number> {
  const dryRun = isDryRun(flags);
  return withCluster(flags, world, async (cluster) => {
    const nodes = await nodesOf(names, flags, cluster, world);
    return exitOf(await inTurn(nodes, (node) => setOne(cluster, node, dryRun)), world);
  });
}

function sayCordon(
  line: Pick<NodeLine, 'node' | 'action' | 'dryRun'>,
  outcome: Awaited<ReturnType<WorldCluster['plainCordon']>>,
  world: NodeWorld,
): End {
  if (!outcome.ok) return reportFailure(line, outcome.failure, world);
  const { node, action, dryRun } = line;
  const { changed, staleMark } = outcome.value;
  sayStale(node, staleMark, world);
  world.line({ ...line, changed });
  world.out(`node/${node} ${changed ? '' : 'already '}${action}ed${dryRun ? ' (dry run)' : ''}`);
  return undefined;
}

const setCordon = (names: readonly string[], flags: NodeFlags, world: NodeWorld): Promise<number> =>
  setEach(names, flags, world, async (cluster, node, dryRun) =>
    sayCordon(
      { node, action: 'cordon', dryRun },
      await cluster.plainCordon(node, { dryRun }, world.kill),
      world,
    ),
  );

/** A node that a run has proven and not returned is returned by that run, not by this command. */
const uncordon = (names: readonly string[], flags: NodeFlags, world: NodeWorld): Promise<number> =>
  setEach(names, flags, world, async (cluster, node, dryRun) => {
    const set = () => cluster.plainUncordon(node, { dryRun }, world.kill);
    const line = { node, action: 'uncordon', dryRun } as const;
    const first = await set();
    if (first.ok || first.failure.kind !== 'fenced' || dryRun) return sayCordon(line, first, world);
    const state = await cluster.node(node, world.kill);
    const run = state.ok ? state.value.owner?.run : undefined;
    const isReturned =
      run !== undefined &&
      (await withSession({ ...flags, json: false }, world, (session) =>
        returnByRun(node, run, session),
      ));
    if (!isReturned) return sayCordon(line, first, world);
    const then = await set();
    return sayCordon(
      line,
      then.ok ? { ok: true, value: { ...then.value, changed: true } } : then,
      world,
    );
  });
