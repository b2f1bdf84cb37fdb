// Reads inventories in YAML or JSON form (groups with hosts, children and vars), and the output of
// inventory programs.
import { type Diagnostic, nearest } from '../../model/diagnostic.ts';
import type { Value } from '../../model/value.ts';
import type { Source } from '../text/source.ts';
import { type Entry, type MapTree, plainOf, put, type Tree } from '../text/tree.ts';
import {
  addHosts,
  type Draft,
  type DraftGroup,
  type DraftHost,
  groupNamed,
  report,
  setGroupVar,
  warnLoss,
} from './draft.ts';

const sections = ['hosts', 'children', 'vars'] as const;

/** Adds a YAML inventory to the draft: its top-level keys are groups. */
export function readYamlInventory(draft: Draft, source: Source, tree: Tree): void {
  if (tree.kind !== 'map') {
    report(
      draft,
      'inventory-shape',
      source.placeAt(tree.at),
      'an inventory is a mapping of groups',
      {
        hint: 'start it with `all:`',
      },
    );
    return;
  }
  for (const entry of tree.entries) readGroup(draft, source, entry, 0);
}

function readGroup(draft: Draft, source: Source, entry: Entry, depth: number): DraftGroup {
  const place = source.placeAt(entry.keyAt);
  const group = groupNamed(draft, entry.key, place);
  const body = mapOrNothing(
    draft,
    source,
    entry,
    `the group ${entry.key} should be a mapping with hosts, children or vars`,
  );
  if (body === undefined || depth > 100) return group;
  for (const section of body.entries) {
    const what = `\`${section.key}\` of the group ${entry.key} should be a mapping`;
    if (section.key === 'vars') {
      for (const variable of mapOrNothing(draft, source, section, what)?.entries ?? [])
        readGroupVar(draft, source, group, variable);
    } else if (section.key === 'hosts') {
      for (const host of namesOf(draft, source, section, what))
        readHosts(draft, source, group, host);
    } else if (section.key === 'children') {
      for (const child of namesOf(draft, source, section, what)) {
        group.children.add(child.key);
        readGroup(draft, source, child, depth + 1);
      }
    } else unknownSection(draft, source, entry.key, section);
  }
  return group;
}

function unknownSection(draft: Draft, source: Source, group: string, section: Entry): void {
  const guess = nearest(section.key, sections);
  const hint =
    guess === undefined
      ? 'a group has `hosts`, `children` and `vars`; a group inside a group belongs under `children`'
      : `did you mean \`${guess}\`?`;
  // Ansible only warns and skips the key, which drops the hosts below it.
  report(
    draft,
    'unknown-key',
    source.placeAt(section.keyAt),
    `the group ${group} has the unknown key \`${section.key}\``,
    { hint },
  );
}

function readGroupVar(draft: Draft, source: Source, group: DraftGroup, variable: Entry): void {
  const place = source.placeAt(variable.keyAt);
  setGroupVar(draft, group, variable.key, variableValue(draft, source, variable), place);
}

/** The plain data of a variable. Warns about numbers that lose characters. */
export function variableValue(draft: Draft, source: Source, variable: Entry): Value {
  warnTree(draft, source, variable.key, variable.value);
  return plainOf(variable.value);
}

function warnTree(draft: Draft, source: Source, name: string, tree: Tree): void {
  if (tree.kind === 'map')
    for (const entry of tree.entries) warnTree(draft, source, `${name}.${entry.key}`, entry.value);
  else if (tree.kind === 'list') for (const item of tree.items) warnTree(draft, source, name, item);
  else if (
    tree.style === 'plain' &&
    typeof tree.value === 'number' &&
    String(tree.value) !== tree.text
  ) {
    warnLoss(draft, name, tree.text, tree.value, source.placeAt(tree.at));
  }
}

