// Reads tasks of other files into the place of the statement that names them: each file and each
// role becomes a block.
import type { BlockTask, Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Mapping } from '../../model/value.ts';
import { tagsField } from '../text/fields.ts';
import { checkTemplates, type Names, withVars } from '../text/names.ts';
import { renderEarly } from '../text/static-templates.ts';
import {
  type Entry,
  entryOf,
  type MapTree,
  mappingOf,
  plainOf,
  put,
  type Tree,
} from '../text/tree.ts';
import { delegateField } from './ansible/delegate.ts';
import { loopOf, olderLoops } from './ansible/loops.ts';
import { readCommon, type TaskContext, within } from './context.ts';
import { lookupsOf } from './files/lookups.ts';
import type { OpenedTree } from './files/project-files.ts';
import { findRole, type RoleParts, type RoleVariables } from './files/roles.ts';
import { handlersOf } from './handlers.ts';
import { readRunOnce } from './run-once.ts';
import { openRole, openTasks, type SpliceKind, spliceArguments } from './splices.ts';

/** A context with the reader of tasks, which this file cannot import. */
export interface SpliceContext extends TaskContext {
  readonly readTasks: (
    context: TaskContext,
    tree: Tree,
    names: Names,
    prefix: string,
  ) => readonly Task[];
}

export interface Splice {
  readonly tree: MapTree;
  readonly kind: SpliceKind;
  readonly entry: Entry;
}

/** What is read, in the place of which task. */
interface Inside {
  readonly context: SpliceContext;
  readonly names: Names;
  readonly id: string;
}

const shared = ['name', 'when', 'tags', 'vars', 'ignore_errors', 'no_log'];
/** What an import, a role or `apply` gives to its tasks, as a block around them does. */
const delegation = ['delegate_to', 'connection', 'run_once'];
const keysOf = (kind: SpliceKind): readonly string[] =>
  kind.startsWith('include_')
    ? [...shared, 'loop', ...olderLoops, 'loop_control']
    : [...shared, 'become', 'become_user', 'environment', ...delegation];

/**
 * An import gives its keys to each task, as Ansible does: `when` is asked again before each. An
 * include asks once, and its tasks inherit only what `apply` says.
 */
export function readSplice(
  context: SpliceContext,
  splice: Splice,
  names: Names,
  id: string,
): BlockTask | undefined {
  const { tree, kind, entry } = splice;
  refuseOthers(context, splice);
  const args = spliceArguments(context.collector, splice);
  const rounds = roundsOf(context, tree);
  const looped = withVars(
    names,
    rounds.flatMap((vars) => Object.keys(vars)),
  );
  const { common, inner } = readCommon(context, tree, looped, id, kind);
  if (args === undefined) return undefined;
  const isImport = kind.startsWith('import_');
  const child: SpliceContext = isImport
    ? { ...within(context, common), readTasks: context.readTasks, inherited: common.when }
    : {
        ...included(context, common.tags, { args, id }, inner),
        guards: [...context.guards, ...common.when],
      };
  const tasks = rounds.flatMap((vars, round): readonly Task[] => {
    const around = {
      ...child.around,
      early: { ...context.around.early, ...common.vars, ...vars, ...context.around.given },
    };
    const inside = {
      context: { ...child, collector: context.collector, around },
      names: inner,
      id: rounds.length === 1 ? id : `${id}.${round}`,
    };
    const own = kind.endsWith('_role')
      ? roleBlock(openRole(context.collector, args, around), inside, isImport, {
          ...common.vars,
          ...vars,
        })
      : fileTasks(openTasks(context.collector, args, around), inside);
    return rounds.length === 1 ? own : [blockOf(inside, { name: common.name, vars }, own)];
  });
  return {
    kind: 'block',
    ...common,
    when: isImport ? [] : common.when,
    name: common.name === kind ? `${kind} ${String(firstText(entry.value))}` : common.name,
    tasks,
  };
}

const firstText = (tree: Tree): string =>
  tree.kind === 'map' ? firstText(tree.entries[0]?.value ?? tree) : String(plainOf(tree));

function refuseOthers({ collector }: TaskContext, { tree, kind, entry }: Splice): void {
  const known = keysOf(kind);
  for (const { key, keyAt } of tree.entries)
    if (key !== entry.key && !known.includes(key))
      collector.error(keyAt, 'unknown-key', `\`${kind}\` takes no \`${key}\``, {
        hint: kind.startsWith('include_')
          ? `\`apply: {${key}: ...}\` gives it to the tasks`
          : 'set it on a block around it, or on its tasks',
      });
}

