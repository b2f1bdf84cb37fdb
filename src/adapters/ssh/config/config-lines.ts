// Splits the text of an ssh configuration into lines as OpenSSH does: keywords, words, quotes.

export interface ConfigLine {
  /** In lower case. */
  readonly keyword: string;
  /** As it is written, for messages. */
  readonly written: string;
  readonly words: readonly string[];
  /** From 1. */
  readonly number: number;
}

/** Keywords whose value is the rest of the line: a shell, or a parser of its own, reads it. */
const raw = new Set([
  'proxycommand',
  'localcommand',
  'remotecommand',
  'knownhostscommand',
  'proxyjump',
]);

/** Splits a text. It throws for an open quote: the rest of the message, behind the file's name. */
export function configLines(text: string): readonly ConfigLine[] {
  return text.split('\n').flatMap((line, index) => {
    const found = lineOf(line, index + 1);
    return found === undefined ? [] : [found];
  });
}

/** One line, as in a file or behind `-o`. Undefined: it is empty or a comment. */
export function lineOf(line: string, number: number): ConfigLine | undefined {
  const text = trimmed(line);
  if (text === '' || text.startsWith('#')) return undefined;
  const end = text.search(/[ \t=]/);
  const written = end < 0 ? text : text.slice(0, end);
  const keyword = written.toLowerCase();
  const rest = end < 0 ? '' : text.slice(end).replace(/^[ \t]*=?[ \t]*/, '');
  const words = raw.has(keyword) ? [rest] : wordsOf(rest);
  if (words === undefined) throw new Error(`:${number} cannot be read: a quote is not closed`);
  return { keyword, written, words, number };
}

/** Without blanks at both ends. A pattern for the end would take quadratic time. */
function trimmed(line: string): string {
  const blank = ' \t\r\f';
  let [from, to] = [0, line.length];
  while (from < to && blank.includes(line.charAt(from))) from++;
  while (to > from && blank.includes(line.charAt(to - 1))) to--;
  return line.slice(from, to);
}

/** Words with quotes and backslashes resolved, up to a comment. Undefined: a quote is not closed. */
function wordsOf(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const next = text.charAt(at + 1);
    const isEscape =
      char === '\\' && next !== '' && (`"'\\`.includes(next) || (quote === '' && next === ' '));
    if (isEscape) {
      word = (word ?? '') + next;
      at++;
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '#' && word === undefined) return words;
    else word = (word ?? '') + char;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}
