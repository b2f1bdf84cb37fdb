// `kmend inventory`: what ansible-inventory prints, from the same files; and an inventory from the
// nodes of a cluster.

import type { Command } from 'commander';
import { report } from '../../../app/session/diagnostics.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { loadFleet, reportSealedFiles } from '../../../app/session/fleet.ts';
import type { Session } from '../../../app/session/session.ts';
import { CommandError } from '../../../app/session/world.ts';
import { hostVars, inventoryGraph, inventoryList, sortedJson } from '../../../load/index.ts';
import { causeText } from '../../../model/run/failure.ts';
import { onlyAsked } from '../../configuration.ts';
import { withFleetOptions } from '../../options.ts';
import { withSession } from '../../terminal/observer.ts';
import { printText, type World } from '../../world.ts';

interface Flags extends FleetFlags {
  readonly list?: boolean;
  readonly host?: string;
  readonly graph?: string | boolean;
  readonly vars?: boolean;
}

export function inventoryCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  const inventory = withFleetOptions(program.command('inventory'))
    .description('show the inventory as ansible-inventory does')
    .option('--list', 'everything as JSON')
    .option('--host <name>', 'the variables of one host as JSON')
    .option('--graph [group]', 'groups and hosts as a tree')
    .option('--vars', 'variables in the graph')
    .action(async (flags: Flags, command: Command) => {
      const lines = await withSession(flags, onlyAsked(command, world), async (session) =>
        show(flags, session),
      );
      for (const line of lines) world.data(line);
      done(0);
    });
  inventory
    .command('from-cluster')
    .description('write an inventory from the nodes of the cluster')
    .option('--kubeconfig <file>', 'default $KUBECONFIG')
    .option('--context <name>', 'context of the kubeconfig')
    .action(async (flags: FleetFlags, command: Command) =>
      done(await fromCluster({ ...command.parent?.opts(), ...flags }, world)),
    );
}

function show(flags: Flags, session: Session): readonly string[] {
  const asked = [flags.list === true, flags.host !== undefined, flags.graph !== undefined].filter(
    Boolean,
  ).length;
  if (asked !== 1) throw new CommandError(3, 'give one of --list, --host NAME, --graph');
  if (flags.graph !== undefined && flags.json === true)
    throw new CommandError(3, '--json does not go with --graph', '--list has the groups as JSON');
  const { settings, observer } = session;
  const inventory = loadFleet(session);
  reportSealedFiles(inventory, flags.host, session);
  if (flags.list === true) return sortedJson(inventoryList(inventory)).split('\n');
  if (flags.host !== undefined) {
    const vars = hostVars(inventory, flags.host, { extraVars: settings.extraVars });
    report(vars.diagnostics, observer);
    return sortedJson(vars.value ?? {}).split('\n');
  }
  const graph = inventoryGraph(
    inventory,
    typeof flags.graph === 'string' ? flags.graph : 'all',
    flags.vars === true,
  );
  report(graph.diagnostics, observer);
  return graph.value ?? [];
}

const fromCluster = (flags: FleetFlags, world: World): Promise<number> =>
  withSession(flags, world, async ({ ports }) => {
    const cluster = await ports.cluster();
    if (cluster === undefined)
      throw new CommandError(3, 'no cluster is configured', 'give --kubeconfig, or set KUBECONFIG');
    const nodes = await cluster.nodes(world.kill);
    if (!nodes.ok) throw new CommandError(4, causeText(nodes.failure), nodes.failure.hint);
    printText(await world.inventoryFromNodes(nodes.value), world.data);
    return 0;
  });
