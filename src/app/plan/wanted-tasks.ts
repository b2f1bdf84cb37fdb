// Which tasks of a playbook the flags ask for: by their tags, and from `--start-at-task` on.
import { globMatcher } from '../../load/index.ts';
import { nearest } from '../../model/diagnostic.ts';
import type { ModuleTask, Play, Playbook, Task } from '../../model/playbook.ts';
import { plural } from '../../model/text/plural.ts';
import type { TaskFlags } from '../session/flags.ts';
import { CommandError } from '../session/world.ts';

/** Ansible's rules for tags, with `always`, `never`, `all`, `tagged` and `untagged`. */
export function wantedBy(flags: TaskFlags): (task: Task) => boolean {
  const wanted = flags.tags ?? ['all'];
  const skipped = flags.skipTags ?? [];
  const matches = (list: readonly string[], tags: readonly string[]): boolean =>
    list.some(
      (word) =>
        tags.includes(word) ||
        (word === 'tagged' && tags.length > 0) ||
        (word === 'untagged' && tags.length === 0),
    );
  const isWanted = (tags: readonly string[]): boolean => {
    const always = tags.includes('always') && !skipped.includes('always');
    const never = tags.includes('never') && !matches(wanted, tags);
    if (never) return false;
    const in_ = always || wanted.includes('all') || matches(wanted, tags);
    return in_ && !(matches(skipped, tags) || (skipped.includes('all') && !always));
  };
  return ({ tags, enteredBy = [] }) => [tags, ...enteredBy].every(isWanted);
}

/** The tasks of a play that the flags ask for. */
export interface WantedTasks {
  readonly isWanted: (task: Task) => boolean;
  /** What the plan says of the tasks before `--start-at-task`. */
  readonly notes: readonly string[];
}

/**
 * As in Ansible, the first task counts that has this name, or that this pattern fits, in the order of
 * the plays; a task that the tags leave out is not there, and a rescue cannot be begun with.
 * Handlers stay: what is left out notifies none.
 */
export function wantedTasks(
  { plays }: Playbook,
  { tasks }: Pick<Play, 'tasks'>,
  flags: TaskFlags,
): WantedTasks {
  const byTags = wantedBy(flags);
  const { startAtTask } = flags;
  if (startAtTask === undefined) return { isWanted: byTags, notes: [] };
  const all = plays.map((play) => namedTasks(play.tasks).filter(({ task }) => byTags(task)));
  const fits = globMatcher(startAtTask);
  const starts = all.map((named) =>
    named.findIndex(({ names }) => names.some((name) => name === startAtTask || fits(name))),
  );
  const start = starts.findIndex((at) => at >= 0);
  if (start < 0) refuseUnknown(startAtTask, all.flat());
  const index = plays.findIndex((play) => play.tasks === tasks);
  const named = all[index] ?? [];
  const from = index < start ? named.length : index > start ? 0 : (starts[start] ?? 0);
  const leftOut = named.slice(0, from).map(({ task }) => task);
  const ids = new Set(leftOut.map(({ id }) => id));
  return {
    isWanted: (task) => !ids.has(task.id) && byTags(task),
    notes:
      leftOut.length === 0
        ? []
        : [
            noteOf(
              leftOut,
              named.slice(from).map(({ task }) => task),
            ),
          ],
  };
}

interface NamedTask {
  readonly task: ModuleTask;
  /** Its name alone, and behind the name of its role. */
  readonly names: readonly string[];
}

/** The tasks in the order of a walk in which nothing fails. */
function namedTasks(tasks: readonly Task[], role?: string): readonly NamedTask[] {
  return tasks.flatMap((task): readonly NamedTask[] => {
    if (task.kind === 'task') {
      const { name } = task;
      return [{ task, names: role === undefined ? [name] : [name, `${role} : ${name}`] }];
    }
    if (task.flush === true) return [];
    const own = task.vars.role_name;
    return namedTasks(
      [...task.tasks, ...(task.always ?? [])],
      typeof own === 'string' ? own : role,
    );
  });
}

/** How many tasks a note or a hint names. */
const mostNamed = 10;

const listed = (names: readonly string[]): string =>
  names.length <= mostNamed
    ? names.join(', ')
    : `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more`;

/** Takes a node out of service, and what must not be done before that. */
const needsDrain = ['reboot', 'uncordon'];

function noteOf(leftOut: readonly ModuleTask[], kept: readonly ModuleTask[]): string {
  const names = leftOut.map(({ name, module, missing = module }) =>
    name === missing ? name : `${name} (${missing})`,
  );
  const later = kept.find(({ module }) => needsDrain.includes(module))?.module;
  const drains = leftOut.some(({ module }) => module === 'drain') && later !== undefined;
  const danger = drains ? `; nothing takes a node out of service before \`${later}\`` : '';
  return `--start-at-task leaves out ${plural(leftOut.length, 'task')}: ${listed(names)}${danger}`;
}

function refuseUnknown(asked: string, all: readonly NamedTask[]): never {
  const names = [...new Set(all.flatMap((one) => one.names))];
  const word = asked.toLowerCase();
  const close = names.filter((name) => name.toLowerCase().includes(word));
  const guess = nearest(asked, names);
  const near = [...new Set([...(guess === undefined ? [] : [guess]), ...close])];
  throw new CommandError(
    3,
    `--start-at-task: no task is called ${asked}`,
    near.length > 0
      ? `did you mean: ${listed(near)}`
      : '`--list-tasks` lists the names; `*` and `?` fit any text and any character',
  );
}