/** The variables of each round of an include; one without any where it has no loop. */
function roundsOf({ collector, around }: TaskContext, tree: MapTree): readonly Mapping[] {
  const loop = loopOf(collector, tree);
  if (loop === undefined) return [{}];
  const { value: meaning, written } = loop;
  const { at } = written.value;
  const given: Tree =
    meaning === undefined
      ? written.value
      : { kind: 'scalar', at, value: meaning, text: meaning, style: 'double' };
  const control = entryOf(tree, 'loop_control')?.value;
  const name = control?.kind === 'map' ? entryOf(control, 'loop_var')?.value : undefined;
  const variable = name?.kind === 'scalar' ? name.text : 'item';
  const items = renderEarly(collector, given, around.early);
  if (items.kind === 'list') return items.items.map((item) => ({ [variable]: plainOf(item) }));
  collector.error(at, 'bad-value', `the \`${written.key}\` of an include should be a list`);
  return [];
}

/** Tasks of an include inherit what is around it, what `apply` says, and none of its own keys. */
function included(
  context: SpliceContext,
  tags: readonly string[],
  { args, id }: { readonly args: MapTree; readonly id: string },
  names: Names,
): SpliceContext {
  const apply = entryOf(args, 'apply')?.value;
  const base = { ...context, enteredBy: [...context.enteredBy, tags] };
  if (apply === undefined) return base;
  if (apply.kind !== 'map') {
    context.collector.error(apply.at, 'bad-value', '`apply` should be a mapping');
    return base;
  }
  const known = ['tags', 'become', 'ignore_errors', 'no_log', ...delegation];
  for (const { key, keyAt } of apply.entries)
    if (!known.includes(key))
      context.collector.error(keyAt, 'unknown-key', `\`apply\` takes no \`${key}\` here`, {
        hint: `it takes ${known.join(', ')}; set others on the tasks`,
      });
  const flagOf = (key: string): boolean | undefined => {
    const value = entryOf(apply, key)?.value;
    return value?.kind === 'scalar' && typeof value.value === 'boolean' ? value.value : undefined;
  };
  const become = flagOf('become');
  const around = present({ becomes: become, around: context.delegate });
  readRunOnce(context, apply, id);
  return {
    ...base,
    tags: [...new Set([...context.tags, ...tagsField(context.collector, apply)])],
    ...present({
      become,
      delegate: delegateField(context.collector, apply, names, around),
      noLog: flagOf('no_log'),
      ignoreErrors: flagOf('ignore_errors'),
    }),
  };
}

function fileTasks(
  opened: OpenedTree | undefined,
  { context, names, id }: Inside,
): readonly Task[] {
  if (opened?.tree === undefined) return [];
  const { path, collector, tree } = opened;
  const around = { ...context.around, trail: [...context.around.trail, path] };
  return context.readTasks({ ...context, collector, around }, tree, names, `${id}.`);
}

// ---- Roles ----

/** The entries of `roles`, or the dependencies of a role: names, or mappings with parameters. */
export function readRoles(
  context: SpliceContext,
  list: Tree,
  names: Names,
  prefix: string,
): readonly Task[] {
  const { collector } = context;
  if (list.kind === 'scalar' && list.value === null) return [];
  if (list.kind !== 'list') {
    collector.error(list.at, 'bad-value', '`roles` should be a list of names or mappings');
    return [];
  }
  return list.items.flatMap((item, index) =>
    readRoleEntry(context, item, names, `${prefix}${index}`),
  );
}

function readRoleEntry(
  context: SpliceContext,
  item: Tree,
  names: Names,
  id: string,
): readonly Task[] {
  const { collector, around } = context;
  const tree: MapTree =
    item.kind === 'map'
      ? item
      : { kind: 'map', at: item.at, entries: [{ key: 'role', keyAt: item.at, value: item }] };
  const nameEntry = entryOf(tree, 'role') ?? entryOf(tree, 'name');
  const value = nameEntry && renderEarly(collector, nameEntry.value, around.early);
  if (nameEntry === undefined || value?.kind !== 'scalar' || value.value === null) {
    collector.error(item.at, 'bad-value', 'an entry of `roles` needs the name of a role');
    return [];
  }
  const keys = [...shared, ...delegation, 'role', 'become', 'become_user', 'environment'];
  const parameters = tree.entries.filter(({ key }) => !keys.includes(key));
  const plain: MapTree = {
    ...tree,
    entries: tree.entries.filter(
      ({ key }) => keys.includes(key) && key !== 'role' && key !== 'name',
    ),
  };
  const { common, inner } = readCommon(context, plain, names, id, value.text);
  const vars = { ...common.vars, ...mappingOf({ ...tree, entries: parameters }) };
  const child = within(context, { ...common, vars });
  const found = findRole(
    value.text,
    { collector, at: nameEntry.value.at, what: 'tasks' },
    child.around,
  );
  if (found === undefined || isRepeated(context, found, vars)) return [];
  const inside = {
    context: { ...child, readTasks: context.readTasks, inherited: common.when },
    names: withVars(inner, Object.keys(vars)),
    id,
  };
  return [blockOf(inside, { name: value.text, vars }, roleBlock(found, inside, true, vars))];
}

