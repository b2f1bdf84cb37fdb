// `run_once`: which tasks one host does for all, before the first task that each host does, or behind
// the last. Between them hosts have no common point.
import type { Diagnostic, Place } from '../../model/diagnostic.ts';
import {
  type BlockTask,
  branchesOf,
  type ModuleTask,
  moduleTasksOf,
  type OncePart,
  type Task,
} from '../../model/playbook.ts';
import { flag } from '../../model/shape/schema.ts';
import type { DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import { field } from '../text/fields.ts';
import { entryOf, type MapTree } from '../text/tree.ts';

/** By the id of a task or block: where it says `run_once`; undefined where it says `false`. */
export type OnceMarks = Map<string, Place | undefined>;

export interface OnceContext {
  readonly collector: DiagnosticsCollector;
  /** Each host is a batch of its own (`serial: 1`): Ansible runs such a task on each host too. */
  readonly oneByOne?: boolean;
  readonly once: OnceMarks;
  /** Its tasks are handlers. */
  readonly isHandler?: boolean;
}

/** Reads the key of a task, a block, or of what gives its keys to tasks. */
export function readRunOnce(
  { collector, oneByOne, once, isHandler }: OnceContext,
  tree: MapTree,
  id: string,
): void {
  const own = field(collector, tree, 'run_once', flag);
  if (own === undefined || oneByOne === true) return;
  const at = entryOf(tree, 'run_once')?.keyAt ?? tree.at;
  if (own && isHandler === true)
    collector.error(at, 'unsupported-keyword', ofHandler.summary, { hint: ofHandler.hint });
  else once.set(id, own ? collector.source.placeAt(at) : undefined);
}

/** A module task in the order of the play. */
interface Row {
  readonly task: ModuleTask;
  /** Where `run_once` is written, on it or around it; absent = each host does it. */
  readonly mark?: Place;
  /** The parts of blocks around it, from the outside in. */
  readonly around: readonly BlockTask[];
}

function rowsOf(
  tasks: readonly Task[],
  marks: OnceMarks,
  around: readonly BlockTask[] = [],
  outer?: Place,
): readonly Row[] {
  return tasks.flatMap((task): readonly Row[] => {
    const mark = marks.has(task.id) ? marks.get(task.id) : outer;
    if (task.kind === 'block') return rowsOf(branchesOf(task), marks, [...around, task], mark);
    return [{ task, around, ...(mark === undefined ? {} : { mark }) }];
  });
}

/** Says of each task with `run_once` when it is done, and reports those that kmend cannot do. */
export function withOnce(
  tasks: readonly Task[],
  marks: OnceMarks,
  { diagnostics }: Pick<DiagnosticsCollector, 'diagnostics'>,
): readonly Task[] {
  if (marks.size === 0) return tasks;
  const rows = rowsOf(tasks, marks);
  // A question of a draft is no task of a host.
  const isEach = ({ mark, task }: Row): boolean => mark === undefined && task.module !== 'decide';
  const first = rows.findIndex(isEach);
  const last = rows.findLastIndex(isEach);
  const parts = new Map<string, OncePart>();
  const reported = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const { mark, task } = row;
    if (mark === undefined) continue;
    const part = first < 0 || index < first ? 'before' : index > last ? 'after' : undefined;
    const wrong =
      task.notify !== undefined
        ? notifies
        : part === undefined
          ? between(rows.slice(0, index).findLast(isEach), rows.slice(index).find(isEach))
          : whyNot(row, rows);
    const key = JSON.stringify(mark);
    if (wrong !== undefined && !reported.has(key))
      diagnostics.push({ code: 'unsupported-keyword', severity: 'error', place: mark, ...wrong });
    if (wrong !== undefined) reported.add(key);
    if (part !== undefined) parts.set(task.id, part);
  }
  return tasks.map((task) => marked(task, parts));
}

type Wrong = Pick<Diagnostic, 'summary' | 'hint'>;

const ofHandler = {
  summary: 'a handler runs on each host that notifies it, and not with `run_once`',
  hint: 'make it a task behind all others, with a `when`',
};

const notifies = {
  summary: 'a task with `run_once` notifies no handler',
  hint: 'the handler would run on one host only: register the result, and use a `when` on it',
};

const placeText = ({ task: { name, place } }: Row): string =>
  `"${name}" (${place.file}:${place.line})`;

const between = (before: Row | undefined, behind: Row | undefined): Wrong => ({
  summary:
    'kmend has `run_once` before or behind all tasks that each host does, and not between them',
  hint: `${before === undefined ? '' : placeText(before)} comes before it, and ${behind === undefined ? '' : placeText(behind)} behind it: move it, or make it a play of its own; with \`serial: 1\` each host does it`,
});

function whyNot({ task, around }: Row, rows: readonly Row[]): Wrong | undefined {
  if (around.some(({ flush }) => flush === true)) return ofHandler;
  const others = new Set(rows.filter((row) => row.mark === undefined).map((row) => row.task.id));
  const split = around.find(
    (block) =>
      (block.rescue !== undefined || block.always !== undefined) &&
      moduleTasksOf([block]).some(({ id }) => others.has(id)),
  );
  if (split !== undefined)
    return {
      summary: `\`run_once\` is of a part of the block "${split.name}", which has \`rescue\` or \`always\``,
      hint: 'set it on the whole block, or move the task out of it',
    };
  return hiddenResult(task, rows);
}

/** The journal does not keep what `no_log` hides, and other hosts know it from there only. */
function hiddenResult(
  { id, register, noLog }: ModuleTask,
  rows: readonly Row[],
): Wrong | undefined {
  if (noLog !== true || register === undefined) return undefined;
  const reader = rows.find(({ mark, task, around }) => {
    const { argPlaces: _places, place: _place, ...read } = task;
    const texts = [read, ...around.map(({ when, vars }) => ({ when, vars }))];
    return mark === undefined && task.id !== id && JSON.stringify(texts).includes(register);
  });
  return (
    reader && {
      summary: `\`${register}\` is hidden by \`no_log\`, and other hosts would read it`,
      hint: `${placeText(reader)} reads it, but the journal does not keep it: let each host get it, or leave \`no_log\` out`,
    }
  );
}

/** A block is done once where all of its tasks are. */
function marked(task: Task, parts: ReadonlyMap<string, OncePart>): Task {
  if (task.kind === 'task') {
    const once = parts.get(task.id);
    return once === undefined ? task : { ...task, once };
  }
  const inside = (tasks: readonly Task[]): readonly Task[] =>
    tasks.map((inner) => marked(inner, parts));
  const { rescue, always } = task;
  const [once, ...others] = new Set(moduleTasksOf([task]).map(({ id }) => parts.get(id)));
  return {
    ...task,
    tasks: inside(task.tasks),
    ...(rescue && { rescue: inside(rescue) }),
    ...(always && { always: inside(always) }),
    ...(once === undefined || others.length > 0 ? {} : { once }),
  };
}
