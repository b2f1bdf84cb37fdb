// `kmend runs prune`: which runs go, which stay and why, and that what is left is still evidence.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStore, pruneRuns } from '../../src/adapters/store/index.ts';
import { pruneRuns as pruneOld } from '../../src/app/history/prune.ts';
import { remediatedHosts } from '../../src/app/history/summaries.ts';
import type { Session } from '../../src/app/session/session.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { command } from '../cli/real-world.ts';
import { begin, done, failed, planFor, started } from '../core/fleet.ts';
import { idAt, type MadeRun, makeNights, makeRun } from '../store/made-runs.ts';

const day = 86_400_000;
const now = Date.now();
let dir: string;
let state: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kmend-prune-'));
  state = join(dir, 'state');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const kmend = (...words: readonly string[]) =>
  command([...words, '--state-dir', state], { home: dir });
const left = (): readonly string[] => readdirSync(join(state, 'runs')).sort();
const sizeOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + readFileSync(join(entry.parentPath, entry.name)).length, 0);

const change = {
  sign: '+',
  what: 'boot argument cgroup.memory',
  after: 'cgroup.memory=nokmem',
  risk: 'write',
} as const;
/** A run that set the argument on this host, so many days ago. */
const remediates = (
  host: string,
  daysAgo: number,
  end: readonly EventBody[],
  previous?: MadeRun['previous'],
): MadeRun => ({
  run: idAt(now - daysAgo * day),
  at: now - daysAgo * day,
  bodies: [
    begin([{ host, plan: planFor(host), down: false }]),
    started(host),
    {
      type: 'task.planned',
      host,
      task: '1',
      name: 'Arg',
      module: 'kernel_arg',
      status: 'change',
      changes: [change],
    },
    {
      type: 'effect.started',
      host,
      task: '1',
      effect: `${host}/1/1`,
      kind: 'run',
      what: 'set it',
      timeout: 60,
      detached: true,
    },
    { type: 'effect.done', host, task: '1', effect: `${host}/1/1`, result: { ok: true } },
    ...end,
  ],
  ...(previous === undefined ? {} : { previous }),
});
const proven = (host: string): readonly EventBody[] => [
  { type: 'proof', host, verdict: 'off', by: 'samples', evidence: 'EIO' },
  done(host),
  { type: 'run.finished', exit: 0, why: '1 done' },
  { type: 'run.closed' },
];
const failing = (host: string): readonly EventBody[] => [
  failed(host),
  { type: 'run.finished', exit: 4, why: '1 failed' },
  { type: 'run.closed' },
];

