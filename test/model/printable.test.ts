// What text of others may not do once it is printed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harmless, jsonPieces, oneLine, toJson } from '../../src/model/text/printable.ts';

/**
 * First and last of each range that a terminal obeys, that turns text round, or that nobody sees.
 */
const bad: readonly (readonly [string, number, number])[] = [
  ['C0 before the tab', 0x00, 0x08],
  ['C0 after the tab', 0x0a, 0x1f],
  ['DEL and C1', 0x7f, 0x9f],
  ['soft hyphen', 0xad, 0xad],
  ['combining grapheme joiner', 0x34f, 0x34f],
  ['Arabic letter mark', 0x61c, 0x61c],
  ['Hangul fillers', 0x115f, 0x1160],
  ['zero width, left-to-right and right-to-left marks', 0x200b, 0x200f],
  ['line and paragraph separators, bidi embeddings and overrides', 0x2028, 0x202e],
  ['word joiner, invisible operators, bidi isolates', 0x2060, 0x206f],
  ['Hangul filler', 0x3164, 0x3164],
  ['halves of pairs', 0xd800, 0xdfff],
  ['variation selectors but the emoji one', 0xfe00, 0xfe0e],
  ['byte order mark', 0xfeff, 0xfeff],
  ['interlinear annotation', 0xfff9, 0xfffb],
  ['tags', 0xe0000, 0xe007f],
  ['further variation selectors', 0xe0100, 0xe01ef],
];
const all = bad.flatMap(([, from, to]) =>
  Array.from({ length: to - from + 1 }, (_, index) => String.fromCodePoint(from + index)),
);
const isBad = (text: string): boolean => [...text].some((char) => all.includes(char));
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...all), fc.string({ unit: 'binary' })), { maxLength: 40 })
  .map((parts) => parts.join(''));

describe('text of others', () => {
  it.each(bad)('shows %s as one character each', (_, from, to) => {
    for (const code of [from, Math.floor((from + to) / 2), to])
      expect(harmless(`a${String.fromCodePoint(code)}b`)).toMatch(/^a[?⏎]b$/);
  });

  it('keeps what people write', () => {
    const text = 'naïve 漢字 हिन्दी שלום 🙂 ⚠️ ☎️ − “q” … ±1 €';
    expect(harmless(text)).toBe(text);
  });

  it('shows a line end, so that a forged line is seen as a part of its own', () => {
    expect(harmless('no\n17:29:59 node-a2 proven\r\n\tx')).toBe('no⏎17:29:59 node-a2 proven?⏎\tx');
  });

  it('never lets a bad character pass, and changes nothing the second time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(isBad(harmless(text))).toBe(false);
        expect(harmless(harmless(text))).toBe(harmless(text));
      }),
    );
  });

  it('cuts a message to its length by whole characters, and says so', () => {
    expect(oneLine('  short\n', 5)).toBe('short');
    expect(oneLine('🙂'.repeat(100), 4)).toBe('🙂🙂🙂…');
    expect(oneLine(`ab${' '.repeat(100)}c`, 4)).toBe('ab …');
    fc.assert(
      fc.property(
        hostile,
        fc.integer({ min: 1, max: 20 }),
        (text, max) => [...oneLine(text, max)].length <= max,
      ),
    );
  });

  it('writes JSON that shows nothing bad and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile))), (value) => {
        expect(isBad(toJson(value))).toBe(false);
        expect(JSON.parse(toJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(toJson(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('JSON in pieces', () => {
  it('is the same text, with and without an indent', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, 2), (json, indent) => {
        const value: unknown = JSON.parse(json);
        expect([...jsonPieces(value, indent)].join('')).toBe(toJson(value, indent));
      }),
    );
  });
  it('leaves out what is undefined, and escapes what a terminal obeys', () => {
    const value = { a: undefined, b: [{ c: 'x\u202e', d: undefined }, []], '\u0085': {} };
    expect([...jsonPieces(value, 1)].join('')).toBe(toJson(value, 1));
  });
  it('has a piece for each host of a plan', () => {
    const hosts = Array.from({ length: 50 }, (_, index) => ({ host: `n${index}`, tasks: [{}] }));
    const pieces = [...jsonPieces({ plays: [{ hosts }] })];
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(40);
  });
});
