// `kmend rollback`: rolls back what a run changed.
import type { Command } from 'commander';
import type { RunFlags } from '../../../app/run/drive.ts';
import { rollback } from '../../../app/run/rollback.ts';
import type { FleetFlags, RolloutFlags } from '../../../app/session/flags.ts';
import {
  withFleetOptions,
  withForwardOption,
  withNotifyOptions,
  withQuietOption,
  withRolloutOptions,
} from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';
import { showPlanned } from './plan-apply.ts';

interface RollbackFlags extends FleetFlags, RolloutFlags, RunFlags {
  readonly check?: boolean;
  readonly output?: string;
  readonly playbook?: string;
}

export function rollbackCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  withNotifyOptions(
    withForwardOption(
      withRolloutOptions(withQuietOption(withFleetOptions(program.command('rollback')))),
    ),
  )
    .description(
      "roll back what a run changed: boot arguments, kernel that boots, packages, repositories, files, as that run's journal found them",
    )
    .argument('<run>')
    .option('-C, --check', 'only plan')
    .option(
      '-o, --output <file>',
      'only plan, and save the plan: `kmend apply FILE` does exactly that',
    )
    .option('-y, --yes', 'do not ask; without it, and without -l, nothing is rolled back')
    .option('--wait', 'wait for a window, a gate or capacity instead of ending with 9 or 10')
    .option('--takeover <run>', 'take hosts over that this run holds')
    .option('--playbook <file>', 'instead of @rollback, which comes with kmend')
    .addHelpText(
      'after',
      '\nInventory, login, cluster and variables (of -e and of the play) are those of the run, unless flags say otherwise; what may be secret is not ' +
        'kept and is named: give it with -e. A host is refused where the journal lacks a value from before.',
    )
    .action(async (run: string, flags: RollbackFlags) => done(await rollBack(run, flags, world)));
}

async function rollBack(run: string, flags: RollbackFlags, world: World): Promise<number> {
  const check = flags.check === true || flags.output !== undefined;
  const done = await withSession(flags, world, (session) =>
    rollback({ ...flags, run, check }, session),
  );
  const json = flags.json === true;
  if (done.kind === 'nothing')
    (json ? world.err : world.out)(
      `run ${run} changed nothing on these hosts that could be rolled back`,
    );
  if (done.kind === 'refused')
    for (const { host, failure } of done.refused) {
      if (json) printJson('kmend.refused/1', { run, host, failure }, world);
      world.err(`${host}: refused: ${failure.message} (${failure.hint ?? ''})`);
    }
  if (done.kind === 'planned') await showPlanned(done.made, flags, world);
  return done.exit;
}
