// Handlers: tasks that run where Ansible flushes them, on a host on which a change notified them.
// Each such place gets a copy of the handlers that something before it may notify.
import type { BlockTask, ModuleTask, Notifier, Task } from '../../model/playbook.ts';
import type { DiagnosticsCollector } from '../text/diagnostics-collector.ts';
import { entryOf, type Tree } from '../text/tree.ts';
import { spliceOf } from './splices.ts';

/** The handlers of one list: of a role, or of the play. */
export type HandlerList = readonly Handler[];

interface Handler {
  /** What notifies it: its name, also with its role before it, and what it listens to. */
  readonly names: readonly string[];
  readonly listens: readonly string[];
  readonly task: Task;
}

/**
 * The handlers of a list, of which `tasks` were read.
 * @param role their names count with this name before them, too
 */
export function handlersOf(
  collector: DiagnosticsCollector,
  tree: Tree,
  tasks: readonly Task[],
  role?: string,
): HandlerList {
  for (const item of tree.kind === 'list' ? tree.items : []) {
    if (item.kind !== 'map') continue;
    const entry = entryOf(item, 'block') ?? spliceOf(item)?.entry;
    if (entry !== undefined && !/\bimport_/.test(entry.key))
      collector.error(entry.keyAt, 'bad-handler', `\`${entry.key}\` is no handler`, {
        hint: 'write its tasks as handlers, or use `import_tasks`',
      });
  }
  return tasks.flatMap(eachHandler).map((handler) => {
    const { name, listen = [] } = innermost(handler);
    const full = role === undefined ? [] : [`${role} : ${name}`];
    return { names: [name, ...full], listens: listen, task: handler };
  });
}

/** Each task of an imported file is a handler of its own, within what is around it. */
const eachHandler = (task: Task): readonly Task[] =>
  task.kind === 'task'
    ? [task]
    : task.tasks.flatMap(eachHandler).map((inner) => ({ ...task, tasks: [inner] }));

const innermost = (handler: Task): ModuleTask =>
  handler.kind === 'task' ? handler : innermost(handler.tasks[0] as Task);

/** A place where notified handlers run; it has none yet. */
export const flushAt = (id: string, { place }: Pick<Task, 'place'>): BlockTask => ({
  kind: 'block',
  id,
  name: 'flush_handlers',
  when: [],
  tags: [],
  vars: {},
  place,
  flush: true,
  tasks: [],
});

interface Notification {
  readonly task: string;
  readonly handlers: ReadonlySet<Handler>;
  /** Copies that run for it, each where its place is reached. */
  readonly copies: { readonly handler: Handler; readonly block: string }[];
}

/** Puts copies of the handlers at the places where they run. */
export const withHandlers = (
  tasks: readonly Task[],
  lists: readonly HandlerList[],
  collector: DiagnosticsCollector,
): readonly Task[] => new Flushes(lists, collector).inEach(tasks, true);

/** Holds what is notified while it walks the tasks in their order. */
class Flushes {
  readonly #lists: readonly HandlerList[];
  readonly #all: HandlerList;
  readonly #collector: DiagnosticsCollector;
  #open: readonly Notification[] = [];

  /** @param lists the play's is the last one */
  constructor(lists: readonly HandlerList[], collector: DiagnosticsCollector) {
    this.#lists = lists;
    this.#all = lists.flat();
    this.#collector = collector;
  }

  /** @param isSure every host that gets here goes through them */
  inEach(tasks: readonly Task[], isSure: boolean): readonly Task[] {
    return tasks.flatMap((task): readonly Task[] => {
      if (task.kind === 'task') {
        if (task.notify !== undefined) this.#notify(task, task.notify);
        return [task];
      }
      if (task.flush === true) return this.#flush(task, isSure);
      const sure = isSure && task.when.length === 0;
      const { rescue, always } = task;
      const tasks = this.inEach(task.tasks, sure && rescue === undefined);
      return [
        {
          ...task,
          tasks,
          ...(rescue && { rescue: this.inEach(rescue, false) }),
          ...(always && { always: this.inEach(always, sure) }),
        },
      ];
    });
  }

  #notify({ id, place }: Task, topics: readonly string[]): void {
    const found = topics.map((topic) => this.#called(topic));
    for (const [index, topic] of topics.entries())
      if (found[index]?.length === 0)
        this.#collector.diagnostics.push({
          code: 'unknown-handler',
          severity: 'error',
          place,
          summary: `no handler is called \`${topic}\` or listens to it`,
          hint:
            this.#all.length === 0
              ? 'this play has no `handlers`'
              : `there are ${this.#all.flatMap(({ names }) => names[0] ?? []).join(', ')}`,
        });
    this.#open = [...this.#open, { task: id, handlers: new Set(found.flat()), copies: [] }];
  }

  /** As in Ansible: of the same name the first one of a list, and the list that was read last. */
  #called(topic: string): readonly Handler[] {
    const byName = this.#lists
      .map((list) => list.find(({ names }) => names.includes(topic)))
      .findLast((one) => one !== undefined);
    const listening = this.#all.filter((one) => one !== byName && one.listens.includes(topic));
    return byName === undefined ? listening : [byName, ...listening];
  }

  /** Handlers in the order of their definition; earlier ones that they notify come behind them. */
  #flush(place: BlockTask, isSure: boolean): readonly Task[] {
    const blocks: BlockTask[] = [];
    const ran = new Set<Handler>();
    for (let count = -1; count < ran.size; ) {
      count = ran.size;
      for (const handler of this.#all) {
        const asking = this.#open.filter(({ handlers }) => handlers.has(handler));
        if (ran.has(handler) || asking.length === 0) continue;
        blocks.push(this.#copy(handler, asking, `${place.id}.${ran.size}`));
        ran.add(handler);
      }
    }
    if (isSure)
      this.#open = this.#open.filter(({ handlers, copies }) => copies.length < handlers.size);
    return blocks.length === 0 ? [] : [{ ...place, tasks: blocks }];
  }

  #copy(handler: Handler, asking: readonly Notification[], id: string): BlockTask {
    const { task } = handler;
    const notifiedBy = asking.map(({ task: by, copies }): Notifier => {
      const unless = copies.filter((one) => one.handler === handler).map(({ block }) => block);
      return unless.length === 0 ? { task: by } : { task: by, unless };
    });
    for (const { copies } of asking) copies.push({ handler, block: id });
    const tasks = this.inEach([moved(task, task.id, `${id}.0`)], false);
    const { flush: _flush, ...block } = flushAt(id, task);
    return { ...block, name: innermost(task).name, notifiedBy, tasks };
  }
}

/** With other ids, and wanted whatever tags are: only what notifies it is chosen by tags. */
const moved = (task: Task, from: string, to: string): Task => ({
  ...task,
  id: to + task.id.slice(from.length),
  ...(task.kind === 'block'
    ? { tasks: task.tasks.map((inner) => moved(inner, from, to)) }
    : { tags: [...task.tags, 'always'] }),
});
