// One task on one host: its `when`, its arguments and the plan of its module. A plan uses it, and
// so does every walk on current facts.
import { hasTemplate, type Scope } from '../../expression/index.ts';
import type { Place } from '../../model/diagnostic.ts';
import {
  type Facts,
  type FactView,
  type FactWant,
  UnknownFact,
  viewOf,
  wantKey,
} from '../../model/fact.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule, ModulePlan, PlanContext } from '../../model/run/change.ts';
import type { Risk } from '../../model/run/risk.ts';
import {
  isList,
  isMapping,
  isSealed,
  isUnknown,
  type Mapping,
  type Value,
} from '../../model/value.ts';
import { judge, render } from './condition.ts';
import { shownFacts, type TaskVars, type Variables } from './scope.ts';
import { asRootOnly, type SessionUser, userOf } from './task/user.ts';

/** What the walk of a host knows when it comes to a task. */
export interface Frame {
  readonly facts: Facts;
  /** `wantKey` of every answered want. */
  readonly asked: ReadonlySet<string>;
  /** `-e`: they always win. */
  readonly extraVars: Mapping;
  /** `register` and `set_fact`, the latest first. */
  readonly learned: Mapping;
  readonly playVars: Mapping;
  readonly playDefaults?: Mapping;
  /** Inventory variables of the host, with the magic ones. */
  readonly variables: Variables;
  readonly context: PlanContext;
  readonly user: SessionUser;
  /**
   * Which read-only commands of the play may run: in a walk all, in a plan those that the play
   * marks.
   */
  readonly readOnlyCommands: 'all' | 'marked';
  /**
   * In a plan: the first task that changes this host, or may change it. What is read behind it is
   * known only in the run.
   */
  readonly altered?: string;
}

export type Evaluation =
  | { readonly kind: 'skip'; readonly why: string }
  /** `risk`: if it is known although the rest is not. */
  | { readonly kind: 'later'; readonly why: string; readonly risk?: Risk }
  /** It needs facts that were not asked for yet. */
  | { readonly kind: 'needs'; readonly wants: readonly FactWant[] }
  /** An error of the playbook, found only with the values of this host. */
  | { readonly kind: 'wrong'; readonly message: string; readonly place: Place }
  | { readonly kind: 'plan'; readonly plan: ModulePlan; readonly convergent: boolean };

/** The nested facts are made once per set of facts, not once per task. */
const nested = new WeakMap<Facts, Mapping>();
function factNames(facts: Facts, onRead: (name: string) => void): Mapping {
  let tree = nested.get(facts);
  if (tree === undefined) {
    tree = shownFacts(facts);
    nested.set(facts, tree);
  }
  return trackReads(tree, '', facts, onRead);
}

/** A view that reports which facts are read through it: drift compares exactly those. */
const trackReads = (
  tree: Mapping,
  prefix: string,
  facts: Facts,
  onRead: (name: string) => void,
): Mapping =>
  new Proxy(tree, {
    get: (_, key) => {
      if (typeof key !== 'string' || !Object.hasOwn(tree, key)) return undefined;
      const [value, name] = [tree[key], `${prefix}${key}`];
      if (isMapping(value) && !Object.hasOwn(facts, name))
        return trackReads(value, `${name}.`, facts, onRead);
      onRead(name);
      return value;
    },
  });

export function scopeOf(
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void = () => {},
): Scope {
  return frame.variables({
    extraVars: frame.extraVars,
    registered: frame.learned,
    taskVars: vars,
    playVars: frame.playVars,
    ...present({ playDefaults: frame.playDefaults }),
    facts: factNames(frame.facts, onRead),
  });
}

/** The items of a task's loop, or one round without an item. */
export function loopItems(
  task: ModuleTask,
  scope: Scope,
): { readonly items: readonly Mapping[] } | Extract<Evaluation, { kind: 'later' | 'wrong' }> {
  if (task.loop === undefined) return { items: [{}] };
  const result = render(task.loop, scope);
  if (result.kind === 'unknown') return { kind: 'later', why: result.why };
  if (result.kind === 'error')
    return {
      kind: 'wrong',
      message: `loop: ${result.message}`,
      place: task.argPlaces.loop ?? task.place,
    };
  if (!isList(result.value))
    return {
      kind: 'wrong',
      message: 'loop must give a list',
      place: task.argPlaces.loop ?? task.place,
    };
  const name = task.loopVar ?? 'item';
  const { indexVar } = task;
  return {
    items: result.value.map((item, index) =>
      indexVar === undefined ? { [name]: item } : { [name]: item, [indexVar]: index },
    ),
  };
}

/**
 * Evaluates `when`, renders and checks the arguments, and asks the module. `vars` are task and
 * block variables, the innermost first.
 */
export function evaluateTask(
  task: ModuleTask,
  module: AnyModule,
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void,
): Evaluation {
  const scope = scopeOf(frame, vars, onRead);
  const when = judge(task.when, scope);
  if (when.kind === 'false') return { kind: 'skip', why: `not: ${when.source}` };
  if (when.kind === 'unknown') return { kind: 'later', why: when.why };
  if (when.kind === 'wrong') return when;

  const checked = plainArgs.get(task) ?? checkedArgs(task, module, scope);
  if (checked.kind !== 'args') return checked;
  const user = userOf(task, frame.user);
  const args =
    user === undefined ? checked.args : (module.asUser?.(checked.args, user) ?? checked.args);
  const asked = askModule(task, module, args, frame, onRead);
  return asked.kind === 'plan' ? { ...asked, plan: asRootOnly(asked.plan, module, user) } : asked;
}

