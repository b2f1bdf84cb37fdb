// `pause`, `continue`, `abort`, `promote` and `resolve`: commands to a run under way, journalled by
// its own process.
import type { Command } from 'commander';
import { command, type Left, leaveResolutions } from '../../app/run/control.ts';
import { resolution, wayOf } from '../../app/run/resolutions.ts';
import type { EventBody } from '../../model/run/event.ts';
import { withSession } from '../terminal/observer.ts';
import type { World } from '../world.ts';

interface Flags {
  readonly stateDir?: string;
  readonly why?: string;
  readonly as?: string;
}

export function controlCommands(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  const word = (name: string, description: string, body: (flags: Flags) => EventBody): void => {
    program
      .command(name)
      .description(description)
      .argument('<run>')
      .option('--why <text>', 'goes into the journal')
      .option('--state-dir <dir>', 'where runs are kept')
      .action(async (run: string, flags: Flags) =>
        done(
          sayLeft(
            await withSession(flags, world, (session) => command(run, [body(flags)], session)),
            world,
          ),
        ),
      );
  };
  const { who } = world;
  word(
    'pause',
    'start no further host until `continue`; hosts under way go to their end',
    ({ why }) => ({
      type: 'run.paused',
      who,
      why: why ?? 'asked to',
    }),
  );
  word('continue', 'go on after a pause', () => ({ type: 'run.continued', who }));
  word(
    'abort',
    'start nothing more and end: hosts under way go to a safe state, which is named',
    ({ why }) => ({
      type: 'run.aborted',
      who,
      why: why ?? 'asked to',
    }),
  );
  word('promote', 'let the canary be followed by the rest (for `promote: manual`)', ({ why }) => ({
    type: 'canary.promoted',
    by: who,
    why: why ?? 'promoted by hand',
  }));

  program
    .command('resolve')
    .description(
      'acknowledge failed hosts: their slots and zones are free again, the brake no longer counts them',
    )
    .argument('<run>')
    .argument('<hosts...>')
    .option(
      '--as <what>',
      'done: it is fine now; skip: leave it; retry: plan and start it again',
      'skip',
    )
    .option('--why <text>', 'goes into the journal')
    .option('--state-dir <dir>', 'where runs are kept')
    .addHelpText(
      'after',
      '\nThe same as `kmend resume RUN --retry HOST` (or --skip, --done), without going on.\n' +
        'A tripped brake is released when every failure that it counts was acknowledged; nothing else releases it.',
    )
    .action(async (run: string, hosts: readonly string[], flags: Flags) => {
      const way = wayOf(flags.as);
      const given = [...new Set(hosts)].map((host) => resolution(host, way, who, flags.why));
      done(
        sayLeft(
          await withSession(flags, world, (session) => leaveResolutions(run, given, session)),
          world,
        ),
      );
    });
}

/** Says who takes up what was left for a run. */
export function sayLeft({ run, holder }: Left, world: World): number {
  world.out(
    holder === undefined
      ? `left for run ${run}: nobody works on it, \`kmend resume ${run}\` will take it up`
      : `left for run ${run}: it is taken up within a second (${holder})`,
  );
  return 0;
}
