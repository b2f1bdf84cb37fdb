// Reads ssh configurations once per run and looks up hosts in them. As in OpenSSH, the first value
// wins. What only OpenSSH can judge is reported as unsure.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { pasteable } from '../../../model/text/quote.ts';
import { matchesWildcard } from '../../../model/text/wildcard.ts';
import { type ConfigLine, configLines } from './config-lines.ts';
import { isIdle, type Setting, type Settings } from './keywords.ts';
import { matchOf, readsTwice } from './match.ts';
import { isPlain, matchesExactly } from './patterns.ts';

/** The host that is looked up. */
export interface Query {
  /** Its names: in the inventory, and its address. */
  readonly names: readonly string[];
  /** The inventory has it, so that no `HostName` counts. */
  readonly address?: string;
  /** Settings that come before all files. */
  readonly before: Settings;
  /** Keywords in lower case that the operator wants left out. */
  readonly ignore: ReadonlySet<string>;
}

export interface Found {
  readonly settings: Settings;
  /** `FILE:LINE` of what only OpenSSH can judge. The settings are then not complete. */
  readonly unsure?: string;
}

export interface SshConfig {
  readonly lookup: (query: Query) => Found;
  /** `FILE:LINE` of a setting that OpenSSH found. */
  readonly placeOf: (keyword: string, values: readonly string[]) => string | undefined;
}

interface Condition {
  readonly kind: 'host' | 'match';
  readonly words: readonly string[];
  readonly place: string;
}

interface Section {
  /** Each must hold: an included file has those of the section that includes it, too. */
  readonly conditions: readonly Condition[];
  readonly order: number;
  readonly settings: Setting[];
}

/** A machine without configuration. */
export const noConfig: SshConfig = {
  lookup: ({ before }) => ({ settings: before }),
  placeOf: () => undefined,
};

export interface ConfigPath {
  readonly path: string;
  /** Where relative paths of `Include` begin. */
  readonly base: string;
  /** As in OpenSSH, others may not write it. */
  readonly isOwn: boolean;
}

/** Reads the files and their includes. A missing file is empty; a broken one throws with its line. */
export function readSshConfig(files: readonly ConfigPath[], home: string): SshConfig {
  const sections: Section[] = [];
  for (const { path, base, isOwn } of files) include({ home, base, isOwn, sections }, path, [], 0);
  return index(sections);
}

interface Collecting extends Omit<ConfigPath, 'path'> {
  readonly home: string;
  readonly sections: Section[];
}

function include(work: Collecting, file: string, outer: readonly Condition[], depth: number): void {
  const text = textOf(file, work.isOwn);
  if (text === undefined) return;
  const open = (conditions: readonly Condition[]): Section => {
    const section: Section = { conditions, order: work.sections.length, settings: [] };
    work.sections.push(section);
    return section;
  };
  let section = open(outer);
  for (const { keyword, written, words, number } of linesOf(file, text)) {
    const place = `${file}:${number}`;
    if (keyword === 'host' || keyword === 'match')
      section = open([...outer, { kind: keyword, words, place }]);
    else if (keyword !== 'include' || depth >= 16)
      section.settings.push({ keyword, written, values: words, place });
    else {
      const { conditions } = section;
      for (const word of words) {
        const paths = expandInclude(word, work);
        if (paths === undefined) section.settings.push({ keyword, written, values: words, place });
        else for (const path of paths) include(work, path, conditions, depth + 1);
      }
      section = open(conditions);
    }
  }
}

function linesOf(file: string, text: string): readonly ConfigLine[] {
  try {
    return configLines(text);
  } catch (error) {
    throw new Error(`${file}${error instanceof Error ? error.message : String(error)}`);
  }
}

function textOf(file: string, isOwn: boolean): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    if (isOwn) judge(file);
    return text;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw code === undefined ? error : new Error(`${file} cannot be read (${code})`);
  }
}

/** As in OpenSSH: the file names programs that are run, so nobody else may write it. */
function judge(file: string): void {
  const { mode, uid } = statSync(file);
  const isOurs = uid === 0 || uid === process.getuid?.();
  if (isOurs && (mode & 0o022) === 0) return;
  throw new Error(
    `${file} cannot be read: ${isOurs ? `others may write it; chmod go-w ${pasteable(file)}` : 'it belongs to another user'}`,
  );
}

/**
 * Wildcards in the last part of the path are expanded, which is enough to include a directory.
 * Undefined: other wildcards, tokens, or variables.
 */
