// `include_vars`: variables of files, for the tasks behind it. The files are read at load, so that
// plans have their digests; the task itself becomes a `set_fact` of their variables.
import type { Mapping, Value } from '../../../model/value.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { checkTemplates, type Names, withVars } from '../../text/names.ts';
import { dirOf, endingOf, join } from '../../text/reader.ts';
import { renderEarly } from '../../text/static-templates.ts';
import { type Entry, entryOf, type MapTree, plainOf, put, type Tree } from '../../text/tree.ts';
import { treeOfValue } from '../../text/yaml.ts';
import { lookupsAmong, lookupsOf } from './lookups.ts';
import { type Around, searched } from './roles.ts';

/** What reading an `include_vars` needs. */
interface Outer {
  readonly collector: DiagnosticsCollector;
  readonly around: Around;
  readonly learned: ReadonlySet<string>;
}

export const includeVarsOf = (tree: MapTree): Entry | undefined =>
  tree.entries.find(({ key }) => /^(?:ansible\.(?:builtin|legacy)\.)?include_vars$/.test(key));

/** A name of a file, or a directory, and where it is written. */
interface Wanted {
  readonly at: number;
  readonly early: Mapping;
  /** Absent = what the argument says. */
  readonly name?: string;
}

const known = ['file', 'dir', 'name'];

/** A task that sets these variables. */
interface SettingTask {
  readonly tree: MapTree;
  readonly vars: Mapping;
}

/** The task as a `set_fact`. Undefined where it sets nothing, or is not usable, which is reported. */
export function asSetFact(
  outer: Outer,
  task: MapTree,
  statement: Entry,
  names: Names,
): SettingTask | undefined {
  const { collector } = outer;
  const args = argumentsOf(collector, statement);
  if (args === undefined) return undefined;
  const paths = roundsOf(outer, task).flatMap((round) => pathsOf(outer, args, round));
  const read: Record<string, Value> = {};
  for (const path of paths)
    for (const [name, value] of Object.entries(variablesOf(outer, path, statement, names)))
      put(read, name, value);
  const looked = lookupsAmong(read);
  for (const name of Object.keys(looked)) delete read[name];
  const under = entryOf(args, 'name')?.value;
  const vars: Mapping = under?.kind === 'scalar' ? { [under.text]: read } : read;
  if (Object.keys(vars).length === 0) return undefined;
  const tree = selvesOf(task, statement, vars, paths);
  return { tree, vars: { ...vars, ...looked } };
}

/** Each is set to itself, rendered among its own: so one may use the others of its file. */
function selvesOf(
  task: MapTree,
  { keyAt }: Entry,
  vars: Mapping,
  paths: readonly string[],
): MapTree {
  const entry = (key: string, value: Value): Entry => ({ key, keyAt, value: treeOfValue(value) });
  const selves = Object.fromEntries(Object.keys(vars).map((name) => [name, `{{ ${name} }}`]));
  const kept = task.entries.filter(({ key }) => !loops.includes(key) && !includes.test(key));
  const isNamed = entryOf(task, 'name') !== undefined;
  const name = isNamed ? [] : [entry('name', `include_vars ${paths.join(', ')}`)];
  return { ...task, entries: [...name, ...kept, entry('set_fact', selves)] };
}

const loops = ['loop', 'with_items', 'with_list', 'with_first_found', 'loop_control'];
const includes = /(?:^|\.)include_vars$/;

/** `include_vars: FILE`, or a mapping, as a mapping. */
function argumentsOf(
  collector: DiagnosticsCollector,
  { value, keyAt }: Entry,
): MapTree | undefined {
  if (value.kind === 'scalar' && value.value !== null)
    return { kind: 'map', at: value.at, entries: [{ key: 'file', keyAt: value.at, value }] };
  if (value.kind !== 'map' || (entryOf(value, 'file') ?? entryOf(value, 'dir')) === undefined) {
    collector.error(keyAt, 'bad-value', '`include_vars` needs the name of a file', {
      hint: '`include_vars: FILE`, or `file` or `dir` of a mapping',
    });
    return undefined;
  }
  for (const { key, keyAt: at } of value.entries)
    if (!known.includes(key))
      collector.error(at, 'unknown-key', `\`include_vars\` has no key \`${key}\``, {
        hint: `it has ${known.join(', ')}`,
      });
  return value;
}

