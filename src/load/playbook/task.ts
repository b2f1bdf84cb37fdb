// Reads tasks and blocks. Each task may use the names that earlier tasks register.
import { hasTemplate } from '../../expression/index.ts';
import type { Place } from '../../model/diagnostic.ts';
import type { BlockTask, ModuleTask, Task } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { duration, filled, flag, whole } from '../../model/shape/schema.ts';
import { isMapping, type Value } from '../../model/value.ts';
import { type DiagnosticsCollector, didYouMean } from '../text/diagnostics-collector.ts';
import { conditions, field, refuseKeys, verdictField } from '../text/fields.ts';
import { fitTree } from '../text/fit.ts';
import { checkTemplates, conditionOf, type Names, withVars } from '../text/names.ts';
import { earlyField } from '../text/static-templates.ts';
import { type Entry, entryOf, type MapTree, plainOf, put, type Tree } from '../text/tree.ts';
import { asyncTimeout, withoutUnused } from './ansible/accepted.ts';
import { betterWay, noteBetterWay } from './ansible/better-way.ts';
import { inheritWhen } from './ansible/block-when.ts';
import {
  checkDelegate,
  noteInherited,
  onCluster,
  pathsOfHere,
  withoutLocalAction,
} from './ansible/delegate.ts';
import { markReadOnly, readCheckMode } from './ansible/dry-run.ts';
import { argumentsOf, keyValues, withArgs } from './ansible/free-form.ts';
import { moduleHint } from './ansible/hints.ts';
import { isOlderLoop, type Loop, loopOf, refusedLoop } from './ansible/loops.ts';
import { ansibleName } from './ansible/modules.ts';
import { otherSystem, warnOfSystem } from './ansible/other-systems.ts';
import { sentReboot } from './ansible/sent-reboot.ts';
import { translate } from './ansible/translate.ts';
import { readCommon, type TaskContext, texts, within } from './context.ts';
import { asSetFact, includeVarsOf } from './files/include-vars.ts';
import { sourcesOf, withoutBlankRules } from './files/sources.ts';
import { flushAt } from './handlers.ts';
import { blockKeys, refusedInTask, taskKeys, unusedInTask, unusedMeta } from './keywords.ts';
import { readSplice } from './spliced.ts';
import { spliceOf } from './splices.ts';

/** Reads a list of tasks; `prefix` is the id of the block that they are in. */
export function readTasks(
  context: TaskContext,
  tree: Tree,
  names: Names,
  prefix: string,
): readonly Task[] {
  if (tree.kind === 'scalar' && tree.value === null) return [];
  if (tree.kind !== 'list') {
    context.collector.error(tree.at, 'bad-value', 'tasks are a list', {
      hint: 'begin each with a dash',
    });
    return [];
  }
  return tree.items.flatMap(
    (item, index) => readTask(context, item, names, `${prefix}${index}`) ?? [],
  );
}

function readTask(context: TaskContext, written: Tree, names: Names, id: string): Task | undefined {
  const tree =
    written.kind === 'map' ? sentReboot(context.collector, withoutLocalAction(written)) : written;
  if (tree.kind !== 'map') {
    context.collector.error(
      tree.at,
      'bad-task',
      'a task is a mapping with the name of a module as key',
      {
        hint: 'for example `- command: uptime`',
      },
    );
    return undefined;
  }
  if (tree.entries.length === 0) {
    context.collector.error(tree.at, 'no-module', 'this task is empty');
    return undefined;
  }
  const block = entryOf(tree, 'block');
  if (block !== undefined) return readBlock(context, tree, block, names, id);
  const meta = tree.entries.find(({ key }) => metaKey.test(key));
  if (meta !== undefined) return readMeta(context, tree, meta, id);
  const variables = includeVarsOf(tree);
  if (variables !== undefined) {
    const setting = asSetFact(context, tree, variables, names);
    if (setting === undefined) return undefined;
    const inner = withVars(names, Object.keys(setting.vars));
    const task = readModuleTask(context, setting.tree, inner, id);
    return task && { ...task, vars: { ...task.vars, ...setting.vars } };
  }
  const splice = spliceOf(tree);
  return splice === undefined
    ? readModuleTask(context, tree, names, id)
    : readSplice({ ...context, readTasks }, { tree, ...splice }, names, id);
}

