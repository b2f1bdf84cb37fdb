// Commands of the machine that runs kmend: a value that came from a host must not become a part of
// the command. It is kept apart from the text of the command until that is split or parsed.
import type { RenderedPiece, Result } from '../../../expression/index.ts';
import { quote } from '../../../model/text/quote.ts';
import { splitWords } from '../../../model/text/split-words.ts';
import { isList, isMapping, type Mapping, type Value } from '../../../model/value.ts';

/** Calls `onRead` when a value of the mapping is read. */
export const watched = (values: Mapping, onRead: () => void): Mapping =>
  new Proxy(values, {
    get: (target, key) => {
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return undefined;
      onRead();
      return target[key];
    },
  });

/** How a command is made of its text. */
export type Style = 'words' | 'script';

/** Arguments of a command, rendered, with marks in place of the values of hosts. */
export interface Guarded {
  readonly kind: 'guarded';
  readonly args: Mapping;
  /** As their marks are numbered. */
  readonly values: readonly string[];
}

type Unguarded =
  | { readonly kind: 'later'; readonly why: string }
  | { readonly kind: 'wrong'; readonly message: string };

/** Stands for a value. Unicode says that these two are no characters: no text has them. */
const markOf = (index: number, quote = ''): string => `\uFDD0${quote}${index}\uFDD1`;
const marks = /\uFDD0("?)(\d{0,9})\uFDD1?/g;
const isMarked = (text: string): boolean => /[\uFDD0\uFDD1]/.test(text);

const commandKeys: ReadonlySet<string> = new Set(['cmd', 'argv', 'executable']);

/** Whether this argument of a command is a part of it. */
export const isOfCommand = (key: string): boolean => commandKeys.has(key);

/** A part of a text; foreign where an expression has read a value of a host. */
export interface SourcedPiece extends RenderedPiece {
  readonly isForeign: boolean;
}

/** The parts of a text; or why not, with the expression that failed. */
export type ReadPieces = (
  source: string,
) =>
  | readonly SourcedPiece[]
  | (Exclude<Result, { kind: 'value' }> & { readonly at: Omit<SourcedPiece, 'text'> });

/** Renders the arguments that become the command. */
export function guardArgs(written: Value, style: Style, read: ReadPieces): Guarded | Unguarded {
  const values: string[] = [];
  const args: Record<string, Value> = {};
  for (const [key, value] of Object.entries(isMapping(written) ? written : { cmd: written })) {
    if (!isOfCommand(key)) continue;
    const guarded: Value[] = [];
    for (const item of isList(value) ? value : [value]) {
      const text = guardText(String(item), key === 'executable' ? key : style, values, read);
      if (typeof text !== 'string') return text;
      guarded.push(text);
    }
    args[key] = isList(value) ? guarded : (guarded[0] ?? '');
  }
  const program = isList(args.argv) ? args.argv[0] : splitWords(String(args.cmd ?? ''))?.[0];
  return style === 'words' && isMarked(String(program ?? ''))
    ? { kind: 'wrong', message: noProgram }
    : { kind: 'guarded', args, values };
}

/** Arguments that name a file, and those that become its content. */
const pathKeys: ReadonlySet<string> = new Set(['path', 'dest', 'src']);
const contentKeys: ReadonlySet<string> = new Set(['content']);

/** A name in a directory: nothing leads out of it, and nothing is hidden in it. */
const isName = (text: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,199}$/.test(text);

/** Why these arguments must not be those of a file of this machine; undefined = they may. */
export function checkFileArgs(written: Value, read: ReadPieces): Unguarded | undefined {
  for (const [key, value] of Object.entries(isMapping(written) ? written : { cmd: written })) {
    if (contentKeys.has(key)) continue;
    for (const item of isList(value) ? value : [value]) {
      const refused = checkFileArg(key, String(item), read);
      if (refused !== undefined) return refused;
    }
  }
  return undefined;
}

function checkFileArg(key: string, source: string, read: ReadPieces): Unguarded | undefined {
  const pieces = read(source);
  if ('kind' in pieces)
    return pieces.kind === 'error'
      ? { kind: 'wrong', message: pieces.message }
      : { kind: 'later', why: pieces.why };
  const foreign = pieces.find(
    ({ isForeign, text }) => isForeign && !(pathKeys.has(key) && isName(text)),
  );
  if (foreign === undefined) return undefined;
  const what = `{{${foreign.source ?? ''}}} is a value from a host`;
  return {
    kind: 'wrong',
    message: pathKeys.has(key)
      ? `${what}: in \`${key}\` of a file of this machine it must be one name of letters, digits and _.:@+-, without / and without a dot first`
      : `${what}: it must not be \`${key}\` of a file of this machine`,
  };
}

const noProgram = 'a value from a host must not choose the program that runs on this machine';

function guardText(
  source: string,
  style: Style | 'executable',
  values: string[],
  read: ReadPieces,
): string | Unguarded {
  const pieces = read(source);
  if ('kind' in pieces) {
    if (pieces.kind === 'error') return { kind: 'wrong', message: pieces.message };
    const { isForeign, source: last = '' } = pieces.at;
    return style === 'script' && isForeign && !isQuoted(last)
      ? unquoted(last)
      : { kind: 'later', why: pieces.why };
  }
  let text = '';
  for (const piece of pieces) {
    const kept = piece.isForeign ? keptApart(piece, style) : piece.text;
    if (typeof kept === 'string') {
      if (isMarked(kept)) return { kind: 'wrong', message: 'the command has U+FDD0 or U+FDD1' };
      text += kept;
    } else if ('kind' in kept) return kept;
    else {
      const quote = style === 'script' ? openQuote(text) : '';
      if (quote === "'") return inSingleQuotes(piece);
      text += markOf(values.length, quote);
      values.push(kept.value);
    }
  }
  return text;
}

/** The value that a command gets for this part: in a script only a quoted one, which is one word. */
function keptApart(
  { text, source = '' }: RenderedPiece,
  style: Style | 'executable',
): { readonly value: string } | Unguarded {
  if (style === 'executable') return { kind: 'wrong', message: noProgram };
  if (text.includes('\0')) return { kind: 'wrong', message: 'a value from a host has a NUL' };
  if (style === 'words') return { value: text };
  const [value, ...more] = (isQuoted(source) ? splitWords(text) : undefined) ?? [];
  return value === undefined || more.length > 0 ? unquoted(source) : { value };
}

const inSingleQuotes = ({ source = '' }: RenderedPiece): Unguarded => ({
  kind: 'wrong',
  message: `{{${source}}} is in single quotes: leave these out, because \`quote\` writes them`,
});

/**
 * The quote that is open behind this part of a script; empty = none. A shell may see it otherwise
 * (behind `<<`): then a value is split into words, or its variable is printed.
 */
function openQuote(text: string): string {
  let open = '';
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (sign === '\\' && open !== "'") at++;
    else if (open === sign) open = '';
    else if (open === '' && (sign === '"' || sign === "'")) open = sign;
  }
  return open;
}

const isQuoted = (source: string): boolean => /\|\s*quote\s*$/.test(source);

const unquoted = (source: string): Unguarded => ({
  kind: 'wrong',
  message: `{{${source}}} is a value from a host in a script of this machine: write {{${source.trimEnd()} | quote }}, or use \`command\``,
});

/** Writes values in place of their marks in a text for operators. */
export const titleWith =
  (values: readonly string[]) =>
  (text: string): string =>
    text.replace(marks, (_, _quote, index: string) => values[Number(index)] ?? '');

/**
 * Writes values in place of their marks in a script. Those of a command line are in single quotes
 * there; those of a script are variables, whose values a shell never parses.
 */
export function scriptWith(style: Style, values: readonly string[]): (script: string) => string {
  if (style === 'words')
    return (script) =>
      script.replace(marks, (_, _quote, index: string) =>
        (values[Number(index)] ?? '').replaceAll("'", "'\\''"),
      );
  const variables = values.map((value, index) => `export kmend_${index}=${quote(value)}\n`);
  return (script) =>
    variables.join('') +
    script.replace(marks, (_, quoted: string, index: string) =>
      quoted === '' ? `"\${kmend_${index}}"` : `\${kmend_${index}}`,
    );
}
