// One task on one host: its `when`, its arguments and the plan of its module. A plan uses it, and
// so does every walk on current facts.
import { hasTemplate, type Result, type Scope } from '../../expression/index.ts';
import type { Place } from '../../model/diagnostic.ts';
import {
  type FactName,
  type Facts,
  type FactView,
  type FactWant,
  type JudgeFact,
  UnknownFact,
  viewOf,
  wantKey,
} from '../../model/fact.ts';
import type { ModuleTask } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule, ModulePlan, PlanContext } from '../../model/run/change.ts';
import type { Risk } from '../../model/run/risk.ts';
import { splitWords } from '../../model/text/split-words.ts';
import {
  isList,
  isMapping,
  isSealed,
  isUnknown,
  type Mapping,
  sameValue,
  type Value,
} from '../../model/value.ts';
import { guarded, judge, render, renderedPieces } from './condition.ts';
import { shownFacts, type TaskLayer, type TaskVars, type Variables } from './scope.ts';
import {
  drainsNode,
  type LocalCommand,
  localFilePlan,
  localPlan,
  notAs,
  pathHere,
  pathKeysHere,
  whereOf,
} from './task/delegate.ts';
import { environmentOf, withProxies } from './task/environment.ts';
import {
  checkFileArgs,
  guardArgs,
  isOfCommand,
  type ReadPieces,
  type Style,
  scriptWith,
  titleWith,
  watched,
} from './task/foreign.ts';
import { contentOf } from './task/source.ts';
import { parseRendered } from './task/texts.ts';
import { asRootOnly, type SessionUser, userOf } from './task/user.ts';

/** Notes what is read of a host while it is planned, so that another one can share its plan. */
export interface Recording {
  /** Facts of which no read is noted. */
  readonly original: (facts: Facts) => Facts;
  /** Reads facts of which only what follows from them counts. */
  readonly judging: (facts: Facts) => JudgeFact;
  /** Makes a text that counts only where a condition does not hold. */
  readonly aside: (where: Reading, make: (where: Reading) => Rendered) => Rendered;
  /** Says of the texts since the last call whether they count. */
  readonly settle: (counts: boolean) => void;
}

interface Reading {
  readonly frame: Frame;
  readonly onRead: (name: string) => void;
}

/** What the walk of a host knows when it comes to a task. */
export interface Frame {
  readonly host: string;
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
  readonly recording?: Recording;
  /** The working directory of kmend, where paths must not begin there. */
  readonly absoluteFrom?: string;
  /** The machine that runs kmend, for tasks that are delegated to it. */
  readonly local?: LocalFrame;
  /**
   * In a plan: the first task that changes this host, or may change it. What is read behind it is
   * known only in the run.
   */
  readonly altered?: string;
}

export interface LocalFrame {
  /** What was read there. */
  readonly facts: Facts;
  /** The user of kmend. */
  readonly user: string;
  /** The working directory of kmend. */
  readonly cwd: string;
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

const learnedFact = /^ansible_facts\./;

/** The last facts that were joined with these variables. */
const joined = new WeakMap<Mapping, { readonly facts: Facts; readonly all: Facts }>();

/** Facts with those among the variables that a walk has learned (`package_facts`). */
function withLearned(facts: Facts, learned: Mapping): Facts {
  const known = joined.get(learned);
  if (known?.facts === facts) return known.all;
  const own = Object.keys(learned).filter((name) => learnedFact.test(name));
  const all =
    own.length === 0
      ? facts
      : { ...facts, ...Object.fromEntries(own.map((name) => [name, learned[name] ?? null])) };
  joined.set(learned, { facts, all });
  return all;
}

/** The nested facts are made once per set of facts, not once per task. */
const nested = new WeakMap<Facts, Mapping>();
function factNames({ facts, learned, recording }: Frame, onRead: (name: string) => void): Mapping {
  const all = withLearned(facts, learned);
  let tree = nested.get(all);
  if (tree === undefined) {
    tree = shownFacts(recording?.original(all) ?? all);
    nested.set(all, tree);
  }
  return trackReads(tree, '', all, onRead);
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
      return factIn(facts, name);
    },
  });