/** Renders the arguments, and lets the module check them. */
function checkedArgs(task: ModuleTask, module: AnyModule, scope: Scope): Checked {
  const rendered = renderArgs(task, module, scope);
  if (rendered.kind !== 'args') return rendered;
  const parsed = module.args.safeParse(rendered.args);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []).map(String).join('.');
    const what = path === '' ? module.name : `${module.name}.${path}`;
    return {
      kind: 'wrong',
      message: `${what}: ${issue?.message ?? 'not as it should be'}`,
      place: task.argPlaces[path] ?? task.place,
    };
  }
  const checked = { kind: 'args', args: parsed.data } as const;
  if (module.conditions === undefined && isPlain(task.args)) plainArgs.set(task, checked);
  return checked;
}

/** Checked arguments without templates: they are the same on each host. */
const plainArgs = new WeakMap<ModuleTask, Checked>();

/** Rendering it gives the same value, whatever the scope. */
function isPlain(value: Value): boolean {
  if (typeof value === 'string') return !hasTemplate(value);
  if (isList(value)) return value.every(isPlain);
  return (
    !isMapping(value) ||
    (!isUnknown(value) && !isSealed(value) && Object.values(value).every(isPlain))
  );
}

type NotAsked = Exclude<Evaluation, { kind: 'plan' } | { kind: 'needs' }>;
type Rendered = { readonly kind: 'args'; readonly args: Value } | NotAsked;
type Checked = { readonly kind: 'args'; readonly args: unknown } | NotAsked;

function renderArgs(task: ModuleTask, module: AnyModule, scope: Scope): Rendered {
  const held = module.conditions ?? [];
  if (held.length === 0 || !isMapping(task.args)) return renderPlain(task.args, task, scope);
  const args: Record<string, Value> = {};
  for (const [key, value] of Object.entries(task.args)) {
    const rendered = held.includes(key)
      ? judgeEach(value, key, task, scope)
      : renderPlain(value, task, scope);
    if (rendered.kind !== 'args') return rendered;
    args[key] = rendered.args;
  }
  return { kind: 'args', args };
}

function renderPlain(value: Value, task: ModuleTask, scope: Scope): Rendered {
  const result = render(value, scope);
  if (result.kind === 'value') return { kind: 'args', args: result.value };
  if (result.kind === 'unknown') return { kind: 'later', why: result.why };
  return { kind: 'wrong', message: result.message, place: task.place };
}

/**
 * Turns arguments that are conditions into `{ condition, holds }`, so that the module can name the
 * one that does not hold.
 */
function judgeEach(value: Value, key: string, task: ModuleTask, scope: Scope): Rendered {
  const sources = isList(value) ? value : [value];
  const args: Value[] = [];
  for (const [index, source] of sources.entries()) {
    const place = task.argPlaces[`${key}.${index}`] ?? task.argPlaces[key] ?? task.place;
    const judged = judge([{ source: String(source), place }], scope);
    if (judged.kind === 'wrong') return judged;
    if (judged.kind === 'unknown') return { kind: 'later', why: judged.why };
    args.push({ condition: String(source), holds: judged.kind === 'true' });
  }
  return { kind: 'args', args };
}

/** Area of facts that are the output of a play's own read-only command. */
export const outputArea = 'output';

/** Area of facts that a module reads by a script of its own. */
export const readingArea = 'reading';

const unmarked: Evaluation = {
  kind: 'later',
  why: 'a read-only command: a plan runs it only with `check_mode: false` on the task, or --run-read-only',
  risk: 'none',
};

function askModule(
  task: ModuleTask,
  module: AnyModule,
  args: unknown,
  frame: Frame,
  onRead: (name: string) => void,
): Evaluation {
  const view: FactView = viewOf(frame.facts, onRead);
  const convergent =
    typeof module.convergent === 'function' ? module.convergent(args) : (module.convergent ?? true);
  const reads = typeof module.reads === 'function' ? module.reads(args) : module.reads === true;
  if (reads && frame.altered !== undefined)
    return { kind: 'later', why: `known only after the task "${frame.altered}"`, risk: 'none' };
  try {
    const missing = module
      .facts(args, view, frame.context.files)
      .filter((want) => !frame.asked.has(wantKey(want)));
    if (
      frame.readOnlyCommands === 'marked' &&
      task.inPlans !== true &&
      missing.some(({ area }) => area === outputArea)
    )
      return unmarked;
    if (missing.length > 0) return { kind: 'needs', wants: missing };
    return {
      kind: 'plan',
      plan: module.plan(args, view, { ...frame.context, sets: frame.learned }),
      convergent,
    };
  } catch (error) {
    if (error instanceof UnknownFact) return { kind: 'later', why: `${error.fact}: ${error.why}` };
    throw error;
  }
}
