// Symbolic links in a project. Files that the operator did not name are read only from the project
// itself, since an untrusted repository may hold a link to /etc/shadow.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Why a file below a directory must not be read: a link leads out of the project. The project is
 * the nearest directory above with `.git` or `kmend.yaml`; without one, the directory itself.
 */
export function leavesProject(path: string, directory: string): string | undefined {
  const root = projectOf(realpathSync(directory));
  const real = realpathSync(path);
  return real.startsWith(root.endsWith('/') ? root : `${root}/`)
    ? undefined
    : `a link leads from ${root} to ${real}`;
}

function projectOf(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (['.git', 'kmend.yaml'].some((name) => existsSync(join(at, name)))) return at;
    if (at === '/') return directory;
  }
}
