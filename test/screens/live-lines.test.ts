// The live view at the sizes of real terminals, for small and large fleets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostRow, Need, RunHead, RunView } from '../../src/core/view/model.ts';
import { coloured, printable, uncoloured, widthOf } from '../../src/screens/layout.ts';
import { endMark } from '../../src/screens/live/head-lines.ts';
import { liveLines } from '../../src/screens/live/live-lines.ts';
import { done, failed, minute, noon, row, run, running, viewOf } from './live-views.ts';

const draw = (view: RunView, columns: number, rows: number): string =>
  `\n${liveLines(view, { columns, rows, now: noon, paint: uncoloured, timeZone: 'UTC' }).join('\n')}\n`;

const eight = viewOf(
  [
    running('node-b1', 'reboot and wait for a new boot id', 130, {
      doing: { text: 'reboot and wait for a new boot id', since: noon - 130_000, usual: 120 },
    }),
    running('node-b2', 'drain: 3 of 12 pods left, budget of web/api', 40),
    ...[1, 2, 3, 4].map((index) => done(`node-a${index}`, noon - index * minute)),
    row('node-b3', 'waiting'),
    row('node-b4', 'waiting'),
  ],
  {
    wave: { number: 1, of: 1, canary: false },
    waits: [{ rule: 'budget', text: '2 of 2 slots are taken (node-b1, node-b2)' }],
    forecast: { at: noon, from: noon + 3 * minute, to: noon + 9 * minute },
  },
  { lines: [{ seq: 1, at: noon - minute, text: 'node-b2 drained', level: 'info' }] },
);

const zoneNames = ['eu-1a', 'eu-1b', 'eu-1c', 'eu-2a', 'eu-2b', 'eu-2c'];
const steps = ['drain', 'package', 'reboot', 'proof'] as const;

/** A fleet of which a share is done, then some run, some failed, some are refused. */
function large(
  size: number,
  zones: number,
  share: readonly [done: number, running: number, failed: number, refused: number],
): readonly HostRow[] {
  const [isDone, isRunning, isFailed, isRefused] = share;
  return Array.from({ length: size }, (_, index): HostRow => {
    const host = `node-${String(index).padStart(4, '0')}`;
    const zone = { zone: index % zones };
    if (index < isDone) return done(host, noon - index * 1000, zone);
    const nth = index - isDone;
    const kind = steps[nth % 4] ?? 'drain';
    if (nth < isRunning)
      return running(host, `${kind} of ${host}`, 840 - 7 * nth, {
        ...zone,
        steps: [{ kind, from: noon - 30_000 }],
        doing: { text: `${kind} of ${host}`, since: noon - 30_000 * (1 + (nth % 9)), usual: 60 },
      });
    if (nth < isRunning + isFailed) return failed(host, noon - nth * 1000, zone);
    if (nth < isRunning + isFailed + isRefused)
      return row(host, 'refused', {
        ...zone,
        reason: { kind: 'refused', text: 'Drain: web/api has no budget' },
      });
    return row(host, nth % 2 === 0 ? 'waiting' : 'planned', zone);
  });
}

const resolve = (hosts: readonly HostRow[]) =>
  hosts
    .filter(({ status }) => status === 'failed')
    .slice(0, 20)
    .map(({ host }) => ({
      kind: 'resolve' as const,
      host,
      text: 'timeout: did not come back within 20m',
      command: `kmend resume ${run} --retry ${host}`,
    }));

const zonesOf = (count: number, size: number) =>
  zoneNames.slice(0, count).map((name) => ({ name, hosts: Math.floor(size / count) }));

const sixtyHosts = large(60, 3, [31, 9, 2, 1]);
const sixty = viewOf(
  sixtyHosts,
  {
    wave: { number: 2, of: 3, canary: false },
    needs: resolve(sixtyHosts),
    brake: { failures: 2, allowed: 6 },
    slots: { held: 11, of: 12, kept: 2 },
    waits: [{ rule: 'zone', text: 'no zone has room: eu-1a is full, eu-1b is full' }],
    gates: [{ name: 'prom', open: true, read: '0 alerts', since: noon - 14 * minute }],
    forecast: { at: noon, from: noon + 42 * minute, to: noon + 61 * minute },
  },
  { zones: zonesOf(3, 60) },
);

