// The walk over memory cgroups: a streaming awk program classifies the groups on the host and
// prints sums. So the output is small on every host.
import { scriptText } from '../../../model/text/script-text.ts';
import { beginnings, creatorRows, type Level } from '../../kmem/creators.ts';
import { symptomPatterns } from '../../kmem/symptoms.ts';
import rowOf from './row-of.awk';
import walk from './walk.awk';

/** Number of example groups that are printed, and how many of them may be of one kind. */
const maxExamples = 40;
const maxOfOneKind = 4;
/** Number of limited groups of unknown creators that are named. */
const maxUnknown = 5;
/**
 * Number of groups with a kernel-memory limit of their own that are named, and of files that are
 * read to find them.
 */
const maxExplicit = 5;
const maxLimitReads = 3000;
/** Number of lines of the kernel log that are printed. */
const maxLogs = 50;
/** Bytes of a path that are printed. */
const maxPath = 200;

const literal = (pattern: string): string => `/${pattern.replaceAll('/', '\\/')}/`;

/** Rows share long beginnings. Each is in the script once and is matched once; `q` is the rest. */
function rowTest({ key, pattern }: (typeof creatorRows)[number], index: number): string {
  const beginning = beginnings.find((text) => pattern.startsWith(text));
  if (beginning === undefined) return `  if (p ~ ${literal(pattern)}) return "${key}"\n`;
  const isFirst = creatorRows[index - 1]?.pattern.startsWith(beginning) !== true;
  const rest = `  if (q ~ ${literal(`^${pattern.slice(beginning.length)}`)}) return "${key}"\n`;
  return isFirst ? `  q = p; q = sub(${literal(beginning)}, "", q) ? q : ""\n${rest}` : rest;
}

export const rowFunction = scriptText(rowOf, { rows: creatorRows.map(rowTest).join('') });

/** Of an area that wants limits of pids: the walk counts them where `$N` is set. */
export const countsPids = 'N=1\n';

/** The exit status of a walk that did not finish. */
export const isCapped = (status: number | undefined): boolean =>
  status === undefined || status >= 124;

const keysOf = (level: Level): string =>
  creatorRows.flatMap((row) => (row.level === level ? [row.key] : [])).join(' ');

export const walkProgram = `${rowFunction}\n${scriptText(walk, {
  pods: keysOf('pod'),
  containers: keysOf('container'),
  symptoms: `^@denied$|${symptomPatterns.kernel}`.replaceAll('/', '\\/'),
  maxLogs,
  maxLimitReads,
  maxExplicit,
  maxPath,
  maxUnknown,
  maxExamples,
  maxOfOneKind,
})}`;
