// `kmend report`: what a run did, from its journal.

import type { Command } from 'commander';
import { followRunUntilEnd } from '../../../app/history/follow.ts';
import { runOrLast } from '../../../app/history/last-run.ts';
import { beginAnew, neverBegan } from '../../../app/history/never-began.ts';
import { eachEvent, readRun } from '../../../app/history/report.ts';
import { type ReportFiles, reportFiles } from '../../../app/history/report-files.ts';
import { withheldOf } from '../../../app/run/kept-settings.ts';
import type { Session } from '../../../app/session/session.ts';
import { runSummary } from '../../../core/history/run-summary.ts';
import { present } from '../../../model/present.ts';
import type { Event } from '../../../model/run/event.ts';
import { toJson } from '../../../model/text/printable.ts';
import { junitXml } from '../../../screens/run/junit.ts';
import { eventLines } from '../../../screens/run/lines.ts';
import { underWay } from '../../../screens/run/next-steps.ts';
import { reportMarkdown, reportText } from '../../../screens/run/run-report.ts';
import { stateOption } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import { journalEnd, neededAgain } from '../../terminal/run-view.ts';
import { paintOf, type World } from '../../world.ts';

export interface ReportFlags extends ReportFiles {
  readonly state?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly events?: boolean;
  readonly follow?: boolean;
  readonly junit?: string;
}

export function reportCommand(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('report')
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .option('--json', 'a summary as one JSON object')
    .option('--events', 'the journal as JSON lines')
    .option('-f, --follow', 'wait for its end: entries as they come, its exit code')
    .option('--junit <file>', 'also write JUnit XML for CI: each host is a test case')
    .description(
      'what a run did, host by host, with its proof; of a run under way, what each host does and what to type next',
    )
    .argument('[run]', 'the last one, where none is given')
    .option('--markdown', 'as Markdown, for a ticket')
    .option('--html <file>', 'also write one HTML file: charts, each host, its proof')
    .option('--with-journal', 'keep the journal in the HTML file, so that a browser can check it')
    .option('--csv <file>', 'also write a table of the hosts')
    .action(async (run: string | undefined, flags: ReportFlags) =>
      done(await report(run, flags, world)),
    );
}

export const report = (
  run: string | undefined,
  flags: ReportFlags,
  world: World,
): Promise<number> =>
  withSession(flags, world, async (session) => {
    const named = await runOrLast(run, session);
    if (flags.follow !== true) return showRun(named, flags, session, world);
    const exit = await followRunUntilEnd(named, session, showing(flags, world));
    await showRun(named, flags, session, world);
    return exit;
  });

/** How an entry of a run that is followed is shown. JSON and Markdown are of its end. */
function showing(flags: ReportFlags, world: World): (event: Event) => void {
  if (flags.json === true || flags.markdown === true || flags.events === true) return () => {};
  const paint = paintOf(world);
  return (event) => {
    for (const line of eventLines(event, paint)) world.out(line);
  };
}

async function showRun(
  run: string,
  flags: ReportFlags,
  session: Session,
  world: World,
): Promise<number> {
  const files = reportFiles(flags, session);
  const read = await readRun(run, session, files);
  const { state, end, holder } = read;
  const { head, entries, torn } = end;
  if (entries > 0) await files?.write(read);
  if (entries > 0)
    for (const path of [flags.html, flags.csv])
      if (path !== undefined) session.observer.notice(`wrote ${path}`);
  if (flags.events === true) {
    // Printed after the hash of each event was checked.
    await eachEvent(run, session, (event) =>
      world.out(toJson({ schema: 'kmend.event/1', ...event })),
    );
    world.out(journalEnd(run, end));
    return 0;
  }
  const data = runSummary(state, { run, ...present({ holder }), ...end });
  if (flags.junit !== undefined) await world.files.write(flags.junit, junitXml(data), 0o644);
  if (flags.json === true) {
    printJson('kmend.report/1', data, world);
    return 0;
  }
  if (entries === 0) {
    world.out(
      holder === undefined
        ? `${neverBegan(run)}; ${beginAnew}`
        : `run ${run} is about to begin: ${holder}`,
    );
    return 0;
  }
  const cut =
    torn && holder === undefined
      ? ['the last line of the journal was cut off by a crash; resume removes it']
      : [];
  const steps = underWay(state, session.world.clock.now(), holder);
  const again =
    steps.length === 0 || holder !== undefined ? [] : neededAgain(await withheldOf(run, session));
  const input = { state, entries, head, standing: [...steps, ...again, ...cut] };
  const lines =
    flags.markdown === true
      ? reportMarkdown(input)
      : reportText(input, world.width(), paintOf(world));
  for (const line of lines) (flags.markdown === true ? world.data : world.out)(line);
  return 0;
}
