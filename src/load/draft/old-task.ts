// A task of an old file as rules read it.
import { hasTemplate } from '../../expression/index.ts';
import { isMapping, type Mapping, type Value } from '../../model/value.ts';
import { splitFreeForm } from '../playbook/ansible/free-form.ts';
import { ansibleName } from '../playbook/ansible/modules.ts';
import { refusedInTask, taskKeys } from '../playbook/keywords.ts';
import { type Entry, entryOf, type MapTree, mappingOf, plainOf, type Tree } from '../text/tree.ts';
import type { Item, OldFile } from './old-file.ts';

export interface OldTask {
  readonly file: OldFile;
  readonly item: Item;
  readonly tree: MapTree;
  /** The key of its module as it is written, with the arguments. */
  readonly entry: Entry;
  /** The module without its collection; that of a `local_action` is the one it names. */
  readonly module: string;
  readonly args: Mapping;
  /** The command of a `command`, `shell` or `raw`; else all arguments as text. */
  readonly text: string;
  /** Its other keys. */
  readonly keys: Mapping;
  readonly label: string;
}

const keywords: ReadonlySet<string> = new Set([...taskKeys, ...Object.keys(refusedInTask)]);
/** Keys that are tables of keywords, and modules all the same. */
const modulesToo = ['action', 'local_action', 'include', 'include_vars', 'async_status'];

const isModule = (key: string): boolean =>
  !key.startsWith('with_') && (!keywords.has(key) || modulesToo.includes(key)) && key !== 'loop';

/** Undefined where an item is no task with a module. */
export function oldTask(file: OldFile, item: Item): OldTask | undefined {
  const { tree } = item;
  if (tree.kind !== 'map') return undefined;
  const candidates = tree.entries.filter(({ key }) => isModule(ansibleName(key).name));
  const entry =
    candidates.find(({ key }) => key.includes('.') || !unusual.has(key)) ?? candidates[0];
  if (entry === undefined) return undefined;
  const keys = mappingOf({ ...tree, entries: tree.entries.filter((one) => one !== entry) });
  const written = entry.key.slice(entry.key.lastIndexOf('.') + 1);
  const isAction = written === 'action' || written === 'local_action';
  const { module, args, text } = isAction
    ? actionOf(entry.value)
    : { module: written, ...argumentsIn(entry.value) };
  const name = entryOf(tree, 'name')?.value;
  return {
    file,
    item,
    tree,
    entry,
    module,
    args: { ...(isMapping(keys.args) ? keys.args : {}), ...args },
    text,
    keys: written === 'local_action' ? { ...keys, delegate_to: 'localhost' } : keys,
    label: name?.kind === 'scalar' && name.text !== '' ? name.text : entry.key,
  };
}

/** Keys that Ansible has on tasks and kmend nowhere. */
const unusual: ReadonlySet<string> = new Set(['debugger', 'module_defaults']);

/** `local_action: wait_for host=x port=22`, or a mapping with `module`. */
function actionOf(value: Tree): Pick<OldTask, 'module' | 'args' | 'text'> {
  if (value.kind === 'map') {
    const { module, ...args } = mappingOf(value);
    return { module: String(module).replace(/^.*\./, ''), args, text: textOf(args) };
  }
  const written = value.kind === 'scalar' ? value.text.trim() : '';
  const [module = ''] = written.split(' ', 1);
  const text = written.slice(module.length).trim();
  const split = splitFreeForm(text);
  return {
    module: module.replace(/^.*\./, ''),
    args: Object.fromEntries(split?.options ?? []),
    text,
  };
}

function argumentsIn(value: Tree): Pick<OldTask, 'args' | 'text'> {
  if (value.kind === 'map') {
    const args = mappingOf(value);
    return { args, text: textOf(args) };
  }
  if (value.kind === 'list') return { args: {}, text: JSON.stringify(plainOf(value)) };
  const split = splitFreeForm(value.text);
  const isWhole = split !== undefined && split.rest === '' && split.options.size > 0;
  return { args: isWhole ? Object.fromEntries(split.options) : {}, text: value.text };
}

function textOf(args: Mapping): string {
  const { cmd, argv } = args;
  if (typeof cmd === 'string') return cmd;
  if (Array.isArray(argv)) return argv.map(String).join(' ');
  return JSON.stringify(args);
}

/** All that is known before one task is written anew. */
export interface Around {
  readonly tasks: readonly OldTask[];
  /** Variables with one text in all files. */
  readonly vars: ReadonlyMap<string, string>;
  /** Path of the playbook itself. */
  readonly playbook: string;
  /** The loader refused what a rule made of it: it stays as it is, or is a question. */
  readonly stays: (task: OldTask) => boolean;
}

/** `{{ name }}` as the text that it always has. */
export const resolved = (text: string, { vars }: Pick<Around, 'vars'>): string =>
  text.replaceAll(/\{\{ *(\w+) *\}\}/g, (all, name: string) => vars.get(name) ?? all);

/** Variables that have one text, and no template in it. */
export function fixedVars(files: readonly OldFile[]): ReadonlyMap<string, string> {
  const texts = new Map<string, ReadonlySet<string>>();
  for (const { key, value } of files.flatMap(({ vars }) => vars)) {
    const text = value.kind === 'scalar' && !value.text.includes('{{') ? value.text : '{{';
    texts.set(key, new Set([...(texts.get(key) ?? []), text]));
  }
  return new Map(
    [...texts].flatMap(([name, all]): [string, string][] => {
      const [only = '{{'] = all;
      return all.size === 1 && only !== '{{' ? [[name, only]] : [];
    }),
  );
}

/** How a registered result may be read when another module gives it. */
const readsStatus =
  /\b(\w+)(?:\.(?:changed|failed|skipped)\b|(?:\[['"](?:changed|failed)['"]\])| is (?:not )?(?:changed|failed|succeeded|success|skipped|defined)\b)/g;

/** Keys whose texts are expressions without braces. */
const conditions = /^(?:when|until|failed_when|changed_when|that|var|with_\w+)$/;

/** All texts of a value that hold an expression. */
function expressionsIn(value: Value, isCondition = false): readonly string[] {
  if (typeof value === 'string') return isCondition || hasTemplate(value) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((one) => expressionsIn(one, isCondition));
  return isMapping(value)
    ? Object.entries(value).flatMap(([key, one]) =>
        expressionsIn(one, isCondition || conditions.test(key)),
      )
    : [];
}

/** Whether a task uses what another one registers; `others`: more than whether that changed. */
export function uses(task: OldTask, name: string, others = false): boolean {
  const { keys, args, text, module } = task;
  const texts = expressionsIn([keys, args, text]);
  const short = module === 'debug' || module === 'assert' ? [text] : [];
  return [...texts, ...short].some((one) =>
    (others ? one.replaceAll(readsStatus, '') : one).split(/\W+/).includes(name),
  );
}

/** Whether anything but notes to the operator reads more of its result than whether it changed. */
export function isReadElsewhere(task: OldTask, { tasks }: Around): boolean {
  const { register } = task.keys;
  return (
    typeof register === 'string' &&
    tasks.some((one) => one !== task && one.module !== 'debug' && uses(one, register, true))
  );
}