describe('what goes', () => {
  it.each([
    ['90d', 89, 1_000],
    ['20', 20, 100],
  ])(
    '--keep %s leaves %d of %d quiet nights',
    async (keep, count, nights) => {
      const all = makeNights(state, nights, now);
      const before = sizeOf(join(state, 'runs'));
      const pruned = await kmend('runs', 'prune', '--keep', keep);
      expect(pruned.out, pruned.err).toContain(
        `removed ${nights - count} runs: ${all[0]} to ${all[nights - 1 - count]}`,
      );
      expect(left()).toEqual(all.slice(-count));
      expect(sizeOf(join(state, 'runs')) / before).toBeCloseTo(count / nights, 2);
      expect(readdirSync(join(state, 'pruned'))).toEqual([]);
      expect((await kmend('runs', 'prune', '--keep', keep)).out).toBe(
        'no run is old enough to be removed',
      );
    },
    60_000,
  );

  it('reads no journal of a run that stays, and comes to the same by the summaries', async () => {
    makeRun(state, remediates('h1', 95, proven('h1')));
    makeRun(state, remediates('h2', 94, failing('h2')));
    makeRun(state, remediates('h2', 93, proven('h2')));
    const nights = makeNights(state, 92, now);
    const files = createStore(state, () => now);
    const scanned: string[] = [];
    const store = {
      ...files,
      scanEvents: (run: string, ...rest: [Parameters<typeof files.scanEvents>[1]]) => {
        scanned.push(run);
        return files.scanEvents(run, ...rest);
      },
    };
    const world = { clock: { now: () => now }, who: 'ops' };
    const session = { ports: { store: async () => store }, world } as unknown as Session;
    const prune = () => pruneOld({ kind: 'newest', runs: 90 }, session, true);
    const byJournals = await prune();
    expect(scanned).toHaveLength(95);
    await remediatedHosts(files);
    scanned.length = 0;
    const bySummaries = await prune();
    expect(scanned).toHaveLength(5);
    expect(scanned).not.toContain(nights.at(-1));
    expect(bySummaries).toEqual(byJournals);
    expect([...bySummaries.stays.values()]).toContain('drift');
  });

  it('--check removes nothing', async () => {
    const all = makeNights(state, 3, now);
    expect((await kmend('runs', 'prune', '--keep', '1', '--check')).out).toContain(
      `would remove 2 runs: ${all[0]} to ${all[1]}`,
    );
    expect(left()).toEqual(all);
  });

  it.each([[[]], [['--keep', '0']], [['--keep', 'all']], [['--keep', '90m']]])(
    '%j is a usage error',
    async (words) => {
      makeNights(state, 3, now);
      expect(await kmend('runs', 'prune', ...words)).toMatchObject({
        exit: 3,
        err: expect.stringContaining('--keep must be days'),
      });
      expect(left()).toHaveLength(3);
    },
  );

  it('a run that never began goes too', async () => {
    mkdirSync(join(state, 'runs/20250101-000000-00aa'), { recursive: true });
    writeFileSync(join(state, 'runs/20250101-000000-00aa/journal.ndjson'), '');
    makeNights(state, 1, now + 2 * day);
    await kmend('runs', 'prune', '--keep', '1');
    expect(left()).toHaveLength(1);
  });
});

describe('what stays, however old', () => {
  const stays: readonly (readonly [string, readonly MadeRun[], readonly number[], string])[] = [
    ['a run that has no end', [remediates('a1', 400, [])], [0], 'not over'],
    [
      'a run whose failed host nobody acknowledged',
      [remediates('a1', 400, failing('a1'))],
      [0],
      'not over',
    ],
    [
      'but not one whose failed host was acknowledged',
      [
        remediates('a1', 400, [
          ...failing('a1'),
          { type: 'host.resolved', host: 'a1', who: 'eve', note: 'fixed', as: 'done' },
        ]),
      ],
      [],
      'removed 1 run',
    ],
    [
      'the run that remediated a host last',
      [remediates('a1', 400, proven('a1'))],
      [0],
      'needed by `kmend drift`',
    ],
    [
      'a run over the host of an older one that stays: its rollback reads it',
      [
        remediates('a1', 400, failing('a1')),
        remediates('a1', 300, [
          done('a1', true, 'not_asked'),
          { type: 'run.finished', exit: 0, why: '1 done' },
        ]),
      ],
      [0, 1],
      'needed by the rollback',
    ],
  ];
  it.each(stays)('%s', async (_what, runs, kept, says) => {
    for (const run of runs) makeRun(state, run);
    makeNights(state, 1, now);
    const pruned = await kmend('runs', 'prune', '--keep', '90d');
    expect(pruned.out).toContain(says);
    expect(left().slice(0, -1)).toEqual(kept.map((index) => runs[index]?.run));
  });

  it('drift remembers after it what it remembered before', async () => {
    makeRun(state, remediates('a1', 500, proven('a1')));
    makeRun(state, remediates('a2', 450, proven('a2')));
    makeRun(
      state,
      remediates('a2', 400, [
        done('a2', true, 'not_asked'),
        { type: 'run.finished', exit: 0, why: 'rolled back' },
      ]),
    );
    makeNights(state, 50, now);
    const before = await remediatedHosts(createStore(state, () => now));
    await kmend('runs', 'prune', '--keep', '1');
    expect(await remediatedHosts(createStore(state, () => now))).toEqual(before);
    expect([...before.keys()]).toEqual(['a1']);
    expect(left()).toHaveLength(2);
  });

  it('a run that another process works on', async () => {
    const all = makeNights(state, 2, now);
    const lock = await createStore(state, () => now).lock(['a1'], all[0] ?? '');
    expect((await kmend('runs', 'prune', '--keep', '1')).out).toContain(
      '1 older run stays, under way',
    );
    const removed = await pruneRuns(state, {
      who: 'eve',
      at: now,
      runs: new Map([[all[0] ?? '', []]]),
    });
    expect([...removed]).toEqual([[all[0], 'under_way']]);
    expect(left()).toEqual(all);
    if (lock.held) await lock.release();
  });

  it('a run that was changed', async () => {
    const [run = ''] = makeNights(state, 3, now);
    const journal = join(state, 'runs', run, 'journal.ndjson');
    // Whole in itself: only what the next run says of it denies it.
    const cut = readFileSync(journal, 'utf8').split('\n').slice(0, 2);
    writeFileSync(journal, `${cut.join('\n')}\n`);
    expect((await kmend('runs', 'prune', '--keep', '1')).out).toContain(
      `1 older run stays, changed after they were written: see \`kmend audit verify --state-dir ${state}\`: ${run}`,
    );
  });
});