const factIn = (facts: Mapping, name: string): Value => facts[name] ?? null;

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
    ...present({ playDefaults: frame.playDefaults, absoluteFrom: frame.absoluteFrom }),
    facts: factNames(frame, onRead),
  });
}

/** The variables of a round of a loop: its items are rendered already, and may be of a host. */
export const roundLayer = (item: Mapping): TaskLayer => ({ vars: item, isData: true });

/** The items of a task's loop, or one round without an item. */
export function loopItems(
  task: ModuleTask,
  scope: Scope,
): { readonly items: readonly Mapping[] } | Extract<Evaluation, { kind: 'later' | 'wrong' }> {
  if (task.loop === undefined) return { items: [{}] };
  const result = render(task.loop, scope);
  // Its `when` alone decides, as it does in Ansible for a loop that cannot be rendered.
  if (task.missing !== undefined && result.kind !== 'value') return { items: [{}] };
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
  if (task.missing !== undefined) return refusing(task, task.missing, scope);
  const when = judge(task.when, scope);
  if (when.kind === 'false') return { kind: 'skip', why: `not: ${when.source}` };
  if (when.kind === 'unknown') return { kind: 'later', why: when.why };
  if (when.kind === 'wrong') return when;

  const where =
    task.delegate === undefined
      ? ({ kind: 'host' } as const)
      : whereOf(
          delegatedTo(task.delegate.to, piecesReader(task, frame, vars, onRead)),
          task,
          module,
          frame.host,
        );
  if (where.kind === 'local') return evaluateHere(task, module, frame, vars, onRead);
  if (where.kind !== 'host') return where;
  const checked =
    plainArgs.get(task) ??
    checkedArgs(task, module, renderArgs(task, module, { frame, onRead }, vars));
  if (checked.kind !== 'args') return checked;
  const filled = withSource(task, module, checked.args, scope);
  if (filled.kind !== 'args') return filled;
  const user = userOf(task, frame.user);
  const own =
    user === undefined ? filled.args : (module.asUser?.(filled.args, user) ?? filled.args);
  const given = environmentOf(task, (layer) => render(layer, scope));
  if (given.kind === 'later') return given;
  if (given.kind === 'wrong') return { ...given, place: task.place };
  const { environment } = given;
  const args = module.inEnvironment?.(own, environment) ?? own;
  const asked = askModule(task, module, args, frame, { onRead });
  if (asked.kind !== 'plan') return asked;
  const plan = withProxies(asRootOnly(asked.plan, module, user), module, environment);
  return { ...asked, plan };
}

/** A task that kmend could not do: one condition that does not hold is enough to leave it out. */
function refusing({ when }: ModuleTask, missing: string, scope: Scope): Evaluation {
  let held = 'holds';
  for (const condition of when) {
    const judged = judge([condition], scope);
    if (judged.kind === 'false') return { kind: 'skip', why: `not: ${judged.source}` };
    if (judged.kind === 'wrong') return judged;
    if (judged.kind === 'unknown') held = `is not known yet (${judged.why})`;
  }
  const why = `kmend has no module \`${missing}\`, and its \`when\` ${held}`;
  const hint = 'leave the host out, or write a task of kmend in its place';
  return { kind: 'plan', plan: { changes: [], refuse: { why, hint } }, convergent: true };
}

/** Otherwise a host that calls itself localhost would choose the machine that runs kmend. */
function delegatedTo(source: string, read: ReadPieces): Result {
  const pieces = read(source);
  if ('kind' in pieces) return pieces;
  return pieces.some(({ isForeign }) => isForeign)
    ? { kind: 'error', message: 'a value from a host must not choose the machine' }
    : { kind: 'value', value: pieces.map(({ text }) => text).join('') };
}

