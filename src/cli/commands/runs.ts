// `kmend runs` and `kmend report`: past runs, from their journals. `runs prune` removes old ones.
import type { Command } from 'commander';
import { beginAnew, neverBegan } from '../../app/history/never-began.ts';
import { pruneRuns } from '../../app/history/prune.ts';
import { eachEvent, readRun } from '../../app/history/report.ts';
import { withheldOf } from '../../app/run/kept-settings.ts';
import type { Session } from '../../app/session/session.ts';
import { CommandError } from '../../app/session/world.ts';
import type { RunInfo } from '../../engine/ports/store.ts';
import { toJson } from '../../model/text/printable.ts';
import { table } from '../../screens/layout.ts';
import { underWay } from '../../screens/run/next-steps.ts';
import { pruneLines } from '../../screens/run/prune-text.ts';
import { reportMarkdown, reportText } from '../../screens/run/run-report.ts';
import { keepFlag } from '../options.ts';
import { withSession } from '../terminal/observer.ts';
import { journalEnd, neededAgain } from '../terminal/run-view.ts';
import { paintOf, type World } from '../world.ts';

interface Flags {
  readonly stateDir?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly keep?: string;
  readonly check?: boolean;
}

export function runsCommands(program: Command, world: World, done: (exit: number) => void): void {
  const stateOption = (command: Command): Command =>
    command.option('--state-dir <dir>', 'where runs are kept').option('--json', 'JSON lines');
  stateOption(program.command('runs'))
    .description(
      'list runs, the newest last; `runs show RUN` is `report RUN`; `runs prune` removes old runs that are over',
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
      if (what !== 'show' || run === undefined)
        throw new CommandError(
          3,
          `there is no \`kmend runs ${[what, run ?? ''].join(' ').trim()}\``,
          'kmend runs lists them, kmend runs show RUN reports one, kmend runs prune --keep 90d removes old ones',
        );
      done(await report(run, flags, world));
    });
  stateOption(program.command('report'))
    .description(
      'what a run did, host by host, with its proof; of a run under way, what each host does and what to type next',
    )
    .argument('<run>')
    .option('--markdown', 'as Markdown, for a ticket')
    .action(async (run: string, flags: Flags) => done(await report(run, flags, world)));
}

async function listRuns(flags: Flags, world: World): Promise<number> {
  const runs = await withSession(flags, world, async ({ ports }) => (await ports.store()).runs());
  if (flags.json === true) {
    for (const run of runs) world.out(toJson({ schema: 'kmend.run/1', ...run }));
    return 0;
  }
  // Play and end share the last column, which is folded: both may be long.
  const rows = runs.map((run) => {
    const what = run.play === '' ? endOf(run) : `${run.play}: ${endOf(run)}`;
    return [run.run, new Date(run.startedAt).toISOString().slice(0, 19), what];
  });
  for (const line of table([['run', 'started (UTC)', 'play and end'], ...rows], world.width()))
    world.out(line);
  return 0;
}

async function prune({ keep, check = false, ...flags }: Flags, world: World): Promise<number> {
  const pruned = await withSession(flags, world, (session) =>
    pruneRuns(keepFlag(keep), session, check),
  );
  if (flags.json === true) {
    const stays = [...pruned.stays].map(([run, why]) => ({ run, why }));
    world.out(toJson({ schema: 'kmend.prune/1', check, removed: pruned.removed, stays }));
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

export const report = (run: string, flags: Flags, world: World): Promise<number> =>
  withSession(flags, world, (session) => showRun(run, flags, session, world));

async function showRun(run: string, flags: Flags, session: Session, world: World): Promise<number> {
  const { state, end, holder } = await readRun(run, session);
  const { head, entries, torn } = end;
  if (flags.json === true) {
    // Printed after the hash of each event was checked.
    await eachEvent(run, session, (event) =>
      world.out(toJson({ schema: 'kmend.event/1', ...event })),
    );
    world.out(journalEnd(run, end));
    return 0;
  }
  if (entries === 0) {
    world.out(
      holder === undefined
        ? `${neverBegan(run)}; ${beginAnew}`
        : `run ${run} is about to begin: ${holder}`,
    );
    return 0;
  }
  const cut =
    torn && holder === undefined
      ? ['the last line of the journal was cut off by a crash; resume removes it']
      : [];
  const steps = underWay(state, world.clock.now(), holder);
  const again =
    steps.length === 0 || holder !== undefined ? [] : neededAgain(await withheldOf(run, session));
  const input = { state, entries, head, standing: [...steps, ...again, ...cut] };
  const lines =
    flags.markdown === true
      ? reportMarkdown(input)
      : reportText(input, world.width(), paintOf(world));
  for (const line of lines) world.out(line);
  return 0;
}
