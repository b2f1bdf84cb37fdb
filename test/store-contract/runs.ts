// Runs: their list, what an audit finds of them, and how they are removed.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Audit } from '../../src/engine/ports/history.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import { begin, fleet } from '../core/fleet.ts';
import { chained } from './journals.ts';
import { endedRun, type Forge, type MakeSubject, type Subject, warning } from './subject.ts';

/** A run with plan, settings and two pieces of output; returns its head. */
async function fullRun(store: Store, run: string): Promise<string> {
  const lock = await store.lock(['h1:22'], run);
  const previous = await store.newest();
  const journal = await store.createJournal(run);
  const files = await store.keepFiles(run, {
    plan: '{"plays":[]}',
    settings: '{"flags":{"job":"nightly"}}',
  });
  await journal.append(
    begin(fleet(1), {}, { who: 'eve', files, ...(previous === undefined ? {} : { previous }) }),
    true,
  );
  for (const text of ['one', 'two']) {
    const kept = await store.keepOutput(run, 'h1', `${text}\n`);
    if (!kept.kept) throw new Error(kept.why);
    const result = { ok: true, output: { bytes: 4, file: kept.file, piece: kept.piece } };
    await journal.append(
      { type: 'effect.done', host: 'h1', task: '0', effect: `h1/0/${text}`, result },
      true,
    );
  }
  await journal.append({ type: 'run.finished', exit: 0, why: '1 done' }, true);
  await journal.append({ type: 'run.closed' }, true);
  await journal.close();
  if (lock.held) await lock.release();
  return journal.end().head;
}

export function lists(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe('the list of runs', () => {
    it('says what the journals say, the oldest first', async () => {
      const { store, other } = subject;
      await fullRun(store, 'r2');
      await fullRun(store, 'r1');
      await endedRun(store, 'r3', warning('one'));
      const { journal } = await store.openJournal('r1', () => {});
      await journal.append({ type: 'run.resumed', who: 'eve', tool: '' }, true);
      await journal.close();
      const runs = await other.runs();
      expect(runs).toEqual(await store.history.fromJournals());
      expect(runs).toMatchObject([
        { run: 'r2', job: 'nightly', finished: { exit: 0 }, entries: 5 },
        { run: 'r1', job: 'nightly', previous: { run: 'r2' }, entries: 6 },
        { run: 'r3', entries: 2 },
      ]);
      expect([runs[1]?.finished, runs[2]?.job]).toEqual([undefined, undefined]);
      expect(await other.history.names()).toEqual(['r1', 'r2', 'r3']);
      expect(await other.newest()).toEqual({ run: 'r3', head: runs[2]?.head });
      const sizes = await other.history.sizes();
      for (const run of ['r1', 'r2', 'r3'])
        expect((await store.scanEvents(run, () => {})).size).toBe(sizes.get(run));
    });

    it('is empty where there is none', async () => {
      const { store } = subject;
      expect([
        await store.runs(),
        await store.newest(),
        await store.history.names(),
        await store.history.fromJournals(),
        await store.history.sizes(),
        await store.history.pruned(),
        await store.holder('r1'),
      ]).toEqual([[], undefined, [], [], new Map(), [], undefined]);
    });
  });
}

/** What was changed, and what an audit with the head of the run says to it. */
const forgeries: readonly [string, (forge: Forge) => void, RegExp][] = [
  [
    'one letter in the middle',
    ({ journal }) => journal('r1', (lines) => lines.map((line) => line.replace('eve', 'ewe'))),
    /entry 1: does not follow/,
  ],
  ['the end cut off', ({ journal }) => journal('r1', (lines) => lines.slice(0, 3)), /head|cut off/],
  [
    'all of it rewritten, with good links',
    ({ journal }) =>
      journal('r1', (lines) =>
        chained(
          'r1',
          lines.map((line) => line.replace('eve', 'alice')),
        ),
      ),
    /head|last one/,
  ],
  ['the plan', ({ plan }) => plan('r1', ' '), /plan\.json was changed \(entry 0\)/],
  [
    'one letter of an output',
    ({ output }) => output('r1', 'h1', 'one\ntwi\n'),
    /output\/h1\.log was changed \(entry 2\)/,
  ],
  [
    'the end of an output',
    ({ output }) => output('r1', 'h1', 'one\n'),
    /output\/h1\.log (?:was changed|is not there) \(entry 2\)/,
  ],
];