/** Evaluates a task that the machine that runs kmend does for the host. */
function evaluateHere(
  task: ModuleTask,
  module: AnyModule,
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void,
): Evaluation {
  const { local } = frame;
  if (local === undefined) return { kind: 'later', why: 'it runs on the machine that runs kmend' };
  const wrong = (message: string): Evaluation => ({ kind: 'wrong', message, place: task.place });
  const refused = notAs(task, local.user);
  if (refused !== undefined) return wrong(refused);
  if (module.delegable === 'files') return evaluateFile(task, module, frame, vars, onRead);
  const guarded = guardedArgs(task, module, frame, vars, onRead);
  if (guarded.kind === 'wrong') return wrong(guarded.message);
  if (guarded.kind === 'later') return guarded;
  const scope = scopeOf(frame, vars, onRead);
  const others = renderPlain(guarded.others, task, scope);
  if (others.kind !== 'args') return others;
  const rendered = isMapping(others.args) ? { ...others.args, ...guarded.args } : others.args;
  const checked = checkedArgs(task, module, { kind: 'args', args: rendered });
  if (checked.kind !== 'args') return checked;
  const read = piecesReader(task, frame, vars, onRead);
  const given = environmentOf(task, (layer) =>
    isForeign(layer, read)
      ? { kind: 'error', message: 'no value from a host may reach that of this machine' }
      : render(layer, scope),
  );
  if (given.kind === 'later') return given;
  if (given.kind === 'wrong') return wrong(given.message);
  const args = module.inEnvironment?.(checked.args, given.environment) ?? checked.args;
  const title = titleWith(guarded.values);
  const script = scriptWith(styleOf(module), guarded.values);
  const here = { ...frame, facts: local.facts };
  const asked = askModule(task, module, args, here, { script });
  if (asked.kind !== 'plan') return asked;
  const { cmd = '', argv } = guarded.args;
  const words = isList(argv) ? argv.map(String) : wordsOf(String(cmd), styleOf(module));
  const { host } = frame;
  const { node } = frame.context;
  const drains = drainsNode(words.map(title), [host, host.split('.')[0], node]);
  const directory = directoryOf(scope, local.cwd);
  const command: LocalCommand = { directory, title, script, ...present({ drains }) };
  return { ...asked, plan: localPlan(asked.plan, command) };
}

/** Evaluates a task that changes a file of the machine that runs kmend. */
function evaluateFile(
  task: ModuleTask,
  module: AnyModule,
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void,
): Evaluation {
  const { local = { facts: {}, user: '', cwd: '/' }, context } = frame;
  const directory = directoryOf(scopeOf(frame, vars, onRead), local.cwd);
  // A path may begin with `playbook_dir`: a relative one leads elsewhere from there.
  const placed = { ...frame, absoluteFrom: local.cwd };
  const refused = checkFileArgs(task.args, piecesReader(task, placed, vars, onRead));
  if (refused?.kind === 'wrong') return { ...refused, place: task.place };
  const later = (why: string): Evaluation => ({ kind: 'later', why, risk: 'write' });
  if (refused !== undefined) return later(refused.why);
  const scope = scopeOf(placed, vars, onRead);
  const rendered = renderPlain(task.args, task, scope);
  if (rendered.kind === 'later') return later(rendered.why);
  if (rendered.kind !== 'args') return rendered;
  const args = withPathsHere(rendered.args, directory);
  if (args === undefined)
    return { kind: 'wrong', message: 'kmend expands no `~` in a path', place: task.place };
  const checked = checkedArgs(task, module, { kind: 'args', args });
  if (checked.kind !== 'args') return checked;
  const filled = withSource(task, module, checked.args, scope);
  if (filled.kind === 'later') return later(filled.why);
  if (filled.kind !== 'args') return filled;
  const here = { ...frame, facts: local.facts, context: { ...context, here: local.user } };
  const asked = askModule(task, module, filled.args, here, { script: (text) => text });
  if (asked.kind === 'later') return later(asked.why);
  if (asked.kind !== 'plan') return asked;
  return { ...asked, plan: localFilePlan(asked.plan, directory) };
}

