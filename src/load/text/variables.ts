// The variables of a host: magic variables, then layers by precedence. A template is rendered when
// it is read.
import { VariableError, type VariableLayers } from '../../core/plan/task/scope.ts';
import { isLookupKey, renderParts, type Scope } from '../../expression/index.ts';
import type { Checked, Diagnostic } from '../../model/diagnostic.ts';
import type { Host, Inventory, VarsLayer } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { dirOf } from './reader.ts';
import { put } from './tree.ts';
import { SealedError, sealedIn } from './vault.ts';

/** The layers above the inventory's variables, from the strongest to the weakest. */
export interface Layers extends VariableLayers {
  /** What a rollback sets again. Hosts have reported it: it is no template. */
  readonly rolledBack?: Mapping;
  readonly playbookDir?: string;
}

/** Names that every host has, whatever its variables. */
export const magicNames: readonly string[] = [
  'inventory_hostname',
  'inventory_hostname_short',
  'inventory_dir',
  'inventory_file',
  'group_names',
  'groups',
  'hostvars',
  'playbook_dir',
];

/**
 * The unrendered layers of a host, the strongest first: only defaults come after the variables of
 * the inventory.
 */
function hostLayers(host: Host, layers: Layers = {}): readonly VarsLayer[] {
  const { rolledBack, extraVars, registered, playVars, facts, playDefaults } = layers;
  const { taskVars = [] } = layers;
  const stack: VarsLayer[] = [];
  const add = (vars: Mapping | undefined): void => {
    if (vars !== undefined) stack.push({ vars: () => vars });
  };
  add(rolledBack);
  add(extraVars);
  add(registered);
  for (const { vars } of taskVars) add(vars);
  add(playVars);
  add(facts);
  if (host.layers === undefined) add(host.vars);
  else stack.push(...host.layers());
  for (const { defaults } of taskVars) add(defaults);
  add(playDefaults);
  return stack;
}

/** Hosts may have written the values of this layer. */
const isData = (
  layer: Mapping,
  { rolledBack, registered, taskVars = [], facts }: Layers,
): boolean =>
  layer === facts ||
  layer === registered ||
  layer === rolledBack ||
  taskVars.some((one) => one.isData === true && one.vars === layer);

/** Its variables; none where it is an encrypted file that cannot be opened. */
function readable({ vars }: VarsLayer): Mapping {
  try {
    return vars();
  } catch (error) {
    if (error instanceof VariableError) return {};
    throw error;
  }
}

/** Whether variables of a host are not known, because their file does not open or was skipped. */
export const hasClosedLayer = ({ layers }: Host): boolean =>
  (layers?.() ?? []).some(
    (layer) => layer.file !== undefined && Object.keys(readable(layer)).length === 0,
  );

/** All variables of a host in the inventory, not rendered; of encrypted files those that open. */
export function inventoryVars(host: Host): Mapping {
  if (host.layers === undefined) return host.vars;
  const merged: Record<string, Value> = {};
  for (const layer of [...host.layers()].reverse())
    for (const [name, value] of Object.entries(readable(layer))) put(merged, name, value);
  return merged;
}

/**
 * The scope of a host's expressions. A template is rendered once, on the first read. One that
 * cannot be rendered throws `VariableError`, which is caught where expressions are evaluated.
 */
export function hostScope(inventory: Inventory, name: string, layers: Layers = {}): Scope {
  const host = inventory.hosts.get(name) ?? { name, groups: [], vars: {} };
  // Most tasks read no variable at all.
  let stack: readonly VarsLayer[] | undefined;
  const rendered = new Map<string, Value>();
  const open: string[] = [];
  const scope: Scope = {
    open: inventory.open,
    lookup: (wanted) => {
      layers.onRead?.(wanted);
      const magic = magicValue(inventory, host, layers, wanted);
      if (magic !== undefined) return magic;
      const known = rendered.get(wanted);
      if (known !== undefined) return known;
      stack ??= hostLayers(host, layers);
      const layer = layerWith(stack, wanted);
      const raw = layer?.[wanted];
      if (raw === undefined) return undefined;
      // Output of a host is data: braces in it are never run as a template. An unknown fact must
      // not make its neighbours unknown.
      if (layer !== undefined && (isLookupKey(wanted) || isData(layer, layers))) return raw;
      if (open.includes(wanted))
        throw new VariableError(
          `variable ${wanted} refers to itself: ${[...open, wanted].join(' -> ')}`,
        );
      open.push(wanted);
      try {
        const value = renderVariable(wanted, raw, scope);
        rendered.set(wanted, value);
        return value;
      } finally {
        open.pop();
      }
    },
  };
  return scope;
}

/**
 * A variable of a host by itself, not rendered: hosts with the same ones have the same scopes. What
 * is the same for all hosts is left out.
 */
export function writtenVariable(
  inventory: Inventory,
  host: Host,
  wanted: string,
  rolledBack?: Mapping,
): Value | undefined {
  if (wanted === 'groups' || wanted === 'hostvars') return undefined;
  const layers = present({ rolledBack });
  const magic = magicValue(inventory, host, layers, wanted);
  return magic ?? layerWith(hostLayers(host, layers), wanted)?.[wanted];
}

const layerWith = (stack: readonly VarsLayer[], name: string): Mapping | undefined =>
  stack.find(({ vars }) => Object.hasOwn(vars(), name))?.vars();

