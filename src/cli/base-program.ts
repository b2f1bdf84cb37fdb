// What all commands share: help, output, and the setup before a command.
import { Command } from 'commander';
import { readInputVars } from '../app/session/extra-vars.ts';
import type { FleetFlags } from '../app/session/flags.ts';
import { fold } from '../screens/layout.ts';
import { configure } from './configuration.ts';
import type { TypedPlace } from './terminal/as-typed.ts';
import { printText, type World } from './world.ts';

const helpWidth = 80;

const wrapped = (text: string): string =>
  text
    .split('\n')
    .flatMap((line) => fold(line, helpWidth))
    .join('\n');

/** The place that the command line names; of both options the first counts. */
function typedPlace(command: Command): TypedPlace | undefined {
  const { state = '', stateDir = '' } = command.opts<FleetFlags>();
  if (command.getOptionValueSource('state') === 'cli' && state !== '') return ['--state', state];
  return command.getOptionValueSource('stateDir') === 'cli' && stateDir !== ''
    ? ['--state-dir', stateDir]
    : undefined;
}

/** A program without commands. `typed` gets the place of state that its command line names. */
export const baseProgram = (world: World, typed: (place: TypedPlace) => void = () => {}): Command =>
  new Command('kmend')
    .description(
      'Takes fleets of Linux hosts out of the kernel-memory-accounting leak of the 3.10 kernel: checks, plans, drains, remediates, reboots, proves.',
    )
    .version(world.version, '-V, --version')
    .showHelpAfterError('(kmend --help, kmend COMMAND --help)')
    .exitOverride()
    // The longest option of `drain` leaves less than commander's default of 40 columns.
    .configureHelp({ minWidthToWrap: 30 })
    .configureOutput({
      // commander does not wrap what `addHelpText` adds.
      writeOut: (text) => printText(wrapped(text), world.out),
      writeErr: (text) => printText(text, world.err),
      // The same width everywhere, since the entry prints help that the build has written
      // (scripts/build.mjs).
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    })
    .option(
      '--trust-files',
      'for this run: obey files that others could have written, and links that lead out of the project',
    )
    .option('--no-color', 'no colours, as with $NO_COLOR; $FORCE_COLOR has them in a pipe too')
    .hook('preAction', async (_, command) => {
      if (command.optsWithGlobals().trustFiles === true) world.trust.trustAll();
      const place = typedPlace(command);
      if (place !== undefined) typed(place);
      configure(command, world);
      await readInputVars(command.opts<FleetFlags>().extraVars ?? [], world);
    });
