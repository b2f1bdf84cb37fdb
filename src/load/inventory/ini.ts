// Reads inventories in INI form: sections [group], [group:vars] and [group:children], with host lines
// that are split like shell words.
import { withoutNamedSecrets } from '../../core/plan/secrets.ts';
import type { Place } from '../../model/diagnostic.ts';
import type { Source } from '../text/source.ts';
import { put } from '../text/tree.ts';
import { addHosts, type Draft, groupNamed, report, setGroupVar, warnLoss } from './draft.ts';
import { iniValue } from './python-literal.ts';

interface Section {
  readonly group: string;
  readonly kind: 'hosts' | 'vars' | 'children';
}

/** A group that is named before it is declared; the file must declare it later. */
interface Promised {
  readonly name: string;
  readonly by: Section;
  readonly place: Place;
}

/** Adds an INI inventory to the draft. */
export function readIni(draft: Draft, source: Source): void {
  let section: Section = { group: 'ungrouped', kind: 'hosts' };
  const declared = new Set(draft.groups.keys());
  const promised: Promised[] = [];
  for (const { text, at } of linesOf(source.text)) {
    const line = text.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const offset = at + text.indexOf(line);
    const place = source.placeAt(offset);
    const head = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/.exec(line);
    if (head !== null) {
      section = openSection(draft, head[1] ?? '', head[2] ?? 'hosts', place, section);
      if (section.kind !== 'vars') declared.add(section.group);
      else promised.push({ name: section.group, by: section, place });
    } else if (section.kind === 'vars') {
      readVariable(draft, section.group, line, place);
    } else if (section.kind === 'children') {
      const child = (line.split('#', 1)[0] ?? '').trim();
      if (/\s/.test(child))
        report(draft, 'ini-syntax', place, `expected the name of a group, not \`${child}\``);
      groupNamed(draft, section.group, place).children.add(child);
      groupNamed(draft, child, place);
      promised.push({ name: child, by: section, place });
    } else readHostLine(draft, section.group, source, line, offset);
  }
  for (const { name, by, place } of promised) {
    if (declared.has(name)) continue;
    report(
      draft,
      'undefined-group',
      place,
      `[${by.group}:${by.kind}] names the group ${name}, which is not declared`,
      {
        hint: `add a section [${name}]`,
      },
    );
  }
}

function openSection(
  draft: Draft,
  group: string,
  kind: string,
  place: Place,
  before: Section,
): Section {
  if (kind !== 'hosts' && kind !== 'vars' && kind !== 'children') {
    report(draft, 'ini-syntax', place, `the section [${group}:${kind}] is of an unknown kind`, {
      hint: 'known: [group], [group:vars], [group:children]',
    });
    return before;
  }
  groupNamed(draft, group, place);
  return { group, kind };
}

function readVariable(draft: Draft, group: string, line: string, place: Place): void {
  const equals = line.indexOf('=');
  if (equals === -1) {
    report(draft, 'ini-syntax', place, `expected key=value, not \`${withoutNamedSecrets(line)}\``);
    return;
  }
  const name = line.slice(0, equals).trim();
  const text = line.slice(equals + 1).trim();
  const value = iniValue(text);
  warnLoss(draft, name, text, value, place);
  setGroupVar(draft, groupNamed(draft, group, place), name, value, place);
}

function readHostLine(
  draft: Draft,
  group: string,
  source: Source,
  line: string,
  offset: number,
): void {
  const place = source.placeAt(offset);
  const split = splitWords(line);
  if (split.problem !== undefined) {
    report(draft, 'ini-syntax', place, `this host line cannot be read: ${split.problem}`);
    return;
  }
  const [pattern, ...rest] = split.words;
  if (pattern === undefined) return;
  if (pattern.text.startsWith('[') && !/^\[[^:]*:.*\]/.test(pattern.text)) {
    const summary = `\`${withoutNamedSecrets(line)}\` is neither a section nor a host`;
    const hint = 'a section is [name], [name:vars] or [name:children], without blanks';
    report(draft, 'ini-syntax', place, summary, { hint });
    return;
  }
  if (pattern.text.includes('=')) {
    const summary = `this makes a host called \`${withoutNamedSecrets(pattern.text)}\``;
    const hint = 'was the name of the host forgotten?';
    report(draft, 'host-name', place, summary, { severity: 'warning', hint });
  }
  // In `db_password=two words` a single word may be half of a secret, so it is not quoted.
  const mayQuote = withoutNamedSecrets(line) === line;
  const variables: [string, string, Place][] = [];
  for (const word of rest) {
    const equals = word.text.indexOf('=');
    const at = source.placeAt(offset + word.at);
    if (equals === -1)
      report(
        draft,
        'ini-syntax',
        at,
        `expected key=value${mayQuote ? `, not \`${word.text}\`` : ''}`,
        { hint: 'a comment starts with #' },
      );
    else variables.push([word.text.slice(0, equals), word.text.slice(equals + 1), at]);
  }
  const hosts = addHosts(
    draft,
    groupNamed(draft, group, place),
    pattern.text,
    place,
    variables.length,
  );
  for (const [name, text, at] of variables) {
    const value = iniValue(text);
    warnLoss(draft, name, text, value, at);
    for (const host of hosts) put(host.vars, name, value);
  }
}

// As in Ansible, a form feed and similar characters end a line too.
const lineEnds = new Set([
  '\n',
  '\r',
  '\v',
  '\f',
  '\x1c',
  '\x1d',
  '\x1e',
  '\x85',
  '\u2028',
  '\u2029',
]);

/** The lines of a text with their offsets. */
function* linesOf(text: string): Generator<{ readonly text: string; readonly at: number }> {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  for (let at = start; at < text.length; at++) {
    if (!lineEnds.has(text[at] ?? '')) continue;
    yield { text: text.slice(start, at), at: start };
    if (text[at] === '\r' && text[at + 1] === '\n') at++;
    start = at + 1;
  }
  yield { text: text.slice(start), at: start };
}

interface Words {
  readonly words: readonly { readonly text: string; readonly at: number }[];
  readonly problem?: string;
}

/** Splits a line like a POSIX shell; with `comments`, `#` starts a comment even inside a word. */
export function splitWords(line: string, comments = true): Words {
  const words: { text: string; at: number }[] = [];
  let word: { text: string; at: number } | undefined;
  let at = 0;
  for (; at < line.length; at++) {
    const character = line[at] ?? '';
    if (/[ \t\r\n]/.test(character)) {
      word = undefined;
      continue;
    }
    if (character === '#' && comments) break;
    if (word === undefined) {
      word = { text: '', at };
      words.push(word);
    }
    if (character === '\\') {
      if (++at >= line.length) return { words, problem: 'it ends in a backslash' };
      word.text += line[at];
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(line, at);
      if (quoted === undefined) return { words, problem: `a ${character} is not closed` };
      word.text += quoted.text;
      at = quoted.end;
    } else word.text += character;
  }
  return { words };
}

function readQuoted(
  line: string,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  const quote = line[start];
  let text = '';
  for (let at = start + 1; at < line.length; at++) {
    const character = line[at] ?? '';
    if (character === quote) return { text, end: at };
    const next = line[at + 1];
    if (quote === '"' && character === '\\' && (next === '"' || next === '\\')) {
      text += next;
      at++;
    } else text += character;
  }
  return undefined;
}
