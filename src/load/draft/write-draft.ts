// Writes the lines of a draft: each task with a comment that says what became of it.
import { type Outcome, undecided } from './account.ts';
import { edited, written } from './edit.ts';
import type { Item, Lines, OldFile } from './old-file.ts';
import type { OldTask } from './old-task.ts';

/** What is decided of an item. */
export interface Decided {
  readonly item: Item;
  readonly outcome: Outcome;
  readonly task?: OldTask;
}

/** A text, and which of its lines belong to which item. */
export interface Written {
  readonly text: string;
  /** Lines count from 0. */
  readonly places: readonly (Lines & { readonly item: Item })[];
  readonly isChanged: boolean;
  /** Outcomes that could not be written as they were. */
  readonly outcomes: ReadonlyMap<Item, Outcome>;
}

const width = 100;

export function writeDraft(file: OldFile, decided: readonly Decided[]): Written {
  const out: string[] = [];
  const places: (Lines & { readonly item: Item })[] = [];
  const outcomes = new Map<Item, Outcome>();
  const texts = new Map<Item, readonly string[]>();
  for (const one of decided) {
    const { outcome, lines } = linesOf(file, one);
    outcomes.set(one.item, outcome);
    texts.set(one.item, lines);
  }
  const questions = questionsOf(decided, outcomes);
  const byFirst = new Map(
    decided.filter(({ item }) => texts.has(item)).map(({ item }) => [item.first, item]),
  );
  for (let line = 0; line <= file.lines.length; line++) {
    for (const { item, lines } of questions.get(line) ?? []) {
      places.push({ item, first: out.length, last: out.length + lines.length - 1 });
      out.push(...lines);
    }
    if (line === file.lines.length) break;
    const item = byFirst.get(line);
    const own = item && texts.get(item);
    if (item === undefined || own === undefined) {
      out.push(file.lines[line] ?? '');
      continue;
    }
    places.push({ item, first: out.length, last: out.length + own.length - 1 });
    out.push(...own);
    line = item.last;
    if (isLastOfEmptyBlock(file, item, decided, outcomes))
      out.push(`${' '.repeat(item.indent)}- meta: noop`);
  }
  // Keys that stay are found by their lines, too.
  return {
    text: out.join('\n'),
    places,
    isChanged: [...outcomes.values()].some(
      (outcome) => outcome.fate !== 'kept' || outcome.edit !== undefined,
    ),
    outcomes,
  };
}

/** Every task of the block goes. */
function isLastOfEmptyBlock(
  { blocks }: OldFile,
  item: Item,
  decided: readonly Decided[],
  outcomes: ReadonlyMap<Item, Outcome>,
): boolean {
  const block = blocks.find(({ last }) => last === item.last);
  if (block === undefined) return false;
  const inside = decided.filter(
    (one) =>
      one.item.what === 'task' && one.item.first >= block.first && one.item.last <= block.last,
  );
  return inside.every((one) => {
    const outcome = outcomes.get(one.item);
    return (
      outcome?.fate === 'dropped' || (outcome?.fate === 'replaced' && outcome.edit === undefined)
    );
  });
}

/** What stands in the place of an item. */
function linesOf(
  file: OldFile,
  { item, outcome, task }: Decided,
): { readonly outcome: Outcome; readonly lines: readonly string[] } {
  const old = file.lines.slice(item.first, item.last + 1);
  const { fate } = outcome;
  if (item.what !== 'task') {
    if (fate === 'kept') return { outcome, lines: keyLines(old, item, outcome) };
    const comment = fate === 'dropped' ? commentOf(item.indent, outcome) : [];
    return { outcome, lines: asComment(old, item, comment) };
  }
  const asked = (question: Outcome): readonly string[] => [
    ...commentOf(item.indent, question),
    ...commented(old, item.indent),
    ...decideTask(item, question, task),
  ];
  if (fate === 'undecided') return { outcome, lines: asked(outcome) };
  const comment = commentOf(item.indent, outcome);
  const edit = 'edit' in outcome ? outcome.edit : undefined;
  if (edit === undefined) {
    const lines = fate === 'kept' ? old : commented(old, item.indent);
    return { outcome, lines: [...comment, ...lines] };
  }
  const fragment = dedented(old, item.column).join('\n');
  const body = edited(fragment, task?.entry.key ?? '', edit);
  if (body !== undefined) return { outcome, lines: [...comment, ...dashed(body, item.indent)] };
  const shared = undecided('it shares text with other tasks (an anchor): write it out');
  return { outcome: shared, lines: asked(shared) };
}

