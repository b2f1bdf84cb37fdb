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
import type { ReadRun, RunReader } from './report.ts';

export interface ReportFiles {
  readonly html?: string;
  /** Keep the journal in the HTML file. */
  readonly withJournal?: boolean;
  readonly csv?: string;
}

export interface ReportReader extends RunReader {
  readonly write: (read: ReadRun) => Promise<void>;
}

/** Anybody who may read the directory may read a report. */
const mode = 0o644;

/** Reads a run for its files; undefined where none is wanted. */
export function reportFiles(
  { html, withJournal = false, csv }: ReportFiles,
  { world }: Session,
): ReportReader | undefined {
  if (withJournal && html === undefined)
    throw new CommandError(3, '--with-journal needs --html: it keeps the journal in that file');
  if (html === undefined && csv === undefined) return undefined;
  const reader = readView(lineOf);
  let planned: readonly Point[] = [];
  const lines: string[] = [];
  return {
    see: (event) => {
      if (event.type === 'run.started' && html !== undefined) planned = plannedCurve(event);
      if (withJournal) lines.push(`${toJson(event)}\n`);
      reader.see(event);
    },
    state: reader.state,
    write: async ({ end: { entries, head }, holder }) => {
      const view = reader.view(present({ holder }), planned);
      if (csv !== undefined) await world.files.write(csv, reportCsv(view), mode);
      if (html === undefined) return;
      const page = {
        script: readPageFile('page.js', world),
        style: readPageFile('page.css', world),
      };
      const journal = withJournal ? lines.join('') : undefined;
      const text = reportHtml({ view, entries, head, page, ...present({ journal }) });
      await world.files.write(html, text, mode);
    },
  };
}
