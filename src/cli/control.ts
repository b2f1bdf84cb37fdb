// `pause`, `continue`, `abort`, `promote` and `resolve`: a word to a run under way, left in its directory and journalled by its own process.
import type { Command } from 'commander';
import { postCommand } from '../adapters/store/index.ts';
import { stateOf } from '../app/history/history.ts';
import { refuseNeverBegan } from '../app/history/never-began.ts';
import { type Resolution, resolution, resolutionsIn, wayOf } from '../app/run/resolutions.ts';
import { stateDirOf } from '../app/session/flags.ts';
import { CommandError, type World } from '../app/session/world.ts';
import type { EventBody } from '../model/run/event.ts';

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
      .action(async (run: string, flags: Flags) => done(await post(run, [body(flags)], stateDirOf(flags, world), world)));
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
    .description('acknowledge failed hosts: their slots and zones are free again, the brake no longer counts them')
    .argument('<run>')
    .argument('<hosts...>')
    .option('--as <what>', 'done: it is fine now; skip: leave it; retry: plan and start it again', 'skip')
    .option('--why <text>', 'goes into the journal')
    .option('--state-dir <dir>', 'where runs are kept')
    .addHelpText(
      'after',
      '\nThe same as `kmend resume RUN --retry HOST` (or --skip, --done), without going on.\n' +
        'A tripped brake is released when every failure that it counts was acknowledged; nothing else releases it.',
    )
    .action(async (run: string, hosts: readonly string[], flags: Flags) => {
      const way = wayOf(flags.as);
      done(
        await leaveResolutions(
          run,
          [...new Set(hosts)].map((host) => resolution(host, way, who, flags.why)),
          stateDirOf(flags, world),
          world,
        ),
      );
    });
}

/** Leaves a person's word about hosts for a run, where it can change something. */
export async function leaveResolutions(run: string, given: readonly Resolution[], stateDir: string, world: World): Promise<number> {
  await known(run, stateDir, world);
  return post(run, resolutionsIn(given, await stateOf(await world.store(stateDir), run)), stateDir, world);
}

/** A run that is not there is the user's mistake, and in one that never began nobody would take a command up. */
async function known(run: string, stateDir: string, world: World): Promise<void> {
  if (!world.reader.readText(`${stateDir}/runs/${run}/settings.json`).ok)
    throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
  await refuseNeverBegan(run, await world.store(stateDir));
}

async function post(run: string, bodies: readonly EventBody[], stateDir: string, world: World): Promise<number> {
  await known(run, stateDir, world);
  for (const body of bodies) await postCommand(stateDir, run, body, world.clock.now());
  const holder = await (await world.store(stateDir)).holder(run);
  world.out(
    holder === undefined
      ? `left for run ${run}: nobody works on it, \`kmend resume ${run}\` will take it up`
      : `left for run ${run}: it is taken up within a second (${holder})`,
  );
  return 0;
}
