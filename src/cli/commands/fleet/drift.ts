// `kmend drift`, read-only: which hosts of earlier runs have lost their remedy.
import type { Command } from 'commander';
import { drift } from '../../../app/hosts/drift.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { driftSummary, driftTable } from '../../../screens/hosts/drift-text.ts';
import { heldLines } from '../../../screens/run/held-text.ts';
import { withFleetOptions, withMetricsOption, withQuietOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import { paintOf, type World } from '../../world.ts';

interface DriftFlags extends FleetFlags {
  readonly all?: boolean;
}

export function driftCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
  own: { readonly state?: string } = {},
): void {
  withMetricsOption(withQuietOption(withFleetOptions(program.command('drift'))))
    .description(
      'read-only: which of the hosts that earlier runs remediated have lost the remedy since (a kernel update, a downgrade)',
    )
    .argument('[pattern]', 'hosts', 'all')
    .option('--all', 'also hosts that no run remediated')
    .addHelpText(
      'after',
      '\nExit codes: 0 all kept it, also where what the play accepted is left open, 2 some lost it, 4 a host could not be read or was left out of service by a run, 6 hosts unreachable, 11 no run remediated any of them, 12 unproven: nothing shows whether it was kept.',
    )
    .action(async (pattern: string, flags: DriftFlags) =>
      done(await driftOf(pattern, { ...flags, ...own }, world)),
    );
}

async function driftOf(pattern: string, flags: DriftFlags, world: World): Promise<number> {
  const { rows, standing, exit } = await withSession(flags, world, (session) =>
    drift({ pattern, all: flags.all === true }, session),
  );
  const { held, twins } = standing;
  if (flags.json === true) {
    for (const row of rows)
      printJson(
        'kmend.drift/1',
        { ...row, held: held.find(({ host }) => host === row.host) ?? null },
        world,
      );
    return exit;
  }
  const [width, paint] = [world.width(), paintOf(world)];
  const shown = rows.filter(
    ({ state }) => flags.quiet !== true || state === 'lost' || state === 'unread',
  );
  const table = flags.quiet === true && shown.length === 0 ? [] : driftTable(shown, width, paint);
  for (const line of [...table, ...heldLines(held, twins, width, paint)]) world.out(line);
  world.out(`${driftSummary(rows)}   (exit ${exit})`);
  return exit;
}
