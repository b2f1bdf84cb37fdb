// The prelude: the first lines of every script that kmend runs on a host.
import { scriptText } from '../../model/text/script-text.ts';
import preludeFile from './prelude.sh';

/**
 * A login user must not choose the root prefix of a script that runs as root. So
 * `adapters/ssh/exec/command.ts` removes KMEND_ROOT before it changes the user.
 */
const prelude = scriptText(preludeFile);

/**
 * The script with the prelude before it. All absolute paths in it must begin with \`$R\`. Programs
 * are found by PATH.
 */
export const withPrelude = (script: string): string =>
  script.startsWith(prelude) ? script : prelude + script;
