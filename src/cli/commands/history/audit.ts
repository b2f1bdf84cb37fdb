// `audit verify`: journals as evidence.

import type { Command } from 'commander';
import { type Finding, verify } from '../../../app/history/audit.ts';
import { present } from '../../../model/present.ts';
import { plural } from '../../../screens/layout.ts';
import { stateOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

interface Flags {
  readonly head?: string;
  readonly state?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

export function auditCommand(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('audit')
    .description('the journal as evidence')
    .command('verify')
    .description(
      'check every link of a journal (of all without RUN), the record that closes it, and the files that it names',
    )
    .argument('[run]')
    .option(
      '--head <hash>',
      'the journal must have this head, as a run, a report or a notice gave it',
    )
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .option('--json', 'JSON lines')
    .addHelpText(
      'after',
      '\nExit codes: 0 all of it holds, 1 something was changed or cut off (named), 12 a run has no final record: it goes on, was killed, or its ' +
        'end was cut off. Without a head that was kept elsewhere, a rewritten journal cannot be detected: see `kmend docs audit`.',
    )
    .action(async (run: string | undefined, flags: Flags) =>
      done(await verifyRuns(run, flags, world)),
    );
}

async function verifyRuns(run: string | undefined, flags: Flags, world: World): Promise<number> {
  const input = present({ run, head: flags.head });
  const see = (finding: Finding): void => print(finding, flags, world);
  const { removed, exit } = await withSession(flags, world, (session) =>
    verify(input, session, see),
  );
  if (removed > 0 && flags.json !== true)
    world.out(
      `removed by \`kmend runs prune\`: ${plural(removed, 'run')}, of which the heads are kept`,
    );
  return exit;
}

const ends: Readonly<Record<Finding['end'], string>> = {
  closed: 'closed by its final record',
  under_way: 'under way',
  open: 'without a final record: it was killed, or its end was cut off',
};

function print({ run, audit, end, wrong, notes }: Finding, flags: Flags, world: World): void {
  if (flags.json === true) {
    const { entries, head, torn, files } = audit ?? {};
    const known = present({ entries, head, torn, files });
    return printJson('kmend.audit/1', { run, end, ...known, wrong, notes }, world);
  }
  if (audit !== undefined) {
    const files =
      audit.files === 0
        ? ''
        : `; ${plural(audit.files, 'file or piece of output', 'files and pieces of output')} as its entries say`;
    world.out(
      `run ${run}: ${plural(audit.entries, 'entry', 'entries')}, every link holds, ${ends[end]}, head ${audit.head}${files}`,
    );
  }
  for (const note of notes) world.out(`  ${note}`);
  for (const text of wrong) world.err(`run ${run}: ${text}`);
  if (wrong.length > 0) world.err('this run was changed: do not trust it');
}
