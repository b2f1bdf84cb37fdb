// The last step of reading an inventory: makes ordered hosts, groups and variables by precedence
// from the draft.
import type { Group, Host, Inventory, VarsLayer } from '../../model/host.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { put } from '../text/tree.ts';
import { opener, type Vault } from '../text/vault.ts';
import { type Draft, type DraftGroup, type DraftHost, report } from './draft.ts';
import type { VarsOf } from './vars-files.ts';

export interface VarsSources {
  /** Files beside each inventory, in the order of `-i`. */
  readonly inventory: readonly VarsOf[];
  /** Files beside the playbook. */
  readonly playbook: readonly VarsOf[];
}

/** Variables of several layers. */
interface Merged {
  /** Those that are not in encrypted files. */
  readonly plain: Mapping;
  /** All layers, the weakest first, where some are in encrypted files. */
  readonly sealed?: readonly VarsLayer[];
}

/** Undefined when groups form a cycle: then their variables have no order. */
export function assemble(draft: Draft, files: VarsSources, vault: Vault): Inventory | undefined {
  adopt(draft);
  warnSameNames(draft);
  if (reportCircles(draft)) return undefined;
  const order = levelByLevel(draft, 'all');
  const families = familiesOf(draft);
  const hosts = new Map<string, Host>();
  for (const group of draft.groups.keys())
    for (const vars of files.playbook) vars('group_vars', group);
  const groupVars = memo((_key: string, groups: readonly DraftGroup[]) =>
    varsOfGroups(draft, groups, files),
  );
  const direct = directGroups(draft);
  for (const name of order) {
    const host = draft.hosts.get(name);
    if (host === undefined) continue;
    const family = families(direct.get(name) ?? []);
    const own = hostVarsOf(host, files);
    hosts.set(name, {
      name,
      groups: family.declared,
      // Merged on each read: the merged variables of all hosts together may exceed memory.
      get vars() {
        const { plain } = groupVars(family.key, family.sorted);
        return { ...plain, ...own.plain };
      },
      ...layersOf(() => groupVars(family.key, family.sorted), own),
      ...(host.place.file !== '' && { place: host.place }),
    });
  }
  const groups = new Map(
    [...draft.groups.values()].map((group) => [group.name, groupOf(group, files)]),
  );
  return {
    hosts,
    declared: [...draft.hosts.keys()],
    groups,
    files: draft.files,
    open: opener(vault),
    ...(draft.secretVars.length > 0 && { secretVars: draft.secretVars }),
    ...(draft.notRun.length > 0 && { notRun: draft.notRun }),
  };
}

const groupOf = (group: DraftGroup, files: VarsSources): Group => ({
  name: group.name,
  hosts: [...group.hosts],
  children: [...group.children],
  vars: layered([
    plainLayer(group.vars),
    ...files.inventory.flatMap((vars) => vars('group_vars', group.name)),
  ]).plain,
  ...(group.place.file !== '' && { place: group.place }),
});

/** Puts groups without a parent into `all`, and only hosts without a group into `ungrouped`. */
function adopt(draft: Draft): void {
  const all = draft.groups.get('all');
  const ungrouped = draft.groups.get('ungrouped');
  if (all === undefined || ungrouped === undefined) return;
  const adopted = new Set<string>();
  for (const group of draft.groups.values()) for (const child of group.children) adopted.add(child);
  for (const name of draft.groups.keys())
    if (name !== 'all' && !adopted.has(name)) all.children.add(name);
  const grouped = new Set<string>();
  for (const group of draft.groups.values()) {
    if (group !== all && group !== ungrouped) for (const host of group.hosts) grouped.add(host);
  }
  for (const host of draft.hosts.keys()) {
    if (grouped.has(host)) ungrouped.hosts.delete(host);
    else ungrouped.hosts.add(host);
  }
}

function warnSameNames(draft: Draft): void {
  for (const [name, host] of draft.hosts) {
    if (!draft.groups.has(name)) continue;
    report(draft, 'same-name', host.place, `\`${name}\` is a host and a group`, {
      severity: 'warning',
      hint: `the pattern ${name} means the host, but !${name} excludes the whole group: rename one of the two`,
    });
  }
}

/** Deepest nesting of groups: every level adds variables to the hosts below it. */
const deepest = 100;

function reportCircles(draft: Draft): boolean {
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  let found = false;
  const visit = (name: string): void => {
    if (state.get(name) === 'done') return;
    const place = draft.groups.get(name)?.place ?? { file: '', line: 1, column: 1 };
    if (trail.length > deepest) {
      found = true;
      report(draft, 'too-deep', place, `groups are nested more than ${deepest} deep`, {
        hint: 'give hosts to a group directly',
      });
      return;
    }
    if (state.get(name) === 'open') {
      found = true;
      const cycle = [...trail.slice(trail.indexOf(name)), name].join(' > ');
      report(draft, 'cyclic-groups', place, `groups are children of themselves: ${cycle}`, {
        hint: 'remove one of these children',
      });
      return;
    }
    state.set(name, 'open');
    trail.push(name);
    for (const child of draft.groups.get(name)?.children ?? []) visit(child);
    trail.pop();
    state.set(name, 'done');
  };
  for (const name of draft.groups.keys()) visit(name);
  return found;
}

interface Node {
  readonly hosts: Iterable<string>;
  readonly children: Iterable<string>;
}