/** Arguments with the paths that they name on this machine; undefined where one begins with `~`. */
function withPathsHere(args: Value, directory: string): Value | undefined {
  if (!isMapping(args)) return args;
  const paths = pathKeysHere.filter((key) => args[key] !== '' && typeof args[key] === 'string');
  if (paths.some((key) => String(args[key]).startsWith('~'))) return undefined;
  const placed = paths.map((key) => [key, pathHere(String(args[key]), directory)]);
  return { ...args, ...Object.fromEntries(placed) };
}

/** A text in it takes a value that came from a host. */
function isForeign(layer: Value, read: ReadPieces): boolean {
  if (typeof layer !== 'string')
    return (isMapping(layer) ? Object.values(layer) : isList(layer) ? layer : []).some((one) =>
      isForeign(one, read),
    );
  const pieces = read(layer);
  return !('kind' in pieces) && pieces.some((piece) => piece.isForeign);
}

const styleOf = ({ delegable }: AnyModule): Style => (delegable === 'script' ? 'script' : 'words');

const wordsOf = (cmd: string, style: Style): readonly string[] =>
  style === 'words' ? (splitWords(cmd) ?? []) : cmd.split(/[\s;&|()"']+/);

/** Where the playbook is; a play that was not read from a file has no such place. */
function directoryOf(scope: Scope, cwd: string): string {
  const directory = scope.lookup('playbook_dir');
  if (typeof directory !== 'string') return cwd;
  return directory.startsWith('/') ? directory : `${cwd}/${directory}`;
}

/** What of the arguments becomes a command, and the others as they are written. */
function guardedArgs(
  task: ModuleTask,
  module: AnyModule,
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void,
) {
  if (module.delegable === 'reads')
    return { kind: 'guarded', args: {} as Mapping, values: [], others: task.args } as const;
  const guarded = guardArgs(task.args, styleOf(module), piecesReader(task, frame, vars, onRead));
  if (guarded.kind !== 'guarded') return guarded;
  const others = isMapping(task.args)
    ? Object.fromEntries(Object.entries(task.args).filter(([key]) => !isOfCommand(key)))
    : {};
  return { ...guarded, others };
}

/** Reads texts part by part, and notes where a value comes from a host. */
function piecesReader(
  { loop }: ModuleTask,
  frame: Frame,
  vars: TaskVars,
  onRead: (name: string) => void,
): ReadPieces {
  const facts = withLearned(frame.facts, frame.learned);
  const learned = Object.fromEntries(
    Object.entries(frame.learned).filter(([name]) => !learnedFact.test(name)),
  );
  const scopeFor = (layers: TaskVars, onForeign: () => void): Scope =>
    scopeOf({ ...frame, facts, learned: watched(learned, onForeign) }, layers, (name) => {
      onForeign();
      onRead(name);
    });
  const [items, ...around] = vars;
  let loops = false;
  const noteLoop = (): void => {
    loops = true;
  };
  if (loop !== undefined) render(loop, scopeFor(around, noteLoop));
  // The items of a loop over values of hosts are such values too.
  const varsFor = (note: () => void): TaskVars =>
    loops && items !== undefined
      ? [{ ...items, vars: watched(items.vars, note) }, ...around]
      : vars;
  return (source) => {
    const begun: { source: string; isForeign: boolean }[] = [];
    const pieces = renderedPieces(source, (expression) => {
      const one = { source: expression, isForeign: false };
      begun.push(one);
      const note = (): void => {
        one.isForeign = true;
      };
      return scopeFor(varsFor(note), note);
    });
    if ('kind' in pieces) return { ...pieces, at: begun.at(-1) ?? { isForeign: false } };
    return pieces.map((piece) => ({
      ...piece,
      isForeign: piece.source !== undefined && begun.shift()?.isForeign === true,
    }));
  };
}

/** Lets the module check rendered arguments. */
function checkedArgs(task: ModuleTask, module: AnyModule, rendered: Rendered): Checked {
  if (rendered.kind !== 'args') return rendered;
  const last = lastArgs.get(task);
  if (last !== undefined && sameValue(last.args, rendered.args)) return last.checked;
  const parsed = parseRendered(module.args, rendered.args);
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
  const isSame = module.conditions === undefined && task.delegate === undefined;
  if (isSame && isPlain(task.args)) plainArgs.set(task, checked);
  else lastArgs.set(task, { args: rendered.args, checked });
  return checked;
}

/** The arguments that were checked last: most hosts render the same ones. */
const lastArgs = new WeakMap<ModuleTask, { readonly args: Value; readonly checked: Checked }>();

/** The arguments with the content of a file of this machine, where they name one. */
function withSource(task: ModuleTask, module: AnyModule, args: unknown, scope: Scope): Checked {
  const src = module.source?.of(args);
  if (module.source === undefined || src === undefined) return { kind: 'args', args };
  const given = contentOf(task, src, scope, guarded);
  if (given.kind === 'later') return given;
  if (given.kind === 'wrong') return { ...given, place: task.argPlaces.src ?? task.place };
  return { kind: 'args', args: module.source.give(args, given.content) };
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

function renderArgs(task: ModuleTask, module: AnyModule, where: Reading, vars: TaskVars): Rendered {
  const scopeIn = ({ frame, onRead }: Reading): Scope => scopeOf(frame, vars, onRead);
  const scope = scopeIn(where);
  const { recording } = where.frame;
  const { conditions: held = [], ifUnmet = [] } = module;
  if (held.length === 0 || !isMapping(task.args)) return renderPlain(task.args, task, scope);
  const args: Record<string, Value> = {};
  for (const [key, value] of Object.entries(task.args)) {
    const rendered = held.includes(key)
      ? judgeEach(value, key, task, scope)
      : recording !== undefined && ifUnmet.includes(key)
        ? recording.aside(where, (there) => renderPlain(value, task, scopeIn(there)))
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

/** Its facts by the names that a module knows: scripts in them have marks in place of values. */
const localView = (facts: Facts, script: (text: string) => string): FactView => {
  const view = viewOf(facts);
  const get = (name: FactName) => view.get(script(name) as FactName);
  return { get } as FactView;
};

const localWant = ({ area, args }: FactWant, script: (text: string) => string): FactWant => ({
  area,
  ...(args && {
    args: typeof args.script === 'string' ? { ...args, script: script(args.script) } : args,
  }),
  local: true,
});

/** `script`: the facts are those of the machine that runs kmend, and this completes its scripts. */
interface Asking {
  readonly onRead?: (name: string) => void;
  readonly script?: (text: string) => string;
}

function askModule(
  task: ModuleTask,
  module: AnyModule,
  args: unknown,
  frame: Frame,
  { onRead, script }: Asking,
): Evaluation {
  const view =
    script === undefined
      ? viewOf(frame.facts, onRead, frame.recording?.judging(frame.facts))
      : localView(frame.facts, script);
  const convergent =
    typeof module.convergent === 'function' ? module.convergent(args) : (module.convergent ?? true);
  const reads = typeof module.reads === 'function' ? module.reads(args) : module.reads === true;
  if (reads && frame.altered !== undefined)
    return { kind: 'later', why: `known only after the task "${frame.altered}"`, risk: 'none' };
  try {
    const missing = module
      .facts(args, view, frame.context.files)
      .map((want) => (script === undefined ? want : localWant(want, script)))
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
