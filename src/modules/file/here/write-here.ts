// A file of the machine that runs kmend: a script that writes it there.
import { withPrelude } from '../../../facts/probe/prelude.ts';
import type { LocalEffect, WriteEffect } from '../../../model/run/effect.ts';
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import script from './write-here.sh';

/** The same write on this machine. What was there is not kept, and what it is does not matter. */
export function writeHere(effect: WriteEffect): LocalEffect {
  const { what, path, mode, owner = '', validate = [], timeout } = effect;
  const { take, stdin, size } = arriving(effect.content);
  return {
    kind: 'local',
    what,
    script: withPrelude(
      scriptText(script, {
        path: quote(path),
        mode: quote(mode),
        owner: quote(owner),
        take,
        size,
        validate: validate.map((word) => word.split('%s').map(quote).join('"$n"')).join(' '),
      }),
    ),
    stdin,
    detached: false,
    timeout,
    errors: {
      70: `${path} could not be written: the last lines say why`,
      71: `the content of ${path} arrived truncated, and nothing was changed`,
      72: `${path}: its \`validate\` refused the new content`,
      73: `${path} is a directory now, and is left as it is`,
    },
  };
}

/** How the content arrives: the standard input of a script is text. */
function arriving(content: WriteEffect['content']) {
  if (typeof content === 'string')
    return { take: 'cat', stdin: content, size: new TextEncoder().encode(content).length };
  if ('bytes' in content)
    return { take: 'base64 -d', stdin: btoa(content.bytes), size: content.bytes.length };
  return { take: `cat "$R"${quote(content.from)}`, stdin: '', size: '' };
}