/** What a rescue knows of the failure. */
const failedNames = ['ansible_failed_task', 'ansible_failed_result'];

const metaKey = /^(?:ansible\.(?:builtin|legacy)\.)?meta$/;

/** Of what Ansible's `meta` does, only the handlers are ours to run. */
function readMeta(
  { collector }: TaskContext,
  tree: MapTree,
  meta: Entry,
  id: string,
): BlockTask | undefined {
  const word = meta.value.kind === 'scalar' ? meta.value.text.trim() : '';
  refuseKeys(collector, tree.entries, 'meta task', ['name', 'tags', meta.key], refusedInTask);
  if (word === 'flush_handlers')
    return flushAt(id, { place: collector.source.placeAt(meta.keyAt) });
  if (Object.hasOwn(unusedMeta, word))
    collector.note(meta.keyAt, 'no-effect', `\`meta: ${word}\` changes nothing`, {
      detail: unusedMeta[word] ?? '',
    });
  else
    collector.error(meta.value.at, 'unsupported-keyword', `kmend has no \`meta: ${word}\``, {
      hint: 'it has `meta: flush_handlers`; a `when` or `rescue` says what a host leaves out',
    });
  return undefined;
}

function readBlock(
  context: TaskContext,
  tree: MapTree,
  block: Entry,
  names: Names,
  id: string,
): BlockTask {
  const entries = withoutUnused(context.collector, tree, unusedInTask);
  refuseKeys(context.collector, entries, 'block', blockKeys, refusedInTask);
  const { common, inner } = readCommon(context, tree, names, id, 'block');
  const tasks = readTasks(within(context, common), block.value, inner, `${id}.`);
  if (tasks.length === 0 && (block.value.kind !== 'list' || block.value.items.length === 0)) {
    context.collector.error(block.keyAt, 'empty-block', 'this block has no tasks');
  }
  const branch = (key: 'rescue' | 'always'): readonly Task[] | undefined => {
    const entry = entryOf(tree, key);
    const known = withVars(inner, [...failedNames, ...context.learned]);
    return entry && readTasks(within(context, common), entry.value, known, `${id}.${key}.`);
  };
  const rescue = branch('rescue');
  const always = branch('always');
  // In this order a task may register a name that the condition of the block reads.
  const all = inheritWhen([...tasks, ...(rescue ?? []), ...(always ?? [])], common.when);
  const behind = tasks.length + (rescue?.length ?? 0);
  return {
    kind: 'block',
    ...common,
    tasks: all.slice(0, tasks.length),
    ...(rescue && { rescue: all.slice(tasks.length, behind) }),
    ...(always && { always: all.slice(behind) }),
  };
}