function expandInclude(written: string, { home, base }: Collecting): readonly string[] | undefined {
  const path = written.startsWith('~/')
    ? join(home, written.slice(2))
    : isAbsolute(written)
      ? written
      : join(base, written);
  const pattern = basename(path);
  if (/[%$[\]{}~]/.test(path) || /[*?]/.test(dirname(path))) return undefined;
  if (isPlain(pattern)) return [path];
  try {
    return readdirSync(dirname(path))
      .filter((name) => matchesWildcard(pattern, name) && !name.startsWith('.'))
      .sort()
      .map((name) => join(dirname(path), name));
  } catch {
    return [];
  }
}

/** Finds sections without wildcards by a map: a generated file may have ten thousand of them. */
function index(sections: readonly Section[]): SshConfig {
  const plain = new Map<string, Section[]>();
  const open: Section[] = [];
  for (const section of sections) {
    if (section.settings.length === 0) continue;
    const [only, ...more] = section.conditions;
    if (only?.kind !== 'host' || more.length > 0 || !only.words.every(isPlain)) open.push(section);
    else for (const name of only.words) plain.set(name, [...(plain.get(name) ?? []), section]);
  }
  const twice = sections
    .flatMap(({ conditions }) => conditions)
    .find(({ kind, words }) => kind === 'match' && readsTwice(words));
  return {
    lookup: (query) => {
      const found = new Set(open);
      for (const name of query.names)
        for (const section of plain.get(name) ?? []) found.add(section);
      const result = merge(
        [...found].sort((a, b) => a.order - b.order),
        query,
      );
      const [name = ''] = query.names;
      const isRenamed =
        query.address === undefined && hostOf(result.settings, query).toLowerCase() !== name;
      return twice !== undefined &&
        isRenamed &&
        !query.ignore.has('match') &&
        result.unsure === undefined
        ? { ...result, unsure: twice.place }
        : result;
    },
    placeOf: (keyword, values) => {
      const lines = sections.flatMap(({ settings }) => settings);
      const same = lines.filter((line) => line.keyword === keyword);
      return (same.find((line) => line.values.join(' ') === values.join(' ')) ?? same[0])?.place;
    },
  };
}

/** The host name so far. */
const hostOf = (settings: Settings, { names: [name = ''], address }: Query): string =>
  address ?? hostName(settings, name);

/** `HostName` with its tokens replaced, or the name itself. */
export const hostName = (settings: Settings, name: string): string =>
  (settings.get('hostname')?.values[0] ?? name).replace(/%[%h]/g, (token) =>
    token === '%h' ? name : '%',
  );

function merge(sections: readonly Section[], query: Query): Found {
  const settings = new Map<string, Setting>(query.before);
  for (const section of sections) {
    const state = { names: query.names, host: hostOf(settings, query) };
    const answers = section.conditions.map(({ kind, words }) =>
      kind === 'match' ? matchOf(words, state) : matchesExactly(words, query.names) ? 'yes' : 'no',
    );
    if (answers.includes('no')) continue;
    const doubtful = section.conditions[answers.indexOf('unsure')];
    if (doubtful !== undefined) {
      if (query.ignore.has('match') || section.settings.every(({ keyword }) => isIdle(keyword)))
        continue;
      return { settings, unsure: doubtful.place };
    }
    for (const setting of section.settings) {
      if (query.ignore.has(setting.keyword)) continue;
      if (isUnsure(setting)) return { settings, unsure: setting.place };
      take(settings, setting);
    }
  }
  return { settings };
}

const adding = new Set(['identityfile', 'certificatefile']);

/** Adds a setting if it is the first of its keyword, or one of a list. */
export function take(settings: Map<string, Setting>, setting: Setting): void {
  const known = settings.get(setting.keyword);
  if (known === undefined) settings.set(setting.keyword, setting);
  else if (adding.has(setting.keyword))
    settings.set(setting.keyword, {
      ...known,
      values: [...new Set([...known.values, ...setting.values])],
    });
}

/** Only OpenSSH can say what it means: paths with tokens, names that are looked up. */
function isUnsure({ keyword, values }: Setting): boolean {
  const value = values.join(' ');
  if (keyword === 'include') return true;
  if (keyword === 'canonicalizehostname') return !/^(?:no|false|none)$/i.test(value);
  if (keyword === 'hostname') return /[%$]/.test(value.replace(/%[h%]/g, ''));
  return (keyword === 'user' || keyword === 'port') && /[%$]/.test(value);
}
