// Character classes in brackets: `[a-z\d]`, `[^]x]`.
import { anyCase, classOf } from './classes.ts';
import { readEscape } from './escapes.ts';
import { bad, type Reader, skip } from './reader.ts';
import type { Chars, Pattern } from './tree.ts';

type Part = { readonly code: number } | { readonly test: Chars };

/** Reads a class whose `[` at `start` was just read. */
export function readClass(reader: Reader, start: number): Pattern {
  const negative = skip(reader, '^');
  const tests: Chars[] = [];
  for (let first = true; first || !skip(reader, ']'); first = false) {
    const low = readPart(reader, start);
    const isRange = reader.source[reader.at] === '-' && reader.source[reader.at + 1] !== undefined && reader.source[reader.at + 1] !== ']';
    if (!isRange) {
      tests.push('test' in low ? low.test : (code) => code === low.code);
      continue;
    }
    reader.at += 1;
    const high = readPart(reader, start);
    if ('test' in low || 'test' in high || low.code > high.code) return bad('bad character range', reader.at);
    tests.push((code) => code >= low.code && code <= high.code);
  }
  const any: Chars = (code) => tests.some((test) => test(code));
  const cased = reader.flags.fold ? anyCase(any) : any;
  return { kind: 'one', test: negative ? (code) => !cased(code) : cased };
}

function readPart(reader: Reader, start: number): Part {
  const char = reader.source[reader.at++];
  if (char === undefined) return bad('unterminated character set', start);
  if (char !== '\\') return { code: char.codePointAt(0) ?? 0 };
  const letter = reader.source[reader.at] ?? bad('unterminated character set', start);
  const test = classOf(letter, reader.flags.ascii);
  if (test !== undefined) {
    reader.at += 1;
    return { test };
  }
  if (letter === 'b') {
    reader.at += 1;
    return { code: 8 };
  }
  return { code: readEscape(reader, reader.at - 1) };
}
