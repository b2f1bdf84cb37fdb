// Hosts in the live view: those that need an operator, those under way, those done last.
import type { HostRow, Need, RunView } from '../../core/view/model.ts';
import { rescuedText } from '../html/outcome.ts';
import { clockTime, cutTo, duration, padRight, widthOf } from '../layout.ts';
import { type Block, lineOf, list, type Screen } from './block.ts';
import { foldTo } from './head-lines.ts';

/** The text, and below it or behind it a command, which is never cut. */
function withCommand(
  text: string,
  command: string | undefined,
  columns: number,
): readonly string[] {
  const line = lineOf(text, columns);
  if (command === undefined || widthOf(command) + 2 > columns) return [line];
  const both = `${line}  -> ${command}`;
  return line === text && widthOf(both) <= columns ? [both] : [line, `  ${command}`];
}

/** Also a rescued host that counts for the brake: an operator must acknowledge both. */
const isFailed = ({ status, acknowledged, rescued }: HostRow): boolean =>
  (status === 'failed' && acknowledged === undefined) || rescued?.counts === true;

/** What an operator has to answer or to type, except for failed hosts, which have rows. */
export function needRows({ head }: RunView, { columns, paint }: Screen): Block {
  const rows = head.needs.filter(({ kind }) => kind !== 'resolve');
  const draw = ({ text, command }: Need): readonly string[] => {
    const [first = '', ...more] = foldTo(`! ${text}`, columns, 3);
    return (more.length === 0 ? withCommand(first, command, columns) : [first, ...more]).map(
      (line) => paint.bold(paint.yellow(line)),
    );
  };
  return list(rows, draw, (count) => paint.yellow(lineOf(`! and ${count} more`, columns)), {
    rank: 0,
    rows: 3,
  });
}

/** With the last line of its output. */
function reasonText(reason: HostRow['reason']): string {
  if (reason === undefined) return 'failed';
  const last = reason.detail?.trimEnd().split('\n').at(-1);
  return `${reason.kind}: ${reason.text}${last === undefined ? '' : ` | ${last.trim()}`}`;
}

/** The newest failure first. */
export function failedRows({ head, hosts }: RunView, { columns, paint }: Screen): Block {
  const commands = new Map(head.needs.map(({ host, command }) => [host, command]));
  const rows = hosts.filter(isFailed).sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
  const name = nameWidth(rows, columns);
  const draw = ({ host, reason, rescued }: HostRow): readonly string[] => {
    const text = rescued?.counts === true ? rescuedText(rescued) : reasonText(reason);
    return withCommand(
      `x ${padRight(cutTo(host, name), name)}  ${text}`,
      commands.get(host),
      columns,
    ).map(rescued?.counts === true ? paint.yellow : paint.red);
  };
  const more = (count: number): string =>
    paint.red(lineOf(`x and ${count} more failed: kmend report ${head.run}`, columns));
  return list(rows, draw, more, { rank: 1, rows: 1 }, { rank: 3, rows: 3 }, { rank: 7, rows: 10 });
}

/** The host that was started first stands first. */
export function runningRows({ hosts }: RunView, { columns, now, paint }: Screen): Block {
  const rows = hosts
    .filter(({ status }) => status === 'running' || status === 'soaking')
    .sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0));
  const name = nameWidth(rows, columns);
  const draw = ({ host, status, doing, startedAt = now }: HostRow): readonly string[] => {
    const { text, since, usual } = doing ?? { text: 'started', since: startedAt };
    const taken = Math.max(0, Math.round((now - since) / 1000));
    const usually = usual === undefined ? '' : ` (usual ${duration(usual)})`;
    const head = `${status === 'soaking' ? '~' : '>'} ${padRight(cutTo(host, name), name)}  ${padRight(duration(taken), 6)}  `;
    const room = columns - widthOf(head) - widthOf(usually);
    const line =
      room < 10 ? lineOf(head + text, columns) : `${head}${lineOf(text, room)}${usually}`;
    return [usual !== undefined && taken > 2 * usual ? paint.yellow(line) : line];
  };
  const more = (count: number): string => paint.dim(lineOf(`> and ${count} more`, columns));
  return list(rows, draw, more, { rank: 2, rows: 3 }, { rank: 6, rows: 8 }, { rank: 8, rows: 200 });
}

/** The host that was done last stands first. */
export function doneRows({ hosts }: RunView, { columns, paint }: Screen): Block {
  const rows = hosts
    .filter((row) => row.status === 'done' && !isFailed(row))
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
  const name = nameWidth(rows.slice(0, 50), columns);
  const draw = ({ host, proof, rescued }: HostRow): readonly string[] => {
    const proven = proof === undefined ? 'done' : `${proof.verdict}: ${proof.evidence}`;
    const text = rescued === undefined ? proven : `${rescuedText(rescued)}; ${proven}`;
    return [paint.green(lineOf(`+ ${padRight(cutTo(host, name), name)}  ${text}`, columns))];
  };
  const more = (count: number): string => paint.green(lineOf(`+ and ${count} more`, columns));
  return list(rows, draw, more, { rank: 9, rows: 5 });
}

/** The end of the journal, where there is room for it. */
export function newestLines({ lines }: RunView, { columns, paint, timeZone }: Screen): Block {
  const newest = lines.slice(-10);
  return {
    wants: [{ rank: 10, lines: newest.length }],
    draw: (room) =>
      newest
        .slice(newest.length - room)
        .map(({ at, text }) => paint.dim(lineOf(`${clockTime(at, timeZone)} ${text}`, columns))),
  };
}

/** A long name leaves room for what the host does. */
const nameWidth = (rows: readonly HostRow[], columns: number): number =>
  Math.min(
    Math.floor(columns / 3),
    Math.max(8, ...rows.slice(0, 200).map(({ host }) => widthOf(host))),
  );
