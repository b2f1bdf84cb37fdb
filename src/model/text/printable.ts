// Makes text of others safe to print: nothing in it moves the cursor, begins a line, changes the
// reading direction or hides.

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, bidi controls, tags, invisible
 * characters, unpaired surrogates. The emoji selector U+FE0F is allowed: it only chooses how the
 * character before it looks.
 */
const unprintable = /(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Most text has none of them: a search for anything but ASCII is many times faster. */
const mayBeUnprintable = /[^ -~]/;
const mayNeedEscape = /[^\n -~]/;

const shown = (char: string): string => (char === '\n' ? '⏎' : char === '\t' ? char : '?');

/**
 * One line of text that a terminal only shows. Each character stays one character; a line end
 * becomes `⏎`, and a tab stays.
 */
export const harmless = (text: string): string =>
  mayBeUnprintable.test(text) ? text.replace(unprintable, shown) : text;

/** Harmless text of at most `max` characters; longer text ends with an ellipsis. */
export function oneLine(text: string, max: number): string {
  const chars = [...harmless(text.trim().slice(0, 2 * max + 2))];
  return chars.length <= max ? chars.join('') : `${chars.slice(0, max - 1).join('')}…`;
}

const asEscape = (char: string): string =>
  char
    .split('')
    .map((half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/**
 * JSON that is safe to print: control characters are written as escapes, and it reads back as the
 * same value.
 */
export function toJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  if (!mayNeedEscape.test(json)) return json;
  return json.replace(unprintable, (char) => (char === '\n' ? char : asEscape(char)));
}

/** How deep the hosts of a plan are. */
const deepest = 4;

/**
 * The text of `toJson` in pieces: each entry of a list or mapping, down to four levels, is one. What
 * JSON leaves out must not be in it.
 */
export function* jsonPieces(value: unknown, indent = 0, level = 0): Generator<string, void> {
  const isList = Array.isArray(value);
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const present = isList ? entries : entries.filter(([, item]) => item !== undefined);
  const newLine = indent === 0 ? '' : `\n${' '.repeat(indent * level)}`;
  if (present.length === 0 || level === deepest) {
    const json = toJson(value, indent);
    return yield newLine === '' ? json : json.replaceAll('\n', newLine);
  }
  const inner = indent === 0 ? '' : newLine + ' '.repeat(indent);
  for (const [index, [key, item]] of present.entries()) {
    const begin = index > 0 ? ',' : isList ? '[' : '{';
    yield begin + inner + (isList ? '' : `${toJson(key)}:${indent === 0 ? '' : ' '}`);
    yield* jsonPieces(item, indent, level + 1);
  }
  yield newLine + (isList ? ']' : '}');
}
