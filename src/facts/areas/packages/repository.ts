// Area repository (with a file and an id): one section of a file of yum's, and other files that have a section of that id.
import { quote } from '../../../model/text/quote.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Mapping, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import repository from './repository.sh';

const argument = (args: Mapping, name: string): string => {
  const value = args[name];
  return typeof value === 'string' ? value.replaceAll('\0', '') : '';
};

/** The file is part of the name: two tasks may look for one id in two files. */
const factOf = (args: Mapping, what: string): string => `repository.${argument(args, 'file')}/${argument(args, 'name')}.${what}`;

export const repositoryFact = (file: string, name: string, what: 'section' | 'elsewhere'): string => factOf({ file, name }, what);

/** What the host shows instead of a password: what is read here comes into plans and journals. */
export const hiddenPart = '***';

export const repositoryArea: Area = {
  name: 'repository',
  facts: [
    {
      name: 'repository.*.section',
      lifetime: 'disk',
      summary: 'a section of a file below /etc/yum.repos.d, its header first, passwords as ***; empty when there is none',
      example: '[vault-os]\nname=CentOS 7 os\nbaseurl=https://mirror.example.com/centos/7/os/$basearch/',
    },
    {
      name: 'repository.*.elsewhere',
      lifetime: 'disk',
      summary: 'other files that have a repository of that id, without .repo',
      example: [],
    },
  ],
  script: (args) =>
    scriptText(repository, { file: quote(`${argument(args, 'file')}.repo`), header: quote(`[${argument(args, 'name')}]`), hiddenPart }),
  maxBytes: 65_536,
  parse: (text, { cut, args }) => {
    const fields = readFields(text);
    const denied = fields.has('denied') ? 'this user may not read the file' : undefined;
    const why = denied ?? (cut || fields.has('long') ? 'the section is too long to be one of yum' : undefined);
    return {
      [factOf(args, 'section')]: why === undefined ? normalised(fields.all('line')) : unknown(why),
      [factOf(args, 'elsewhere')]: [...new Set(fields.all('also'))],
    };
  },
};

/** Continued lines are joined, blanks around the first `=` and comments are left out: \`Baseurl = a\` and \`  b\` are \`baseurl=a b\`. */
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
  return key === undefined || value === undefined ? line.trim() : `${key.toLowerCase()}=${value.trim()}`;
}
