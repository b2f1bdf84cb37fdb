// Where this program's own files lie: the playbooks and the roles that it ships.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder that holds `playbooks/`: that of the package, which an installed program reaches
 * through a link of its name, or the one in which a bundle that was carried to another machine lies
 * beside them.
 * @param program path by which the program was started
 */
export function packageRoot(program: string): string {
  const file = existsSync(program) ? realpathSync(program) : program;
  const beside = dirname(file);
  return existsSync(join(beside, 'playbooks')) ? beside : dirname(beside);
}