const wordsOf = ({ wrong, heads }: Audit, head: string): string =>
  [...wrong, ...(heads.has(head) ? [] : ['no entry has the head'])].join('; ');

export function audits(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe('an audit', () => {
    it('of a run that nobody changed finds nothing, and the heads that it had', async () => {
      const { store, other } = subject;
      const before = await fullRun(store, 'r0');
      const head = await fullRun(store, 'r1');
      expect(await other.history.audit('r1', [head, before])).toMatchObject({
        entries: 5,
        head,
        closed: true,
        torn: false,
        heads: new Map([[head, 5]]),
        previous: { run: 'r0', head: before },
        files: 4,
        wrong: [],
        notes: [],
      });
    });

    it.each(forgeries)('finds what was changed: %s', async (_what, change, says) => {
      const { store, other, forge } = subject;
      const head = await fullRun(store, 'r1');
      change(forge);
      const found = await other.history.audit('r1', [head]).then(
        (audit) => wordsOf(audit, head),
        (error: unknown) => String(error),
      );
      expect(found).toMatch(says);
    });

    it('notes bytes that no entry names', async () => {
      const { store, other, forge } = subject;
      await fullRun(store, 'r1');
      forge.output('r1', 'h1', 'one\ntwo\nmore\n');
      expect(await other.history.audit('r1', [])).toMatchObject({
        wrong: [],
        notes: [expect.stringContaining('output/h1.log has 5 bytes that no entry names')],
      });
    });
  });
}

export function removal(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });
  const prune = (store: Store, ...runs: readonly (readonly [string, readonly string[]])[]) =>
    store.history.prune({ who: 'eve', at: 12, runs: new Map(runs) });

  describe('the removal of runs', () => {
    it('keeps their heads, and leaves nothing else', async () => {
      const { store, other } = subject;
      const first = await fullRun(store, 'r1');
      const second = await fullRun(store, 'r2');
      await store.post('r1', { type: 'run.paused', who: 'eve', why: '' });
      expect(await prune(other, ['r1', [first]])).toEqual(new Map());
      expect(await prune(store, ['r2', []])).toEqual(new Map());
      expect(await other.history.pruned()).toEqual([
        {
          schema: 'kmend.pruned/1',
          run: 'r1',
          at: 12,
          who: 'eve',
          entries: 5,
          head: first,
          named: [first],
        },
        {
          schema: 'kmend.pruned/1',
          run: 'r2',
          at: 12,
          who: 'eve',
          entries: 5,
          head: second,
          named: [],
          previous: { run: 'r1', head: first },
        },
      ]);
      expect([await other.runs(), await other.history.names()]).toEqual([[], []]);
      await expect(store.scanEvents('r1', () => {})).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await store.readFile('r1', 'plan')).toBe(undefined);
      expect(await store.commands('r1').take()).toEqual([]);
    });

    it('leaves a run that was changed, and one that a process works on', async () => {
      const { store, other, forge } = subject;
      await fullRun(store, 'r1');
      await fullRun(store, 'r2');
      await fullRun(store, 'r3');
      forge.plan('r1', ' ');
      const lock = await store.lock(['h1:22'], 'r3');
      const stay = await prune(other, ['r1', []], ['r2', ['0'.repeat(64)]], ['r3', []]);
      expect(stay).toEqual(
        new Map([
          ['r1', 'changed'],
          ['r2', 'changed'],
          ['r3', 'under_way'],
        ]),
      );
      expect(await other.history.names()).toEqual(['r1', 'r2', 'r3']);
      expect(await store.readFile('r3', 'plan')).toBe('{"plays":[]}');
      if (lock.held) await lock.release();
      expect(await prune(other, ['r3', []])).toEqual(new Map());
      expect(await store.history.names()).toEqual(['r1', 'r2']);
    });
  });
}