/** One round for each item of a loop, and for the first file that `with_first_found` finds. */
function roundsOf({ collector, around }: Outer, task: MapTree): readonly Wanted[] {
  const { early } = around;
  const first = entryOf(task, 'with_first_found');
  if (first !== undefined) return firstFound(collector, around, first);
  const loop = ['loop', 'with_items', 'with_list'].flatMap((key) => entryOf(task, key) ?? [])[0];
  if (loop === undefined) return [{ at: task.at, early }];
  const control = entryOf(task, 'loop_control')?.value;
  const name = control?.kind === 'map' ? entryOf(control, 'loop_var')?.value : undefined;
  const variable = name?.kind === 'scalar' ? name.text : 'item';
  const items = renderEarly(collector, loop.value, early);
  return (items.kind === 'list' ? items.items : [items]).map((item) => ({
    at: item.at,
    early: { ...early, [variable]: plainOf(item) },
  }));
}

/** `with_first_found`: names, or mappings with `files`, `paths` and `skip`. */
function firstFound(
  collector: DiagnosticsCollector,
  around: Around,
  { value }: Entry,
): readonly Wanted[] {
  const choices = renderEarly(collector, value, around.early);
  const items = choices.kind === 'list' ? choices.items : [choices];
  const listAt = (tree: MapTree, key: string): readonly string[] => {
    const inner = entryOf(tree, key)?.value;
    const all = inner?.kind === 'list' ? inner.items : inner === undefined ? [] : [inner];
    return all.flatMap((one) => (one.kind === 'scalar' ? one.text : []));
  };
  const isSkipped = items.some(
    (one) => one.kind === 'map' && /^(?:yes|true|on)$/i.test(listAt(one, 'skip')[0] ?? ''),
  );
  const names = items.flatMap((item): readonly string[] => {
    if (item.kind === 'scalar') return [item.text];
    if (item.kind === 'list') return item.items.map((one) => String(plainOf(one)));
    const [files, paths] = [listAt(item, 'files'), listAt(item, 'paths')];
    return paths.length === 0
      ? files
      : paths.flatMap((path) => files.map((one) => join(path, one)));
  });
  const all = names.map((name) => ({ name, paths: searched(around, 'vars', name) }));
  const found = all.find(({ paths }) => around.files.find(paths) !== undefined);
  if (found === undefined) {
    if (!isSkipped)
      collector.error(value.at, 'missing-file', `there is no file ${names.join(' or ')}`, {
        hint: `looked for ${all.flatMap(({ paths }) => paths).join(', ')}`,
      });
    return [];
  }
  return [{ at: value.at, name: found.name, early: { ...around.early, item: found.name } }];
}

/** The files of one round. */
function pathsOf(
  { collector, around }: Outer,
  args: MapTree,
  { early, at }: Wanted,
): readonly string[] {
  const written = entryOf(args, 'file') ?? entryOf(args, 'dir');
  if (written === undefined) return [];
  const before = collector.diagnostics.length;
  const value = renderEarly(collector, written.value, early);
  if (collector.diagnostics.length > before) return [];
  const name = value.kind === 'scalar' ? value.text.trim() : '';
  if (written.key === 'dir') return filesBelow(collector, around, name, written.value);
  const paths = searched(around, 'vars', name);
  const path = name === '' ? undefined : around.files.find(paths);
  if (path !== undefined) return [path];
  collector.error(written.value.at ?? at, 'missing-file', `there is no file ${name}`, {
    hint: `looked for ${paths.join(', ')}`,
  });
  return [];
}

/** All files of a directory and of those below it, by name. */
function filesBelow(
  collector: DiagnosticsCollector,
  { files, roles, trail, root }: Around,
  name: string,
  { at }: Tree,
): readonly string[] {
  const role = roles.at(-1);
  const beside = dirOf(trail.at(-1) ?? root);
  const directory = name.startsWith('/')
    ? name
    : role === undefined
      ? join(beside, name)
      : join(role.path, name.split('/')[0] === 'vars' ? name : `vars/${name}`);
  const own = role === undefined ? [] : [`${role.path}/vars/main.yml`];
  const walk = (path: string): readonly string[] =>
    files.list(path)?.flatMap((one) => walk(join(path, one))) ?? (own.includes(path) ? [] : [path]);
  const found = files.list(directory) === undefined ? undefined : walk(directory);
  const other = found?.find((path) => !['yml', 'yaml', 'json'].includes(endingOf(path)));
  if (found === undefined)
    collector.error(at, 'missing-file', `there is no directory ${directory}`);
  else if (other !== undefined)
    collector.error(at, 'bad-value', `${other} ends neither in .yml, .yaml nor .json`);
  return found ?? [];
}

function variablesOf(
  { collector, around, learned }: Outer,
  path: string,
  { value }: Entry,
  names: Names,
): Mapping {
  const { vars, opened } = around.files.variables(path, {
    collector,
    at: value.at,
    what: 'variables',
  });
  if (opened?.tree !== undefined)
    checkTemplates(
      opened.collector,
      opened.tree,
      withVars(names, [...learned, ...Object.keys(vars)]),
    );
  return { ...vars, ...lookupsOf(opened, { ...around, early: { ...around.early, ...vars } }) };
}
