// Reads `group_vars` and `host_vars` beside an inventory or a playbook.
import type { VarsLayer } from '../../model/host.ts';
import type { Value } from '../../model/value.ts';
import { endingOf, join, type Reader } from '../text/reader.ts';
import { put } from '../text/tree.ts';
import { isVaultText, type Vault } from '../text/vault.ts';
import { sealedLayer } from '../text/vault-file.ts';
import { parseData } from '../text/yaml.ts';
import { type Draft, report } from './draft.ts';
import { variableValue } from './yaml-inventory.ts';

const endings = ['', '.yml', '.yaml', '.json'] as const;

/**
 * The variables of a group or a host in the files of one directory, the weakest first; none for
 * most.
 */
export type VarsOf = (kind: 'group_vars' | 'host_vars', name: string) => readonly VarsLayer[];

const none: readonly VarsLayer[] = [];

/** Reads each file once, on the first request for its group or host. */
export function varsUnder(sources: VarsReader, dir: string): VarsOf {
  const { reader } = sources;
  const listings = {
    group_vars: namesIn(reader, join(dir, 'group_vars')),
    host_vars: namesIn(reader, join(dir, 'host_vars')),
  };
  const kept = new Map<string, readonly VarsLayer[]>();
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
      file === undefined ? none : readVars({ ...sources, dir }, join(join(dir, kind), file), 0);
    kept.set(key, vars);
    return vars;
  };
}

const namesIn = (reader: Reader, dir: string): ReadonlySet<string> => new Set(reader.list(dir));

export interface VarsReader {
  readonly draft: Draft;
  readonly reader: Reader;
  readonly vault: Vault;
  /** Without a password, encrypted files count as empty. */
  readonly skipsSealed: boolean;
}

interface Beside extends VarsReader {
  /** Directory of the inventory or the playbook. */
  readonly dir: string;
}

function readVars(beside: Beside, path: string, depth: number): readonly VarsLayer[] {
  const { reader } = beside;
  const names = reader.list(path);
  if (names === undefined) return readVarsFile(beside, path);
  const layers: VarsLayer[] = [];
  if (depth > 20) return layers;
  for (const name of [...names].sort()) {
    if (name.startsWith('.') || name.endsWith('~')) continue;
    const inner = join(path, name);
    if (reader.list(inner) === undefined && !['', 'yml', 'yaml', 'json'].includes(endingOf(name)))
      continue;
    for (const layer of readVars(beside, inner, depth + 1)) layers.push(layer);
  }
  return layers;
}

function readVarsFile(beside: Beside, path: string): readonly VarsLayer[] {
  const { draft, reader, dir } = beside;
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
  if (isVaultText(read.text))
    return [sealedLayer(path, read.text, beside.vault, beside.skipsSealed)];
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
  return [{ vars: () => vars }];
}
