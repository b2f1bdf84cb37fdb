// Reads the YAML text of a playbook into plays, and reports every problem at its place.
import { type Checked, type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import type { Play, Playbook, Rollout } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { asArgs, filled, flag, oneOf } from '../../model/shape/schema.ts';
import type { Mapping } from '../../model/value.ts';
import { resolvePattern, splitPattern } from '../inventory/pattern.ts';
import { collectorOf, type DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import { field, refuseKeys, tagsField, varsField } from '../text/fields.ts';
import { fitTree } from '../text/fit.ts';
import { checkExpression, checkTemplates, factNames, type Names, withVars } from '../text/names.ts';
import { sourceOf } from '../text/source.ts';
import { type Entry, entryOf, type MapTree, type ScalarTree, type Tree } from '../text/tree.ts';
import { hasClosedLayer, inventoryVars } from '../text/variables.ts';
import { isVaultText } from '../text/vault.ts';
import { parseYaml } from '../text/yaml.ts';
import { reportCycles } from './cycles.ts';
import { playKeys, refusedInPlay } from './keywords.ts';
import { checkPolicy, type PlayHosts } from './policy.ts';
import {
  type AnsibleKeys,
  batchesSchema,
  fatalSchema,
  orderSchema,
  percentageSchema,
  rolloutArgs,
  rolloutOf,
  throttleSchema,
} from './rollout.ts';
import { earlyField, renderEarly } from './static-templates.ts';
import { readTasks, type TaskContext } from './task.ts';

export interface PlaybookOptions {
  readonly modules: ReadonlyMap<string, AnyModule>;
  /** Dotted names of all facts. */
  readonly facts: readonly string[];
  /**
   * Without one, or with an empty one, patterns are not checked, and an unknown name may be a
   * variable of a host.
   */
  readonly inventory?: Inventory;
  readonly extraVars?: Mapping;
  /** More names that expressions may use. */
  readonly knownNames?: readonly string[];
}

/** Reads a playbook. The value is absent when there are errors. */
export function loadPlaybook(
  path: string,
  text: string,
  options: PlaybookOptions,
): Checked<Playbook> {
  const source = sourceOf(path, text);
  if (isVaultText(text)) return { diagnostics: [encryptedPlaybook(path)] };
  const { value: tree, diagnostics: syntax } = parseYaml(source);
  const diagnostics: Diagnostic[] = [...syntax];
  const collector = collectorOf(source, diagnostics);
  const plays = readPlays(collector, tree, options, hasErrors(syntax));
  return {
    ...(!hasErrors(diagnostics) && { value: { file: path, plays } }),
    diagnostics: inOrder(diagnostics),
  };
}

const encryptedPlaybook = (file: string): Diagnostic => ({
  code: 'vault',
  severity: 'error',
  place: { file, line: 1, column: 1 },
  summary: `the playbook ${file} is encrypted as a whole`,
  hint: 'decrypt it, and encrypt only its variables (`ansible-vault encrypt_string`)',
});

/** Sorted by line and column. */
const inOrder = (diagnostics: readonly Diagnostic[]): readonly Diagnostic[] =>
  [...diagnostics].sort(
    (a, b) =>
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0),
  );

function readPlays(
  collector: DiagnosticsCollector,
  tree: Tree | undefined,
  options: PlaybookOptions,
  isBroken: boolean,
): readonly Play[] {
  // Plays of a broken text would only cause more errors about missing parts.
  if (
    isBroken &&
    collector.diagnostics.some(
      (one) => one.code === 'yaml-syntax' || one.code === 'tab' || one.code === 'too-deep',
    )
  )
    return [];
  if (
    tree === undefined ||
    (tree.kind === 'scalar' && tree.value === null) ||
    (tree.kind === 'list' && tree.items.length === 0)
  ) {
    collector.error(0, 'empty-playbook', 'this playbook has no plays');
    return [];
  }
  if (tree.kind !== 'list') {
    const hint =
      tree.kind === 'map' && entryOf(tree, 'hosts') !== undefined
        ? 'put a dash before the first key and indent the others'
        : 'a playbook begins with `- hosts: ...`';
    collector.error(tree.at, 'playbook-shape', 'a playbook is a list of plays', { hint });
    return [];
  }
  // A later play may use what an earlier play registers.
  const context: TaskContext = {
    collector,
    modules: options.modules,
    learned: new Set(),
    tags: [],
  };
  return tree.items.flatMap((item) => readPlay(context, item, options) ?? []);
}

function readPlay(context: TaskContext, tree: Tree, options: PlaybookOptions): Play | undefined {
  const { collector } = context;
  if (tree.kind !== 'map') {
    collector.error(tree.at, 'playbook-shape', 'a play is a mapping with `hosts` and `tasks`');
    return undefined;
  }
  refuseKeys(collector, tree.entries, 'play', playKeys, refusedInPlay);
  const { vars, tree: varsTree } = varsField(collector, tree);
  const early: Mapping = { ...vars, ...options.extraVars };
  const hosts = readHosts(collector, tree, early);
  const playHosts = matchHosts(collector, hosts, options);
  const names = namesOf(options, vars, playHosts);
  if (varsTree !== undefined) {
    checkTemplates(collector, varsTree, withVars(names, laterNames(tree)));
    reportCycles(collector, varsTree);
  }
  const name = field(collector, tree, 'name', filled) ?? hosts?.pattern ?? 'play';
  const rollout = readRollout(collector, tree, early, names, playHosts);
  const tasks = entryOf(tree, 'tasks');
  const tags = tagsField(collector, tree);
  noteGatherFacts(collector, tree);
  if (tasks === undefined)
    collector.error(tree.entries[0]?.keyAt ?? tree.at, 'no-tasks', 'this play has no `tasks`');
  return {
    name,
    hosts: hosts?.pattern ?? '',
    vars,
    ...present({
      become: earlyField(collector, tree, 'become', flag, early),
      becomeMethod: field(collector, tree, 'become_method', oneOf('sudo', 'su', 'doas')),
      becomeUser: field(collector, tree, 'become_user', filled),
    }),
    rollout,
    ...present({ partial: field(collector, tree, 'partial', oneOf('accept', 'refuse')) }),
    tags,
    tasks:
      tasks === undefined
        ? []
        : readTasks({ ...context, tags }, tasks.value, withVars(names, context.learned), ''),
    place: collector.source.placeAt(tree.entries[0]?.keyAt ?? tree.at),
  };
}

/** Most plays of Ansible have this key; for kmend it changes nothing. */
function noteGatherFacts(collector: DiagnosticsCollector, play: MapTree): void {
  const entry = entryOf(play, 'gather_facts');
  if (entry === undefined) return;
  fitTree(collector, entry.value, asArgs(flag), '`gather_facts`');
  collector.note(
    entry.keyAt,
    'gather-facts',
    '`gather_facts` changes nothing: facts are always there',
  );
}

// Variables of a play may use what its tasks register, because they are rendered on reading.
function laterNames(play: MapTree): readonly string[] {
  const found: string[] = [];
  const walk = (tree: Tree): void => {
    if (tree.kind === 'list') for (const item of tree.items) walk(item);
    if (tree.kind !== 'map') return;
    for (const entry of tree.entries) {
      if (entry.key === 'register' && entry.value.kind === 'scalar') found.push(entry.value.text);
      if (entry.key === 'set_fact' && entry.value.kind === 'map')
        for (const { key } of entry.value.entries) found.push(key);
      if (entry.key === 'tasks' || entry.key === 'block') walk(entry.value);
    }
  };
  walk(play);
  const tasks = entryOf(play, 'tasks');
  if (tasks !== undefined) walk(tasks.value);
  return found;
}

// ---- hosts ----

interface Hosts {
  readonly pattern: string;
  readonly at: number;
}

function readHosts(
  collector: DiagnosticsCollector,
  play: MapTree,
  early: Mapping,
): Hosts | undefined {
  const entry = entryOf(play, 'hosts');
  if (entry === undefined) {
    collector.error(play.entries[0]?.keyAt ?? play.at, 'no-hosts', 'this play has no `hosts`', {
      hint: 'name a group of the inventory, or `all`',
    });
    return undefined;
  }
  const value = renderEarly(collector, entry.value, early);
  const items = value.kind === 'list' ? value.items : [value];
  const parts: string[] = [];
  for (const item of items) {
    if (item.kind === 'scalar' && item.value !== null)
      for (const part of splitPattern(item.text)) parts.push(part);
    else collector.error(item.at, 'bad-hosts', '`hosts` should be a pattern or a list of them');
  }
  if (parts.length > 0)
    return {
      pattern:
        value.kind === 'list'
          ? parts.join(',')
          : (items[0]?.kind === 'scalar' ? items[0].text : '').trim(),
      at: entry.value.at,
    };
  collector.error(entry.value.at, 'empty-pattern', '`hosts` names no host', {
    detail: 'an empty list of hosts never means all of them',
    hint: '`all` means every host',
  });
  return undefined;
}

function matchHosts(
  collector: DiagnosticsCollector,
  hosts: Hosts | undefined,
  { inventory }: PlaybookOptions,
): PlayHosts | undefined {
  if (inventory === undefined || inventory.hosts.size === 0 || hosts === undefined)
    return undefined;
  const found = resolvePattern(hosts.pattern, inventory, collector.source.placeAt(hosts.at));
  for (const one of found.diagnostics) collector.diagnostics.push(one);
  return found.value && { inventory, hosts: found.value };
}

function namesOf(options: PlaybookOptions, vars: Mapping, playHosts: PlayHosts | undefined): Names {
  const known = new Set([
    ...Object.keys(vars),
    ...Object.keys(options.extraVars ?? {}),
    ...(options.knownNames ?? []),
  ]);
  let isOpen = playHosts === undefined;
  for (const name of playHosts?.hosts ?? []) {
    const host = playHosts?.inventory.hosts.get(name);
    if (host === undefined) continue;
    for (const variable of Object.keys(inventoryVars(host))) known.add(variable);
    isOpen ||= hasClosedLayer(host);
  }
  return { vars: known, facts: factNames(options.facts), open: isOpen };
}

// ---- rollout ----

function readRollout(
  collector: DiagnosticsCollector,
  play: MapTree,
  early: Mapping,
  names: Names,
  playHosts: PlayHosts | undefined,
): Rollout {
  const entry = entryOf(play, 'rollout');
  const tree =
    entry === undefined
      ? undefined
      : renderEarly(collector, withoutZone(collector, entry, names), early);
  const fitted = tree === undefined ? {} : fitTree(collector, tree, rolloutArgs, 'rollout').data;
  const ansible = readAnsibleKeys(collector, play, entry, early);
  const zone = zoneOf(entry);
  const rollout = rolloutOf({ ...fitted, ...(zone !== undefined && { zone: zone.text }) }, ansible);
  checkPolicy(collector, entry, rollout, playHosts);
  return rollout;
}

/** The expression under `zone`, with or without braces. */
function zoneOf(rollout: Entry | undefined): ScalarTree | undefined {
  const tree = rollout?.value.kind === 'map' ? entryOf(rollout.value, 'zone')?.value : undefined;
  if (tree?.kind !== 'scalar' || typeof tree.value !== 'string') return undefined;
  const inner = /^\s*\{\{(.*)\}\}\s*$/s.exec(tree.text)?.[1];
  return inner === undefined || inner.includes('{{') ? tree : { ...tree, text: inner.trim() };
}

// The zone is checked at load time, but rendered for each host: it differs between hosts.
function withoutZone(collector: DiagnosticsCollector, rollout: Entry, names: Names): Tree {
  const zone = zoneOf(rollout);
  if (zone === undefined || rollout.value.kind !== 'map') return rollout.value;
  const written = entryOf(rollout.value, 'zone')?.value;
  if (written !== undefined && written.kind === 'scalar' && written.text !== zone.text)
    checkTemplates(collector, written, names);
  else checkExpression(collector, zone, names);
  return {
    ...rollout.value,
    entries: rollout.value.entries.map((entry) =>
      entry.key === 'zone' ? { ...entry, value: { ...zone, text: 'zone', value: 'zone' } } : entry,
    ),
  };
}

function readAnsibleKeys(
  collector: DiagnosticsCollector,
  play: MapTree,
  rollout: Entry | undefined,
  early: Mapping,
): AnsibleKeys {
  const twice: Readonly<Record<string, string>> = {
    serial: 'waves',
    order: 'order',
    throttle: 'max_unavailable',
  };
  for (const [key, own] of Object.entries(twice)) {
    const entry = entryOf(play, key);
    if (
      entry === undefined ||
      rollout?.value.kind !== 'map' ||
      entryOf(rollout.value, own) === undefined
    )
      continue;
    collector.error(
      entry.keyAt,
      'said-twice',
      `\`${key}\` and \`rollout.${own}\` say the same thing`,
      { hint: 'keep one of them' },
    );
  }
  return {
    ...present({
      serial: earlyField(collector, play, 'serial', batchesSchema, early),
      maxFailPercentage: earlyField(
        collector,
        play,
        'max_fail_percentage',
        percentageSchema,
        early,
      ),
      anyErrorsFatal: earlyField(collector, play, 'any_errors_fatal', fatalSchema, early),
      throttle: earlyField(collector, play, 'throttle', throttleSchema, early),
      order: earlyField(collector, play, 'order', orderSchema, early),
    }),
  };
}