/** A role is done once in a play, unless its parameters differ. */
function isRepeated(
  { played }: TaskContext,
  { role, allowDuplicates }: RoleParts,
  vars: Mapping,
): boolean {
  const key = `${role.path} ${JSON.stringify(vars)}`;
  const known = played.seen.has(key);
  played.seen.add(key);
  return known && !allowDuplicates;
}

/**
 * @param isStatic later tasks of the play see its variables too
 * @param given variables that the block around it has
 */
function roleBlock(
  parts: RoleParts | undefined,
  { context, names, id }: Inside,
  isStatic: boolean,
  given: Mapping,
): readonly Task[] {
  if (parts === undefined) return [];
  const { role, defaults, vars: written, dependencies, tasks } = parts;
  const own = { role_name: role.name, ansible_role_name: role.name, role_path: role.path };
  const roles = [...context.around.roles, role];
  const early = {
    ...{ ...defaults.vars, ...context.around.early },
    ...{ ...written.vars, ...own, ...context.around.given },
  };
  const looked: Mapping = Object.assign(
    {},
    ...[...defaults.opened, ...written.opened].map((one) =>
      lookupsOf(one, { ...context.around, roles, early }),
    ),
  );
  const vars = { ...written, vars: { ...written.vars, ...looked } };
  const around = { ...context.around, roles, early: { ...early, ...looked } };
  const inner = withVars(names, [
    ...Object.keys({ ...defaults.vars, ...vars.vars, ...own }),
    ...context.learned,
  ]);
  for (const one of [defaults, vars]) checkVariables(one, inner);
  const inside = { context: { ...context, around }, names: inner, id: `${id}.0` };
  const before =
    dependencies === undefined
      ? []
      : readRoles(
          { ...inside.context, collector: dependencies.from.collector },
          dependencies.list,
          inner,
          `${id}.1.`,
        );
  if (isStatic) expose(context, defaults, vars);
  const its = { name: role.name, vars: { ...vars.vars, ...own }, defaults: defaults.vars };
  const block = blockOf(inside, its, fileTasks(tasks, inside));
  keepHandlers(parts, inside, { ...its, vars: { ...given, ...its.vars } });
  return [...before, block];
}

/**
 * The handlers of a role see its variables and conditions. They are there once, however often it is:
 * those of the last time, as in Ansible.
 */
function keepHandlers(
  { role, handlers: opened }: RoleParts,
  { context, names, id }: Inside,
  its: Parameters<typeof blockOf>[1],
): void {
  const { handlers } = context.played;
  if (opened?.tree === undefined) return;
  const { path, collector, tree } = opened;
  const around = { ...context.around, trail: [...context.around.trail, path] };
  // Another inclusion of the role may notify them, too.
  const own = { ...context, collector, around, guards: [] };
  const inside = { context: own, names, id: `${id}.handlers` };
  const known = withVars(names, context.learned);
  const tasks = context.readTasks(
    { ...inside.context, isHandler: true },
    tree,
    known,
    `${inside.id}.`,
  );
  const read = handlersOf(collector, tree, tasks, role.name);
  handlers.delete(role.path);
  handlers.set(
    role.path,
    read.map((one) => ({ ...one, task: blockOf(inside, its, [one.task]) })),
  );
}

function checkVariables({ opened }: RoleVariables, names: Names): void {
  for (const { tree, collector } of opened)
    if (tree !== undefined) checkTemplates(collector, tree, names);
}

function expose(
  { played, learned }: TaskContext,
  defaults: RoleVariables,
  vars: RoleVariables,
): void {
  for (const [name, value] of Object.entries(defaults.vars)) put(played.defaults, name, value);
  for (const [name, value] of Object.entries(vars.vars)) put(played.vars, name, value);
  for (const name of Object.keys({ ...defaults.vars, ...vars.vars })) learned.add(name);
}

function blockOf(
  { context, id }: Inside,
  {
    name,
    vars,
    defaults,
  }: { readonly name: string; readonly vars: Mapping; readonly defaults?: Mapping },
  tasks: readonly Task[],
): BlockTask {
  const { collector, tags, noLog } = context;
  return {
    kind: 'block',
    id,
    name,
    when: [],
    tags,
    vars,
    ...present({ noLog, defaults }),
    place: collector.source.placeAt(0),
    tasks,
  };
}