const thousands = large(2000, 6, [1403, 80, 12, 21]);
const twoThousand = viewOf(
  thousands,
  {
    startedAt: noon - 123 * minute,
    wave: { number: 2, of: 2, canary: false },
    needs: resolve(thousands),
    brake: { failures: 12, allowed: 60 },
    slots: { held: 80, of: 80, kept: 12 },
    waits: [
      { rule: 'window', text: 'outside the maintenance window', until: noon + 600 * minute },
      { rule: 'gate', text: 'gate prom is closed: 3 alerts', until: noon + 2 * minute },
    ],
    gates: [{ name: 'prom', open: false, read: '3 alerts' }],
    forecast: { at: noon, from: noon + 803 * minute, to: noon + 825 * minute },
  },
  {
    zones: zonesOf(6, 2000),
    lines: [{ seq: 9, at: noon, text: 'node-0001 done', level: 'good' }],
  },
);

describe('the live view', () => {
  it('of 8 hosts in 80 columns', () => {
    expect(draw(eight, 76, 18)).toMatchInlineSnapshot(`
      "
      [################>>>>>>>>........]  4 of 8   6m so far, ends 12:03-12:09 UTC
      wave 1 of 1 | 2 running, 4 done, 2 to go | slots 2 of 2
      0 failures, 0 allowed
      waits: 2 of 2 slots are taken (node-b1, node-b2)
      > node-b1   2m10s   reboot and wait for a new boot id (usual 2m)
      > node-b2   40s     drain: 3 of 12 pods left, budget of web/api
      . 2 to go: node-b3, node-b4
      + node-a1   off: EIO on 17 of 17, 5 memory-limited
      + node-a2   off: EIO on 17 of 17, 5 memory-limited
      + node-a3   off: EIO on 17 of 17, 5 memory-limited
      + node-a4   off: EIO on 17 of 17, 5 memory-limited
      11:59:00 UTC node-b2 drained
      "
    `);
  });

  it('of 60 hosts in 80 columns', () => {
    expect(draw(sixty, 76, 18)).toMatchInlineSnapshot(`
      "
      [################>>>>x!........]  31 of 60   6m so far, ends 12:42-13:01 UTC
      wave 2 of 3 | 9 running, 31 done, 2 failed, 1 refused, 17 to go
      slots 11 of 12 (2 kept by failed hosts) | 2 failures, 6 allowed
      gate prom open 14m
      waits: no zone has room: eu-1a is full, eu-1b is full
      x node-0040  timeout: did not come back within 20m
        kmend resume 20261127-105400-r740 --retry node-0040
      x node-0041  timeout: did not come back within 20m
        kmend resume 20261127-105400-r740 --retry node-0041
      ! 1 refused: node-0042 (Drain: web/api has no budget)
      eu-1a  ###################################>>>>>>>>!!..............  11 of 20
      eu-1b  ################################>>>>>>>>xx.................  10 of 20
      eu-1c  ################################>>>>>>>>xx.................  10 of 20
      steps now: drain 3, package 2, reboot 2, proof 2
      > node-0031  30s     drain of node-0031 (usual 1m)
      > node-0032  1m      package of node-0032 (usual 1m)
      > node-0033  1m30s   reboot of node-0033 (usual 1m)
      > and 6 more
      "
    `);
  });

  it('of 2,000 hosts in 80 columns', () => {
    expect(draw(twoThousand, 76, 18)).toMatchInlineSnapshot(`
      "
      [########################################>>x!..............]  1,403 of 2,000
      2h3m so far, ends 2026-11-28 01:23-01:45 UTC | wave 2 of 2
      80 running, 1,403 done, 12 failed, 21 refused, 484 to go
      slots 80 of 80 (12 kept by failed hosts) | 12 failures, 60 allowed
      gate prom closed
      waits: outside the maintenance window (until 22:00 UTC)
      waits: gate prom is closed: 3 alerts (until 12:02 UTC)
      x node-1483  timeout: did not come back within 20m
        kmend resume 20261127-105400-r740 --retry node-1483
      x node-1484  timeout: did not come back within 20m
        kmend resume 20261127-105400-r740 --retry node-1484
      x and 10 more failed: kmend report 20261127-105400-r740
      ! 21 refused: node-1495 (Drain: web/api has no budget); node-1496 (Drain: w…
      > node-1403  30s     drain of node-1403 (usual 1m)
      > node-1404  1m      package of node-1404 (usual 1m)
      > node-1405  1m30s   reboot of node-1405 (usual 1m)
      > and 77 more
      "
    `);
  });

  it('of 8 hosts in 140 columns', () => {
    expect(draw(eight, 136, 34)).toMatchInlineSnapshot(`
      "
      [##############################################>>>>>>>>>>>>>>>>>>>>>>>.......................]  4 of 8   6m so far, ends 12:03-12:09 UTC
      wave 1 of 1 | 2 running, 4 done, 2 to go | slots 2 of 2 | 0 failures, 0 allowed
      waits: 2 of 2 slots are taken (node-b1, node-b2)
      > node-b1   2m10s   reboot and wait for a new boot id (usual 2m)
      > node-b2   40s     drain: 3 of 12 pods left, budget of web/api
      . 2 to go: node-b3, node-b4
      + node-a1   off: EIO on 17 of 17, 5 memory-limited
      + node-a2   off: EIO on 17 of 17, 5 memory-limited
      + node-a3   off: EIO on 17 of 17, 5 memory-limited
      + node-a4   off: EIO on 17 of 17, 5 memory-limited
      11:59:00 UTC node-b2 drained
      "
    `);
  });

  it('of 60 hosts in 140 columns', () => {
    expect(draw(sixty, 136, 34)).toMatchInlineSnapshot(`
      "
      [################################################>>>>>>>>>>>>>xxx!.........................]  31 of 60   6m so far, ends 12:42-13:01 UTC
      wave 2 of 3 | 9 running, 31 done, 2 failed, 1 refused, 17 to go | slots 11 of 12 (2 kept by failed hosts) | 2 failures, 6 allowed
      gate prom open 14m
      waits: no zone has room: eu-1a is full, eu-1b is full
      x node-0040  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-0040
      x node-0041  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-0041
      ! 1 refused: node-0042 (Drain: web/api has no budget)
      eu-1a  #################################>>>>>>>>>!!!...............  11 of 20      steps now: drain 3, package 2, reboot 2, proof 2
      eu-1b  ##############################>>>>>>>>>xxx..................  10 of 20
      eu-1c  ##############################>>>>>>>>>xxx..................  10 of 20
      > node-0031  30s     drain of node-0031 (usual 1m)
      > node-0032  1m      package of node-0032 (usual 1m)
      > node-0033  1m30s   reboot of node-0033 (usual 1m)
      > node-0034  2m      proof of node-0034 (usual 1m)
      > node-0035  2m30s   drain of node-0035 (usual 1m)
      > node-0036  3m      package of node-0036 (usual 1m)
      > node-0037  3m30s   reboot of node-0037 (usual 1m)
      > node-0038  4m      proof of node-0038 (usual 1m)
      > node-0039  4m30s   drain of node-0039 (usual 1m)
      . 17 to go: node-0043, node-0045, node-0047, node-0049, node-0051, node-0053, node-0055, node-0057, node-0059, node-0044, node-0046, no…
      + node-0000  off: EIO on 17 of 17, 5 memory-limited
      + node-0001  off: EIO on 17 of 17, 5 memory-limited
      + node-0002  off: EIO on 17 of 17, 5 memory-limited
      + node-0003  off: EIO on 17 of 17, 5 memory-limited
      + node-0004  off: EIO on 17 of 17, 5 memory-limited
      + and 26 more
      "
    `);
  });

  it('of 2,000 hosts in 140 columns', () => {
    expect(draw(twoThousand, 136, 34)).toMatchInlineSnapshot(`
      "
      [##################################################>>x!.................]  1,403 of 2,000   2h3m so far, ends 2026-11-28 01:23-01:45 UTC
      wave 2 of 2 | 80 running, 1,403 done, 12 failed, 21 refused, 484 to go | slots 80 of 80 (12 kept by failed hosts)
      12 failures, 60 allowed | gate prom closed
      waits: outside the maintenance window (until 22:00 UTC)
      waits: gate prom is closed: 3 alerts (until 12:02 UTC)
      x node-1483  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1483
      x node-1484  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1484
      x node-1485  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1485
      x node-1486  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1486
      x node-1487  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1487
      x node-1488  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1488
      x node-1489  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1489
      x node-1490  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1490
      x node-1491  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1491
      x node-1492  timeout: did not come back within 20m  -> kmend resume 20261127-105400-r740 --retry node-1492
      x and 2 more failed: kmend report 20261127-105400-r740
      ! 21 refused: node-1495 (Drain: web/api has no budget); node-1496 (Drain: web/api has no budget); node-1497 (Drain: web/api has no budg…
      eu-1a  ##########################################>>x!..............  234 of 334
      eu-1b  ##########################################>>x!..............  234 of 334
      eu-1c  ##########################################>>x!..............  234 of 333
      eu-2a  ##########################################>>x!..............  234 of 333
      eu-2b  ##########################################>>x!..............  234 of 333
      eu-2c  ##########################################>>x!..............  233 of 333
      steps now: drain 20, package 20, reboot 20, proof 20
      > node-1403  30s     drain of node-1403 (usual 1m)
      > node-1404  1m      package of node-1404 (usual 1m)
      > node-1405  1m30s   reboot of node-1405 (usual 1m)
      > node-1406  2m      proof of node-1406 (usual 1m)
      > node-1407  2m30s   drain of node-1407 (usual 1m)
      > node-1408  3m      package of node-1408 (usual 1m)
      > node-1409  3m30s   reboot of node-1409 (usual 1m)
      > node-1410  4m      proof of node-1410 (usual 1m)
      > and 72 more
      . 484 to go: node-1517, node-1519, node-1521, node-1523, node-1525, node-1527, node-1529, node-1531, node-1533, node-1535, node-1537, n…
      "
    `);
  });
});

