// Writes words of a command line for the shell of the host.
import { quote } from '../../model/text/quote.ts';

// A brace that is not closed hides the variables behind it.
const variable = /\$(?:(\w+)|\{([^}]*)\}?)/g;
const home = /^~(?:[A-Za-z_][\w.-]*)?(?=\/|$)/;

/**
 * A word for the host's shell, in which variables of the environment and a home directory at its
 * beginning are expanded, and nothing else. As in Ansible, what does not exist stays as written.
 */
export function expandingWord(word: string): string {
  const user = home.exec(word)?.[0] ?? '';
  // The slash must not be quoted: with quotes in it, the shell would not expand the name.
  const slash = user !== '' && word.length > user.length ? '/' : '';
  const rest = word.slice(user.length + slash.length);
  let parts = user + slash;
  let at = 0;
  for (const found of rest.matchAll(variable)) {
    const [written, plain, braced = ''] = found;
    const name = plain ?? braced;
    const isOpen = plain === undefined && !written.endsWith('}');
    // The prelude sets R for the scripts of kmend.
    if (isOpen || name === 'R' || !/^[A-Za-z_]\w*$/.test(name)) continue;
    parts += quoted(rest.slice(at, found.index));
    parts += plain === undefined ? `"\${${name}-\\\${${name}\\}}"` : `"\${${name}-\\$${name}}"`;
    at = found.index + written.length;
  }
  parts += quoted(rest.slice(at));
  return parts === '' ? quote('') : parts;
}

const quoted = (text: string): string => (text === '' ? '' : quote(text));