function renderVariable(name: string, raw: Value, scope: Scope): Value {
  // A part that is not known yet must not make the other parts unknown.
  const result = renderParts(raw, scope);
  if (result.kind === 'value') return result.value;
  if (result.kind === 'unknown') return { $unknown: result.why };
  throw new VariableError(`variable ${name}: ${result.message}`);
}

/**
 * All variables of a host, rendered for display. One that cannot be rendered is shown as it is
 * written, with a warning. What is encrypted stays so, and files that are encrypted are left out.
 */
export function hostVars(
  inventory: Inventory,
  name: string,
  layers: Layers = {},
): Checked<Mapping> {
  const found = inventory.hosts.get(name);
  if (found === undefined)
    return {
      diagnostics: [
        { code: 'unknown-host', severity: 'error', summary: `no host is called ${name}` },
      ],
    };
  const { layers: _layers, ...host } = { ...found, vars: found.vars };
  const hosts = new Map([...inventory.hosts, [name, host]]);
  const scope = hostScope({ ...inventory, hosts, open: keepClosed }, name, layers);
  const stack = hostLayers(host, layers);
  const values: Record<string, Value> = {};
  const diagnostics: Diagnostic[] = [];
  for (const wanted of new Set(stack.flatMap((layer) => Object.keys(layer.vars())))) {
    const written = layerWith(stack, wanted)?.[wanted] ?? null;
    const read: ReadVariable = isClosed(written)
      ? { ok: true, value: written }
      : readVariable(scope, wanted);
    put(values, wanted, (read.ok ? read.value : written) ?? null);
    if (read.ok) continue;
    const place = host.place && { place: host.place };
    const detail = 'it is shown as it is written';
    diagnostics.push({
      code: 'variable',
      severity: 'warning',
      ...place,
      summary: `host ${name}: ${read.why}`,
      detail,
    });
  }
  return { value: values, diagnostics };
}

function keepClosed(): never {
  throw new VariableError('it needs a value that is encrypted');
}

const isClosed = (value: Value): boolean => sealedIn({ value }).length > 0;

/** `why` reports in a sentence why it cannot be rendered; `sealed`: a value does not open. */
type ReadVariable =
  | { readonly ok: true; readonly value: Value | undefined }
  | { readonly ok: false; readonly why: string; readonly sealed?: SealedError };

export function readVariable(scope: Scope, name: string): ReadVariable {
  try {
    return { ok: true, value: scope.lookup(name) };
  } catch (error) {
    if (error instanceof SealedError) return { ok: false, why: error.message, sealed: error };
    if (error instanceof VariableError) return { ok: false, why: error.message };
    throw error;
  }
}

function magicValue(
  inventory: Inventory,
  host: Host,
  layers: Layers,
  name: string,
): Value | undefined {
  switch (name) {
    case 'inventory_hostname':
      return host.name;
    case 'inventory_hostname_short':
      return host.name.split('.')[0] ?? host.name;
    case 'inventory_file':
      return host.place?.file;
    case 'inventory_dir':
      return host.place && absolute(dirOf(host.place.file), layers);
    case 'group_names':
      return [...host.groups].sort();
    case 'groups':
      return groupsOf(inventory);
    case 'hostvars':
      return hostvarsOf(inventory, layers);
    case 'playbook_dir':
      return absolute(layers.playbookDir, layers);
    default:
      return undefined;
  }
}

const absolute = (path: string | undefined, { absoluteFrom }: Layers): string | undefined =>
  path === undefined || absoluteFrom === undefined || path.startsWith('/')
    ? path
    : `${absoluteFrom}/${path}`;

const keptGroups = new WeakMap<Inventory, Mapping>();

function groupsOf(inventory: Inventory): Mapping {
  const known = keptGroups.get(inventory);
  if (known !== undefined) return known;
  const members: Record<string, string[]> = {};
  for (const group of inventory.groups.keys()) put(members, group, []);
  for (const host of inventory.hosts.values()) {
    members.all?.push(host.name);
    for (const group of host.groups) if (group !== 'all') members[group]?.push(host.name);
  }
  keptGroups.set(inventory, members);
  return members;
}

/**
 * The variables of all hosts by name. They are rendered when they are read: a fleet has thousands
 * of hosts, and an expression reads one.
 */
function hostvarsOf(inventory: Inventory, layers: Layers): Mapping {
  const { playbookDir, extraVars, playVars, playDefaults } = layers;
  const outer: Layers = present({ playbookDir, extraVars, playVars, playDefaults });
  return lazily([...inventory.hosts.keys()], (name) => {
    const host = inventory.hosts.get(name);
    const scope = hostScope(inventory, name, outer);
    const names = new Set(
      host === undefined
        ? []
        : hostLayers(host, outer).flatMap((layer) => Object.keys(readable(layer))),
    );
    for (const magic of magicNames)
      if (
        magic !== 'hostvars' &&
        magicValue(inventory, host ?? { name, groups: [], vars: {} }, outer, magic) !== undefined
      )
        names.add(magic);
    return lazily([...names], (variable) => scope.lookup(variable) ?? null);
  });
}

/** A mapping that makes each value on its first read. */
function lazily(names: readonly string[], make: (name: string) => Value): Mapping {
  const made = new Map<string, Value>();
  const mapping: Record<string, Value> = {};
  for (const name of names) {
    const get = (): Value => {
      const known = made.get(name) ?? make(name);
      made.set(name, known);
      return known;
    };
    Object.defineProperty(mapping, name, { enumerable: true, configurable: false, get });
  }
  return mapping;
}
