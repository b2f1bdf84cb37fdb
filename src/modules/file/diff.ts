// A unified diff of two texts, as a plan shows it.

/** Lines of context around a change, as in `diff -u`. */
const context = 3;
/** Lines that a plan shows, and characters of each. */
const most = { lines: 120, characters: 300 };
/** More edits than this are shown as one removed and one added block. */
const mostEdits = 400;

interface Row {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/**
 * The diff without its head; empty where the texts are equal. A long one is truncated, and says so.
 */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return '';
  const rows = rowsOf(linesOf(before), linesOf(after));
  const lines = hunksOf(rows).map((line) =>
    line.length > most.characters ? `${line.slice(0, most.characters)}...` : line,
  );
  return lines.length <= most.lines
    ? lines.join('\n')
    : [...lines.slice(0, most.lines), `... ${lines.length - most.lines} more lines`].join('\n');
}

/** How many lines are added and removed: `+3 -1 lines`. */
export function diffCount(before: string, after: string): string {
  const rows = rowsOf(linesOf(before), linesOf(after));
  const count = (sign: Row['sign']): number => rows.filter((row) => row.sign === sign).length;
  return `+${count('+')} -${count('-')} lines`;
}

/** Lines with their ends. */
const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

function rowsOf(before: readonly string[], after: readonly string[]): readonly Row[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const rows = (sign: Row['sign'], lines: readonly string[]): Row[] =>
    lines.map((line) => ({ sign, line }));
  const [old, made] = [
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
  ];
  return [
    ...rows(' ', before.slice(0, start)),
    ...(editsOf(old, made) ?? [...rows('-', old), ...rows('+', made)]),
    ...rows(' ', before.slice(before.length - end)),
  ];
}

/** The shortest edit script, by Myers' algorithm; undefined where it is too long. */
function editsOf(old: readonly string[], made: readonly string[]): readonly Row[] | undefined {
  const trail: Map<number, number>[] = [];
  let reached = new Map([[1, 0]]);
  for (let edits = 0; edits <= Math.min(mostEdits, old.length + made.length); edits++) {
    trail.push(reached);
    const next = new Map(reached);
    for (let line = -edits; line <= edits; line += 2) {
      let at = isDown(reached, line, edits)
        ? (reached.get(line + 1) ?? 0)
        : (reached.get(line - 1) ?? 0) + 1;
      while (at < old.length && at - line < made.length && old[at] === made[at - line]) at += 1;
      next.set(line, at);
      if (at >= old.length && at - line >= made.length) return walkBack(trail, old, made);
    }
    reached = next;
  }
  return undefined;
}

/** The edit that leads to this diagonal is an added line. */
const isDown = (reached: ReadonlyMap<number, number>, line: number, edits: number): boolean =>
  line === -edits ||
  (line !== edits && (reached.get(line - 1) ?? -1) < (reached.get(line + 1) ?? -1));

function walkBack(
  trail: readonly ReadonlyMap<number, number>[],
  old: readonly string[],
  made: readonly string[],
): readonly Row[] {
  const rows: Row[] = [];
  let [x, y] = [old.length, made.length];
  for (let edits = trail.length - 1; edits >= 0; edits--) {
    const reached = trail[edits] ?? new Map<number, number>();
    const down = isDown(reached, x - y, edits);
    const from = x - y + (down ? 1 : -1);
    const fromX = reached.get(from) ?? 0;
    const fromY = fromX - from;
    const [startX, startY] = edits === 0 ? [0, 0] : down ? [fromX, fromY + 1] : [fromX + 1, fromY];
    while (x > startX && y > startY) {
      x -= 1;
      y -= 1;
      rows.push({ sign: ' ', line: old[x] ?? '' });
    }
    if (edits === 0) break;
    rows.push(
      down ? { sign: '+', line: made[fromY] ?? '' } : { sign: '-', line: old[fromX] ?? '' },
    );
    [x, y] = [fromX, fromY];
  }
  return rows.reverse();
}

function hunksOf(rows: readonly Row[]): readonly string[] {
  const out: string[] = [];
  let [oldLine, newLine] = [1, 1];
  let done = 0;
  for (let hunk = hunkFrom(rows, 0); hunk !== undefined; hunk = hunkFrom(rows, done)) {
    oldLine += hunk.start - done;
    newLine += hunk.start - done;
    const own = rows.slice(hunk.start, hunk.end);
    const [olds, news] = [
      own.filter(({ sign }) => sign !== '+').length,
      own.filter(({ sign }) => sign !== '-').length,
    ];
    out.push(`@@ -${range(oldLine, olds)} +${range(newLine, news)} @@`, ...own.flatMap(rowText));
    oldLine += olds;
    newLine += news;
    done = hunk.end;
  }
  return out;
}

/** The first hunk from this row on. What is before it is the same in both texts. */
function hunkFrom(
  rows: readonly Row[],
  from: number,
): { readonly start: number; readonly end: number } | undefined {
  const find = (at: number, isChange: boolean): number => {
    let index = at;
    while (index < rows.length && (rows[index]?.sign !== ' ') !== isChange) index += 1;
    return index;
  };
  const first = find(from, true);
  if (first === rows.length) return undefined;
  for (let change = first; ; ) {
    const end = find(change, false);
    const next = find(end, true);
    if (next === rows.length || next - end > 2 * context)
      return { start: Math.max(from, first - context), end: Math.min(rows.length, end + context) };
    change = next;
  }
}

/** As `diff -u` writes it: the line before an empty range, and no count of 1. */
const range = (line: number, count: number): string =>
  count === 1 ? String(line) : `${count === 0 ? line - 1 : line},${count}`;

const rowText = ({ sign, line }: Row): readonly string[] =>
  line.endsWith('\n') ? [sign + line.slice(0, -1)] : [sign + line, '\\ No newline at end of file'];
