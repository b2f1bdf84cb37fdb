// Diagnostics as text: place first, as editors expect; then what, why and what to do.
import type { Diagnostic, Place } from '../model/diagnostic.ts';
import { cutTo, type Paint } from './layout.ts';

/** The most columns of a source line that are shown. */
const mostColumns = 300;

/**
 * All diagnostics: errors, warnings, notes, each in order of place.
 * @param lineOf gives the source line to show below
 * @param columns of that line: it is not folded, since a mark below it shows the place
 */
export function diagnosticsText(
  diagnostics: readonly Diagnostic[],
  paint: Paint,
  lineOf: (file: string, line: number) => string | undefined = () => undefined,
  columns: number = mostColumns,
): readonly string[] {
  const counts = new Map<string, number>();
  const shown = [...diagnostics].sort(byPlace).filter((diagnostic) => {
    const file = diagnostic.place?.file ?? '';
    const count = (counts.get(file) ?? 0) + 1;
    counts.set(file, count);
    return count <= mostOfFile;
  });
  const left = [...counts].flatMap(([file, count]) =>
    count > mostOfFile
      ? [`${file === '' ? '' : `${file}: `}and ${count - mostOfFile} more, which are not shown`]
      : [],
  );
  return [...shown.flatMap((diagnostic) => oneText(diagnostic, paint, lineOf, columns)), ...left];
}

/** The most diagnostics of a file, and characters of a text, which may quote a long line. */
const [mostOfFile, mostOfText] = [100, 1000];
const cut = (text: string): string =>
  text.length <= mostOfText ? text : cutTo(text.slice(0, 2 * mostOfText), mostOfText);

const ranks: Readonly<Record<Diagnostic['severity'], number>> = { error: 0, warning: 1, note: 2 };

function byPlace(a: Diagnostic, b: Diagnostic): number {
  const file = (a.place?.file ?? '').localeCompare(b.place?.file ?? '');
  return (
    ranks[a.severity] - ranks[b.severity] ||
    file ||
    (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
    (a.place?.column ?? 0) - (b.place?.column ?? 0)
  );
}

function oneText(
  diagnostic: Diagnostic,
  paint: Paint,
  lineOf: (file: string, line: number) => string | undefined,
  columns: number,
): readonly string[] {
  const { place, severity, summary, detail, hint, code } = diagnostic;
  const colours = { error: paint.red, warning: paint.yellow, note: paint.cyan };
  const word = colours[severity](severity);
  const where =
    place === undefined ? '' : `${paint.bold(`${place.file}:${place.line}:${place.column}`)}: `;
  const source = place === undefined ? undefined : lineOf(place.file, place.line);
  const excerpt =
    source === undefined || place === undefined ? [] : excerptOf(source, place, paint, columns);
  return [
    `${where}${word}: ${cut(summary)} ${paint.dim(`[${code}]`)}`,
    ...excerpt,
    ...(detail === undefined ? [] : [`  ${cut(detail)}`]),
    ...(hint === undefined ? [] : [`  ${paint.cyan('hint:')} ${cut(hint)}`]),
  ];
}

function excerptOf(
  source: string,
  { line, column }: Place,
  paint: Paint,
  columns: number,
): readonly string[] {
  const room = Math.max(20, columns - String(line).length - 5);
  const from = Math.max(0, column - Math.floor((2 * room) / 3));
  return [
    `  ${paint.dim(`${line} |`)} ${source.slice(from, from + room)}`,
    `  ${' '.repeat(String(line).length + 2)} ${' '.repeat(Math.max(0, column - 1 - from))}${paint.red('^')}`,
  ];
}
