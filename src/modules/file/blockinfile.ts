// Module blockinfile: lines of a file between two marker lines.
import { attempted, regex, search } from '../../expression/index.ts';
import type { FactView } from '../../model/fact.ts';
import type { ModulePlan, PlanContext } from '../../model/run/change.ts';
import { asArgs, flag, type Infer, object, oneOf, text } from '../../model/shape/schema.ts';
import { defineModule } from '../define.ts';
import { bytePattern, fromBytes, toBytes } from './bytes.ts';
import type { Edited } from './edit-line.ts';
import { hostPath, missing } from './place.ts';
import { notIdempotent, planText, readText, textWants, writeShape } from './write.ts';

/** Ansible reads a backslash there as an escape. */
const mark = text.regex(/^[^\0\r\n\\]*$/, 'should be part of a line, without a backslash');

const args = object({
  path: hostPath.describe('The file. A link is followed.'),
  block: text
    .regex(/^[^\0]*$/, 'should be text')
    .default('')
    .describe('The lines between the markers. An empty block is removed, with its markers.'),
  state: oneOf('present', 'absent').default('present').describe('`absent` removes the block.'),
  marker: text
    .regex(/^[^\0\r\n]*$/, 'should be one line')
    .refine((line) => line.includes('{mark}'), 'should have {mark} in it')
    .default('# {mark} ANSIBLE MANAGED BLOCK')
    .describe(
      'The line before the block and behind it; `{mark}` becomes `marker_begin` and `marker_end`.',
    ),
  marker_begin: mark.default('BEGIN').describe('`{mark}` of the line before the block.'),
  marker_end: mark.default('END').describe('`{mark}` of the line behind the block.'),
  insertafter: bytePattern
    .optional()
    .describe(
      'Put a new block behind the last line that matches, or at the end (`EOF`, the default). With `(?m)` the first match in the whole text counts.',
    ),
  insertbefore: bytePattern
    .optional()
    .describe('Put a new block before the last line that matches, or at the beginning (`BOF`).'),
  append_newline: flag.default(false).describe('Have an empty line behind the block.'),
  prepend_newline: flag.default(false).describe('Have an empty line before the block.'),
  create: flag.default(false).describe('Make the file where it is not there.'),
  ...writeShape,
})
  .refine(
    (given) => given.insertafter === undefined || given.insertbefore === undefined,
    'takes `insertafter` or `insertbefore`, not both',
  )
  .refine(
    (given) => given.marker_begin !== given.marker_end,
    'needs a `marker_begin` that is not `marker_end`',
  );
type Args = Infer<typeof args>;

/** The text with its block, or without it. */
function editBlock(before: string, given: Args): Edited {
  const bytes = toBytes(before);
  const edited = attempted(() => withBlock(linesOf(bytes), bytes, given).join(''));
  return edited.ok ? { ok: true, value: fromBytes(edited.value) } : edited;
}

/** Lines with their ends, as Python's bytes are split. */
const linesOf = (bytes: string): readonly string[] =>
  bytes.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g) ?? [];

const isEmpty = (line: string): boolean => line === '\n';

function withBlock(lines: readonly string[], bytes: string, given: Args): readonly string[] {
  const block = blockOf(given);
  const { at, count } = placeOf(lines, bytes, given);
  const head = lines.slice(0, at);
  const tail = lines.slice(at + count);
  const last = head.at(-1);
  if (last !== undefined && !last.endsWith('\n')) head.splice(-1, 1, `${last}\n`);
  const isKept = given.state === 'present';
  if (isKept && given.prepend_newline && !isEmpty(head.at(-1) ?? '\n')) head.push('\n');
  const isApart = isKept && given.append_newline && !isEmpty(tail[0] ?? '\n');
  return [...head, ...block, ...(isApart ? ['\n'] : []), ...tail];
}

/** The lines of the block, with its markers. */
function blockOf(given: Args): readonly string[] {
  const block = toBytes(given.block);
  if (given.state === 'absent' || block === '') return [];
  const { begin, end } = markersOf(given);
  return [begin, ...linesOf(block.endsWith('\n') ? block : `${block}\n`), end];
}

const markersOf = ({
  marker,
  marker_begin: first,
  marker_end: last,
}: Args): { readonly begin: string; readonly end: string } => {
  const line = (word: string): string => `${toBytes(marker.replaceAll('{mark}', () => word))}\n`;
  return { begin: line(first), end: line(last) };
};

/** Where the block is to stand, and how many lines there are the block of before. */
function placeOf(
  lines: readonly string[],
  bytes: string,
  given: Args,
): { readonly at: number; readonly count: number } {
  const { begin, end } = markersOf(given);
  const [first, last] = [lines.lastIndexOf(begin), lines.lastIndexOf(end)];
  if (first < 0 || last < 0) return { at: newPlace(lines, bytes, given), count: 0 };
  return { at: Math.min(first, last), count: Math.abs(last - first) + 1 };
}

function newPlace(
  lines: readonly string[],
  bytes: string,
  { insertafter, insertbefore }: Args,
): number {
  if (insertbefore === 'BOF') return 0;
  const source = insertbefore ?? insertafter ?? 'EOF';
  if (insertbefore === undefined && source === 'EOF') return lines.length;
  const at = lineOf(lines, bytes, source, insertbefore !== undefined);
  if (at < 0) return lines.length;
  return Math.min(lines.length, insertbefore === undefined ? at + 1 : at);
}

/** The last line that matches. With the flag `m` the line where the first match begins or ends. */
function lineOf(lines: readonly string[], bytes: string, source: string, isBegin: boolean): number {
  const pattern = regex(toBytes(source), { bytes: true });
  if (!/^\(\?[a-ln-z]*m[a-z]*\)/i.test(source))
    return lines.findLastIndex((line) => search(pattern, line) !== undefined);
  const match = search(pattern, bytes);
  if (match === undefined) return -1;
  return bytes.slice(0, isBegin ? match.start : match.end).split('\n').length - 1;
}

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const file = readText(given.path, facts, context);
  if ('plan' in file) return file.plan;
  if (file.state.kind === 'absent' && given.state === 'absent' && given.create)
    return { changes: [], note: `${given.path} is not there` };
  if (file.state.kind === 'absent' && !given.create)
    return missing(`file.${given.path}.state`, `${given.path} is not there`, context);
  const edited = editBlock(file.text, given);
  const again = edited.ok ? editBlock(edited.value, given) : edited;
  if (!edited.ok || !again.ok)
    return { changes: [], refuse: { why: `${given.path}: ${edited.ok ? '' : edited.why}` } };
  if (again.value !== edited.value) return { changes: [], ...notIdempotent(given.path) };
  return planText(file, edited.value, { args: given, follow: true });
}

export const blockinfile = defineModule<Args>({
  name: 'blockinfile',
  summary: 'Makes sure that a file has a block of lines between two marker lines, or has it not.',
  example: `- name: The memory of containers is limited
  blockinfile:
    path: /etc/security/limits.conf
    marker: '# {mark} containers'
    block: |
      @docker soft memlock 65536
      @docker hard memlock 65536
`,
  notes: `As Ansible's module, byte for byte, for files of UTF-8 text up to 60,000 bytes; see "Files" at the module \`copy\` for the diff, the backup and the rollback.
A file has one block for each \`marker\`: give each task that edits the same file a marker of its own.
A block that has a marker line in itself is refused where each run would edit the file once more.`,
  args: asArgs(args),
  maxRisk: 'reboot',
  facts: ({ path }) => textWants(path),
  plan,
});
