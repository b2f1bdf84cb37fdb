// Edits one argument in a kernel command line: merges, never replaces other values, and changes no
// byte when nothing is missing. `edit.awk` has the same rules for the host;
// test/modules/kernel-arg-edit.test.ts compares the two on generated lines.

/** What a command line should say about one argument. */
export interface ArgumentEdit {
  readonly key: string;
  /**
   * The values that are wanted or unwanted. Empty means: the bare word when present, any value when
   * absent.
   */
  readonly items: readonly string[];
  /**
   * The value is a comma list that several owners share (`cgroup.memory=nosocket,nokmem`). Only our
   * items are added or removed.
   */
  readonly list: boolean;
  readonly state: 'present' | 'absent';
}

interface Token {
  readonly gap: string;
  readonly text: string;
}

interface Line {
  readonly tokens: readonly Token[];
  readonly tail: string;
}

/**
 * Splits at blanks outside double quotes, as the kernel does (lib/cmdline.c, next_arg). Gaps are
 * kept, so that unedited text keeps its bytes.
 */
function split(line: string): Line {
  const tokens: Token[] = [];
  let end = 0;
  for (const { 0: whole, 1: gap = '', 2: text = '', index } of line.matchAll(
    /(?<![ \t])([ \t]*)((?:[^ \t"]|"[^"]*(?:"|$))+)/g,
  )) {
    tokens.push({ gap, text });
    end = index + whole.length;
  }
  return { tokens, tail: line.slice(end) };
}

const bare = (text: string): string => text.replaceAll('\\"', '"').replaceAll('"', '');
const nameOf = (text: string): string => bare(text).split('=')[0] ?? '';
const valuePart = (text: string): string => {
  const plain = bare(text);
  const at = plain.indexOf('=');
  return at < 0 ? '' : plain.slice(at + 1);
};
const itemsOf = (text: string): readonly string[] =>
  valuePart(text)
    .split(',')
    .filter((item) => item !== '');

const tokenFor = (key: string, items: readonly string[]): string =>
  items.length === 0 ? key : `${key}=${items.join(',')}`;

/**
 * The edited line; the same text when no edit is needed. Words after ` -- ` belong to init and
 * stay.
 */
export function editLine(line: string, edit: ArgumentEdit): string {
  const { tokens, tail } = split(line);
  const dashes = tokens.findIndex((token) => token.text === '--');
  const end = dashes < 0 ? tokens.length : dashes;
  const mine = tokens.flatMap((token, index) =>
    index < end && nameOf(token.text) === edit.key ? [index] : [],
  );
  const texts = mine.map((index) => tokens[index]?.text ?? '');
  const wanted = edit.state === 'present' ? presentTexts(texts, edit) : absentTexts(texts, edit);
  if (wanted === undefined) return line;
  const edited: (Token | undefined)[] = [...tokens];
  for (const [nth, index] of mine.entries()) {
    const text = wanted[nth];
    edited[index] = text === undefined ? undefined : { gap: tokens[index]?.gap ?? ' ', text };
  }
  if (mine.length === 0)
    for (const text of wanted)
      edited.splice(end, 0, { gap: end === 0 ? '' : ' ', text: text ?? '' });
  return join(edited, tokens[0]?.gap ?? '', tail);
}

/** The first word begins where the first word began; the others keep their own gap. */
function join(tokens: readonly (Token | undefined)[], lead: string, tail: string): string {
  let out = '';
  let first = true;
  for (const token of tokens) {
    if (token === undefined) continue;
    out += first ? lead + token.text : (token.gap || ' ') + token.text;
    first = false;
  }
  return out + tail;
}

/**
 * The new text of each occurrence (`undefined` = removed), or `undefined` when the line needs no
 * edit.
 */
function presentTexts(
  texts: readonly string[],
  edit: ArgumentEdit,
): readonly (string | undefined)[] | undefined {
  const [first, ...others] = texts;
  if (first === undefined) return [tokenFor(edit.key, edit.items)];
  const wanted = edit.list
    ? merged(first, others, edit)
    : [tokenFor(edit.key, edit.items), ...others.map(() => undefined)];
  const holds = edit.list
    ? wanted.every((text, index) => text === texts[index])
    : texts.every((text) => text === wanted[0]);
  return holds ? undefined : wanted;
}

/**
 * Missing values are added to the first occurrence. The others stay, because occurrences add up in
 * the kernel (measured on 3.10 and 6.12). Quotes around a value are removed: 6.12 does not
 * understand them.
 */
function merged(first: string, others: readonly string[], edit: ArgumentEdit): readonly string[] {
  const there = [first, ...others].flatMap(itemsOf);
  const missing = edit.items.filter((item) => !there.includes(item));
  return [
    missing.length === 0 ? bare(first) : tokenFor(edit.key, [...itemsOf(first), ...missing]),
    ...others.map(bare),
  ];
}

function absentTexts(
  texts: readonly string[],
  edit: ArgumentEdit,
): readonly (string | undefined)[] | undefined {
  const rest = texts.map((text) => {
    if (edit.items.length === 0) return undefined;
    if (!edit.list) return bare(text) === tokenFor(edit.key, edit.items) ? undefined : text;
    const items = itemsOf(text);
    const left = items.filter((item) => !edit.items.includes(item));
    if (left.length === items.length) return text;
    return left.length === 0 ? undefined : tokenFor(edit.key, left);
  });
  return rest.every((text, index) => text === texts[index]) ? undefined : rest;
}

/** The values of the key in the line, in order, as written. Words after ` -- ` do not count. */
export function occurrences(line: string, key: string): readonly string[] {
  const { tokens } = split(line);
  const end = tokens.findIndex((token) => token.text === '--');
  return (end < 0 ? tokens : tokens.slice(0, end))
    .filter((token) => nameOf(token.text) === key)
    .map((token) => token.text);
}

/**
 * Has the line words for init (` -- `)? Tools that append put a new argument behind them, where
 * newer kernels ignore it.
 */
export const hasInitWords = (line: string): boolean =>
  split(line).tokens.some((token) => token.text === '--');
