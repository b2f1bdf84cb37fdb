// `kmend check`: read-only. Every host's versions, verdict, evidence and remedy; or the same from outputs that people collected by other means.

import type { Command } from 'commander';
import { collected } from '../app/hosts/collected.ts';
import { idRecords } from '../app/hosts/id-records.ts';
import { type Standing, standingOf, standingReasons } from '../app/plan/held.ts';
import type { FleetFlags } from '../app/session/flags.ts';
import { declaredOf, hostsOf, loadFleet, targetsOf } from '../app/session/fleet.ts';
import { hostProgress } from '../app/session/host-progress.ts';
import { endIfStopped, openTransport, paintOf, readingSignal, settings } from '../app/session/settings.ts';
import { CommandError, type World } from '../app/session/world.ts';
import { conclusionOf } from '../core/history/conclusion.ts';
import { type ExitReason, exitCode } from '../core/rollout/exit.ts';
import { type Survey, surveyFleet } from '../engine/host/fleet.ts';
import { checkWants, givenFacts, withPrelude } from '../facts/index.ts';
import type { Facts } from '../model/fact.ts';
import { present } from '../model/present.ts';
import { attempt, ok } from '../model/run/failure.ts';
import { toJson } from '../model/text/printable.ts';
import { activeProbeScript } from '../modules/verify-kmem.ts';
import { hostDetails, idLines } from '../screens/hosts/check-details.ts';
import { type CheckRow, checkSummary, checkTable } from '../screens/hosts/check-table.ts';
import { heldLines } from '../screens/run/held-text.ts';
import { type EarlyRows, earlyRows } from './check-rows.ts';
import { withFleetOptions } from './options.ts';

export interface CheckFlags extends FleetFlags {
  readonly from?: string;
  readonly active?: boolean;
}

export function checkCommand(program: Command, world: World, done: (exit: number) => void): void {
  withFleetOptions(program.command('check'))
    .description('read-only: versions, kmem verdict with evidence, and the remedy of each host')
    .argument('[pattern]', 'hosts to check', 'all')
    .option(
      '--from <dir>',
      'judge outputs of `kmend probe` collected by other means: a file a host (HOST, HOST.txt, HOST.log.gz), also in directories by day; the hosts are names or globs',
    )
    .option('--active', 'also ask el7 kernels whether they would account an empty cgroup: it is made, read and removed; needs root')
    .addHelpText(
      'after',
      '\nExit codes: 0 no host needs anything, 2 a remedy is needed, 3 errors in the input, 4 a host could not be read or was left out of\n' +
        'service by a run, 6 hosts unreachable, 11 no host matched, 12 some host is unknown: nothing proves that it is fine, or its remedy is not known. A host without container software\n' +
        'is unknown too: leave it out with -l if it has to stay so. Where several apply: 3, 11, 4, 6, 12, 2; the last line counts them all.',
    )
    .addHelpText(
      'after',
      'Lines of --json come as hosts answer; so does the table on a terminal, in parts, when only silent hosts are left.',
    )
    .action(async (pattern: string, flags: CheckFlags) => {
      done((await check(pattern, flags, world)).exit);
    });
}

const nobodys: Standing = { held: [], twins: [] };

export interface Checked {
  readonly rows: readonly CheckRow[];
  readonly exit: number;
}

/** Checks and shows; the rows too, for who wants to compare them with later ones. */
export async function check(pattern: string, flags: CheckFlags, world: World): Promise<Checked> {
  const json = flags.json === true ? (row: CheckRow): void => printJson(row, world) : undefined;
  const early = earlyRows(json, (row) => shownRow(row, flags, world), world);
  const { rows: read, standing } =
    flags.from === undefined
      ? await surveyed(pattern, flags, world, early)
      : { rows: fromFiles(flags.from, pattern, flags, world), standing: nobodys };
  const found = attempt('facts', () => ok(textOf(read, standing, flags, world, early)));
  const rows = found.ok ? read : read.map((row) => shownRow(row, flags, world));
  const { lines, exit } = found.ok ? found.value : textOf(rows, standing, flags, world, early);
  if (flags.from !== undefined) for (const row of rows) json?.(row);
  if (flags.json === true) printStanding(standing, world);
  for (const line of lines) world.out(line);
  return { rows, exit };
}

function fromFiles(directory: string, pattern: string, flags: CheckFlags, world: World): readonly CheckRow[] {
  const alien = flags.active === true ? '--active' : flags.limit !== undefined ? '--limit' : undefined;
  if (alien !== undefined)
    throw new CommandError(
      3,
      `${alien} does not go with --from: no host is reached`,
      'name hosts or globs as the argument: kmend check "web*" --from DIR',
    );
  return collected(directory, pattern, world);
}

