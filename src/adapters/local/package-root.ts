// Where this program's own files lie: the playbooks and the roles that it ships.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder that holds `playbooks/`: that of the package, or that of a bundle which was copied to
 * another machine.
 * @param program path by which the program was started; a link to it is followed
 */
export function packageRoot(program: string): string {
  const file = existsSync(program) ? realpathSync(program) : program;
  const beside = dirname(file);
  return existsSync(join(beside, 'playbooks')) ? beside : dirname(beside);
}
