// Turns the arguments of a module of Ansible into those of the module of kmend that carries it out.
import { hasTemplate } from '../../../expression/index.ts';
import { present } from '../../../model/present.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { type Entry, entryOf, type MapTree, type ScalarTree, type Tree } from '../../text/tree.ts';
import { keyValues } from './free-form.ts';
import type { AnsibleModule, Treatment } from './modules.ts';
import { updateOf } from './updates.ts';

export interface Translated {
  /** Name of kmend's module. */
  readonly module: string;
  readonly tree: Tree;
}

/** `key` is the task's key, as it is written. A tree that is no mapping stays as it is. */
export function translate(
  collector: DiagnosticsCollector,
  key: string,
  from: AnsibleModule,
  written: Tree,
): Translated {
  const tree = withFixed(from, keyValues(written));
  if (tree.kind !== 'map') return { module: from.module, tree };
  const refresh = refreshOf(from, tree);
  if (refresh !== undefined) return { module: 'command', tree: refresh };
  if (/\b(?:yum|dnf5?)$/.test(key) && isNewestKernel(tree))
    return {
      module: 'kernel',
      tree: { ...tree, entries: kernelEntries(collector, key, from, tree) },
    };
  const update = updateOf(from, tree);
  if (update !== undefined) {
    const treatments = { ...from.args, ...from.update };
    const all = update.entries.flatMap((one) => treated(collector, key, treatments, one));
    reportTwice(collector, key, all);
    return { module: 'os_update', tree: { ...update, entries: all } };
  }
  const isUncordon = key.endsWith('k8s_drain') && textOf(tree, 'state') === 'uncordon';
  if (key.endsWith('k8s_drain')) checkNode(collector, tree);
  const entries = flat(tree).flatMap((entry) => treated(collector, key, from.args, entry));
  reportTwice(collector, key, entries);
  const renamed: MapTree = { ...tree, entries };
  if (from.versions !== undefined)
    return { module: from.module, tree: withVersions(collector, from.versions, renamed) };
  return isUncordon
    ? { module: 'uncordon', tree: { ...tree, entries: [] } }
    : { module: from.module, tree: renamed };
}

/** With the arguments that the module always has. */
function withFixed({ fixed }: AnsibleModule, tree: Tree): Tree {
  const isEmpty = tree.kind === 'scalar' && tree.value === null;
  if (fixed === undefined || (tree.kind !== 'map' && !isEmpty)) return tree;
  const more = Object.entries(fixed).map(([key, text]) => entry(key, scalar(text, tree.at)));
  return {
    kind: 'map',
    at: tree.at,
    entries: [...(tree.kind === 'map' ? tree.entries : []), ...more],
  };
}

const textOf = (tree: MapTree, key: string): string | undefined => {
  const value = entryOf(tree, key)?.value;
  return value?.kind === 'scalar' ? value.text : undefined;
};

const isTrue = (tree: MapTree, key: string): boolean => {
  const value = entryOf(tree, key)?.value;
  return (
    value?.kind === 'scalar' && (value.value === true || /^(?:yes|on|true)$/i.test(value.text))
  );
};

/** A task that names no package, and only asks for one of these, is the package manager's own command. */
function refreshOf({ refresh, alone = {} }: AnsibleModule, tree: MapTree): Tree | undefined {
  const [only] = tree.entries;
  const command = tree.entries.length === 1 ? alone[only?.key ?? ''] : undefined;
  if (only !== undefined && command !== undefined && isTrue(tree, only.key))
    return { kind: 'map', at: tree.at, entries: [entry('cmd', scalar(command, tree.at))] };
  const isMore = ['name', 'pkg', 'package', 'upgrade', 'deb', 'autoremove', 'list'].some(
    (key) => entryOf(tree, key) !== undefined,
  );
  const keys = ['update_cache', 'update-cache', 'expire-cache', 'refresh'];
  if (refresh === undefined || isMore || !keys.some((key) => isTrue(tree, key))) return undefined;
  return { kind: 'map', at: tree.at, entries: [entry('cmd', scalar(refresh, tree.at))] };
}

/** rpm installs kernels side by side: `kernel` knows which one boots next, and `package` does not. */
const isNewestKernel = (tree: MapTree): boolean =>
  textOf(tree, 'name') === 'kernel' && textOf(tree, 'state') === 'latest';

const kernelEntries = (
  collector: DiagnosticsCollector,
  key: string,
  { args }: AnsibleModule,
  { entries }: MapTree,
): readonly Entry[] =>
  entries.filter((one) => one.key !== 'name').flatMap((one) => treated(collector, key, args, one));