function readModuleTask(
  context: TaskContext,
  tree: MapTree,
  names: Names,
  id: string,
): ModuleTask | undefined {
  const { collector } = context;
  const found = moduleOf(context, tree);
  const loop = loopOf(collector, tree);
  const control = readLoopControl(collector, entryOf(tree, 'loop_control'));
  const inLoop = [
    control.loopVar ?? 'item',
    ...(control.indexVar === undefined ? [] : [control.indexVar]),
  ];
  const looped = loop === undefined ? names : withVars(names, inLoop);
  const called = found?.missing ?? found?.module.name ?? 'task';
  const read = readCommon(context, withLoop(tree, loop), looped, id, called);
  const { inner } = read;
  const common = found === undefined ? read.common : onCluster(collector, found.entry, read.common);
  const ownVars = Object.keys(common.vars ?? {});
  const register = readRegister(collector, tree);
  const known = register === undefined ? inner : withVars(inner, [register]);
  const until = entryOf(tree, 'until');
  const { around } = context;
  const early = { ...around.early, ...common.vars, ...around.given };
  const retries = earlyField(collector, tree, 'retries', whole(0, 10_000), early);
  const task = {
    kind: 'task',
    ...common,
    ...present({
      loop: loop && readLoop(collector, loop, withVars(names, [...context.learned, ...ownVars])),
      ...control,
      register,
      listen: readListen(context, tree),
      until: until && conditions(collector, until, known),
      retries: retries ?? (until && 3),
      delay: earlyField(collector, tree, 'delay', duration, early) ?? (until && 5),
      changedWhen:
        verdictField(collector, entryOf(tree, 'changed_when'), known) ??
        (found?.module.onlyWaits === true ? false : undefined),
      failedWhen: verdictField(collector, entryOf(tree, 'failed_when'), known),
      timeout:
        earlyField(collector, tree, 'timeout', duration, early) ??
        asyncTimeout(collector, tree, early),
      idempotent: field(collector, tree, 'idempotent', flag),
    }),
  } as const;
  if (found === undefined) {
    if (register !== undefined) context.learned.add(register);
    return undefined;
  }
  const loopPlace = loop && { loop: collector.source.placeAt(loop.written.value.at) };
  if (found.missing !== undefined) {
    if (register !== undefined) context.learned.add(register);
    const when = [...new Set([...context.guards, ...common.when])];
    const { module, missing } = found;
    return { ...task, when, module: module.name, missing, args: null, argPlaces: { ...loopPlace } };
  }
  if (common.delegate !== undefined) {
    const at = entryOf(tree, 'delegate_to')?.keyAt ?? found.entry.keyAt;
    checkDelegate(collector, common.delegate, found.module, at);
    if (entryOf(tree, 'become') === undefined && context.become === true)
      noteInherited(collector, common.delegate, found.module, at);
  }
  const sources = sourcesOf({
    ...{ collector, around: context.around, module: found.module, entry: found.entry, loop },
    ...{ vars: common.vars, loopVar: control.loopVar ?? 'item', names: inner },
  });
  const written = withoutBlankRules(found.entry);
  const args = readArgs(context, found.module, written, inner, common.delegate);
  if (found.module.name === 'decide') warnOpen(collector, found.entry, args);
  const inPlans = readCheckMode(collector, tree, found.entry);
  if (register !== undefined) context.learned.add(register);
  const argPlaces = {
    ...placesOf(collector, found.entry.value),
    ...loopPlace,
  };
  return { ...task, ...present({ inPlans, sources }), module: found.module.name, args, argPlaces };
}

/** An older loop is what it means. */
function withLoop(tree: MapTree, { written, value }: Partial<Loop> = {}): MapTree {
  if (written === undefined || value === undefined) return tree;
  const { at } = written.value;
  const meaning: Tree = { kind: 'scalar', at, value, text: value, style: 'double' };
  const entries = tree.entries.map((entry) =>
    entry === written ? { ...entry, value: meaning } : entry,
  );
  return { ...tree, entries };
}

/** A question that `kmend import` left: `kmend apply` refuses the playbook until it is answered. */
function warnOpen(collector: DiagnosticsCollector, { keyAt }: Entry, args: Value): void {
  const question = isMapping(args) ? args.question : args;
  collector.warn(keyAt, 'open-decision', `a decision is open: ${String(question)}`, {
    hint: 'write a task in its place, or remove it: `kmend apply` refuses the playbook until then',
  });
}

function readListen({ collector, isHandler }: TaskContext, tree: MapTree) {
  const listen = entryOf(tree, 'listen');
  if (listen !== undefined && isHandler !== true)
    collector.error(listen.keyAt, 'unsupported-keyword', 'only handlers `listen`', {
      hint: 'move the task to `handlers`',
    });
  return field(collector, tree, 'listen', texts);
}

interface AskedModule {
  readonly module: AnyModule;
  readonly entry: Entry;
  /** The name of a module of another system: `module` is there instead. */
  readonly missing?: string;
}

