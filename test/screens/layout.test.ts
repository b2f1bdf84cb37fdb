// Widths, folding and times of text for a terminal.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clockTime,
  coloured,
  cutTo,
  foldLine,
  table,
  timeAt,
  timeRange,
  utcTime,
  widthOf,
} from '../../src/screens/layout.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

describe('widths', () => {
  it.each([
    ['node-a1', 7],
    ['日本', 4],
    ['e\u0301', 1],
    ['❤\ufe0f', 2],
    ['한국', 4],
    // Both are printed as `?`, or the text could hide.
    ['a\u202eb', 3],
    ['a\nb', 3],
    [coloured.red('日本'), 4],
  ])('%j takes %i columns', (given, columns) => {
    expect(widthOf(given)).toBe(columns);
  });

  it('cuts any text to any width', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (given, width) => {
        expect(widthOf(cutTo(given, width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('lines columns up behind wide characters', () => {
    expect(
      table(
        [
          ['日本', 'x'],
          ['abcd', 'y'],
        ],
        80,
      ),
    ).toEqual(['日本  x', 'abcd  y']);
  });

  it('puts a last column that would begin at the right edge below the others', () => {
    const long = 'b'.repeat(60);
    expect(
      table(
        [
          ['name', 'what'],
          [long, 'the words of a text that would be folded one by one'],
        ],
        70,
      ),
    ).toEqual(['name', '  what', long, '  the words of a text that would be folded one by one']);
  });
});

describe('folding', () => {
  it('indents what does not fit, and moves a command to a line of its own in one piece', () => {
    const resume = 'kmend resume 20261127-072230-9o19 --retry node-a1';
    const line = `  the brake is on because of node-a1, which did not come back; go on with: ${resume}`;
    expect(foldLine(line, 60)).toEqual([
      '  the brake is on because of node-a1, which did not come',
      '    back; go on with:',
      `    ${resume}`,
    ]);
    expect(
      foldLine('Saved as plan.json; carry it out with: kmend apply plan.json -i hosts.yaml', 50),
    ).toEqual(['Saved as plan.json; carry it out with:', '  kmend apply plan.json -i hosts.yaml']);
  });

  it('folds a sentence about kmend, which is no command', () => {
    expect(foldLine('bad  parse: kmend cannot handle what the journals say of bad', 40)).toEqual([
      'bad  parse: kmend cannot handle what the',
      '  journals say of bad',
    ]);
  });

  it('loses no word and is never wider than the terminal where words fit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 40 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 40, max: 120 }),
        (words, by, width) => {
          const lines = foldLine(' '.repeat(by) + words.join(' '), width);
          expect(lines.join(' ').split(/\s+/).filter(Boolean)).toEqual(words);
          expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('times', () => {
  const noon = Date.UTC(2026, 10, 27, 12, 0, 5);
  const minute = 60_000;

  it.each([
    ['Europe/Berlin', '13:00:05 CET'],
    ['America/New_York', '07:00:05 EST'],
    ['Asia/Kolkata', '17:30:05 GMT+5:30'],
    ['UTC', '12:00:05 UTC'],
  ])('of %s carry their zone', (zone, shown) => {
    expect(clockTime(noon, zone)).toBe(shown);
  });

  it('have a date on another day only', () => {
    const zone = 'Europe/Berlin';
    expect(timeAt(noon, noon - minute, zone)).toBe('13:00 CET');
    expect(timeAt(noon, noon - 24 * 60 * minute, zone)).toBe('2026-11-27 13:00 CET');
    expect(timeRange(noon, noon + 22 * minute, noon, zone)).toBe('13:00-13:22 CET');
    expect(timeRange(noon, noon + 20_000, noon, zone)).toBe('13:00 CET');
    expect(timeRange(noon, noon + 12 * 60 * minute, noon, zone)).toBe(
      '13:00 - 2026-11-28 01:00 CET',
    );
    const tomorrow = noon + 24 * 60 * minute;
    expect(timeRange(tomorrow, tomorrow + 5 * minute, noon, zone)).toBe(
      '2026-11-28 13:00-13:05 CET',
    );
  });

  it('name both zones where summer time ends between them', () => {
    const night = Date.UTC(2026, 9, 25, 0, 30);
    expect(timeRange(night, night + 60 * minute, night, 'Europe/Berlin')).toBe(
      '02:30 CEST - 02:30 CET',
    );
  });

  it('of records are UTC, and say so', () => {
    expect(utcTime(noon)).toBe('2026-11-27 12:00:05 UTC');
  });
});