const scalar = (text: string, at: number): ScalarTree => ({
  kind: 'scalar',
  at,
  value: text,
  text,
  style: 'double',
});
const entry = (key: string, value: Tree, keyAt = value.at): Entry => ({ key, keyAt, value });

/** `delete_options` of k8s_drain are arguments of `drain`. */
const flat = (tree: MapTree): readonly Entry[] =>
  tree.entries.flatMap((one) =>
    one.key === 'delete_options' && one.value.kind === 'map' ? one.value.entries : [one],
  );

const ownNode =
  /^\{\{ *(?:inventory_hostname(?:_short)?|node_name|(?:ansible_facts\.|ansible_)(?:hostname|nodename|fqdn)) *(?:\| *lower *)?\}\}$/;

/** kmend drains the node that the host is: another name would be another node. */
function checkNode(collector: DiagnosticsCollector, tree: MapTree): void {
  const name = entryOf(tree, 'name');
  if (name?.value.kind !== 'scalar' || ownNode.test(name.value.text)) {
    if (textOf(tree, 'state') !== 'cordon') return;
    collector.error(
      entryOf(tree, 'state')?.keyAt ?? tree.at,
      'unsupported-argument',
      'kmend cordons a node when it drains it',
      {
        hint: 'leave it out before a `drain`; for a cordon alone use `command: kubectl cordon NODE`, later `kubectl uncordon NODE`, each with `delegate_to: localhost`',
      },
    );
    return;
  }
  collector.error(
    name.value.at,
    'unsupported-argument',
    'a host drains its own node, and this may be another one',
    {
      hint: 'write `{{ inventory_hostname }}`, or leave `name` out; `node_name` in the inventory says which node a host is',
    },
  );
}

function treated(
  collector: DiagnosticsCollector,
  module: string,
  args: AnsibleModule['args'],
  written: Entry,
): readonly Entry[] {
  const { key, keyAt, value } = written;
  if (module.endsWith('k8s_drain') && key === 'state') return [];
  if (/\bscope$/.test(key) && value.kind === 'scalar' && value.text === 'system') return [];
  const treatment: Treatment | undefined = Object.hasOwn(args, key) ? args[key] : undefined;
  if (treatment === undefined) return [written];
  const isZero = value.kind === 'scalar' && value.text === '0';
  const unused =
    'unused' in treatment ? treatment.unused : 'as' in treatment && isZero && treatment.zero;
  const only = 'unused' in treatment ? treatment.only : undefined;
  if (only !== undefined && !(value.kind === 'scalar' && only.values.test(value.text))) {
    collector.error(keyAt, 'unsupported-argument', `kmend has no such \`${key}\` of ${module}`, {
      hint: only.hint,
    });
    return [];
  }
  if (typeof unused === 'string') {
    collector.note(keyAt, 'no-effect', `${module}: \`${key}\` changes nothing`, { detail: unused });
    return [];
  }
  if ('as' in treatment) {
    if (isRefused(collector, module, treatment.refused, written)) return [];
    const ours = treatment.expression === true ? inBraces(value) : inWords(value, treatment.words);
    return [{ key: treatment.as, keyAt, value: ours }];
  }
  const isOff =
    value.kind === 'scalar' && (value.value === null || /^(?:no|off|false)$/i.test(value.text));
  if (!isOff && 'never' in treatment)
    collector.error(keyAt, 'unsupported-argument', `kmend has no \`${key}\` of ${module}`, {
      hint: treatment.never,
    });
  return [];
}

/** A value of Ansible that kmend does not have. */
function isRefused(
  collector: DiagnosticsCollector,
  module: string,
  refused: Readonly<Record<string, string>> = {},
  { key, value }: Entry,
): boolean {
  if (value.kind !== 'scalar' || !Object.hasOwn(refused, value.text)) return false;
  collector.error(
    value.at,
    'unsupported-argument',
    `kmend has no \`${key}: ${value.text}\` of ${module}`,
    present({ hint: refused[value.text] }),
  );
  return true;
}

function inBraces(value: Tree): Tree {
  if (value.kind !== 'scalar' || hasTemplate(value.text)) return value;
  const text = `{{ ${value.text} }}`;
  return { ...value, text, value: text };
}

function inWords(value: Tree, words: Readonly<Record<string, string>> = {}): Tree {
  if (value.kind !== 'scalar') return value;
  const spelled = typeof value.value === 'boolean' ? String(value.value) : value.text;
  const ours = Object.hasOwn(words, spelled) ? words[spelled] : undefined;
  return ours === undefined ? value : { ...value, text: ours, value: ours };
}

