// Reports of a run as files: one HTML file, and a table for spreadsheets.
import { plannedCurve } from '../../core/view/curve.ts';
import type { Point } from '../../core/view/model.ts';
import { readView } from '../../core/view/read-view.ts';
import { present } from '../../model/present.ts';
import { toJson } from '../../model/text/printable.ts';
import { reportCsv } from '../../screens/html/csv.ts';
import { reportHtml } from '../../screens/html/report.ts';
import { lineOf } from '../../screens/run/lines.ts';
import { readPageFile } from '../session/page-files.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { eachEvent } from './report.ts';

export interface ReportFiles {
  readonly html?: string;
  /** Keep the journal in the HTML file. */
  readonly withJournal?: boolean;
  readonly csv?: string;
}

/** Anybody who may read the directory may read a report. */
const mode = 0o644;

export async function writeReports(
  run: string,
  { html, withJournal = false, csv }: ReportFiles,
  session: Session,
): Promise<void> {
  if (withJournal && html === undefined)
    throw new CommandError(3, '--with-journal needs --html: it keeps the journal in that file');
  if (html === undefined && csv === undefined) return;
  const { world } = session;
  const reader = readView(lineOf);
  let planned: readonly Point[] = [];
  const lines: string[] = [];
  const { entries, head } = await eachEvent(run, session, (event) => {
    if (event.type === 'run.started') planned = plannedCurve(event);
    if (withJournal) lines.push(`${toJson(event)}\n`);
    reader.see(event);
  });
  const holder = await (await session.ports.store()).holder(run);
  const view = reader.view(present({ holder }), planned);
  if (csv !== undefined) await world.files.write(csv, reportCsv(view), mode);
  if (html !== undefined)
    await world.files.write(
      html,
      reportHtml({
        view,
        entries,
        head,
        ...present({ journal: withJournal ? lines.join('') : undefined }),
        page: { script: readPageFile('page.js', world), style: readPageFile('page.css', world) },
      }),
      mode,
    );
}
