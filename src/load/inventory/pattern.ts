// Resolves host patterns and `--limit`: which hosts `web:!canary:&zone_a` means, in which order.
import { startingWith } from '../../expression/index.ts';
import type { Checked, Diagnostic, Place } from '../../model/diagnostic.ts';
import { nearest } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { plural } from '../../model/text/plural.ts';
import type { Reader } from '../text/reader.ts';
import { levelByLevel } from './assemble.ts';
import { globMatcher } from './glob.ts';

interface Search {
  readonly inventory: Inventory;
  readonly place: Place | undefined;
  readonly diagnostics: Diagnostic[];
}

/**
 * The hosts of a pattern. Unions apply first, then `&`, then `!`, in any written order. An empty
 * pattern is an error, and so is an exclusion that matches nothing: both are typing errors.
 */
export function resolvePattern(
  pattern: string,
  inventory: Inventory,
  place?: Place,
): Checked<readonly string[]> {
  return resolveParts(splitPattern(pattern), pattern, { inventory, place, diagnostics: [] });
}

/**
 * The hosts that `--limit` keeps, in their order. `@file` reads patterns from the lines of a file.
 * An empty limit is an error here; Ansible reads it as every host.
 */
export function limitTo(
  hosts: readonly string[],
  limit: string,
  inventory: Inventory,
  reader?: Reader,
): Checked<readonly string[]> {
  const diagnostics: Diagnostic[] = [];
  const parts = splitPattern(limit).flatMap((part) =>
    part.startsWith('@') ? linesOf(part.slice(1), reader, diagnostics) : [part],
  );
  if (diagnostics.length > 0) return { diagnostics };
  const allowed = resolveParts(parts, limit, { inventory, place: undefined, diagnostics }, 'limit');
  if (allowed.value === undefined) return allowed;
  const names = new Set(allowed.value);
  return { value: hosts.filter((host) => names.has(host)), diagnostics: allowed.diagnostics };
}

function linesOf(
  path: string,
  reader: Reader | undefined,
  diagnostics: Diagnostic[],
): readonly string[] {
  const read = reader?.readText(path) ?? { ok: false, why: 'no file can be read here' };
  const place = { file: path, line: 1, column: 1 };
  if (!read.ok) {
    diagnostics.push({
      code: 'unreadable',
      severity: 'error',
      place,
      summary: `the limit file ${path} cannot be read: ${read.why}`,
    });
    return [];
  }
  const patterns: string[] = [];
  for (const [index, text] of read.text.split(/\r?\n/).entries()) {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (/[\s,]/.test(line)) {
      const hint = 'write one pattern a line, and comments on lines of their own';
      const at = { file: path, line: index + 1, column: 1 };
      diagnostics.push({
        code: 'limit-line',
        severity: 'error',
        place: at,
        summary: `\`${line}\` is more than one pattern`,
        hint,
      });
    }
    patterns.push(line);
  }
  if (patterns.length === 0 && diagnostics.length === 0) {
    const detail = 'an empty list of hosts never means all of them';
    diagnostics.push({
      code: 'empty-limit',
      severity: 'error',
      place,
      summary: `the limit file ${path} holds no pattern`,
      detail,
    });
  }
  return patterns;
}

/**
 * Splits at commas; without a comma at colons and blanks, unless the text is an address. A bracket
 * without its partner becomes a part of its own.
 */
export function splitPattern(pattern: string): readonly string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : isAddress(pattern.trim())
      ? [pattern]
      : wordsOf(pattern);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Matches the text after the last `]` apart: one search for both takes quadratic time. */
function wordsOf(pattern: string): readonly string[] {
  const open = pattern.indexOf('[', pattern.lastIndexOf(']') + 1);
  const closed = open === -1 ? pattern : pattern.slice(0, open);
  const rest = open === -1 ? '' : pattern.slice(open);
  return [
    ...(closed.match(/(?:[^\s:[\]]|\[[^\]]*(?:\]|$))+|\]/g) ?? []),
    ...(rest.match(/[^\s:[]+|\[/g) ?? []),
  ];
}

