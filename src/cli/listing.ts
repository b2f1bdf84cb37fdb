// What `--list-hosts` and `--list-tasks` print: Ansible's words, in the order of work.
import { listTasksText } from '../load/index.ts';
import type { TaskFlags } from './flags.ts';
import { matchHosts } from './fleet.ts';
import { type Project, wantedBy } from './project.ts';
import type { Settings } from './setup.ts';
import type { World } from './world.ts';

export function listHosts(project: Project, set: Settings, world: World): readonly string[] {
  return project.playbook.plays.flatMap((play, index) => {
    const { hosts } = matchHosts(project.inventory, play.hosts, set, world);
    return [
      '',
      `  play #${index + 1} (${play.hosts}): ${play.name}\tTAGS: [${play.tags.join(', ')}]`,
      `    pattern: ['${play.hosts}']`,
      `    hosts (${hosts.length}):`,
      ...hosts.map((host) => `      ${host}`),
    ];
  });
}

export const listTasks = (project: Project, flags: TaskFlags): readonly string[] => listTasksText(project.playbook, wantedBy(flags));
