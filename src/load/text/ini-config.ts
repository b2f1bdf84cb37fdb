// Reads an ansible.cfg: an INI text by the rules of Python's `configparser`, as Ansible sets it up.
import { baseOf } from './reader.ts';

/** A value as it is written, and the line of its key, from 1. */
export interface ConfigValue {
  readonly text: string;
  readonly line: number;
}

/** Values by section and key; keys are in lower case. */
export type ConfigSections = ReadonlyMap<string, ReadonlyMap<string, ConfigValue>>;

export type ReadConfig =
  | { readonly ok: true; readonly sections: ConfigSections }
  /** `why`: a sentence with the file and the line. */
  | { readonly ok: false; readonly why: string };

interface State {
  readonly sections: Map<string, Map<string, ConfigValue>>;
  section?: Map<string, ConfigValue>;
  /** The key whose value may go on in the next line, and how far it is indented. */
  key?: string;
  indent: number;
}

/**
 * `;` begins a comment also behind a value, `#` only at the beginning of a line. A line that is
 * indented more than its key goes on with the value. What a section lacks, `[DEFAULT]` may have.
 */
export function readIniConfig(path: string, text: string): ReadConfig {
  const state: State = { sections: new Map(), indent: 0 };
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const why = takeLine(state, line, index + 1);
    if (why !== undefined)
      return { ok: false, why: `${baseOf(path)}:${index + 1}: ${why} (${path})` };
  }
  for (const section of state.sections.values())
    for (const [key, { text: written, line }] of section)
      section.set(key, { text: written.trimEnd(), line });
  const shared = state.sections.get('DEFAULT');
  for (const [name, section] of shared === undefined ? [] : state.sections)
    state.sections.set(name, new Map([...(shared ?? []), ...section]));
  return { ok: true, sections: state.sections };
}

/** Why a line cannot be read; undefined = it was. */
function takeLine(state: State, line: string, number: number): string | undefined {
  const clean = withoutComment(line).trim();
  // A line without anything belongs to a value that goes on behind it.
  if (clean === '') return line.trim() === '' ? goOn(state, '') : undefined;
  const indent = line.length - line.trimStart().length;
  if (state.key !== undefined && indent > state.indent) return goOn(state, clean);
  state.indent = indent;
  const header = clean.startsWith('[') ? clean.lastIndexOf(']') : -1;
  return header > 1 ? openSection(state, clean.slice(1, header)) : takeValue(state, clean, number);
}

function goOn({ section, key = '' }: State, text: string): undefined {
  const known = section?.get(key);
  if (known !== undefined) section?.set(key, { ...known, text: `${known.text}\n${text}` });
}

function openSection(state: State, name: string): string | undefined {
  delete state.key;
  if (state.sections.has(name) && name !== 'DEFAULT') return `[${name}] is there twice`;
  state.section = state.sections.get(name) ?? new Map();
  state.sections.set(name, state.section);
  return undefined;
}

function takeValue(state: State, clean: string, number: number): string | undefined {
  if (state.section === undefined) return 'there is no [section] above this line';
  const delimiter = clean.search(/[=:]/);
  const key = clean.slice(0, Math.max(0, delimiter)).trim().toLowerCase();
  if (key === '') return 'this is neither a [section] nor a key with a value';
  if (state.section.has(key)) return `${key} is there twice`;
  state.section.set(key, { text: clean.slice(delimiter + 1).trim(), line: number });
  state.key = key;
  return undefined;
}

function withoutComment(line: string): string {
  if (/^\s*[#;]/.test(line)) return '';
  for (let at = line.indexOf(';'); at !== -1; at = line.indexOf(';', at + 1))
    if (at === 0 || /\s/.test(line[at - 1] ?? '')) return line.slice(0, at);
  return line;
}