function isAddress(text: string): boolean {
  const range = '\\[(?:[0-9]+:[0-9]+|[a-z]:[a-z])(?::[0-9]+)?\\]';
  const label = `(?:\\w|${range})(?:[\\w-]|${range})*`;
  if (new RegExp(`^${label}(?:\\.${label})*:[0-9]+$`, 'i').test(text)) return true;
  return isIpv6(text) || isIpv6(/^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? '');
}

function isIpv6(text: string): boolean {
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const plain = groups.every(
    (group, index) =>
      /^[0-9a-f]{1,4}$/i.test(group) ||
      (index === groups.length - 1 && /^(?:\d{1,3}\.){3}\d{1,3}$/.test(group)),
  );
  return plain && (halves.length === 2 ? groups.length <= 7 : groups.length === 8);
}

function resolveParts(
  parts: readonly string[],
  whole: string,
  search: Search,
  what: 'pattern' | 'limit' = 'pattern',
): Checked<readonly string[]> {
  if (parts.length === 0) {
    const hint =
      what === 'limit'
        ? 'is a shell variable in it empty? `all` means every host'
        : '`all` means every host';
    return refuse(search, `empty-${what}`, `the ${what} \`${whole}\` names no host`, {
      detail: 'an empty list of hosts never means all of them',
      hint,
    });
  }
  // Ansible drops the bracket and reads `web[1` as web and 1: all of a group instead of one host.
  if (parts.some((part) => part === '[' || part === ']'))
    return refuse(search, 'pattern', `a bracket in \`${whole}\` is not closed`, {
      hint: 'the first host of a group is `web[0]`',
    });
  const unions = parts.filter((part) => !/^[&!]/.test(part));
  const ordered = [
    ...(unions.length === 0 ? ['all'] : unions),
    ...parts.filter((part) => part.startsWith('&')),
    ...parts.filter((part) => part.startsWith('!')),
  ];
  let hosts: readonly string[] = [];
  for (const part of ordered) {
    const sign = /^[&!]/.exec(part)?.[0] ?? '';
    const name = part.slice(sign.length);
    if (name === '') return refuse(search, 'pattern', `\`${part}\` in \`${whole}\` names no host`);
    const found =
      sign === '' && search.inventory.hosts.has(name) ? [name] : matchOne(name, part, search);
    if (found === undefined) return { diagnostics: search.diagnostics };
    const set = new Set(found);
    if (sign === '!') hosts = hosts.filter((host) => !set.has(host));
    else if (sign === '&') hosts = hosts.filter((host) => set.has(host));
    else hosts = [...new Set([...hosts, ...found])];
  }
  return { value: hosts, diagnostics: search.diagnostics };
}

function refuse(
  search: Search,
  code: string,
  summary: string,
  more: Partial<Diagnostic> = {},
): { readonly diagnostics: readonly Diagnostic[] } {
  search.diagnostics.push({
    code,
    severity: 'error',
    ...(search.place && { place: search.place }),
    summary,
    ...more,
  });
  return { diagnostics: search.diagnostics };
}

const warn = (search: Search, code: string, summary: string, hint?: string): void => {
  search.diagnostics.push(
    present({ code, severity: 'warning', place: search.place, summary, hint }),
  );
};

interface Subscript {
  readonly start: number;
  readonly end?: number;
}

