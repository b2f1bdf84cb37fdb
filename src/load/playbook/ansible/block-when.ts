// The `when` of a block whose tasks change what it reads. In Ansible each task of the block has the
// condition; kmend decides it once, which is the same until a task registers a name in it.
import { compile } from '../../../expression/index.ts';
import type { Condition, ModuleTask, Task } from '../../../model/playbook.ts';
import { isMapping } from '../../../model/value.ts';

/** Gives the conditions to each task behind one that registers or sets a name in them. */
export function inheritWhen(tasks: readonly Task[], when: readonly Condition[]): readonly Task[] {
  const read = new Set(when.flatMap(namesIn));
  if (read.size === 0) return tasks;
  let isChanged = false;
  const inherit = (task: Task): Task => {
    const own = isChanged ? { ...task, when: [...when, ...task.when] } : task;
    if (own.kind === 'block')
      return {
        ...own,
        tasks: own.tasks.map(inherit),
        ...(own.rescue && { rescue: own.rescue.map(inherit) }),
        ...(own.always && { always: own.always.map(inherit) }),
      };
    isChanged ||= namesSet(own).some((name) => read.has(name));
    return own;
  };
  return tasks.map(inherit);
}

function namesIn({ source }: Condition): readonly string[] {
  const compiled = compile(source, 'condition');
  return compiled.kind === 'problem'
    ? []
    : compiled.names.map(({ name }) => name.split('.', 1)[0] ?? name);
}

const namesSet = ({ module, args, register }: ModuleTask): readonly string[] => [
  ...(register === undefined ? [] : [register]),
  ...(module === 'set_fact' && isMapping(args) ? Object.keys(args) : []),
];