describe('what needs an operator', () => {
  const promote: Need = {
    kind: 'promote',
    text: 'the canary is done and waits for its promotion',
    command: `kmend promote ${run}`,
  };

  it('stands above all hosts, with its command in one piece', () => {
    const view = viewOf(large(400, 2, [10, 40, 9, 3]), {
      phase: 'waiting',
      needs: [promote, ...resolve(thousands)],
      waits: [{ rule: 'canary', text: 'the canary is done' }],
    });
    const lines = liveLines(view, { columns: 76, rows: 9, now: noon, paint: uncoloured });
    expect(lines).toContain('! the canary is done and waits for its promotion');
    expect(lines).toContain(`  kmend promote ${run}`);
    expect(lines.filter((line) => line.startsWith('waits'))).toEqual([]);
    expect(lines.some((line) => line.startsWith('x node-0050  timeout'))).toBe(true);
    expect(lines.some((line) => line.startsWith('! 3 refused: node-0059'))).toBe(true);
  });

  it.each<readonly [phase: RunHead['phase'], head: Partial<RunHead>, shown: string]>([
    [
      'brake',
      {
        why: '2 of 9 hosts failed',
        brake: { failures: 2, allowed: 1, tripped: { why: '2 of 9 hosts failed', host: 'h' } },
      },
      'BRAKE: 2 of 9 hosts failed',
    ],
    ['stopping', { why: 'lunch' }, 'stopping, hosts under way go to a safe state: lunch'],
    ['failed', { why: '3 failed', exit: 2 }, 'failed: 3 failed'],
    ['done', { why: 'all done', exit: 0 }, 'done: all done'],
    [
      'paused',
      {
        why: 'lunch',
        waits: [{ rule: 'paused', text: 'paused by ada: lunch' }],
        needs: [
          { kind: 'continue', text: 'paused by ada: lunch', command: `kmend continue ${run}` },
        ],
      },
      `! paused by ada: lunch  -> kmend continue ${run}`,
    ],
  ])('a run that is %s says so once', (phase, head, shown) => {
    const view = viewOf([row('h', 'planned')], { phase, ...head });
    const lines = liveLines(view, { columns: 100, rows: 20, now: noon, paint: uncoloured });
    const why = head.why ?? '';
    expect(lines.filter((line) => line.includes(why))).toEqual([shown]);
  });

  it('has a green mark only for a run that did all that it should', () => {
    const mark = (phase: RunHead['phase']): string => endMark(viewOf([], { phase }), coloured);
    expect(printable(mark('done'))).toBe('\u001b[32m✔\u001b[39m');
    expect(printable(mark('failed'))).toBe('\u001b[31m✖\u001b[39m');
    for (const phase of ['stopped', 'interrupted', 'paused', 'stopping', 'brake'] as const)
      expect(printable(mark(phase))).toBe('\u001b[33m■\u001b[39m');
  });

  it('names hosts that are locked out, with the reason', () => {
    const locked = (host: string, kind: string, text: string): HostRow =>
      row(host, 'planned', { reason: { kind, text } });
    const view = viewOf([
      locked('a', 'kept_out', 'held by ada: disk'),
      locked('b', 'goes_last', 'cordoned by somebody else'),
      row('c', 'planned'),
    ]);
    const lines = liveLines(view, { columns: 80, rows: 20, now: noon, paint: uncoloured });
    expect(lines.filter((line) => line.startsWith('!'))).toEqual([
      '! 1 kept out: a (held by ada: disk)',
      '! 1 last: b (cordoned by somebody else)',
    ]);
  });

  it('leaves room for what a host with a long name does', () => {
    const view = viewOf([running('h'.repeat(90), 'drain: 3 of 12 pods left', 10)]);
    const lines = liveLines(view, { columns: 60, rows: 9, now: noon, paint: uncoloured });
    expect(lines).toContain(`> ${'h'.repeat(19)}…  10s     drain: 3 of 12 pods left`);
  });

  it('shows a host that takes more than twice its usual time in another colour', () => {
    const lines = (usual: number): string =>
      liveLines(
        viewOf([
          running('h', 'reboot', 100, { doing: { text: 'reboot', since: noon - 100_000, usual } }),
        ]),
        { columns: 80, rows: 20, now: noon, paint: coloured },
      )
        .map(printable)
        .join('\n');
    expect(lines(49)).toContain('\u001b[33m> h');
    expect(lines(50)).not.toContain('\u001b[33m> h');
  });
});