/** The hosts of one pattern without its sign; undefined when it is refused. */
function matchOne(pattern: string, part: string, search: Search): readonly string[] | undefined {
  const { name, subscript } = splitSubscript(pattern, search);
  const matched = matchName(name, search);
  if (matched === undefined) return undefined;
  // The machine that runs kmend is in no group, so there is nothing to exclude.
  if (matched.length === 0 && part.startsWith('!') && isThisMachine(pattern)) return [];
  if (matched.length === 0) {
    reportNoMatch(pattern, part, search);
    return part.startsWith('!') ? undefined : [];
  }
  if (subscript === undefined) return matched;
  if (subscript.end !== undefined) return matched.slice(subscript.start, subscript.end + 1);
  const one = matched.at(subscript.start);
  if (one !== undefined) return [one];
  refuse(search, 'subscript', `\`${pattern}\`: it has only ${plural(matched.length, 'host')}`, {
    hint: 'the first is [0], the last is [-1]',
  });
  return undefined;
}

function splitSubscript(
  pattern: string,
  search: Search,
): { readonly name: string; readonly subscript?: Subscript } {
  const found = pattern.startsWith('~')
    ? null
    : /^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$/.exec(pattern);
  if (found === null) return { name: pattern };
  const name = found[1] ?? '';
  if (found[2] !== undefined) return { name, subscript: { start: Number(found[2]) } };
  const start = Number(found[3]);
  if (found[4] === '-')
    warn(
      search,
      'subscript-dash',
      `\`${pattern}\`: a subscript is written with a colon`,
      `[${found[3]}:${found[5]}]`,
    );
  if (found[5] === '') return { name, subscript: { start, end: Number.MAX_SAFE_INTEGER } };
  const end = Number(found[5]);
  // As in Ansible, an end of 0 counts as no end: the subscript means one host.
  if (end === 0)
    warn(
      search,
      'subscript-end',
      `\`${pattern}\` is the one host number ${start}`,
      `write [${start}]`,
    );
  return { name, subscript: end === 0 ? { start } : { start, end } };
}

const isThisMachine = (name: string): boolean => /^(?:localhost|127\.0\.0\.1|::1)$/.test(name);

function reportNoMatch(pattern: string, part: string, search: Search): void {
  const guess = nearest(pattern, [
    ...search.inventory.groups.keys(),
    ...(search.inventory.hosts.size <= 5_000 ? search.inventory.hosts.keys() : []),
  ]);
  const meant = guess === undefined ? undefined : `did you mean \`${guess}\`?`;
  if (part.startsWith('!')) {
    const detail = 'hosts that should be excluded would be included';
    refuse(
      search,
      'exclusion-matches-nothing',
      `\`${part}\` excludes nothing: no host or group has this name`,
      {
        detail,
        ...(meant && { hint: meant }),
      },
    );
    return;
  }
  const local = isThisMachine(pattern)
    ? 'the machine that runs kmend is never changed by it'
    : undefined;
  const range = /\[\d+:\d+\]$/.test(pattern)
    ? 'in a pattern, brackets are a subscript; ranges exist in inventories only'
    : undefined;
  warn(search, 'no-match', `\`${pattern}\` matches no host`, range ?? meant ?? local);
}

function matchName(name: string, search: Search): readonly string[] | undefined {
  const { inventory } = search;
  if (name === 'all' || name === '*') return [...inventory.hosts.keys()];
  if (inventory.groups.has(name)) return levelByLevel(inventory, name);
  if (!/^~|[.?*[]/.test(name)) return inventory.hosts.has(name) ? [name] : [];
  const groups = [...inventory.groups.keys()];
  const hosts = inventory.declared ?? [...inventory.hosts.keys()];
  const matching = name.startsWith('~')
    ? startingWith(name.slice(1), [...groups, ...hosts])
    : [...groups, ...hosts].filter(globMatcher(name));
  if (matching === undefined) {
    refuse(search, 'pattern', `\`${name}\` is not a pattern that can be read`, {
      hint: 'is a bracket not closed, or does the regular expression take too long?',
    });
    return undefined;
  }
  const found = new Set(matching);
  const inGroups = groups
    .filter((group) => found.has(group))
    .flatMap((group) => levelByLevel(inventory, group));
  return [...new Set([...inGroups, ...hosts.filter((host) => found.has(host))])];
}
