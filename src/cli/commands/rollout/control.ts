// `pause`, `continue`, `abort`, `promote` and `resolve`: control commands, journalled by the process
// of the run.

import type { Command } from 'commander';
import { command, type Left, leaveResolutions } from '../../../app/run/control.ts';
import { resolution, wayOf } from '../../../app/run/resolutions.ts';
import { present } from '../../../model/present.ts';
import type { EventBody } from '../../../model/run/event.ts';
import { stateOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

interface Flags {
  readonly state?: string;
  readonly stateDir?: string;
  readonly why?: string;
  readonly as?: string;
  readonly json?: boolean;
}

export function controlCommands(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  const control = (name: string, description: string, body: (flags: Flags) => EventBody): void => {
    program
      .command(name)
      .description(description)
      .argument('<run>')
      .option('--why <text>', 'goes into the journal')
      .option(...stateOption)
      .option('--state-dir <dir>', 'where runs are kept')
      .option('--json', 'a JSON line')
      .action(async (run: string, flags: Flags) =>
        done(
          sayLeft(
            await withSession(flags, world, (session) => command(run, [body(flags)], session)),
            flags,
            world,
          ),
        ),
      );
  };
  const { who } = world;
  control(
    'pause',
    'start no further host until `continue`; hosts under way go to their end',
    ({ why }) => ({
      type: 'run.paused',
      who,
      why: why ?? 'asked to',
    }),
  );
  control('continue', 'go on after a pause', ({ why }) => ({
    type: 'run.continued',
    who,
    ...present({ why }),
  }));
  control(
    'abort',
    'start nothing more and end: hosts under way go to a safe state, which is named',
    ({ why }) => ({
      type: 'run.aborted',
      who,
      why: why ?? 'asked to',
    }),
  );
  control(
    'promote',
    'let the canary be followed by the rest (for `promote: manual`)',
    ({ why }) => ({
      type: 'canary.promoted',
      by: who,
      why: why ?? 'promoted by hand',
    }),
  );
  resolveCommand(program, world, done);
}

function resolveCommand(program: Command, world: World, done: (exit: number) => void): void {
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
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .option('--json', 'a JSON line')
    .addHelpText(
      'after',
      '\nThe same as `kmend resume RUN --retry HOST` (or --skip, --done), without going on.\n' +
        'A tripped brake is released when every failure that it counts was acknowledged; nothing else releases it.',
    )
    .action(async (run: string, hosts: readonly string[], flags: Flags) => {
      const way = wayOf(flags.as);
      const given = [...new Set(hosts)].map((host) => resolution(host, way, world.who, flags.why));
      done(
        sayLeft(
          await withSession(flags, world, (session) => leaveResolutions(run, given, session)),
          flags,
          world,
        ),
      );
    });
}

/** Prints which process carries out a command that was left for a run. */
export function sayLeft(
  { run, holder }: Left,
  { json }: Pick<Flags, 'json'>,
  world: World,
): number {
  if (json === true) printJson('kmend.control/1', { run, holder: holder ?? null }, world);
  else
    world.out(
      holder === undefined
        ? `left for run ${run}: no process works on it, \`kmend resume ${run}\` carries it out`
        : `left for run ${run}: it is taken up within a second (${holder})`,
    );
  return 0;
}