describe('a view of any run', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 90 }),
    fc.string({ unit: 'grapheme', maxLength: 90 }),
    fc.constantFrom('a\tb\nc', '日本語の名前', 'kmend resume x --retry y'),
  );
  const time = fc.integer({ min: noon - 1e9, max: noon + 1e9 });
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const statuses = ['same', 'planned', 'waiting', 'running', 'soaking', 'done', 'failed'] as const;
  const host = fc
    .record({
      host: text,
      zone: fc.integer({ min: 0, max: 4 }),
      status: fc.constantFrom(...statuses, 'refused' as const, 'left_out' as const),
      startedAt: optional(time),
      endedAt: optional(time),
      steps: fc.array(fc.record({ kind: fc.constantFrom(...steps), from: time }), { maxLength: 2 }),
      doing: optional(fc.record({ text, since: time, usual: fc.integer({ min: 0, max: 9999 }) })),
      reason: optional(fc.record({ kind: text, text, detail: text })),
      proof: optional(
        fc.record({ verdict: fc.constant('off' as const), by: text, evidence: text }),
      ),
    })
    .map((made) => JSON.parse(JSON.stringify(made)) as HostRow);
  const phases = [
    'starting',
    'running',
    'waiting',
    'asking',
    'paused',
    'brake',
    'stopping',
  ] as const;
  const head = fc
    .record({
      phase: fc.constantFrom(...phases, 'interrupted' as const, 'failed' as const, 'done' as const),
      why: optional(text),
      exit: optional(fc.constant(2)),
      wave: optional(fc.record({ number: fc.nat(9), of: fc.nat(9), canary: fc.boolean() })),
      waits: fc.array(fc.record({ rule: text, text, until: time }), { maxLength: 4 }),
      gates: fc.array(fc.record({ name: text, open: fc.boolean(), read: text, since: time }), {
        maxLength: 3,
      }),
      needs: fc.array(
        fc.record({
          kind: fc.constantFrom('promote' as const, 'resolve' as const),
          text,
          host: text,
          command: text,
        }),
        { maxLength: 6 },
      ),
      forecast: optional(fc.record({ at: time, from: time, to: time, blocked: optional(text) })),
    })
    .map((made) => JSON.parse(JSON.stringify(made)) as Partial<RunHead>);

  it('is never higher or wider than the terminal, and keeps its head', () => {
    fc.assert(
      fc.property(
        fc.array(host, { maxLength: 40 }),
        head,
        fc.array(text, { maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 8, max: 160 }),
        (hosts, own, texts, rows, columns) => {
          const view = viewOf(hosts, own, {
            zones: texts.map((name) => ({ name, hosts: 1 })),
            lines: texts.map((line, seq) => ({ seq, at: noon, text: line, level: 'info' })),
          });
          const lines = liveLines(view, { rows, columns, now: noon, paint: coloured });
          expect(lines.length).toBeLessThanOrEqual(rows);
          expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
          expect(lines[0]).toMatch(/\d* of|\d*…|\[/);
        },
      ),
      { numRuns: 400 },
    );
  });
});
