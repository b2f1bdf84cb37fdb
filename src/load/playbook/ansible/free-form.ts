// Splits the text form of a task (`command: touch x creates=/x`) into arguments and the rest, as
// Ansible does: before templates are rendered, so that no value can add an argument.

import type { AnyModule } from '../../../model/run/change.ts';
import { controlEscapes } from '../../../model/text/control-escapes.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { resolvePlain } from '../../text/scalar.ts';
import type { Entry, ScalarTree, Tree } from '../../text/tree.ts';

/**
 * The arguments of a module that takes a text. A text without arguments stays as it is, where it
 * means the same.
 */
export function argumentsOf(tree: Tree, { freeForm }: AnyModule): Tree {
  if (freeForm === undefined || tree.kind !== 'scalar') return tree;
  const split = splitFreeForm(tree.text, freeForm);
  if (split === undefined || (split.options.size === 0 && !split.altered)) return tree;
  const entryFor = (key: string, text: string) => {
    const value: ScalarTree = { ...tree, text, value: text, style: 'double' };
    return { key, keyAt: tree.at, value };
  };
  return {
    kind: 'map',
    at: tree.at,
    entries: [
      ...(split.rest === '' ? [] : [entryFor('cmd', split.rest)]),
      ...[...split.options].map(([key, value]) => entryFor(key, value)),
    ],
  };
}

/** The arguments of a module with those under `args`, which do not replace any. */
export function withArgs(
  collector: DiagnosticsCollector,
  { key, keyAt, value }: Entry,
  module: AnyModule,
  args: Entry | undefined,
): Entry {
  if (args === undefined) return { key, keyAt, value };
  if (args.value.kind !== 'map') {
    collector.error(args.value.at, 'bad-value', '`args` should be a mapping of arguments');
    return { key, keyAt, value };
  }
  const own = entriesOf(argumentsOf(value, module), module);
  if (own === undefined) {
    collector.error(
      args.keyAt,
      'bad-value',
      `\`args\` cannot be added to this form of \`${key}\``,
      {
        hint: `write all arguments as a mapping below \`${key}\``,
      },
    );
    return { key, keyAt, value };
  }
  const more = args.value.entries.filter((one) => !own.some((known) => known.key === one.key));
  return { key, keyAt, value: { kind: 'map', at: value.at, entries: [...own, ...more] } };
}

function entriesOf(tree: Tree, { freeForm }: AnyModule): readonly Entry[] | undefined {
  if (tree.kind === 'map') return tree.entries;
  if (tree.kind === 'list') return undefined;
  if (tree.value === null) return [];
  return freeForm === undefined ? undefined : [{ key: 'cmd', keyAt: tree.at, value: tree }];
}

/**
 * `name=docker state=started`: the oldest form of arguments. Another tree stays as it is.
 * @param keepsNumbers `x=5` is a text, as Ansible's `set_fact` has it
 */
export function keyValues(tree: Tree, keepsNumbers = false): Tree {
  if (tree.kind !== 'scalar' || typeof tree.value !== 'string') return tree;
  const split = splitFreeForm(tree.text);
  if (split === undefined || split.options.size === 0 || split.rest !== '') return tree;
  const entries = [...split.options].map(([key, text]) => {
    const plain = resolvePlain(text);
    const value = keepsNumbers && typeof plain === 'number' ? text : plain;
    return { key, keyAt: tree.at, value: { ...tree, text, value, style: 'plain' as const } };
  });
  return { kind: 'map', at: tree.at, entries };
}

export interface FreeForm {
  /** Words of the form `name=value`, without their quotes. The last one of a name wins. */
  readonly options: ReadonlyMap<string, string>;
  /** All other words, with the blanks and line ends between them. */
  readonly rest: string;
  /** A word of `rest` is not as it was written: a lone backslash is gone, or `\=` is `=`. */
  readonly altered: boolean;
}

/**
 * Splits a text. `names` are the arguments to take out; without them every `name=value` is one.
 * Undefined where a quote or a template is not closed.
 */
