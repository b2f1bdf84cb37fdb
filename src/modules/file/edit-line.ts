// The edit of lineinfile: one line that a file must have, or lines that it must not have. Works on
// bytes, as Ansible does: lines end with a newline, and classes such as \w know ASCII only.
import { attempted, expand, regex, search } from '../../expression/index.ts';
import { fromBytes, toBytes } from './bytes.ts';

export interface LineEdit {
  readonly state: 'present' | 'absent';
  readonly line?: string | undefined;
  readonly regexp?: string | undefined;
  readonly search_string?: string | undefined;
  readonly insertafter?: string | undefined;
  readonly insertbefore?: string | undefined;
  readonly backrefs: boolean;
  readonly firstmatch: boolean;
}

export type Edited<T = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string };

/** The text after the edit, or why it cannot be made. */
export function editLines(text: string, edit: LineEdit): Edited {
  const lines = toBytes(text).match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const edited = attempted(() =>
    edit.state === 'absent' ? withoutLines(lines, edit) : withLine(lines, edit),
  );
  return edited.ok ? { ok: true, value: fromBytes(edited.value.join('')) } : edited;
}

function bare(line: string): string {
  let end = line.length;
  while (end > 0 && /[\r\n]/.test(line[end - 1] ?? '')) end -= 1;
  return line.slice(0, end);
}

/** What finds a line: a pattern, a text within it, or nothing. */
function finder(edit: LineEdit): ((line: string) => boolean) | undefined {
  if (edit.regexp !== undefined) {
    const pattern = regex(toBytes(edit.regexp), { bytes: true });
    return (line) => search(pattern, line) !== undefined;
  }
  const part = edit.search_string === undefined ? undefined : toBytes(edit.search_string);
  return part === undefined ? undefined : (line) => line.includes(part);
}

function withoutLines(lines: readonly string[], edit: LineEdit): readonly string[] {
  const whole = toBytes(edit.line ?? '');
  const isGone = finder(edit) ?? ((line: string) => bare(line) === whole);
  return lines.filter((line) => !isGone(line));
}

function withLine(lines: readonly string[], edit: LineEdit): readonly string[] {
  const line = toBytes(edit.line ?? '');
  const isWanted = finder(edit);
  const at = isWanted === undefined ? -1 : find(lines, isWanted, edit);
  if (at >= 0) return replaced(lines, at, edit, line);
  const place = placeOf(edit);
  const to =
    place === undefined ? -1 : find(lines, (one) => bare(one) !== line && place(one), edit);
  // With `firstmatch` nothing behind that place is searched.
  const same = lines
    .slice(0, edit.firstmatch && to >= 0 ? to : undefined)
    .findLastIndex((one) => bare(one) === line);
  if (same >= 0) return lines.with(same, `${line}\n`);
  return edit.backrefs ? lines : inserted(lines, edit, line, to);
}

const find = (
  lines: readonly string[],
  test: (line: string) => boolean,
  { firstmatch }: LineEdit,
): number => (firstmatch ? lines.findIndex(test) : lines.findLastIndex(test));

/** The line beside which a new one is put; undefined for the ends of the file. */
function placeOf({ insertafter, insertbefore }: LineEdit): ((line: string) => boolean) | undefined {
  const source = insertbefore ?? insertafter;
  const isEnd = source === undefined || source === (insertbefore === undefined ? 'EOF' : 'BOF');
  if (isEnd || insertafter === 'BOF') return undefined;
  const pattern = regex(toBytes(source), { bytes: true });
  return (line) => search(pattern, line) !== undefined;
}

function replaced(
  lines: readonly string[],
  at: number,
  { backrefs, regexp }: LineEdit,
  line: string,
): readonly string[] {
  const pattern =
    backrefs && regexp !== undefined ? regex(toBytes(regexp), { bytes: true }) : undefined;
  const match = pattern && search(pattern, lines[at] ?? '');
  const made = pattern && match ? expand(pattern, line, match) : line;
  return lines.with(at, made.endsWith('\n') ? made : `${made}\n`);
}

function inserted(
  lines: readonly string[],
  { insertafter, insertbefore }: LineEdit,
  line: string,
  to: number,
): readonly string[] {
  const made = `${line}\n`;
  if (insertbefore === 'BOF' || insertafter === 'BOF') return [made, ...lines];
  const isThere = (at: number): boolean => at >= 0 && bare(lines[at] ?? '\0') === line;
  if (to >= 0 && insertbefore !== undefined)
    return isThere(to - 1) ? lines : lines.toSpliced(to, 0, made);
  if (to >= 0 && to + 1 < lines.length)
    return isThere(to + 1) ? lines : lines.toSpliced(to + 1, 0, made);
  return /[\r\n]$/.test(lines.at(-1) ?? '\n') ? [...lines, made] : [...lines, '\n', made];
}
