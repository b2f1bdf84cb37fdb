// Rows of `check` on the screen before the last host has answered, and the line that names the
// hosts that have not.
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
const hosts = ['a', 'b', 'c'];

function screen({ isTerminal = true, json = false } = {}) {
  const out: string[] = [];
  const stop = new AbortController();
  const world = {
    colour: false,
    isTerminal,
    out: (line: string) => void out.push(line),
    progress: (text: string) => void out.push(`progress ${text}`),
    stop: stop.signal,
    width: () => 140,
  };
  const safe = (one: CheckRow): CheckRow =>
    one.host === 'c' ? { host: 'c', failure: { kind: 'parse', message: 'unshowable' } } : one;
  return {
    out,
    stop,
    early: earlyRows(json ? ({ host }) => void out.push(`json ${host}`) : undefined, safe, world),
  };
}

describe('rows of check', () => {
  it('a terminal gets the table of those that answered, in their order, while others are silent, and the rest at the end', () => {
    const { out, early } = screen();
    early.add(row('c'));
    early.add(row('a'));
    early.pause(hosts);
    expect(out[0]).toBe('progress ');
    expect(out.slice(2).map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual([
      'a kernel-of-a',
      'c parse',
    ]);
    early.pause(hosts);
    expect(out).toHaveLength(4);
    early.add(row('b'));
    early.pause(hosts);
    expect(out).toHaveLength(4);
    expect(early.rest(hosts.map(row)).map(({ host }) => host)).toEqual(['b']);
  });

  it('a pipe gets one table: nothing of it early', () => {
    const { out, early } = screen({ isTerminal: false });
    early.add(row('a'));
    early.pause(hosts);
    expect(out).toEqual([]);
    expect(early.rest(hosts.map(row))).toHaveLength(3);
  });

  it('JSON lines come with their hosts, each once, and none after a signal', () => {
    const { out, early, stop } = screen({ isTerminal: false, json: true });
    early.add(row('b'));
    early.pause(hosts);
    expect(out).toEqual(['json b']);
    stop.abort();
    early.add(row('a'));
    expect(out).toEqual(['json b']);
  });
});

describe('the progress of reading hosts', () => {
  const texts: string[] = [];
  let now = 0;
  const progressOf = (names: readonly string[], columns = 100) =>
    hostProgress('read', names, {
      progress: (text) => void texts.push(text),
      width: () => columns,
      clock: { now: () => now } as World['clock'],
    });
  beforeEach(() => {
    texts.length = 0;
    now = 0;
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  it('is a bar with the hosts that answered, and the time', () => {
    const { answered, end } = progressOf(['h1', 'h2', 'h3', 'h4']);
    answered('h2');
    end();
    expect(texts).toEqual(['[#####...............]  1 of 4 hosts read, 0s', '']);
  });

  it('goes on while no host answers, and then names those that are slow', () => {
    const { answered, end } = progressOf(['h1', 'h2', 'h3', 'h4', 'h5']);
    answered('h2');
    now = 5000;
    vi.advanceTimersByTime(1000);
    expect(texts.at(-1)).toBe(
      '[####................]  1 of 5 hosts read, 5s; no answer yet: h1, h3, h4 and 1 more',
    );
    for (const host of ['h1', 'h3', 'h4', 'h5']) answered(host);
    expect(texts.at(-1)).toBe('[####################]  5 of 5 hosts read, 5s');
    end();
    const drawn = texts.length;
    vi.advanceTimersByTime(9000);
    expect(texts).toHaveLength(drawn);
  });

  it('fits a narrow terminal', () => {
    const { answered, end } = progressOf(['日本'.repeat(30), 'h2'], 60);
    now = 9000;
    answered('h2');
    end();
    expect(widthOf(texts[0] ?? '')).toBe(59);
  });
});
