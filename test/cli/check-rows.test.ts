// Rows of `check` on the screen before the last host has answered, and the line that names the
// hosts that have not.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { earlyRows } from '../../src/cli/terminal/check-rows.ts';
import { hostProgress } from '../../src/cli/terminal/host-progress.ts';
import type { World } from '../../src/cli/world.ts';
import type { CheckRow } from '../../src/screens/hosts/check-table.ts';
import { widthOf } from '../../src/screens/layout.ts';

const row = (host: string): CheckRow => ({
  host,
  facts: { 'kernel.release': `kernel-of-${host}` },
});

function screen({ json = false } = {}) {
  const out: string[] = [];
  const world = { colour: false, out: (line: string) => void out.push(line), width: () => 140 };
  const safe = (one: CheckRow): CheckRow =>
    one.host === 'c' ? { host: 'c', failure: { kind: 'parse', message: 'unshowable' } } : one;
  return {
    out,
    early: earlyRows(json ? ({ host }) => void out.push(`json ${host}`) : undefined, safe, world),
  };
}

describe('rows of check', () => {
  it('come early as JSON only', () => {
    const { out, early } = screen({ json: true });
    early.add(row('b'));
    expect(out).toEqual(['json b']);
    const text = screen();
    text.early.add(row('b'));
    expect(text.out).toEqual([]);
  });

  it('are a table of those that were read, once a signal came', () => {
    const { out, early } = screen();
    early.stopped([row('a'), row('c')]);
    expect(out.slice(1).map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual([
      'a kernel-of-a',
      'c parse',
    ]);
    const json = screen({ json: true });
    json.early.stopped([row('a')]);
    expect(json.out).toEqual([]);
  });
});

describe('the progress of reading hosts', () => {
  const texts: string[] = [];
  const lists: (readonly string[])[] = [];
  let now = 0;
  const progressOf = (names: readonly string[], columns = 100, isTerminal = false, rows = 24) =>
    hostProgress(
      'read',
      names,
      {
        progress: (make) => {
          const lines = make();
          lists.push(lines);
          texts.push(lines.join('\n'));
        },
        endProgress: () => void texts.push(''),
        width: () => columns,
        height: () => rows,
        isTerminal,
        out: (line) => void texts.push(`out ${line}`),
        clock: { now: () => now } as World['clock'],
      },
      true,
    );
  beforeEach(() => {
    texts.length = 0;
    now = 0;
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  it('is a bar with the hosts that answered, and the time', () => {
    const { answered, end } = progressOf(['h1', 'h2', 'h3', 'h4']);
    answered({ host: 'h2' });
    end();
    expect(texts).toEqual(['[#####...............]  1 of 4 hosts read, 0s', '']);
  });

  it('goes on while no host answers, and then names those that are slow', () => {
    const { answered, end } = progressOf(['h1', 'h2', 'h3', 'h4', 'h5']);
    answered({ host: 'h2' });
    now = 5000;
    vi.advanceTimersByTime(1000);
    expect(texts.at(-1)).toBe(
      '[####................]  1 of 5 hosts read, 5s; no answer yet: h1, h3, h4 and 1 more',
    );
    for (const host of ['h1', 'h3', 'h4', 'h5']) answered({ host });
    expect(texts.at(-1)).toBe('[####################]  5 of 5 hosts read, 5s');
    end();
    const drawn = texts.length;
    vi.advanceTimersByTime(9000);
    expect(texts).toHaveLength(drawn);
  });

  it('fits a narrow terminal', () => {
    const { answered, end } = progressOf(['日本'.repeat(30), 'h2'], 60);
    now = 9000;
    answered({ host: 'h2' });
    end();
    expect(widthOf(texts[0] ?? '')).toBe(59);
  });

  const leaking = { 'kmem.verdict': 'leaking', 'kmem.remedy': 'reboot' } as const;

  it('has on a terminal what hosts have answered, the newest lowest', () => {
    const { answered } = progressOf(['h1', 'h2', 'h3'], 60, true);
    answered({ host: 'h3', facts: leaking });
    answered({ host: 'h1', failure: { kind: 'unreachable', message: 'no route\nto it' } });
    expect(texts.at(-1)?.split('\n').slice(0, 2)).toEqual([
      'h3  leaking         remedy: reboot',
      expect.stringMatching(/^h1 {2}unreachable {5}no route/),
    ]);
  });

  it('never has more lines than the terminal has, nor wider ones', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), {
          minLength: 1,
          maxLength: 80,
        }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 10, max: 200 }),
        (names, rows, columns) => {
          lists.length = 0;
          const { answered, end } = progressOf(names, columns, true, rows);
          for (const host of names) answered({ host, facts: leaking });
          for (const lines of lists) {
            expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 2));
            for (const line of lines) expect(widthOf(line)).toBeLessThan(columns);
          }
          end();
        },
      ),
      { numRuns: 50 },
    );
  });

  it('says after a signal what was read, in the order of the hosts', () => {
    const { answered, stopped } = progressOf(['h1', 'h2', 'h3'], 60, true);
    answered({ host: 'h3', facts: leaking });
    answered({ host: 'h1', facts: leaking });
    stopped();
    expect(texts.slice(-3)).toEqual([
      'out h1  leaking         remedy: reboot',
      'out h3  leaking         remedy: reboot',
      'out 2 of 3 hosts read',
    ]);
  });
});
