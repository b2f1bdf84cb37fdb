// Small texts of the screens, row by row: proofs, drained nodes, held hosts, lost remedies,
// failures, tables.
import { describe, expect, it } from 'vitest';
import type { HostDrift } from '../../src/core/history/drift-report.ts';
import type { Held, Twins } from '../../src/core/history/orphans.ts';
import type { Proof } from '../../src/model/run/change.ts';
import type { Failure } from '../../src/model/run/failure.ts';
import { driftSummary, driftTable } from '../../src/screens/hosts/drift-text.ts';
import {
  cutTo,
  type Paint,
  padRight,
  plural,
  table,
  uncoloured,
} from '../../src/screens/layout.ts';
import { drainedText } from '../../src/screens/run/drained-text.ts';
import { failureText } from '../../src/screens/run/failure-text.ts';
import { heldLines } from '../../src/screens/run/held-text.ts';
import { leftOpenText, proofText } from '../../src/screens/run/proof-text.ts';

const kubelet = { key: 'kubelet', name: 'kubelet 1.12.3' };
const marked: Paint = {
  ...uncoloured,
  red: (text) => `<red>${text}`,
  yellow: (text) => `<yellow>${text}`,
};

describe('a proof', () => {
  it.each<readonly [proof: Proof, text: string]>([
    [
      { verdict: 'off', by: 'samples', evidence: 'EIO on 17 of 17' },
      'off (samples): EIO on 17 of 17',
    ],
    [
      { verdict: 'on', by: 'samples', evidence: '9 of 9', accepted: [kubelet] },
      'on, proven in part (samples): 9 of 9',
    ],
    [
      { verdict: 'unknown', by: 'none', evidence: 'no cgroup', accepted: [kubelet] },
      'unknown (none): no cgroup',
    ],
  ])('%j', (proof, text) => {
    expect(proofText(proof)).toBe(text);
  });

  it.each([
    [undefined, ''],
    [[kubelet], ' (left open: kubelet 1.12.3)'],
    [[kubelet, { key: 'docker', name: 'docker' }], ' (left open: kubelet 1.12.3, docker)'],
  ])('leaves %j open', (accepted, text) => {
    expect(leftOpenText(accepted)).toBe(text);
  });
});

describe('a drained node', () => {
  const pods = Array.from({ length: 10 }, (_, index) => `p${index}`);
  it.each([
    [0, 'drained'],
    [1, 'emptied but for p0'],
    [8, 'emptied but for p0, p1, p2, p3, p4, p5, p6, p7'],
    [10, 'emptied but for p0, p1, p2, p3, p4, p5, p6, p7, and 2 more'],
  ])('with %i pods left', (count, text) => {
    expect(drainedText(pods.slice(0, count))).toBe(text);
  });
});

describe('hosts that a run holds', () => {
  const held = (kind: Held['kind']): Held => ({
    host: 'h1',
    run: 'r',
    kind,
    why: 'in run r',
    hint: 'kmend resume r',
  });
  const twins = (by: Twins['by']): Twins => ({ hosts: ['h1', 'h2'], by, id: 'x' });
  it.each<readonly [held: readonly Held[], twins: readonly Twins[], start: string]>([
    [[held('under_way')], [], '<yellow>h1: in run r (kmend resume r)'],
    [[held('failed')], [], '<red>h1: in run r (kmend resume r)'],
    [[], [twins('boot')], '<red>h1 and h2 are one machine: the boot id of each is x'],
    [[], [twins('word')], '<yellow>h1 and h2 give one boot id (x) with different host keys'],
    [[], [twins('machine')], '<yellow>h1 and h2 have one machine id (x): clones of one disk'],
  ])('%j %j', (hosts, groups, start) => {
    expect(heldLines(hosts, groups, 200, marked).join('\n')).toContain(start);
  });

  it('are folded below themselves, no narrower than 30', () => {
    const [first = '', second = ''] = heldLines([held('failed')], [], 10, uncoloured);
    expect([first, second]).toEqual(['h1: in run r (kmend resume r)', '']);
  });
});

