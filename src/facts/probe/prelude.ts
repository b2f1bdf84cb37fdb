// The prelude: what every script that kmend runs on a host begins with.
import { scriptText } from '../../model/text/script-text.ts';
import preludeFile from './prelude.sh';

/**
 * Where a script is run as another user than the one who logged in, `adapters/ssh/exec/command.ts`
 * drops KMEND_ROOT before: nobody leads root into a tree of his own.
 */
const prelude = scriptText(preludeFile);

/**
 * The script with the prelude before it. All absolute paths in it must begin with \`$R\`; programs
 * are found through PATH.
 */
export const withPrelude = (script: string): string =>
  script.startsWith(prelude) ? script : prelude + script;