describe('what is left is evidence', () => {
  it('audit verify follows the chain over runs that are gone, and finds a head of one', async () => {
    const all = makeNights(state, 10, now);
    const head =
      /head (\w{64})/.exec((await kmend('audit', 'verify', all[2] ?? '')).out)?.[1] ?? '';
    await kmend('runs', 'prune', '--keep', '5');
    await kmend('runs', 'prune', '--keep', '3');
    expect(await kmend('audit', 'verify')).toMatchObject({
      exit: 0,
      err: '',
      out: expect.stringContaining('7 runs, of which the heads are kept'),
    });
    expect((await kmend('audit', 'verify', '--head', head)).exit).toBe(0);
    expect(
      (
        await kmend(
          'audit',
          'verify',
          '--head',
          head.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
        )
      ).exit,
    ).toBe(1);
  });

  it('a kept head that was changed is found, and so is a missing record', async () => {
    makeNights(state, 10, now);
    await kmend('runs', 'prune', '--keep', '3');
    const records = join(state, 'pruned.ndjson');
    const text = readFileSync(records, 'utf8');
    writeFileSync(records, text.replace(/"named":\["\w{4}/, '"named":["0000'));
    expect(await kmend('audit', 'verify')).toMatchObject({
      exit: 1,
      err: expect.stringContaining('names another head'),
    });
    writeFileSync(records, text.split('\n').slice(1).join('\n'));
    expect((await kmend('audit', 'verify')).err).toContain('is not there any more');
  });

  it('a record that a crash cut off is no record, and the next one stands on a line of its own', async () => {
    makeNights(state, 4, now);
    await kmend('runs', 'prune', '--keep', '3');
    appendFileSync(join(state, 'pruned.ndjson'), '{"schema":"kmend.pr');
    await kmend('runs', 'prune', '--keep', '2');
    expect(await kmend('audit', 'verify')).toMatchObject({
      exit: 0,
      out: expect.stringContaining('2 runs, of which the heads are kept'),
    });
  });
});

describe('a job', () => {
  const turn = (...words: readonly string[]) =>
    command(
      [
        'schedule',
        'run',
        'nightly',
        ...words,
        '--state-dir',
        state,
        '--',
        'check',
        '-i',
        join(dir, 'inventory.yaml'),
      ],
      {
        home: dir,
      },
    );
  beforeEach(() => {
    writeFileSync(
      join(dir, 'inventory.yaml'),
      'all: {hosts: {h1: {ansible_host: 127.0.0.1, ansible_port: 9}}}\n',
    );
  });

  it('keeps a year after each turn where nobody says otherwise', async () => {
    makeNights(state, 400, now);
    await turn();
    expect(left()).toHaveLength(364);
  }, 60_000);

  it('keeps what the settings say', async () => {
    makeNights(state, 20, now);
    writeFileSync(join(dir, 'kmend.yaml'), 'runs_keep: 5\n');
    await turn();
    expect(left()).toHaveLength(5);
  }, 60_000);
});
