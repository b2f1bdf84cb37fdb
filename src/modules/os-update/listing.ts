// What a package manager would do now, as the scripts of this folder print it: a row a package.
import type { Reading } from '../../model/facts/values.ts';

/** Versions are [epoch:]version[-release]; `old` or `version` is empty where there is none. */
export interface Row {
  readonly kind: 'up' | 'in' | 'rm';
  /** A deb of another architecture has it in its name: `libc6:i386`. */
  readonly name: string;
  readonly arch: string;
  readonly version: string;
  readonly old: string;
}

export interface Listing {
  readonly rows: readonly Row[];
  /** Names that could move, and stay behind: held, excluded, or not yet offered to this host. */
  readonly kept: readonly string[];
  /** Services that run, with the package that has their unit. */
  readonly units: readonly { readonly unit: string; readonly name: string }[];
  /** The package lists of the host are older than the task wants. */
  readonly stale: boolean;
}

/** More rows are not read: the largest distributions have less in one update. */
export const mostRows = 5000;

const row =
  /^(up|in|rm) ([A-Za-z0-9][A-Za-z0-9+._:-]{0,199}) ([a-z0-9_-]{1,30}) ([A-Za-z0-9][A-Za-z0-9+.:~^_-]{0,254})(?: ([A-Za-z0-9][A-Za-z0-9+.:~^_-]{0,254}))?$/;
const other = /^(kept|lists|unit) (\S{1,255})(?: (\S{1,255}))?$/;

/** Any other line is an error: nothing is moved by half of a list. */
export function readListing({
  stdout,
}: Pick<Reading, 'stdout'>): Listing | { readonly line: string } {
  const rows: Row[] = [];
  const kept = new Set<string>();
  const units: { readonly unit: string; readonly name: string }[] = [];
  let stale = false;
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const moved = row.exec(line);
    const more = moved === null ? other.exec(line) : null;
    if (moved !== null && (moved[1] === 'up') === (moved[5] !== undefined)) rows.push(rowOf(moved));
    else if (more?.[1] === 'kept') kept.add(more[2] ?? '');
    else if (more?.[1] === 'lists') stale = more[2] === 'stale';
    else if (more?.[1] === 'unit') units.push({ unit: more[2] ?? '', name: more[3] ?? '' });
    else return { line: line.slice(0, 200) };
    if (rows.length >= mostRows) return { line: `more than ${mostRows} rows` };
  }
  return { rows, kept: [...kept], units, stale };
}

function rowOf([, kind, name = '', arch = '', version = '', old = '']: RegExpExecArray): Row {
  if (kind === 'rm') return { kind, name, arch, version: '', old: version };
  return { kind: kind === 'up' ? 'up' : 'in', name, arch, version, old };
}

/** The row as the scripts print it. */
export const lineOf = ({ kind, name, arch, version, old }: Row): string =>
  [kind, name, arch, ...(kind === 'rm' ? [old] : [version]), ...(kind === 'up' ? [old] : [])].join(
    ' ',
  );

/** The answer once these rows are done, and the lists read. */
export const doneAnswer = (answer: Reading): Reading => ({
  ...answer,
  stdout: answer.stdout
    .split('\n')
    .filter((line) => !/^(?:up|in|rm) /.test(line))
    .map((line) => (line === 'lists stale' ? 'lists fresh' : line))
    .join('\n'),
});
