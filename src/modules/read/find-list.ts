// Reads the entries that the script of find lists, and judges them as Ansible's find does. Names of
// files are the host's own text.
import { startingWith } from '../../expression/index.ts';
import { wholeNumber } from '../../facts/fields.ts';
import type { Mapping } from '../../model/value.ts';
import { kindOf, permissions } from './stat.ts';

/** Lines that are read of each directory; the script prints one more where there are more. */
export const mostListed = 2000;

export interface Entry {
  readonly path: string;
  readonly name: string;
  /** Mode with the type of the file. */
  readonly bits: number;
  readonly size: number;
  readonly isFile: boolean;
  /** Seconds since 1970. */
  readonly times: { readonly atime: number; readonly mtime: number; readonly ctime: number };
  readonly facts: Mapping;
}

export interface Found {
  /** Seconds since 1970, by the clock of the host. */
  readonly now: number;
  readonly examined: number;
  readonly entries: readonly Entry[];
  /** By path. */
  readonly skipped: Readonly<Record<string, string>>;
  /** A directory that has more entries than are read. */
  readonly over: string | undefined;
}

/** @param said what the script printed for these paths, which it numbers from 0 */
export function foundIn(said: string, paths: readonly string[]): Found {
  let [now, examined, base, rows] = [0, 0, '', 0];
  let over: string | undefined;
  const entries: Entry[] = [];
  const skipped = new Map<string, string>();
  for (const line of said.split('\n')) {
    const end = line.indexOf(' ');
    const [key, rest] = [line.slice(0, end), line.slice(end + 1)];
    if (key === 'now') now = wholeNumber(rest) ?? 0;
    else if (key === 'examined') examined += wholeNumber(rest) ?? 0;
    else if (key === 'at') [base, rows] = [paths[Number(rest)] ?? '', 0];
    else if (key === 'skipped') {
      const path = paths[Number(rest)] ?? '';
      skipped.set(path, `'${path}' is not a directory`);
    } else if (key === 'no') noteUnread(skipped, base, rest);
    else if (key === 'entry') {
      rows += 1;
      if (rows > mostListed) over = base;
      const entry = entryOf(rest, base);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return { now, examined, entries, skipped: Object.fromEntries(skipped), over };
}

/** A directory that the user of the connection may not read, in Python's words. */
function noteUnread(skipped: Map<string, string>, base: string, message: string): void {
  const denied = ': Permission denied';
  const from = message.indexOf('.');
  if (from < 0 || !message.endsWith(denied)) return;
  const path = join(base, message.slice(from + 2, -denied.length).replace(/['\u2018\u2019]$/, ''));
  skipped.set(path, `[Errno 13] Permission denied: '${path}'`);
}

const join = (base: string, rest: string): string => `${base === '/' ? '' : base}/${rest}`;

function entryOf(line: string, base: string): Entry | undefined {
  const [before = '', user = '', group = '', ...names] = line.split('/');
  const [mode = '', inode, dev, nlink, uid, gid, size, atime, mtime, ctime] = before.split(' ');
  const bits = Number.parseInt(mode, 16);
  // The name begins with `./`.
  const name = names.at(-1) ?? '';
  if (names.length < 2 || ctime === undefined || Number.isNaN(bits)) return undefined;
  const path = join(base, names.slice(1).join('/'));
  const numbers = { uid, gid, size, inode, dev, nlink, atime, mtime, ctime };
  const facts = {
    path,
    mode: (bits & 0o7777).toString(8).padStart(4, '0'),
    ...kindOf(bits),
    ...Object.fromEntries(
      Object.entries(numbers).map(([key, value]) => [key, numberOf(value ?? '')]),
    ),
    gr_name: nameOf(group),
    pw_name: nameOf(user),
    ...permissions(bits),
  };
  return {
    ...{
      path,
      name,
      bits,
      facts,
      size: numberOf(size ?? ''),
      isFile: (bits & 0o170000) === 0o100000,
    },
    times: {
      atime: numberOf(atime ?? ''),
      mtime: numberOf(mtime ?? ''),
      ctime: numberOf(ctime),
    },
  };
}

const numberOf = (word: string): number => {
  const value = Number(word);
  return Number.isFinite(value) ? value : 0;
};

const nameOf = (name: string): string => (name === 'UNKNOWN' ? '' : name);

/** A pattern of a shell, as Python's fnmatch reads it, as a regular expression. */
export function globExpression(glob: string): string {
  let made = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? '';
    const close = char === '[' ? closeOf(glob, at) : -1;
    if (char === '*') made += '.*';
    else if (char === '?') made += '.';
    else if (close > 0) {
      made += classOf(glob.slice(at + 1, close));
      at = close;
    } else made += /[A-Za-z0-9_\u0080-\uffff]/.test(char) ? char : `\\${char}`;
  }
  return `(?s)(?:${made})$`;
}

/** Where a class ends: a `]` at its beginning is part of it. */
function closeOf(glob: string, at: number): number {
  let from = at + 1;
  if (glob[from] === '!') from += 1;
  return glob.indexOf(']', from + 1);
}

function classOf(body: string): string {
  const isNot = body.startsWith('!');
  const inside = (isNot ? body.slice(1) : body).replace(/[\\[\]^&~|]/g, '\\$&');
  return `[${isNot ? '^' : ''}${inside}]`;
}

/** The names that a pattern matches; undefined where that takes too much work. */
export function matching(
  patterns: readonly string[],
  names: readonly string[],
): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const some = startingWith(pattern, names);
    if (some === undefined) return undefined;
    for (const name of some) found.add(name);
  }
  return found;
}