/** A key that stays, or with another value. */
function keyLines(
  old: readonly string[],
  { column, indent, key }: Item,
  outcome: Outcome,
): readonly string[] {
  const set = outcome.fate === 'kept' ? outcome.edit?.set : undefined;
  if (set === undefined || key === undefined) return old;
  const fragment = dedented(old, column).join('\n');
  const body = edited(fragment, key.key, { set });
  if (body === undefined) return old;
  const [first = '', ...others] = body.trimEnd().split('\n');
  return [
    `${(old[0] ?? '').slice(0, column)}${first} # kmend: ${outcome.why}`,
    ...others.map((line) => `${' '.repeat(indent === column ? indent : column)}${line}`),
  ];
}

/** Lines of which the first begins in this column, as if it were the first column. */
const dedented = (lines: readonly string[], column: number): readonly string[] => [
  (lines[0] ?? '').slice(column),
  ...lines.slice(1).map((line) => line.slice(Math.min(column, line.search(/\S|$/)))),
];

/** A key alone in its line may go; before the first one stands the dash of the play. */
function asComment(
  old: readonly string[],
  item: Item,
  comment: readonly string[],
): readonly string[] {
  const [first = '', ...others] = old;
  const isFirstKey = item.what === 'key' && /^ *- /.test(first);
  if (!isFirstKey) return [...comment, ...commented(old, item.indent)];
  const indent = ' '.repeat(item.column);
  return [
    `${first.slice(0, item.column)}# ${first.slice(item.column)}`,
    ...commented(others, item.column),
    ...comment.map((line) => indent + line.trimStart()),
  ];
}

const commented = (lines: readonly string[], indent: number): readonly string[] =>
  lines.map((line) => `${' '.repeat(indent)}# ${line.slice(indent)}`.trimEnd());

function dashed(text: string, indent: number): readonly string[] {
  const [first = '', ...others] = text.trimEnd().split('\n');
  const blank = ' '.repeat(indent);
  return [
    `${blank}- ${first}`,
    ...others.map((line) => (line === '' ? line : `${blank}  ${line}`)),
  ];
}

/** The words of a comment, in lines that fit. */
function commentOf(indent: number, outcome: Outcome): readonly string[] {
  const { fate, why } = outcome;
  const word = fate === 'undecided' ? 'DECIDE' : fate;
  const by = outcome.fate === 'replaced' ? ` by \`${outcome.by}\`` : '';
  const reason = why === undefined || fate === 'undecided' ? '' : `: ${why}`;
  const text = `kmend: ${word}${by}${reason}`;
  const lines = [''];
  for (const part of text.replaceAll(/\s+/g, ' ').split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && indent + line.length + part.length + 3 > width) lines.push(`  ${part}`);
    else lines[lines.length - 1] = line === '' ? part : `${line} ${part}`;
  }
  return lines.map((line) => `${' '.repeat(indent)}# ${line}`);
}

/** The task that stops `apply` until somebody has answered it. */
function decideTask(
  { indent, tree }: Item,
  { why = '' }: Outcome,
  task: OldTask | undefined,
): readonly string[] {
  const { register, tags, listen } = task?.keys ?? {};
  const isNamed = tree.kind === 'map' && tree.entries.some(({ key }) => key === 'name');
  return dashed(
    written({
      ...(isNamed && task !== undefined ? { name: task.label } : {}),
      decide: withoutTemplates(why),
      ...(register === undefined ? {} : { register }),
      ...(tags === undefined ? {} : { tags }),
      ...(listen === undefined ? {} : { listen }),
    }),
    indent,
  );
}

/** A question is text: it would be rendered where it names a template. */
const withoutTemplates = (text: string): string => text.replaceAll(/\{(?=[{%#])/g, '{ ');

type Question = { readonly item: Item; readonly lines: readonly string[] };

/** Questions about keys of plays and blocks stand before their first task. */
function questionsOf(
  decided: readonly Decided[],
  outcomes: ReadonlyMap<Item, Outcome>,
): ReadonlyMap<number, readonly Question[]> {
  const questions = new Map<number, Question[]>();
  for (const { item } of decided) {
    const outcome = outcomes.get(item);
    if (item.what === 'task' || outcome?.fate !== 'undecided') continue;
    const { line, indent, isNew } = item.question;
    const name = item.key?.key ?? 'role';
    const task = dashed(
      written({ decide: withoutTemplates(`${name}: ${outcome.why}`) }),
      isNew ? indent + 2 : indent,
    );
    const known = questions.get(line) ?? [];
    const head = isNew && known.length === 0 ? [`${' '.repeat(indent)}pre_tasks:`] : [];
    questions.set(line, [...known, { item, lines: [...head, ...task] }]);
  }
  return questions;
}
