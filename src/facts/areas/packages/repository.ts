// Area repository (with a file and an id): one section of a yum repository file, and other files
// with a section of that id.
import { fact } from '../../../model/fact.ts';
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Mapping, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import repository from './scripts/repository.sh';

const argument = (args: Mapping, name: string): string => {
  const value = args[name];
  return typeof value === 'string' ? value.replaceAll('\0', '') : '';
};

/** The file is part of the fact name: two tasks may look for one id in two files. */
const factOf = <const What extends 'section' | 'elsewhere'>(
  args: Mapping,
  what: What,
): `repository.${string}.${What}` =>
  `repository.${argument(args, 'file')}/${argument(args, 'name')}.${what}`;

export const repositoryFact = <const What extends 'section' | 'elsewhere'>(
  file: string,
  name: string,
  what: What,
): `repository.${string}.${What}` => factOf({ file, name }, what);

/**
 * The host prints this instead of a password, because the output becomes part of plans and
 * journals.
 */
export const hiddenPart = '***';

export const repositoryArea: Area = {
  name: 'repository',
  script: (args) =>
    scriptText(repository, {
      file: quote(`${argument(args, 'file')}.repo`),
      header: quote(`[${argument(args, 'name')}]`),
      hiddenPart,
    }),
  maxBytes: 65_536,
  parse: (text, { cut, args }) => {
    const fields = readFields(text);
    const denied = fields.has('denied') ? 'this user may not read the file' : undefined;
    const why =
      denied ??
      (cut || fields.has('long') ? 'the section is too long to be one of yum' : undefined);
    return {
      ...fact(
        factOf(args, 'section'),
        why === undefined ? normalised(fields.all('line')) : unknown(why),
      ),
      ...fact(factOf(args, 'elsewhere'), [...new Set(fields.all('also'))]),
    };
  },
};

/**
 * Joins continued lines, and drops comments and blanks around the first `=`. \`Baseurl = a\` and \`
 * b\` become \`baseurl=a b\`.
 */
function normalised(lines: readonly string[]): string {
  const settings: string[][] = [];
  for (const line of lines) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue;
    if (/^\s/.test(line) && settings.length > 1) settings.at(-1)?.push(line.trim());
    else settings.push([tidy(line)]);
  }
  return settings.map((words) => words.join(' ').trim()).join('\n');
}

function tidy(line: string): string {
  const [, key, value] = /^([^=:\s[]+)\s*[=:](.*)$/s.exec(line) ?? [];
  return key === undefined || value === undefined
    ? line.trim()
    : `${key.toLowerCase()}=${value.trim()}`;
}
