// `pause`, `continue`, `abort`, `promote` and `resolve`: a word to a run under way, left in its directory and journalled by its own process.
import type { Command } from 'commander';
import type { EventBody } from '../model/event.ts';
import { postCommand } from '../store/index.ts';
import { stateDirOf } from './options.ts';
import { CommandError, type World } from './world.ts';

interface Flags {
  readonly stateDir?: string;
  readonly why?: string;
  readonly as?: string;
}

export function controlCommands(program: Command, world: World, done: (exit: number) => void): void {
  const word = (name: string, description: string, body: (flags: Flags) => EventBody): void => {
    program
      .command(name)
      .description(description)
      .argument('<run>')
      .option('--why <text>', 'goes into the journal')
      .option('--state-dir <dir>', 'where runs are kept')
      .action(async (run: string, flags: Flags) => done(await post(run, body(flags), flags, world)));
  };
  const { who } = world;
  word('pause', 'start no further host until `continue`; hosts under way go to their end', ({ why }) => ({
    type: 'run.paused',
    who,
    why: why ?? 'asked to',
  }));
  word('continue', 'go on after a pause', () => ({ type: 'run.continued', who }));
  word('abort', 'start nothing more and end: hosts under way go to a safe state, which is named', ({ why }) => ({
    type: 'run.aborted',
    who,
    why: why ?? 'asked to',
  }));
  word('promote', 'let the canary be followed by the rest (for `promote: manual`)', ({ why }) => ({
    type: 'canary.promoted',
    by: who,
    why: why ?? 'promoted by hand',
  }));

  program
    .command('resolve')
    .description('say that a person has looked at a host that ended badly: its slot and zone are free again')
    .argument('<run>')
    .argument('<host>')
    .option('--as <what>', 'done: it is fine now; skip: leave it; retry: plan and start it again', 'skip')
    .option('--why <text>', 'goes into the journal')
    .option('--state-dir <dir>', 'where runs are kept')
    .action(async (run: string, host: string, flags: Flags) => {
      if (flags.as !== 'done' && flags.as !== 'skip' && flags.as !== 'retry')
        throw new CommandError(3, `--as is done, skip or retry, not \`${flags.as}\``);
      const body: EventBody = { type: 'host.resolved', host, who, note: flags.why ?? `resolved as ${flags.as}`, as: flags.as };
      done(await post(run, body, flags, world));
    });
}

async function post(run: string, body: EventBody, flags: Flags, world: World): Promise<number> {
  const stateDir = stateDirOf(flags, world);
  const store = await world.store(stateDir);
  const events = await store.readEvents(run).catch(() => undefined);
  if (events === undefined) throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
  const begun = events.find((event) => event.type === 'run.started');
  if (
    body.type === 'host.resolved' &&
    begun?.type === 'run.started' &&
    ![...begun.hosts, ...begun.leftOut].some((one) => one.host === body.host)
  )
    throw new CommandError(3, `run ${run} has no host ${body.host}`);
  await postCommand(stateDir, run, body, world.clock.now());
  const over = events.at(-1)?.type === 'run.finished';
  world.out(
    over
      ? `left for run ${run}: it is finished, \`kmend resume ${run}\` will take it up`
      : `left for run ${run}: it is taken up within a second while the run is under way, else by \`kmend resume ${run}\``,
  );
  return 0;
}
