// `kmend check`, read-only: every host's versions, verdict, evidence and remedy; also from outputs
// that were collected by other means.

import type { Command } from 'commander';
import { checkReasons, check as survey } from '../../../app/hosts/check.ts';
import { collected } from '../../../app/hosts/collected.ts';
import { type Standing, standingReasons } from '../../../app/plan/held.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { CommandError } from '../../../app/session/world.ts';
import { exitCode } from '../../../core/rollout/exit.ts';
import { present } from '../../../model/present.ts';
import { attempt, ok } from '../../../model/run/failure.ts';
import { hostDetails, idLines } from '../../../screens/hosts/check-details.ts';
import { type CheckRow, checkSummary, checkTable } from '../../../screens/hosts/check-table.ts';
import { heldLines } from '../../../screens/run/held-text.ts';
import { withFleetOptions, withMetricsOption, withQuietOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { earlyRows } from '../../terminal/check-rows.ts';
import { observerOf, withSession } from '../../terminal/observer.ts';
import { paintOf, type World } from '../../world.ts';

export interface CheckFlags extends FleetFlags {
  readonly from?: string;
  readonly active?: boolean;
}

export function checkCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
  own: { readonly state?: string } = {},
): void {
  withMetricsOption(withQuietOption(withFleetOptions(program.command('check'))))
    .description('read-only: versions, kmem verdict with evidence, and the remedy of each host')
    .argument('[pattern]', 'hosts to check', 'all')
    .option(
      '--from <dir>',
      'judge outputs of `kmend probe` collected by other means: a file a host (HOST, HOST.txt, HOST.log.gz), also in directories by day; the hosts are names or globs',
    )
    .option(
      '--active',
      'also ask el7 kernels whether they would account an empty cgroup: it is made, read and removed; needs root',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 no host needs anything, 2 a remedy is needed, 3 errors in the input, 4 a host could not be read or was left out of ' +
        'service by a run, 6 hosts unreachable, 11 no host matched, 12 some host is unknown: nothing proves that it is fine, or its remedy is not known. A host without container software ' +
        'is unknown too: leave it out with -l if it has to stay so. Where several apply: 3, 11, 4, 6, 12, 2; the last line counts them all.',
    )
    .addHelpText(
      'after',
      'A terminal shows hosts as they answer, and the table at the end; lines of --json come as hosts answer. Ctrl-C ends it with what was read (exit 130).',
    )
    .action(async (pattern: string, flags: CheckFlags) => {
      done((await check(pattern, { ...flags, ...own }, world)).exit);
    });
}

const nobodys: Standing = { held: [], twins: [] };

export interface Checked {
  readonly rows: readonly CheckRow[];
  readonly exit: number;
}

/** Checks hosts and prints them. Returns the rows too, for a later comparison. */
export async function check(pattern: string, flags: CheckFlags, world: World): Promise<Checked> {
  const json = flags.json === true ? (row: CheckRow): void => printRow(row, world) : undefined;
  const early = earlyRows(json, (row) => shownRow(row, flags, world), world);
  const { rows: read, standing } =
    flags.from === undefined
      ? await withSession(flags, world, (session) =>
          survey(
            { pattern, active: flags.active === true, details: (flags.verbose ?? 0) > 0 },
            session,
            early,
          ),
        )
      : { rows: fromFiles(flags.from, pattern, flags, world), standing: nobodys };
  const found = attempt('facts', () => ok(textOf(read, standing, flags, world)));
  const rows = found.ok ? read : read.map((row) => shownRow(row, flags, world));
  const { lines, exit } = found.ok ? found.value : textOf(rows, standing, flags, world);
  if (flags.from !== undefined) for (const row of rows) json?.(row);
  if (flags.json === true) printStanding(standing, world);
  for (const line of lines) world.out(line);
  return { rows, exit };
}

function fromFiles(
  directory: string,
  pattern: string,
  flags: CheckFlags,
  world: World,
): readonly CheckRow[] {
  const alien =
    flags.active === true ? '--active' : flags.limit !== undefined ? '--limit' : undefined;
  if (alien !== undefined)
    throw new CommandError(
      3,
      `${alien} does not go with --from: no host is reached`,
      'name hosts or globs as the argument: kmend check "web*" --from DIR',
    );
  return collected(directory, pattern, { world, observer: observerOf(world, flags) });
}

/** The row, or a failure where kmend cannot show its facts, so that other hosts are still shown. */
function shownRow(row: CheckRow, flags: CheckFlags, world: World): CheckRow {
  const found = attempt(`the facts of ${row.host}`, () => ok(textOf([row], nobodys, flags, world)));
  return found.ok ? row : { host: row.host, failure: found.failure };
}

function printRow({ host, facts, failure, active }: CheckRow, world: World): void {
  const answer = { facts: facts ?? null, failure: failure ?? null, ...present({ active }) };
  printJson('kmend.check/1', { host, ...answer }, world);
}

/** Prints which hosts a run holds, and which names are one machine. */
function printStanding({ held, twins }: Standing, world: World): void {
  for (const one of held) printJson('kmend.held/1', one, world);
  for (const one of twins) printJson('kmend.twins/1', one, world);
}

function textOf(
  rows: readonly CheckRow[],
  standing: Standing,
  flags: CheckFlags,
  world: World,
): { readonly lines: readonly string[]; readonly exit: number } {
  const exit = exitCode([...checkReasons(rows), ...standingReasons(standing)]);
  if (flags.json === true) return { lines: [], exit };
  const [width, paint] = [world.width(), paintOf(world)];
  const details =
    (flags.verbose ?? 0) > 0 ? rows.flatMap((row) => hostDetails(row, width, paint)) : [];
  const left = standingReasons(standing).length;
  const summary = `${checkSummary(rows)}${left === 0 ? '' : `, ${left} left out of service by a run`}   (exit ${exit})`;
  const below = [
    ...idLines(rows, width, paint),
    ...heldLines(standing.held, standing.twins, width, paint),
  ];
  const listed = rows.filter(({ facts }) => flags.quiet !== true || facts === undefined);
  const table = listed.length === 0 ? [] : checkTable(listed, width, paint);
  return { lines: [...table, ...details, ...below, summary], exit };
}