const row = (state: HostDrift['state'], more: Partial<HostDrift> = {}): HostDrift => ({
  host: 'h1',
  state,
  why: [],
  leftOpen: [],
  verdict: 'off',
  evidence: 'EIO on 3 of 3',
  remedy: 'none',
  ...more,
});
const mended = { run: '20260102-030405-abcd', at: Date.UTC(2026, 0, 2) } as NonNullable<
  HostDrift['mended']
>;
const lost: Failure = { kind: 'unreachable', message: 'no answer' };

describe('lost remedies', () => {
  it.each<readonly [rows: readonly HostDrift[], summary: string]>([
    [[row('kept', { mended })], '1 host: 1 kept the remedy'],
    [
      [row('kept', { mended, leftOpen: ['kubelet'] })],
      '1 host: 1 kept the remedy, with what was accepted left open',
    ],
    [
      [row('lost', { mended }), row('lost')],
      '2 hosts: 1 lost the remedy, 1 never remediated, in need of a remedy',
    ],
    [
      [row('never'), row('unproven'), row('unread')],
      '3 hosts: 1 never remediated, nothing needed, 1 unproven, 1 could not be read',
    ],
  ])('%#: in one line', (rows, summary) => {
    expect(driftSummary(rows)).toBe(summary);
  });

  it.each<readonly [one: HostDrift, cells: readonly string[]]>([
    [
      row('kept', { mended }),
      ['h1', '2026-01-02 20260102-030405-abcd', 'kept', 'off', '', 'EIO on 3 of 3'],
    ],
    [
      row('lost', {
        mended,
        verdict: 'on',
        remedy: 'kernel_arg',
        why: ['booted without it', 'the entry is gone'],
      }),
      [
        'h1',
        '2026-01-02 20260102-030405-abcd',
        'lost',
        'on',
        'kernel_arg',
        'booted without it; the entry is gone',
      ],
    ],
    [
      row('kept', { leftOpen: ['kubelet'] }),
      ['h1', '-', 'kept', 'off', '', 'left open as accepted: kubelet'],
    ],
    [
      row('unread', { failure: lost, verdict: 'not_applicable' }),
      ['h1', '-', 'unreachable', 'n/a', '', 'no answer'],
    ],
  ])('%#: as a row', (one, cells) => {
    const [, line = ''] = driftTable([one], 200, uncoloured);
    expect(line.split(/ {2,}/).filter((cell) => cell !== '')).toEqual(
      cells.filter((cell) => cell !== ''),
    );
  });
});

describe('a failure', () => {
  it.each<readonly [failure: Failure, text: string]>([
    [lost, 'unreachable: no answer'],
    [{ ...lost, hint: 'is it up?' }, 'unreachable: no answer (is it up?)'],
    [
      { kind: 'exit', message: 'yum failed', detail: 'a\nNo space left on device\n' },
      'exit: yum failed | a | No space left on device',
    ],
  ])('%j', (failure, text) => {
    expect(failureText(failure)).toBe(text);
  });
});

describe('columns', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['😀😀', 4, '😀😀'],
    ['😀😀😀', 4, '😀…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['\u200b\u200bab', 3, '\u200b\u200b…'],
    ['abc', 0, '…'],
  ])('%s is cut to %i', (text, width, cut) => {
    expect(cutTo(text, width)).toBe(cut);
    expect(padRight(text, width).startsWith(text)).toBe(true);
  });

  it.each([
    [0, '0 hosts'],
    [1, '1 host'],
    [2, '2 hosts'],
  ])('%i in words', (count, text) => {
    expect(plural(count, 'host')).toBe(text);
  });

  it.each<readonly [rows: readonly (readonly string[])[], width: number, lines: readonly string[]]>(
    [
      [[], 80, []],
      [
        [
          ['a', 'b'],
          ['long', 'c'],
        ],
        80,
        ['a     b', 'long  c'],
      ],
      [[['a', 'x '.repeat(20).trim()]], 10, ['a  x x x x x x x x x x x x', '   x x x x x x x x']],
      [
        [['a', '`kmend resume 20260102-030405-abcd` now']],
        10,
        ['a  `kmend resume 20260102-030405-abcd`', '   now'],
      ],
      [[['a', 'b', ''], ['c']], 80, ['a  b', 'c']],
    ],
  )('%# a table', (rows, width, lines) => {
    expect(table(rows, width)).toEqual(lines);
  });
});
