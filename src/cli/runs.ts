// `runs`, `report` and `audit verify`: what happened, from journals alone.
import type { Command } from 'commander';
import { table } from '../report/layout.ts';
import { reportMarkdown, reportText } from '../report/run-report.ts';
import { JournalError, verifyJournal } from '../store/index.ts';
import { stateDirOf } from './options.ts';
import { paintOf } from './setup.ts';
import { CommandError, type World } from './world.ts';

interface Flags {
  readonly stateDir?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

export function runsCommands(program: Command, world: World, done: (exit: number) => void): void {
  const stateOption = (command: Command): Command =>
    command.option('--state-dir <dir>', 'where runs are kept').option('--json', 'JSON lines');
  stateOption(program.command('runs'))
    .description('list runs, the newest last')
    .action(async (flags: Flags) => done(await listRuns(flags, world)));
  stateOption(program.command('report'))
    .description('what a run did, host by host, with its proof')
    .argument('<run>')
    .option('--markdown', 'as Markdown, for a ticket')
    .action(async (run: string, flags: Flags) => done(await report(run, flags, world)));
  const audit = program.command('audit').description('the journal as evidence');
  stateOption(audit.command('verify'))
    .description('check every link of a journal; names the first entry that was changed')
    .argument('<run>')
    .action(async (run: string, flags: Flags) => done(await verify(run, flags, world)));
}

async function listRuns(flags: Flags, world: World): Promise<number> {
  const store = await world.store(stateDirOf(flags, world));
  const runs = await store.runs();
  if (flags.json === true) {
    for (const run of runs) world.out(JSON.stringify({ schema: 'kmend.run/1', ...run }));
    return 0;
  }
  const rows = runs.map((run) => [
    run.run,
    new Date(run.startedAt).toISOString().slice(0, 19),
    run.play,
    run.finished === undefined ? 'not finished' : `exit ${run.finished.exit}: ${run.finished.why}`,
  ]);
  for (const line of table([['run', 'started (UTC)', 'play', 'end'], ...rows], world.width())) world.out(line);
  return 0;
}

async function report(run: string, flags: Flags, world: World): Promise<number> {
  const stateDir = stateDirOf(flags, world);
  const store = await world.store(stateDir);
  const { head, events } = await trusted(run, stateDir, async () => ({
    ...(await verifyJournal(stateDir, run)),
    events: await store.readEvents(run),
  }));
  const input = { events, head };
  const lines =
    flags.json === true
      ? events.map((event) => JSON.stringify({ schema: 'kmend.event/1', ...event }))
      : flags.markdown === true
        ? reportMarkdown(input)
        : reportText(input, world.width(), paintOf(world));
  for (const line of lines) world.out(line);
  return 0;
}

async function verify(run: string, flags: Flags, world: World): Promise<number> {
  const stateDir = stateDirOf(flags, world);
  const { entries, head, torn } = await trusted(run, stateDir, () => verifyJournal(stateDir, run));
  world.out(
    `run ${run}: ${entries} entries, every link holds, head ${head}${torn ? ' (its last line is cut off by a crash; resume removes it)' : ''}`,
  );
  return 0;
}

async function trusted<T>(run: string, stateDir: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof JournalError)
      throw new CommandError(1, error.message, 'somebody or something changed this journal: do not trust it beyond the entry before');
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
    throw error;
  }
}