async function surveyed(
  pattern: string,
  flags: CheckFlags,
  world: World,
  early: EarlyRows,
): Promise<{ readonly rows: readonly CheckRow[]; readonly standing: Standing }> {
  const set = settings(flags, world);
  const inventory = loadFleet(set, world);
  const hosts = hostsOf(inventory, pattern, set, world);
  const targets = await targetsOf(inventory, hosts, set, world);
  const declared = declaredOf(inventory, hosts, set, world);
  const remembered = idRecords(set.stateDir, world);
  const transport = await openTransport(set, world);
  try {
    const active = flags.active === true ? { active: { script: withPrelude(activeProbeScript), whyNot: whyNotAsked } } : {};
    const known = async (host: string, facts: Facts): Promise<Facts> => ({
      ...givenFacts(declared.get(host)),
      ...(await remembered(host, facts)),
    });
    const onIdle = (): void => early.pause(hosts);
    const options = { forks: set.forks, retries: 2, signal: readingSignal(world), known, onIdle, ...active };
    const progress = hostProgress('read', hosts, world);
    const surveys = await surveyFleet(targets, checkWants, options, { transport, clock: world.clock }, (survey) => {
      early.add(rowOf(survey));
      progress(survey.host);
    });
    world.progress('');
    endIfStopped(world);
    const rows = surveys.map(rowOf);
    return { rows, standing: await standingOf(rows, targets, inventory, set, world) };
  } finally {
    await transport.close();
  }
}

const rowOf = ({ host, outcome, active }: Survey): CheckRow =>
  outcome.ok ? { host, facts: outcome.value, ...present({ active }) } : { host, failure: outcome.failure };

/** The row, or the failure of a host whose facts kmend cannot show: no host keeps the others from the screen. */
function shownRow(row: CheckRow, flags: CheckFlags, world: World): CheckRow {
  const found = attempt(`the facts of ${row.host}`, () => ok(textOf([row], nobodys, flags, world)));
  return found.ok ? row : { host: row.host, failure: found.failure };
}

/** Only on el7 kernels an empty cgroup shows whether accounting is on, and only root may make one. */
function whyNotAsked(facts: Facts): string | undefined {
  if (!/^3\.10\./.test(String(facts['kernel.release'] ?? ''))) return 'the kernel is not 3.10';
  if (facts['cgroup.memory'] !== 'v1') return 'no cgroup v1 memory controller';
  return facts['user.root'] === true ? undefined : 'it needs root';
}

function printJson(row: CheckRow, world: World): void {
  world.out(
    toJson({ schema: 'kmend.check/1', host: row.host, facts: row.facts ?? null, failure: row.failure ?? null, ...withActive(row) }),
  );
}

/** After the hosts: one line for each that a run has, and one for each machine with several names. */
function printStanding({ held, twins }: Standing, world: World): void {
  for (const one of held) world.out(toJson({ schema: 'kmend.held/1', ...one }));
  for (const one of twins) world.out(toJson({ schema: 'kmend.twins/1', ...one }));
}

function textOf(
  rows: readonly CheckRow[],
  standing: Standing,
  flags: CheckFlags,
  world: World,
  early?: EarlyRows,
): { readonly lines: readonly string[]; readonly exit: number } {
  const exit = exitCode([...reasons(rows), ...standingReasons(standing)]);
  if (flags.json === true) return { lines: [], exit };
  const [width, paint] = [world.width(), paintOf(world)];
  const details = (flags.verbose ?? 0) > 0 ? rows.flatMap((row) => hostDetails(row, width, paint)) : [];
  const left = standingReasons(standing).length;
  const summary = `${checkSummary(rows)}${left === 0 ? '' : `, ${left} left out of service by a run`}   (exit ${exit})`;
  const below = [...idLines(rows, width, paint), ...heldLines(standing.held, standing.twins, width, paint)];
  const late = early?.rest(rows) ?? rows;
  const rest = late.length === 0 ? [] : checkTable(late, width, paint);
  return { lines: [...rest, ...details, ...below, summary], exit };
}

const withActive = ({ active }: CheckRow): object => (active === undefined ? {} : { active });

function reasons(rows: readonly CheckRow[]): readonly ExitReason[] {
  return rows.flatMap((row): readonly ExitReason[] => {
    if (row.facts === undefined) return [row.failure?.kind === 'unreachable' ? 'unreachable' : 'failed'];
    const { kind } = conclusionOf(row.facts);
    return kind === 'needs_remedy' ? ['changes'] : kind === 'unknown' ? ['unverified'] : [];
  });
}
