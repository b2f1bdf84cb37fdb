// The live view of a run as lines that fit the terminal: how far it is, when it ends, why it waits
// and who needs an operator.
import type { RunView } from '../../core/view/model.ts';
import { allot, fixed, type Screen } from './block.ts';
import { bannerLines, barLine, statusLines, waitLines } from './head-lines.ts';
import { doneRows, failedRows, needRows, newestLines, runningRows } from './host-rows.ts';
import { toGoLine, untouchedLines } from './name-lines.ts';
import { zoneLines } from './zone-lines.ts';

/**
 * At most `rows` lines of at most `columns` columns. What comes first here is above; what matters
 * most keeps its lines on a low terminal.
 */
export function liveLines(view: RunView, screen: Screen): readonly string[] {
  const blocks = [
    fixed(barLine(view, screen), 0),
    fixed(statusLines(view, screen), 1),
    fixed(bannerLines(view, screen), 0),
    needRows(view, screen),
    fixed(waitLines(view, screen), 2),
    failedRows(view, screen),
    fixed(untouchedLines(view, screen), 2),
    zoneLines(view, screen),
    runningRows(view, screen),
    fixed(toGoLine(view, screen), 6),
    doneRows(view, screen),
    newestLines(view, screen),
  ];
  const rooms = allot(blocks, screen.rows);
  return blocks.flatMap(({ draw }, index) => draw(rooms[index] ?? 0));
}