/** The hosts of a group: its own as declared, then the hosts of each level of children. */
export function levelByLevel(
  inventory: { readonly groups: ReadonlyMap<string, Node> },
  start: string,
): readonly string[] {
  const hosts = new Set<string>();
  const seen = new Set([start]);
  for (let level = [start]; level.length > 0; ) {
    const next: string[] = [];
    for (const name of level) {
      const group = inventory.groups.get(name);
      for (const host of group?.hosts ?? []) hosts.add(host);
      for (const child of group?.children ?? []) {
        if (seen.has(child)) continue;
        seen.add(child);
        next.push(child);
      }
    }
    level = next;
  }
  return [...hosts];
}

function directGroups(draft: Draft): ReadonlyMap<string, string[]> {
  const direct = new Map<string, string[]>();
  for (const group of draft.groups.values()) {
    for (const host of group.hosts) {
      const known = direct.get(host);
      if (known === undefined) direct.set(host, [group.name]);
      else known.push(group.name);
    }
  }
  return direct;
}

interface Family {
  readonly key: string;
  /** The groups without `all`, in the order of declaration. */
  readonly declared: readonly string[];
  /** The groups without `all`, the weakest first: by depth, then priority, then name. */
  readonly sorted: readonly DraftGroup[];
}

// Hosts in the same groups share one family: a fleet has thousands of hosts and few families.
function familiesOf(draft: Draft): (direct: readonly string[]) => Family {
  const parents = parentsOf(draft);
  const depths = depthsOf(draft, parents);
  const position = new Map([...draft.groups.keys()].map((name, index) => [name, index]));
  const byWeight = (a: DraftGroup, b: DraftGroup): number =>
    depths(a.name) - depths(b.name) ||
    a.priority - b.priority ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const make = (key: string, direct: readonly string[]): Family => {
    const names = new Set(direct);
    for (const name of names) for (const parent of parents.get(name) ?? []) names.add(parent);
    names.delete('all');
    const declared = [...names].sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
    const sorted = declared.flatMap((name) => draft.groups.get(name) ?? []).sort(byWeight);
    return { key, declared, sorted };
  };
  const kept = memo(make);
  return (direct) => kept(direct.join('\0'), direct);
}

function parentsOf(draft: Draft): ReadonlyMap<string, string[]> {
  const parents = new Map<string, string[]>();
  for (const group of draft.groups.values()) {
    for (const child of group.children) {
      const known = parents.get(child);
      if (known === undefined) parents.set(child, [group.name]);
      else known.push(group.name);
    }
  }
  return parents;
}

/** The length of the longest path from `all` to a group. */
function depthsOf(
  draft: Draft,
  parents: ReadonlyMap<string, readonly string[]>,
): (name: string) => number {
  const kept = new Map<string, number>([['all', 0]]);
  const depth = (name: string): number => {
    const known = kept.get(name);
    if (known !== undefined) return known;
    const value = draft.groups.has(name)
      ? 1 + Math.max(-1, ...(parents.get(name) ?? []).map(depth))
      : 0;
    kept.set(name, value);
    return value;
  };
  return depth;
}

/**
 * Levels 3 to 7 of Ansible's precedence: inline variables, then files. Within a level, `all` comes
 * before other groups and the inventory before the playbook.
 */
function varsOfGroups(draft: Draft, sorted: readonly DraftGroup[], files: VarsSources): Merged {
  const all = draft.groups.get('all');
  const fromFiles = (sources: readonly VarsOf[], names: readonly string[]): VarsLayer[] =>
    sources.flatMap((vars) => names.flatMap((name) => vars('group_vars', name)));
  const names = sorted.map((group) => group.name);
  return layered([
    plainLayer(all?.vars ?? {}),
    ...sorted.map((group) => plainLayer(group.vars)),
    ...fromFiles(files.inventory, ['all']),
    ...fromFiles(files.playbook, ['all']),
    ...fromFiles(files.inventory, names),
    ...fromFiles(files.playbook, names),
  ]);
}

const hostVarsOf = (host: DraftHost, files: VarsSources): Merged => {
  const more = [...files.inventory, ...files.playbook].flatMap((vars) =>
    vars('host_vars', host.name),
  );
  return more.length === 0 ? { plain: host.vars } : layered([plainLayer(host.vars), ...more]);
};

const plainLayer = (vars: Mapping): VarsLayer => ({ vars: () => vars });

/** The layers of a host, the strongest first, where some are in encrypted files. */
function layersOf(ofGroups: () => Merged, own: Merged): Pick<Host, 'layers'> {
  const layers = ({ plain, sealed }: Merged): readonly VarsLayer[] => sealed ?? [plainLayer(plain)];
  if (own.sealed === undefined && ofGroups().sealed === undefined) return {};
  return { layers: () => [...layers(ofGroups()), ...layers(own)].reverse() };
}

/** Merges layers: a later value replaces an earlier one as a whole, even a mapping. */
function layered(layers: readonly VarsLayer[]): Merged {
  const plain: Record<string, Value> = {};
  for (const { file, vars } of layers)
    if (file === undefined)
      for (const [key, value] of Object.entries(vars())) put(plain, key, value);
  const isSealed = layers.some(({ file }) => file !== undefined);
  return { plain, ...(isSealed && { sealed: layers }) };
}

function memo<A, R>(make: (key: string, argument: A) => R): (key: string, argument: A) => R {
  const kept = new Map<string, R>();
  return (key, argument) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = make(key, argument);
    kept.set(key, made);
    return made;
  };
}
