// Open decisions of a playbook that `kmend import` drafted: nothing is carried out before they are
// answered.
import { moduleTasksOf } from '../../model/playbook.ts';
import { plural } from '../../model/text/plural.ts';
import { CommandError } from '../session/world.ts';
import type { Project } from './project.ts';

/** Throws where a task is a `decide`. The warnings of the loader name the questions. */
export function refuseOpenDecisions({ name, playbook }: Pick<Project, 'name' | 'playbook'>): void {
  const open = playbook.plays
    .flatMap(({ tasks }) => moduleTasksOf(tasks))
    .filter(({ module }) => module === 'decide');
  if (open.length === 0) return;
  const places = open.map(({ place: { file, line, column } }) => `${file}:${line}:${column}`);
  throw new CommandError(
    3,
    `${name} has ${plural(open.length, 'open decision')}: ${places.join(', ')}`,
    'write a task in the place of each `decide`, or remove it',
  );
}
