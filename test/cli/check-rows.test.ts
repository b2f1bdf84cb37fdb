// Rows of `check` on the screen before the last host has answered, and the line that names the
// hosts that have not.
import { describe, expect, it } from 'vitest';
import { earlyRows } from '../../src/cli/terminal/check-rows.ts';
import { hostProgress } from '../../src/cli/terminal/host-progress.ts';
import type { CheckRow } from '../../src/screens/hosts/check-table.ts';

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

it('the progress line counts the hosts, and names three of those that have not answered', () => {
  const lines: string[] = [];
  const world = { progress: (text: string) => void lines.push(text) };
  const done = hostProgress('read', ['h1', 'h2', 'h3', 'h4', 'h5'], world);
  for (const host of ['h2', 'h1', 'h3', 'h5', 'h4']) done(host);
  expect(lines).toEqual([
    'read 1 of 5 hosts; no answer yet: h1, h3, h4, ...',
    'read 2 of 5 hosts; no answer yet: h3, h4, h5',
    'read 3 of 5 hosts; no answer yet: h4, h5',
    'read 4 of 5 hosts; no answer yet: h4',
    'read 5 of 5 hosts',
  ]);
});
