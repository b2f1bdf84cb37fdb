// The arguments of a task: rendered with what is known of a host, and checked by its module.
import { hasTemplate, type Scope } from '../../../expression/index.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import type { AnyModule } from '../../../model/run/change.ts';
import {
  isList,
  isMapping,
  isSealed,
  isUnknown,
  sameValue,
  type Value,
} from '../../../model/value.ts';
import { guarded, judge, render } from './condition.ts';
import { type Checked, type Reading, type Rendered, scopeOf } from './frame.ts';
import type { TaskVars } from './scope.ts';
import { contentOf } from './source.ts';
import { parseRendered } from './texts.ts';

/** Those of a task that a host does itself. */
export const argumentsOf = (
  task: ModuleTask,
  module: AnyModule,
  where: Reading,
  vars: TaskVars,
): Checked =>
  plainArgs.get(task) ?? checkedArgs(task, module, renderArgs(task, module, where, vars));

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

export function renderPlain(value: Value, task: ModuleTask, scope: Scope): Rendered {
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

/** Lets the module check rendered arguments. */
export function checkedArgs(task: ModuleTask, module: AnyModule, rendered: Rendered): Checked {
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
export function withSource(
  task: ModuleTask,
  module: AnyModule,
  args: unknown,
  scope: Scope,
): Checked {
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