/** Finds the one key that is a module, and reports each key that is neither module nor keyword. */
function moduleOf(context: TaskContext, tree: MapTree): AskedModule | undefined {
  const { collector, modules } = context;
  const others = withoutUnused(collector, tree, unusedInTask).filter(
    ({ key }) => !(taskKeys as readonly string[]).includes(key) && !isOlderLoop(key),
  );
  const asModule = (key: string): AnyModule | undefined => {
    const { name, from } = ansibleName(key);
    return modules.get(from?.module ?? name) ?? insteadOf(context, tree, key);
  };
  const found = others.filter(({ key }) => asModule(key) !== undefined);
  for (const one of others) {
    const { key, keyAt } = one;
    if (asModule(key) !== undefined) continue;
    const instead = refusedLoop(key) ?? refusedTask(key);
    if (instead !== undefined)
      collector.error(keyAt, 'unsupported-keyword', `kmend has no \`${key}\` on a task`, {
        hint: instead,
      });
    else if (found.length > 0)
      collector.error(
        keyAt,
        'unknown-key',
        `a task has no key \`${key}\``,
        didYouMean(key, taskKeys),
      );
    else reportUnknownModule(context, one);
  }
  const [first, second] = found;
  if (second !== undefined)
    collector.error(
      second.keyAt,
      'several-modules',
      `a task has one module, this one has ${found.map(({ key }) => key).join(' and ')}`,
    );
  if (others.length === 0)
    collector.error(tree.entries[0]?.keyAt ?? tree.at, 'no-module', 'this task has no module', {
      hint: 'a task asks for one: see `kmend docs`',
    });
  const module = first && asModule(first.key);
  if (first === undefined || module === undefined) return undefined;
  if (otherSystem(first.key) !== undefined) {
    warnOfSystem(collector, first);
    return { module, entry: first, missing: first.key };
  }
  const entry = withArgs(collector, first, module, entryOf(tree, 'args'));
  return translated(context, markReadOnly(collector, tree, entry, module));
}

/** What a task has instead of a module of another system; undefined where no `when` is around it. */
function insteadOf(context: TaskContext, task: MapTree, key: string): AnyModule | undefined {
  const { modules, guards, inherited } = context;
  const isGuarded = [...guards, ...inherited].length > 0 || entryOf(task, 'when') !== undefined;
  return isGuarded && otherSystem(key) !== undefined ? modules.get('fail') : undefined;
}

const refusedTask = (key: string): string | undefined => {
  const { name } = ansibleName(key);
  return Object.hasOwn(refusedInTask, name) ? refusedInTask[name] : undefined;
};

/** Ansible's arguments become those of the module that carries them out. */
function translated({ collector, modules }: TaskContext, entry: Entry): AskedModule | undefined {
  const { name, from } = ansibleName(entry.key);
  noteBetterWay(collector, entry);
  const { module, tree } =
    from === undefined
      ? { module: name, tree: ownForm(entry.value, modules.get(name)) }
      : translate(collector, entry.key, from, entry.value);
  const found = modules.get(module);
  return found && { module: found, entry: { ...entry, value: tree } };
}

/** Words `name=value` are arguments, except where the module takes the text as it is. */
const ownForm = (tree: Tree, module: AnyModule | undefined): Tree =>
  module === undefined ||
  module.freeForm !== undefined ||
  tree.kind !== 'scalar' ||
  module.args.safeParse(tree.value).success
    ? tree
    : keyValues(tree, module.setsArgs);

function reportUnknownModule({ collector, modules }: TaskContext, entry: Entry): void {
  const { key, keyAt } = entry;
  const instead = betterWay(entry) ?? moduleHint(key);
  if (instead !== undefined) {
    collector.error(keyAt, 'unknown-module', `kmend has no module \`${key}\``, { hint: instead });
    return;
  }
  const word = key.replace(/^(?:\w+\.){2}/, '');
  const hint =
    didYouMean(word, [...modules.keys(), ...taskKeys]).hint ??
    `\`kmend docs\` lists the modules${word === key ? '' : '; `command` and `shell` run any program'}`;
  collector.error(keyAt, 'unknown-module', `no module is called \`${key}\``, { hint });
}

