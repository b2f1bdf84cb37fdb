// `runs` and `report`: what happened, from journals alone; `runs prune` removes old ones.
import type { Command } from 'commander';
import { JournalError, scanEvents } from '../adapters/store/index.ts';
import { beginAnew, neverBegan } from '../app/history/never-began.ts';
import { keepFlag, pruneLines, pruneRuns } from '../app/history/prune.ts';
import { neededAgain } from '../app/run/kept-settings.ts';
import { journalEnd } from '../app/run/run-view.ts';
import { stateDirOf } from '../app/session/flags.ts';
import { paintOf } from '../app/session/settings.ts';
import { CommandError, type World } from '../app/session/world.ts';
import { fold } from '../core/run-state/fold.ts';
import { emptyState } from '../core/run-state/state.ts';
import type { RunInfo } from '../engine/ports/store.ts';
import type { Event } from '../model/run/event.ts';
import { toJson } from '../model/text/printable.ts';
import { table } from '../screens/layout.ts';
import { underWay } from '../screens/run/next-steps.ts';
import { reportMarkdown, reportText } from '../screens/run/run-report.ts';

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
    .description('list runs, the newest last; `runs show RUN` is `report RUN`; `runs prune` removes old runs that are over')
    .argument('[what]', 'show or prune')
    .argument('[run]')
    .option('--keep <what>', 'prune: keep the runs of so many days, as 90d, or so many of the newest, as 500')
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
    .description('what a run did, host by host, with its proof; of a run under way, what each host does and what to type next')
    .argument('<run>')
    .option('--markdown', 'as Markdown, for a ticket')
    .action(async (run: string, flags: Flags) => done(await report(run, flags, world)));
}

async function listRuns(flags: Flags, world: World): Promise<number> {
  const store = await world.store(stateDirOf(flags, world));
  const runs = await store.runs();
  if (flags.json === true) {
    for (const run of runs) world.out(toJson({ schema: 'kmend.run/1', ...run }));
    return 0;
  }
  // Play and end together, in the column that is folded: both may be long, and a terminal has 80 columns.
  const rows = runs.map((run) => {
    const what = run.play === '' ? endOf(run) : `${run.play}: ${endOf(run)}`;
    return [run.run, new Date(run.startedAt).toISOString().slice(0, 19), what];
  });
  for (const line of table([['run', 'started (UTC)', 'play and end'], ...rows], world.width())) world.out(line);
  return 0;
}

async function prune({ keep, check = false, ...flags }: Flags, world: World): Promise<number> {
  const pruned = await pruneRuns(keepFlag(keep), stateDirOf(flags, world), world, check);
  if (flags.json === true) {
    const stays = [...pruned.stays].map(([run, why]) => ({ run, why }));
    world.out(toJson({ schema: 'kmend.prune/1', check, removed: pruned.removed, stays }));
    return 0;
  }
  const lines = pruneLines(pruned, check);
  for (const line of lines.length === 0 ? ['no run is old enough to be removed'] : lines) world.out(line);
  return 0;
}

const endOf = ({ begun, finished }: RunInfo): string => {
  if (begun === false) return 'never began';
  return finished === undefined ? 'not finished' : `exit ${finished.exit}: ${finished.why}`;
};

async function report(run: string, flags: Flags, world: World): Promise<number> {
  const stateDir = stateDirOf(flags, world);
  let state = emptyState;
  const { head, entries, torn } = await read(run, stateDir, (event) => {
    state = fold(state, event);
  });
  if (flags.json === true) {
    // Printed only now that every link is known to hold.
    await scanEvents(stateDir, run, (event) => world.out(toJson({ schema: 'kmend.event/1', ...event })));
    world.out(journalEnd(run, { entries, head }));
    return 0;
  }
  const holder = await (await world.store(stateDir)).holder(run);
  if (entries === 0) {
    world.out(holder === undefined ? `${neverBegan(run)}; ${beginAnew}` : `run ${run} is about to begin: ${holder}`);
    return 0;
  }
  const cut = torn && holder === undefined ? ['the last line of the journal was cut off by a crash; resume removes it'] : [];
  const steps = underWay(state, world.clock.now(), holder);
  const again = steps.length === 0 || holder !== undefined ? [] : neededAgain(run, stateDir, world);
  const input = { state, entries, head, standing: [...steps, ...again, ...cut] };
  const lines = flags.markdown === true ? reportMarkdown(input) : reportText(input, world.width(), paintOf(world));
  for (const line of lines) world.out(line);
  return 0;
}

async function read(run: string, stateDir: string, see: (event: Event) => void): ReturnType<typeof scanEvents> {
  try {
    return await scanEvents(stateDir, run, see);
  } catch (error) {
    if (error instanceof JournalError)
      throw new CommandError(1, error.message, 'somebody or something changed this journal: do not trust it beyond the entry before');
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
    throw error;
  }
}
