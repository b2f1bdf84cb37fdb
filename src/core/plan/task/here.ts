// A task that the machine that runs kmend does for a host.
import type { Result, Scope } from '../../../expression/index.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import { present } from '../../../model/present.ts';
import type { AnyModule } from '../../../model/run/change.ts';
import { splitWords } from '../../../model/text/split-words.ts';
import { isList, isMapping, type Mapping, type Value } from '../../../model/value.ts';
import { checkedArgs, renderPlain, withSource } from './arguments.ts';
import { askModule } from './ask.ts';
import { render, renderedPieces } from './condition.ts';
import {
  drainsNode,
  type LocalCommand,
  localFilePlan,
  localPlan,
  notAs,
  pathHere,
  pathKeysHere,
} from './delegate.ts';
import { environmentOf } from './environment.ts';
import {
  checkFileArgs,
  guardArgs,
  isOfCommand,
  type ReadPieces,
  type Style,
  scriptWith,
  titleWith,
  watched,
} from './foreign.ts';
import { type Evaluation, type Frame, learnedFact, scopeOf, withLearned } from './frame.ts';
import type { TaskVars } from './scope.ts';

/** Otherwise a host that calls itself localhost would choose the machine that runs kmend. */
export function delegatedTo(source: string, read: ReadPieces): Result {
  const pieces = read(source);
  if ('kind' in pieces) return pieces;
  return pieces.some(({ isForeign }) => isForeign)
    ? { kind: 'error', message: 'a value from a host must not choose the machine' }
    : { kind: 'value', value: pieces.map(({ text }) => text).join('') };
}

/** Evaluates a task that the machine that runs kmend does for the host. */
export function evaluateHere(
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
export function piecesReader(
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