export function splitFreeForm(text: string, names?: readonly string[]): FreeForm | undefined {
  const split = splitWords(text);
  if (split === undefined) return undefined;
  const options = new Map<string, string>();
  const rest: string[] = [];
  let { altered } = split;
  for (const written of split.words) {
    const word = unescaped(written);
    const at = equalsIn(word);
    const name = word.slice(0, Math.max(at, 0));
    if (at > 0 && (names === undefined || names.includes(name)))
      options.set(name.trim(), withoutQuotes(word.slice(at + 1).trim()));
    else if (at < 0 && word.includes('=')) {
      altered = true;
      rest.push(word.replaceAll('\\=', '='));
    } else rest.push(written);
  }
  return { options, rest: joined(rest), altered };
}

/** The first `=` that is neither the first character nor behind a backslash; -1 for none. */
function equalsIn(word: string): number {
  let at = word.indexOf('=', 1);
  while (at > 0 && word[at - 1] === '\\') at = word.indexOf('=', at + 1);
  return at;
}

const joined = (words: readonly string[]): string =>
  words.reduce((text, word) => text + (text === '' || text.endsWith('\n') ? '' : ' ') + word, '');

function withoutQuotes(value: string): string {
  const [first] = value;
  const isQuoted =
    value.length > 1 &&
    (first === '"' || first === "'") &&
    value.endsWith(first) &&
    value.at(-2) !== '\\';
  return isQuoted ? value.slice(1, -1) : value;
}

const escapes = /\\(?:U([0-9a-fA-F]{8})|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\\'"abfnrtv]))/g;

const unescaped = (word: string): string =>
  word.replace(escapes, (all, long?: string, short?: string, byte?: string, sign?: string) => {
    if (sign !== undefined) return controlEscapes[sign] ?? sign;
    const code = Number.parseInt(long ?? short ?? byte ?? '', 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });

interface Words {
  /** Each with the blanks and line ends that follow it, except one blank. */
  readonly words: readonly string[];
  readonly altered: boolean;
}

/** What is open between two pieces of a text. */
interface Open {
  /** The quote character, or the empty string. */
  readonly quote: string;
  /** Nested `{{`, `{%` and `{#`. */
  readonly depths: readonly number[];
}

const brackets = [
  ['{{', '}}'],
  ['{%', '%}'],
  ['{#', '#}'],
] as const;

const inTemplate = ({ depths }: Open): boolean => depths.some((depth) => depth > 0);

/** Only blanks and line ends separate words, and neither within quotes nor within templates. */
function splitWords(text: string): Words | undefined {
  const words: string[] = [];
  const append = (more: string): void => {
    words.push((words.pop() ?? '') + more);
  };
  let open: Open = { quote: '', depths: [0, 0, 0] };
  let altered = false;
  const lines = text === '' ? [] : text.split('\n');
  for (const [number, line] of lines.entries()) {
    let continues = false;
    for (const [index, piece] of line.split(' ').entries()) {
      if (piece === '' && index > 0) append(' ');
      else if (piece === '\\' && open.quote === '') {
        continues = true;
        altered ||= !line.endsWith(' \\') && line !== '\\';
      } else {
        const after = openAfter(piece, open);
        const isInside = inTemplate(open) || open.quote !== '';
        if (isInside) append((index > 0 ? ' ' : '') + piece);
        else if (piece !== '') words.push(piece);
        open = after;
      }
    }
    if (number < lines.length - 1 && !continues) append('\n');
  }
  return open.quote !== '' || inTemplate(open) ? undefined : { words, altered };
}

function openAfter(piece: string, { quote, depths }: Open): Open {
  let open = quote;
  for (let at = 0; at < piece.length; at++) {
    const sign = piece[at] ?? '';
    if ((sign !== '"' && sign !== "'") || piece[at - 1] === '\\') continue;
    if (open === '') open = sign;
    else if (open === sign) open = '';
  }
  return {
    quote: open,
    depths: brackets.map(([begin, end], kind) =>
      Math.max(0, (depths[kind] ?? 0) + count(piece, begin) - count(piece, end)),
    ),
  };
}

const count = (text: string, part: string): number => text.split(part).length - 1;