function readArgs(
  context: TaskContext,
  module: AnyModule,
  entry: Entry,
  names: Names,
  delegate: ModuleTask['delegate'],
): Value {
  const { collector } = context;
  checkTemplates(collector, entry.value, names);
  checkConditions(collector, module, entry.value, names);
  // An error about missing arguments is placed at the module's name.
  const isEmpty = entry.value.kind === 'scalar' && entry.value.value === null;
  const tree: Tree = isEmpty
    ? { kind: 'scalar', at: entry.keyAt, value: null, text: '', style: 'plain' }
    : argumentsOf(entry.value, module);
  const { placed, written } = pathsOfHere(tree, module, delegate);
  const { input } = fitTree(collector, placed, module.args, module.name, 'argument');
  // Later tasks may use what a module sets.
  for (const name of module.setsNames ?? []) context.learned.add(name);
  if (module.name === 'set_fact' && entry.value.kind === 'map')
    for (const { key } of entry.value.entries) context.learned.add(key);
  return isMapping(input) ? { ...input, ...written } : input;
}

/** Arguments that are conditions, as `that` of `assert`. */
function checkConditions(
  collector: DiagnosticsCollector,
  { conditions: keys = [] }: AnyModule,
  args: Tree,
  names: Names,
): void {
  if (args.kind !== 'map') return;
  for (const key of keys) {
    const value = entryOf(args, key)?.value;
    for (const item of value?.kind === 'list' ? value.items : [value])
      if (item?.kind === 'scalar' && typeof item.value === 'string' && !hasTemplate(item.value))
        conditionOf(collector, item, names);
  }
}

function placesOf(collector: DiagnosticsCollector, tree: Tree): Record<string, Place> {
  const places: Record<string, Place> = {};
  const walk = (node: Tree, path: string): void => {
    put(places, path, collector.source.placeAt(node.at));
    const inner = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`);
    if (node.kind === 'map') for (const entry of node.entries) walk(entry.value, inner(entry.key));
    else if (node.kind === 'list')
      for (const [index, item] of node.items.entries()) walk(item, inner(index));
  };
  walk(tree, '');
  return places;
}

function readLoop(collector: DiagnosticsCollector, { written, value }: Loop, names: Names): Value {
  checkTemplates(collector, written.value, names);
  if (value !== undefined) return value;
  const loop = written;
  const isTemplate =
    loop.value.kind === 'scalar' &&
    typeof loop.value.value === 'string' &&
    hasTemplate(loop.value.text);
  if (loop.value.kind !== 'list' && !isTemplate) {
    collector.error(
      loop.value.at,
      'bad-value',
      '`loop` should be a list, or a template that gives one',
      {
        hint: "for example `loop: ['a', 'b']`",
      },
    );
  }
  return plainOf(loop.value);
}

interface LoopControl {
  readonly loopVar?: string;
  readonly indexVar?: string;
}

/** `label` is accepted: plans show what a task does, not its item. */
function readLoopControl(collector: DiagnosticsCollector, control: Entry | undefined): LoopControl {
  if (control === undefined) return {};
  if (control.value.kind !== 'map') {
    collector.error(
      control.value.at,
      'bad-value',
      '`loop_control` should be a mapping with loop_var',
    );
    return {};
  }
  const others = {
    pause: 'use `delay` with `until`',
    extended: 'leave it out',
    extended_allitems: 'leave it out',
    break_when: 'use a `when`',
  };
  const known = ['loop_var', 'index_var', 'label'];
  refuseKeys(collector, control.value.entries, 'loop_control', known, others);
  return present({
    loopVar: nameField(collector, control.value, 'loop_var'),
    indexVar: nameField(collector, control.value, 'index_var'),
  });
}

const readRegister = (collector: DiagnosticsCollector, tree: MapTree): string | undefined =>
  nameField(collector, tree, 'register');

function nameField(collector: DiagnosticsCollector, map: MapTree, key: string): string | undefined {
  const name = field(collector, map, key, filled);
  if (name === undefined || /^[A-Za-z_]\w*$/.test(name)) return name;
  collector.error(
    entryOf(map, key)?.value.at ?? map.at,
    'variable-name',
    `\`${name}\` cannot be the name of a variable`,
    {
      hint: 'letters, digits and _',
    },
  );
  return undefined;
}
