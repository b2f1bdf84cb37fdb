// The output of `--list-hosts`, `--list-tasks` and `--list-tags`, as Ansible prints it.

import type { Project } from '../app/plan/project.ts';
import { wantedBy } from '../app/plan/wanted-tasks.ts';
import type { TaskFlags } from '../app/session/flags.ts';
import { matchHosts } from '../app/session/fleet.ts';
import type { Session } from '../app/session/session.ts';
import { listTagsText, listTasksText } from '../load/index.ts';

export function listHosts(project: Project, session: Session): readonly string[] {
  return project.playbook.plays.flatMap((play, index) => {
    const { hosts } = matchHosts(project.inventory, play.hosts, session);
    return [
      '',
      `  play #${index + 1} (${play.hosts}): ${play.name}\tTAGS: [${play.tags.join(', ')}]`,
      `    pattern: ['${play.hosts}']`,
      `    hosts (${hosts.length}):`,
      ...hosts.map((host) => `      ${host}`),
    ];
  });
}

export const listTasks = (project: Project, flags: TaskFlags): readonly string[] =>
  listTasksText(project.playbook, wantedBy(flags));

/** Without the name of the playbook, which stands above all lists. */
export const listTags = ({ playbook }: Project): readonly string[] =>
  listTagsText(playbook).slice(2);