function readHosts(draft: Draft, source: Source, group: DraftGroup, entry: Entry): void {
  const body = mapOrNothing(
    draft,
    source,
    entry,
    `the variables of the host ${entry.key} should be a mapping`,
  );
  const hosts = addHosts(
    draft,
    group,
    entry.key,
    source.placeAt(entry.keyAt),
    body?.entries.length,
  );
  for (const variable of body?.entries ?? []) {
    const value = variableValue(draft, source, variable);
    for (const host of hosts) put(host.vars, variable.key, value);
  }
}

/** The entries of `hosts` or `children`; `hosts: n1` is a mapping with one key. */
function namesOf(draft: Draft, source: Source, section: Entry, what: string): readonly Entry[] {
  const { value } = section;
  if (value.kind === 'scalar' && typeof value.value === 'string') {
    return [
      {
        key: value.text,
        keyAt: value.at,
        value: { kind: 'scalar', at: value.at, value: null, text: '', style: 'plain' },
      },
    ];
  }
  return mapOrNothing(draft, source, section, what)?.entries ?? [];
}

function mapOrNothing(
  draft: Draft,
  source: Source,
  entry: Entry,
  what: string,
): MapTree | undefined {
  if (entry.value.kind === 'map') return entry.value;
  if (entry.value.kind === 'scalar' && entry.value.value === null) return undefined;
  const hint =
    entry.value.kind === 'list'
      ? 'write `name:` for each item, without the dash'
      : 'write a colon after the name';
  report(draft, 'inventory-shape', source.placeAt(entry.keyAt), what, { hint });
  return undefined;
}

/**
 * Adds the output of an inventory program for `--list`. Without `_meta` in it, `hostVars` asks the
 * program for each host.
 */
export function readProgramOutput(
  draft: Draft,
  source: Source,
  tree: Tree,
  hostVars: (host: string) => Tree | undefined,
): void {
  if (tree.kind !== 'map') {
    report(
      draft,
      'inventory-shape',
      source.placeAt(0),
      'this program did not print a mapping of groups',
    );
    return;
  }
  const meta = tree.entries.find((entry) => entry.key === '_meta')?.value;
  const known =
    meta?.kind === 'map'
      ? meta.entries.find((entry) => entry.key === 'hostvars')?.value
      : undefined;
  for (const entry of tree.entries)
    if (entry.key !== '_meta') readProgramGroup(draft, source, entry);
  const variables = new Map(
    known?.kind === 'map' ? known.entries.map((entry) => [entry.key, entry.value]) : [],
  );
  for (const host of draft.hosts.values()) {
    const reported =
      variables.get(host.name) ?? (known === undefined ? hostVars(host.name) : undefined);
    if (reported?.kind === 'map') for (const entry of reported.entries) setVar(host, entry);
  }
}

const setVar = (host: DraftHost, entry: Entry): void =>
  put(host.vars, entry.key, plainOf(entry.value));

function readProgramGroup(draft: Draft, source: Source, entry: Entry): void {
  const place = source.placeAt(entry.keyAt);
  const group = groupNamed(draft, entry.key, place);
  const plainList = entry.value.kind === 'list';
  const part = (name: string): Tree | undefined =>
    entry.value.kind === 'map'
      ? entry.value.entries.find((section) => section.key === name)?.value
      : plainList && name === 'hosts'
        ? entry.value
        : undefined;
  const names = (tree: Tree | undefined): readonly string[] =>
    tree?.kind === 'list'
      ? tree.items.flatMap((item) => (item.kind === 'scalar' ? [item.text] : []))
      : [];
  for (const host of names(part('hosts'))) addPlainHost(draft, group, host, place);
  for (const child of names(part('children'))) {
    group.children.add(child);
    groupNamed(draft, child, place);
  }
  const vars = part('vars');
  if (vars?.kind === 'map')
    for (const variable of vars.entries)
      setGroupVar(draft, group, variable.key, plainOf(variable.value), place);
}

// Programs print names only, so a bracket is no range.
function addPlainHost(
  draft: Draft,
  group: DraftGroup,
  name: string,
  place: NonNullable<Diagnostic['place']>,
): void {
  if (!draft.hosts.has(name)) draft.hosts.set(name, { name, vars: {}, place });
  group.hosts.add(name);
}
