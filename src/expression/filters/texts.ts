// Filters that give text.

import { flagArg, printedArg, textArg, wholeArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { type Callable, define } from '../python/callable.ts';
import { dictEntries, dictOf } from '../python/dicts.ts';
import { printf } from '../python/printf.ts';
import { text } from '../python/printing.ts';
import { isDict, isPyList, isTuple, type PyValue, tuple } from '../python/py-value.ts';
import { chars, textLength, walk } from '../python/sequences.ts';
import { capitalize, center, replace, split, splitLines, strip } from '../python/text-methods.ts';

const change = (of: (value: string) => string): Callable => define('', (value) => of(text(value)));

/** Jinja2's `title`: a word begins after white space, a hyphen or an opening bracket. */
const title = (value: string): string =>
  value
    .split(/([-\s({[<]+)/)
    .map((word) => capitalize(word))
    .join('');

function indent(value: string, width: PyValue | undefined, first: boolean, blank: boolean): string {
  const lead = typeof width === 'string' ? width : ' '.repeat(Math.max(0, boundedWidth(width)));
  const [head = '', ...lines] = splitLines(`${value}\n`);
  reserve(value.length + lead.length * (lines.length + 1));
  const body = [head, ...lines.map((line) => (blank || line !== '' ? lead + line : line))].join(
    '\n',
  );
  return first ? lead + body : body;
}

/** Removes comments and tags, but keeps unclosed ones. */
function withoutTags(value: string): string {
  let out = '';
  let at = 0;
  let comments = true;
  for (let open = value.indexOf('<'); open !== -1; open = value.indexOf('<', at)) {
    const close = comments && value.startsWith('<!--', open) ? value.indexOf('-->', open + 4) : -1;
    if (close === -1 && value.startsWith('<!--', open)) comments = false;
    const end = close === -1 ? value.indexOf('>', open) : close + 2;
    if (end === -1) break;
    out += value.slice(at, open);
    at = end + 1;
  }
  return out + value.slice(at);
}

function boundedWidth(width: PyValue | undefined): number {
  const wide = wholeArg(width, 'width', 4);
  reserve(Math.max(0, wide));
  return wide;
}

function truncate(
  value: string,
  length: number,
  killWords: boolean,
  end: string,
  leeway: number,
): string {
  if (length < textLength(end)) fail(`truncate needs a length of at least ${textLength(end)}`);
  if (leeway < 0) fail('leeway must not be negative');
  const all = chars(value);
  if (all.length <= length + leeway) return value;
  const kept = all.slice(0, length - textLength(end)).join('');
  if (killWords) return kept + end;
  const space = kept.lastIndexOf(' ');
  return (space < 0 ? kept : kept.slice(0, space)) + end;
}

/** Wraps a line to at most `width` characters; breaks a longer word where that is allowed. */
function wrapLine(line: string, width: number, breakLong: boolean, onHyphens: boolean): string[] {
  const pieces = line
    .split(/(\s+)/)
    .flatMap((piece) =>
      onHyphens && !/^\s/.test(piece) ? piece.split(/(?<=[\p{L}]-)(?=\p{L})/u) : [piece],
    );
  const queue = pieces.filter((piece) => piece !== '').reverse();
  const lines: string[] = [];
  let current = '';
  while (queue.length > 0) {
    const piece = queue.pop() ?? '';
    if (current.length + piece.length <= width) current += piece;
    else if (piece.length > width && breakLong) {
      const room = Math.max(1, width - current.length);
      lines.push(current + piece.slice(0, room));
      queue.push(piece.slice(room));
      current = '';
    } else if (current === '') lines.push(piece);
    else {
      lines.push(current);
      queue.push(piece);
      current = '';
    }
  }
  return current === '' ? lines : [...lines, current];
}

function wrap(
  value: string,
  width: number,
  breakLong: boolean,
  between: string,
  onHyphens: boolean,
): string {
  if (width <= 0) fail(`invalid width ${width}`);
  return splitLines(value)
    .flatMap((line) => (line === '' ? [''] : wrapLine(line, width, breakLong, onHyphens)))
    .join(between);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};
const escaped = change((value) => value.replace(/[&<>'"]/g, (char) => entities[char] ?? char));

const percent = (value: string, safe: RegExp): string =>
  Array.from(new TextEncoder().encode(value), (byte) => {
    const char = String.fromCharCode(byte);
    return byte < 128 && safe.test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');

const queryPart = (value: PyValue): string => percent(text(value), /[\w.~ -]/).replaceAll(' ', '+');

function urlEncode(value: PyValue): string {
  if (isDict(value))
    return dictEntries(value)
      .map(([key, item]) => `${queryPart(key)}=${queryPart(item)}`)
      .join('&');
  if (!isPyList(value) && !isTuple(value)) return percent(text(value), /[\w.~/-]/);
  return walk(value)
    .map((pair) => {
      const [key, item, more] = walk(pair);
      return key === undefined || item === undefined || more !== undefined
        ? fail('urlencode takes pairs')
        : `${queryPart(key)}=${queryPart(item)}`;
    })
    .join('&');
}

const urlDecode = (value: string): string =>
  value
    .replaceAll('+', ' ')
    .replace(/(?:%[\da-fA-F]{2})+/g, (run) =>
      new TextDecoder().decode(
        new Uint8Array(
          (run.match(/[\da-fA-F]{2}/g) ?? []).map((digits) => Number.parseInt(digits, 16)),
        ),
      ),
    );

const formatted: Callable = define('* **', (value, { rest, extra }) => {
  if (rest.length > 0 && extra.size > 0)
    return fail("can't handle positional and keyword arguments at the same time");
  return printf(text(value), extra.size > 0 ? dictOf([...extra]) : tuple(rest));
});

const comment = (value: string): string =>
  `#\n${value
    .split('\n')
    .map((line) => (line === '' ? '#' : `# ${line}`))
    .join('\n')}\n#`;

export const textFilters: Readonly<Record<string, Callable>> = {
  upper: change((value) => value.toUpperCase()),
  lower: change((value) => value.toLowerCase()),
  title: change(title),
  capitalize: change(capitalize),
  trim: define('chars?', (value, { at }) => strip(text(value), at(0), 'both')),
  replace: define('old new count?', (value, { at }) => {
    const count = at(2);
    return replace(
      text(value),
      printedArg(at(0)),
      printedArg(at(1)),
      count === undefined || count === null ? -1 : wholeArg(count, 'count'),
    );
  }),
  split: define('sep? maxsplit?', (value, { at }) =>
    split(textArg(value, 'the value of split'), at(0), wholeArg(at(1), 'maxsplit', -1)),
  ),
  center: define('width?', (value, { at }) => center(text(value), wholeArg(at(0), 'width', 80))),
  indent: define('width? first? blank?', (value, { at }) =>
    indent(textArg(value, 'the value of indent'), at(0), flagArg(at(1)), flagArg(at(2))),
  ),
  truncate: define('length? killwords? end? leeway?', (value, { at }) =>
    truncate(
      textArg(value, 'the value of truncate'),
      wholeArg(at(0), 'length', 255),
      flagArg(at(1)),
      textArg(at(2), 'end', '...'),
      wholeArg(at(3) ?? undefined, 'leeway', 5),
    ),
  ),
  wordwrap: define('width? break_long_words? wrapstring? break_on_hyphens?', (value, { at }) =>
    wrap(
      textArg(value, 'the value of wordwrap'),
      wholeArg(at(0), 'width', 79),
      flagArg(at(1), true),
      textArg(at(2) ?? undefined, 'wrapstring', '\n'),
      flagArg(at(3), true),
    ),
  ),
  wordcount: define('', (value) => {
    reserve(text(value).length);
    return text(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0;
  }),
  format: formatted,
  escape: escaped,
  e: escaped,
  forceescape: escaped,
  striptags: change((value) =>
    withoutTags(value)
      .split(/\s+/)
      .filter((word) => word !== '')
      .join(' '),
  ),
  urlencode: define('', urlEncode),
  urldecode: change(urlDecode),
  comment: change(comment),
  quote: define('', (value) => {
    const word = value === null ? '' : text(value);
    if (word === '') return "''";
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
  }),
};
