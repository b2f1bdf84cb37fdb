// The files of a project. Files that the operator did not name are read only from the project itself,
// since an untrusted repository may hold a link to /etc/shadow, or name it.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Why a file that was found from a directory must not be read: it is outside of the project. */
export function leavesProject(path: string, directory: string): string | undefined {
  const root = projectOf(realpathSync(directory));
  const real = realpathSync(path);
  if (isBelow(real, root)) return undefined;
  return isBelow(join(realpathSync(dirname(resolve(path))), basename(path)), root)
    ? `a link leads from ${root} to ${real}`
    : `${real} is outside of the project ${root}`;
}

const isBelow = (path: string, root: string): boolean =>
  path.startsWith(root.endsWith('/') ? root : `${root}/`);

/**
 * The nearest directory above with `.git` or `kmend.yaml`, else with `ansible.cfg`; without any, the
 * directory around one that is called `playbooks`, else the directory itself.
 */
function projectOf(directory: string): string {
  const marked = (...names: readonly string[]): string | undefined => {
    for (let at = directory; ; at = dirname(at)) {
      if (names.some((name) => existsSync(join(at, name)))) return at;
      if (at === '/') return undefined;
    }
  };
  const around = basename(directory) === 'playbooks' ? dirname(directory) : directory;
  return marked('.git', 'kmend.yaml') ?? marked('ansible.cfg') ?? around;
}
