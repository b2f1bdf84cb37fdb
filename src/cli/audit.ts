// `audit verify`: journals as evidence. What each must hold by itself, what later runs say of it, and what somebody kept elsewhere.
import type { Command } from 'commander';
import { type Audit, auditRun, JournalError, type PrunedRun, prunedRuns, readRuns } from '../adapters/store/index.ts';
import { stateDirOf } from '../app/session/flags.ts';
import { CommandError, type World } from '../app/session/world.ts';
import type { Store } from '../engine/ports/store.ts';
import { toJson } from '../model/text/printable.ts';
import { plural } from '../screens/layout.ts';

interface Flags {
  readonly head?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

export function auditCommand(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('audit')
    .description('the journal as evidence')
    .command('verify')
    .description('check every link of a journal (of all without RUN), the record that closes it, and the files that it names')
    .argument('[run]')
    .option('--head <hash>', 'the journal must have this head, as a run, a report or a notice gave it')
    .option('--state-dir <dir>', 'where runs are kept')
    .option('--json', 'JSON lines')
    .addHelpText(
      'after',
      '\nExit codes: 0 all of it holds, 1 something was changed or cut off (named), 12 a run has no final record: it goes on, was killed, or its\n' +
        'end was cut off. Without a head that was kept elsewhere, a journal that was rewritten as a whole cannot be told: see `kmend docs audit`.',
    )
    .action(async (run: string | undefined, flags: Flags) => done(await verify(run, flags, world)));
}

/** What is known of a journal outside of it: a head, and whose word that is. */
interface Word {
  readonly run: string;
  readonly head: string;
  readonly by: string;
}

interface Finding {
  readonly run: string;
  /** Absent where a link does not hold. */
  readonly audit?: Audit;
  readonly end: 'closed' | 'under_way' | 'open';
  readonly wrong: readonly string[];
  readonly notes: readonly string[];
}

async function verify(run: string | undefined, flags: Flags, world: World): Promise<number> {
  const { head } = flags;
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head))
    throw new CommandError(3, '--head must be the 64 hexadecimal digits of a head', 'a run, `kmend report` and notices give it');
  const stateDir = stateDirOf(flags, world);
  const store = await world.store(stateDir);
  const pruned = await prunedRuns(stateDir);
  const words = [...pruned, ...(await readRuns(stateDir))].flatMap(({ run: by, previous }): Word[] =>
    previous === undefined ? [] : [{ ...previous, by }],
  );
  const names = run === undefined ? [...(await world.files.list(`${stateDir}/runs`).catch(() => []))].sort() : [run];
  const findings: Finding[] = [];
  for (const name of names) {
    const finding = await judge(name, words, head, { single: run !== undefined, stateDir, store });
    if (finding === undefined) continue;
    findings.push(finding);
    print(finding, flags, world);
  }
  const removed = run === undefined ? pruned.filter((one) => !names.includes(one.run)) : [];
  const fits =
    run !== undefined ||
    judgeGone(
      words.filter((word) => !names.includes(word.run)),
      removed,
      world,
    );
  if (removed.length > 0 && flags.json !== true)
    world.out(`removed by \`kmend runs prune\`: ${plural(removed.length, 'run')}, of which the heads are kept`);
  const known =
    head === undefined ||
    findings.some(({ audit }) => audit?.heads.has(head)) ||
    removed.some((one) => one.head === head || one.named.includes(head));
  if (!known) world.err('no entry has the head that was given: the end of the journal was cut off, or it was rewritten');
  if (!known || !fits || findings.some(({ wrong }) => wrong.length > 0)) return 1;
  return findings.some(({ end }) => end === 'open') ? 12 : 0;
}

/** What is said of runs that are not there any more, against the heads that were kept when they were removed. */
function judgeGone(words: readonly Word[], removed: readonly PrunedRun[], world: World): boolean {
  let fits = true;
  for (const { run, head, by } of words) {
    const kept = removed.find((one) => one.run === run);
    if (kept === undefined) world.err(`warning: run ${run} is not there any more; run ${by} names it as the one before it`);
    else if (!kept.named.includes(head)) {
      world.err(`run ${run}: run ${by} names another head of it than those that were kept when it was removed`);
      fits = false;
    }
  }
  return fits;
}

async function judge(
  run: string,
  words: readonly Word[],
  head: string | undefined,
  { single, stateDir, store }: { readonly single: boolean; readonly stateDir: string; readonly store: Store },
): Promise<Finding | undefined> {
  const own = words.filter((word) => word.run === run);
  try {
    const found = await auditRun(stateDir, run, [...own.map((word) => word.head), ...(head === undefined ? [] : [head])]);
    const denied = own.filter((word) => !found.heads.has(word.head));
    const holder = found.closed ? undefined : await store.holder(run);
    return {
      run,
      audit: found,
      end: found.closed ? 'closed' : holder === undefined ? 'open' : 'under_way',
      wrong: [
        ...found.wrong,
        ...denied.map(({ by }) => `its end was cut off, or it was rewritten: no entry has the head that run ${by} names`),
      ],
      notes: [
        ...found.notes,
        ...(found.torn ? [`its last line was cut off by a crash${found.entries === 0 ? '' : '; resume removes it'}`] : []),
        ...placeOf(head, found),
      ],
    };
  } catch (error) {
    if (error instanceof JournalError) return { run, end: 'open', wrong: [error.message], notes: [] };
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    if (single) throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
    return undefined;
  }
}

function placeOf(head: string | undefined, { heads, entries }: Audit): readonly string[] {
  const place = head === undefined ? undefined : heads.get(head);
  if (place === undefined) return [];
  const since = entries - place;
  return [
    `the head that was given is here: ${since === 0 ? 'nothing was added since' : `${plural(since, 'entry', 'entries')} came after it`}`,
  ];
}

const ends: Readonly<Record<Finding['end'], string>> = {
  closed: 'closed by its final record',
  under_way: 'under way',
  open: 'without a final record: it was killed, or its end was cut off',
};

function print({ run, audit, end, wrong, notes }: Finding, flags: Flags, world: World): void {
  if (flags.json === true) {
    const { entries, head, torn, files } = audit ?? {};
    world.out(toJson({ schema: 'kmend.audit/1', run, end, entries, head, torn, files, wrong, notes }));
    return;
  }
  if (audit !== undefined) {
    const files =
      audit.files === 0 ? '' : `; ${plural(audit.files, 'file or piece of output', 'files and pieces of output')} as its entries say`;
    world.out(`run ${run}: ${audit.entries} entries, every link holds, ${ends[end]}, head ${audit.head}${files}`);
  }
  for (const note of notes) world.out(`  ${note}`);
  for (const text of wrong) world.err(`run ${run}: ${text}`);
  if (wrong.length > 0) world.err('somebody or something changed this run: do not trust it');
}
