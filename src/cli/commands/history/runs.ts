// `kmend runs`: past runs, from their journals. `runs prune` removes old ones.
import type { Command } from 'commander';
import { pruneRuns } from '../../../app/history/prune.ts';
import { CommandError } from '../../../app/session/world.ts';
import type { RunInfo } from '../../../engine/ports/store.ts';
import { table, utcTime } from '../../../screens/layout.ts';
import { pruneLines } from '../../../screens/run/prune-text.ts';
import { keepFlag, stateOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';
import { type ReportFlags, report } from './report.ts';

interface Flags extends ReportFlags {
  readonly keep?: string;
  readonly check?: boolean;
}

export function runsCommands(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('runs')
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .option('--json', 'JSON lines')
    .description(
      'list runs, the newest last; `runs show [RUN]` is `report [RUN]`; `runs prune` removes old runs that are over',
    )
    .argument('[what]', 'show or prune')
    .argument('[run]')
    .option(
      '--keep <what>',
      'prune: keep the runs of so many days, as 90d, or so many of the newest, as 500',
    )
    .option('-C, --check', 'prune: only say which runs would be removed')
    .action(async (what: string | undefined, run: string | undefined, flags: Flags) => {
      if (what === undefined) return done(await listRuns(flags, world));
      if (what === 'prune' && run === undefined) return done(await prune(flags, world));
      if (what !== 'show')
        throw new CommandError(
          3,
          `there is no \`kmend runs ${[what, run ?? ''].join(' ').trim()}\``,
          'kmend runs lists them, kmend runs show RUN reports one, kmend runs prune --keep 90d removes old ones',
        );
      done(await report(run, flags, world));
    });
}

async function listRuns(flags: Flags, world: World): Promise<number> {
  const runs = await withSession(flags, world, async ({ ports }) => (await ports.store()).runs());
  if (flags.json === true) {
    for (const run of runs) printJson('kmend.run/1', run, world);
    return 0;
  }
  // Play and end share the last column, which is folded: both may be long.
  const rows = runs.map((run) => {
    const what = run.play === '' ? endOf(run) : `${run.play}: ${endOf(run)}`;
    return [run.run, utcTime(run.startedAt), what];
  });
  for (const line of table([['run', 'started', 'play and end'], ...rows], world.width()))
    world.out(line);
  return 0;
}

async function prune({ keep, check = false, ...flags }: Flags, world: World): Promise<number> {
  const pruned = await withSession(flags, world, (session) =>
    pruneRuns(keepFlag(keep), session, check),
  );
  if (flags.json === true) {
    const stays = [...pruned.stays].map(([run, why]) => ({ run, why }));
    printJson('kmend.prune/1', { check, removed: pruned.removed, stays }, world);
    return 0;
  }
  const lines = pruneLines(pruned, check);
  for (const line of lines.length === 0 ? ['no run is old enough to be removed'] : lines)
    world.out(line);
  return 0;
}

const endOf = ({ begun, finished }: RunInfo): string => {
  if (begun === false) return 'never began';
  return finished === undefined ? 'not finished' : `exit ${finished.exit}: ${finished.why}`;
};