/** Two names of one argument. */
function reportTwice(
  collector: DiagnosticsCollector,
  module: string,
  entries: readonly Entry[],
): void {
  for (const [index, { key, keyAt }] of entries.entries())
    if (entries.findIndex((one) => one.key === key) < index)
      collector.error(keyAt, 'said-twice', `${module}: this is \`${key}\`, which is given already`);
}

// ---- Packages ----

interface Named {
  readonly name: string;
  readonly version?: string;
  readonly at: number;
}

/** `docker-ce=18.09.9`, `docker-ce-18.09.9-3.el7`, `a,b`: names and versions apart. */
function withVersions(
  collector: DiagnosticsCollector,
  style: NonNullable<AnsibleModule['versions']>,
  tree: MapTree,
): Tree {
  const written = entryOf(tree, 'name');
  if (written === undefined) return tree;
  const items = written.value.kind === 'list' ? written.value.items : [written.value];
  const texts = items.flatMap((item) => (item.kind === 'scalar' ? commaParts(item) : []));
  const named = texts.map(({ text, at }): Named => ({ ...splitVersion(text, style), at }));
  const all = named.find(({ name }) => name === '*');
  if (all !== undefined) reportAll(collector, all.at, textOf(tree, 'state') ?? 'present');
  if (items.some((item) => item.kind !== 'scalar')) return tree;
  const others = tree.entries.filter((one) => one !== written);
  const [only] = named;
  if (named.every(({ version }) => version === undefined)) {
    if (texts.length === items.length) return tree;
    const value: Tree = {
      kind: 'list',
      at: written.value.at,
      items: named.map(({ name, at }) => scalar(name, at)),
    };
    return { ...tree, entries: [...others, { ...written, value }] };
  }
  if (named.length === 1 && only?.version !== undefined)
    return {
      ...tree,
      entries: [
        ...others,
        entry('name', scalar(only.name, only.at)),
        entry('version', scalar(only.version, only.at)),
      ],
    };
  const state = textOf(tree, 'state') ?? 'present';
  const packages = named.map(({ name, version, at }) => entry(name, scalar(version ?? state, at)));
  const value: Tree = { kind: 'map', at: written.value.at, entries: packages };
  return {
    ...tree,
    entries: [
      ...others.filter(({ key }) => key !== 'state'),
      { ...written, key: 'packages', value },
    ],
  };
}

function reportAll(collector: DiagnosticsCollector, at: number, state: string): void {
  collector.error(at, 'unsupported-argument', 'all packages are moved by `state: latest` only', {
    ...(state === 'present' && {
      detail:
        'with `state: present` apt and yum do nothing, and dnf installs all packages of the repositories',
    }),
    hint: 'leave the task out, write `state: latest` (apt, yum, dnf, package), or name the packages; with zypper use `shell`',
  });
}

const commaParts = ({ text, at }: ScalarTree): readonly { text: string; at: number }[] =>
  hasTemplate(text) || !text.includes(',')
    ? [{ text, at }]
    : text.split(',').map((part) => ({ text: part.trim(), at }));

const architecture = /\.(?:x86_64|aarch64|noarch|i686|ppc64le|s390x)$/;

/**
 * yum joins a version by a dash, and names have dashes too (`java-1.8.0-openjdk`): a version has a
 * point, and begins with a digit or a template.
 */
function splitVersion(
  text: string,
  style: NonNullable<AnsibleModule['versions']>,
): { readonly name: string; readonly version?: string } {
  const equals = text.indexOf('=');
  if (style !== '-' && equals > 0 && !text.slice(0, equals).includes('{{'))
    return { name: text.slice(0, equals), version: text.slice(equals + 1) };
  if (style === '=') return { name: text };
  const templated = text.indexOf('-{{');
  if (templated > 0 && !text.slice(0, templated).includes('{{'))
    return { name: text.slice(0, templated), version: text.slice(templated + 1) };
  if (hasTemplate(text)) return { name: text };
  const parts = text.replace(architecture, '').split('-');
  const isNumber = (part: string | undefined): boolean => /^(?:\d+:)?\d/.test(part ?? '');
  const length = isNumber(parts.at(-1)) ? (isNumber(parts.at(-2)) ? 2 : 1) : 0;
  const version = parts.slice(parts.length - length).join('-');
  return length === 0 || length >= parts.length || !version.includes('.')
    ? { name: text }
    : { name: parts.slice(0, -length).join('-'), version };
}
