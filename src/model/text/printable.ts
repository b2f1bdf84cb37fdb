// Text of others made fit to be shown: nothing in it moves a cursor, begins a line, turns the
// reading direction or hides.

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, bidi controls, tags, zero-width
 * and other invisible characters, halves of pairs. The emoji selector U+FE0F is none of them: it
 * only chooses how the character before it looks.
 */
const unprintable = /(?!\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const shown = (char: string): string => (char === '\n' ? '⏎' : char === '\t' ? char : '?');

/**
 * One line of text that a terminal only shows. Each character stays one character; a line end is
 * seen as `⏎`, a tab stays.
 */
export const harmless = (text: string): string => text.replace(unprintable, shown);

/** Harmless, and of a length that fits into a message: what is longer ends with an ellipsis. */
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
 * JSON that may be printed: what a terminal would obey is written as an escape, and reads back as
 * the same value.
 */
export const toJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(unprintable, (char) =>
    char === '\n' ? char : asEscape(char),
  );
