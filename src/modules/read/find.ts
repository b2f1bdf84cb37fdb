// Module find: which files directories have, in the form that Ansible registers.
import { patternProblem } from '../../expression/index.ts';
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan } from '../../model/run/change.ts';
import {
  asArgs,
  either,
  flag,
  type Infer,
  list,
  object,
  oneOf,
  text,
  whole,
} from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { defineModule } from '../define.ts';
import findFile from './find.sh';
import {
  type Entry,
  type Found,
  foundIn,
  globExpression,
  matching,
  mostListed,
} from './find-list.ts';
import { answerOf, lastWords, plainPath, readingWant, readPlan, unreadPlan } from './reading.ts';

/** Files of a result: it is in the journal. */
const mostMatched = 500;

/** A list, or a text with commas between its parts. */
const parts = <S extends typeof text>(item: S) =>
  either(
    [text.transform((value) => value.split(',')).pipe(list(item)), list(item)],
    'should be a list, or a text with commas between its parts',
  );

const directory = plainPath.refine(
  (path) => !path.split('/').some((part) => part === '.' || part === '..'),
  'should have no `.` and no `..` in it',
);

const args = object({
  paths: parts(directory).describe('The directories; a list, or a text with commas.'),
  patterns: parts(text)
    .default([])
    .describe('Patterns of names, one of which must match: `*.rpm`. Default: all names.'),
  excludes: parts(text).default([]).describe('Patterns of names that are left out.'),
  use_regex: flag
    .default(false)
    .describe('`patterns` and `excludes` are regular expressions, from the beginning of the name.'),
  file_type: oneOf('file', 'directory', 'link', 'any').default('file').describe('What is found.'),
  recurse: flag.default(false).describe('Directories in the directories too.'),
  depth: whole(0).optional().describe('With `recurse`: so many levels. Default: all.'),
  hidden: flag.default(false).describe('Also names that begin with a dot.'),
  age: text
    .regex(/^-?\d{1,12}[smhdw]?$/i, 'should be a number with s, m, h, d or w')
    .optional()
    .describe('At least so old: `2d`, `1w`. Negative: at most so old.'),
  age_stamp: oneOf('mtime', 'atime', 'ctime').default('mtime').describe('The time that counts.'),
  size: text
    .regex(/^-?\d{1,15}[bkmgt]?$/i, 'should be a number with b, k, m, g or t')
    .optional()
    .describe('At least so large: `10m`. Negative: at most so large.'),
}).refine(
  (given) =>
    expressionsOf(given, [...given.patterns, ...given.excludes]).every(
      (one) => patternProblem(one) === undefined,
    ),
  'has a pattern that cannot be used',
);
type Args = Infer<typeof args>;

/** The patterns as regular expressions. */
function expressionsOf(
  { use_regex: isRegex }: { readonly use_regex: boolean },
  patterns: readonly string[],
): readonly string[] {
  return isRegex ? patterns : patterns.map(globExpression);
}

const plainOf = (path: string): string => path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');

const types = { file: '-type f', directory: '-type d', link: '-type l', any: '' };

/** The script lists what may be wanted; names that need more than `*` are judged here. */
function scriptOf(given: Args): string {
  const isSimple =
    !given.use_regex &&
    given.patterns.length > 0 &&
    given.patterns.every((one) => /^[A-Za-z0-9._*+@~=-]+$/.test(one));
  const some = given.patterns.map((one) => `-name ${quote(one)}`).join(' -o ');
  const depth = given.recurse ? (given.depth ?? 0) : 1;
  const below = given.recurse ? depth + 1 : 1;
  return scriptText(findFile, {
    most: mostListed + 1,
    examined: depth === 0 ? '' : `-maxdepth ${below}`,
    depth: depth === 0 ? '' : `-maxdepth ${depth}`,
    type: types[given.file_type],
    names: `${given.hidden ? '' : "! -name '.*' "}${isSimple ? `\\( ${some} \\)` : ''}`,
    paths: given.paths.map((path, index) => `look ${index} ${quote(plainOf(path))}`).join('\n'),
  });
}

const units: Readonly<Record<string, number>> = {
  ...{ s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 },
};
const sizes: Readonly<Record<string, number>> = {
  ...{ b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 },
};

/** Is the value as much as wanted, or as little where that is negative? */
function isWithin(
  value: number,
  wanted: string | undefined,
  by: Readonly<Record<string, number>>,
): boolean {
  if (wanted === undefined) return true;
  const most = Math.abs(Number.parseInt(wanted, 10)) * (by[wanted.slice(-1).toLowerCase()] ?? 1);
  return wanted.startsWith('-') && most > 0 ? value <= most : value >= most;
}

/** The entries that are wanted; undefined where their names take too much work. */
function wantedOf(given: Args, { entries, now }: Found): readonly Entry[] | undefined {
  const names = [...new Set(entries.map(({ name }) => name))];
  const wanted =
    given.patterns.length === 0
      ? new Set(names)
      : matching(expressionsOf(given, given.patterns), names);
  const out = matching(expressionsOf(given, given.excludes), names);
  if (wanted === undefined || out === undefined) return undefined;
  return entries.filter(
    ({ name, isFile, size, times }) =>
      wanted.has(name) &&
      !out.has(name) &&
      isWithin(now - times[given.age_stamp], given.age, units) &&
      (!isFile || isWithin(size, given.size, sizes)),
  );
}

function plan(given: Args, facts: FactView): ModulePlan {
  const answer = answerOf(scriptOf(given), facts);
  if (answer.rc !== 0) return unreadPlan(`find: ${lastWords(answer) || `ended with ${answer.rc}`}`);
  const found = foundIn(answer.stdout, given.paths.map(plainOf));
  const narrower = 'name a directory below it, `patterns` or a `depth`';
  if (found.over !== undefined)
    return unreadPlan(
      `${found.over} has more than ${mostListed} entries of this type: ${narrower}`,
    );
  const files = wantedOf(given, found);
  if (files === undefined) return unreadPlan('the patterns take too much work on these names');
  if (files.length > mostMatched)
    return unreadPlan(`${files.length} files match, at most ${mostMatched} are read: ${narrower}`);
  const isWhole = given.paths.every((path) => found.skipped[plainOf(path)] === undefined);
  return readPlan({
    files: files.map((file) => file.facts),
    matched: files.length,
    examined: found.examined,
    skipped_paths: found.skipped,
    msg: isWhole ? 'All paths examined' : 'Not all paths examined, check warnings for details',
  });
}

export const find = defineModule<Args>({
  name: 'find',
  summary: 'Reads which files directories have, by name, type, age and size.',
  example: `- name: Which crash dumps are a week old
  find:
    paths: /var/crash
    recurse: true
    patterns: 'vmcore*'
    age: 1w
  register: dumps
`,
  notes: `The result is that of Ansible: \`dumps.matched\`, \`dumps.examined\`, and \`dumps.files\`, each with \`path\`, \`mode\`, \`size\`, \`mtime\` and the others. A plan reads it too, as with \`stat\`.
A result has at most ${mostMatched} files, and of each directory at most ${mostListed} entries of the type are judged: more fail the host. Links are not followed, and a name with a line end is left out.`,
  args: asArgs(args),
  reads: true,
  delegable: 'reads',
  maxRisk: 'none',
  facts: (given) => [readingWant(scriptOf(given), 120)],
  plan,
});
