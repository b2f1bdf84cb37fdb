// Reads `group_vars` and `host_vars` beside an inventory or a playbook.
import type { Mapping, Value } from '../../model/value.ts';
import { endingOf, join, type Reader } from '../text/reader.ts';
import { put } from '../text/tree.ts';
import { parseData } from '../text/yaml.ts';
import { type Draft, report } from './draft.ts';
import { variableValue } from './yaml-inventory.ts';

const endings = ['', '.yml', '.yaml', '.json'] as const;

/** The variables of a group or a host in the files of one directory; an empty mapping for most. */
export type VarsOf = (kind: 'group_vars' | 'host_vars', name: string) => Mapping;

const none: Mapping = {};

/** Reads each file once, on the first request for its group or host. */
export function varsUnder(draft: Draft, reader: Reader, dir: string): VarsOf {
  const listings = {
    group_vars: namesIn(reader, join(dir, 'group_vars')),
    host_vars: namesIn(reader, join(dir, 'host_vars')),
  };
  const kept = new Map<string, Mapping>();
  return (kind, name) => {
    const listing = listings[kind];
    if (listing.size === 0 || name.includes('/')) return none;
    const key = `${kind}/${name}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    // Only the first file of this order is read: no extension, .yml, .yaml, .json.
    const file = endings
      .map((ending) => `${name}${ending}`)
      .find((candidate) => listing.has(candidate));
    const vars =
      file === undefined ? none : readVars({ draft, reader, dir }, join(join(dir, kind), file), 0);
    kept.set(key, vars);
    return vars;
  };
}

const namesIn = (reader: Reader, dir: string): ReadonlySet<string> => new Set(reader.list(dir));

interface Beside {
  readonly draft: Draft;
  readonly reader: Reader;
  /** Directory of the inventory or the playbook. */
  readonly dir: string;
}

function readVars(beside: Beside, path: string, depth: number): Mapping {
  const { reader } = beside;
  const names = reader.list(path);
  if (names === undefined) return readVarsFile(beside, path);
  const vars: Record<string, Value> = {};
  if (depth > 20) return vars;
  for (const name of [...names].sort()) {
    if (name.startsWith('.') || name.endsWith('~')) continue;
    const inner = join(path, name);
    if (reader.list(inner) === undefined && !['', 'yml', 'yaml', 'json'].includes(endingOf(name)))
      continue;
    for (const [key, value] of Object.entries(readVars(beside, inner, depth + 1)))
      put(vars, key, value);
  }
  return vars;
}

function readVarsFile({ draft, reader, dir }: Beside, path: string): Mapping {
  const read = reader.readFound(path, dir);
  if (!read.ok) {
    report(
      draft,
      'unreadable',
      { file: path, line: 1, column: 1 },
      `${path} cannot be read: ${read.why}`,
    );
    return none;
  }
  draft.files.push(path);
  const { source, checked } = parseData(path, read.text);
  for (const one of checked.diagnostics) draft.diagnostics.push(one);
  const tree = checked.value;
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return none;
  if (tree.kind !== 'map') {
    report(
      draft,
      'vars-shape',
      source.placeAt(tree.at),
      `${path} should hold a mapping of variables`,
    );
    return none;
  }
  const vars: Record<string, Value> = {};
  for (const entry of tree.entries) put(vars, entry.key, variableValue(draft, source, entry));
  return vars;
}
