// Slots: what is left behind by a run that ended, crashed or is gone, and what nobody wrote so.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Slot } from '../../src/engine/ports/store.ts';
import { failure } from '../core/fleet.ts';
import { endedRun, type MakeSubject, type Subject } from './subject.ts';

const pool = new Set(['h1:22', 'h2:22']);
const slot = (host: string): Slot => ({ address: `${host}:22`, host, play: 'play', kind: 'held' });
const started = { type: 'host.started', host: 'h1', why: '' } as const;

export function slots(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });
  const kept = (): number => subject.forge.count('r1').slots;

  describe('a slot of a run without a process', () => {
    it.each([
      ['under way', [started], 'held'],
      [
        'failed',
        [
          started,
          { type: 'host.failed', host: 'h1', failure: failure(), touched: true, state: '' },
        ],
        'failed',
      ],
      [
        'dark',
        [
          started,
          {
            type: 'host.failed',
            host: 'h1',
            failure: failure('unreachable'),
            touched: false,
            state: '',
          },
        ],
        'unreachable',
      ],
      ['not begun', [], undefined],
      [
        'done',
        [started, { type: 'host.done', host: 'h1', changed: true, proven: 'yes' }],
        undefined,
      ],
    ] as const)('is judged by its journal: %s', async (_name, events, kind) => {
      const { store, other } = subject;
      await endedRun(store, 'r1', ...events);
      await store.slots('r1', pool).keep(slot('h1'));
      const others = await other.slots('r2', pool).others();
      expect(others).toEqual(kind === undefined ? [] : [{ ...slot('h1'), run: 'r1', kind }]);
      expect(kept()).toBe(others.length);
    });

    it('is void where only a claim was written, or the run was removed', async () => {
      const { store, other } = subject;
      await endedRun(store, 'r1', started);
      await store.slots('r1', pool).claim(slot('h1'));
      await store.slots('r0', pool).keep(slot('h1'));
      expect(await other.slots('r2', pool).others()).toEqual([]);
      expect(kept()).toBe(0);
    });

    it('is free once an operator has left an acknowledgement for it', async () => {
      const { store, other } = subject;
      await endedRun(store, 'r1', started, {
        type: 'host.failed',
        host: 'h1',
        failure: failure(),
        touched: true,
        state: '',
      });
      await store.slots('r1', pool).keep(slot('h1'));
      const next = other.slots('r2', pool);
      expect(await next.others()).toMatchObject([{ kind: 'failed' }]);
      await store.post('r1', {
        type: 'host.resolved',
        host: 'h1',
        who: 'ops',
        note: '',
        as: 'skip',
      });
      expect(await next.others()).toEqual([]);
    });

    it('stays where its journal cannot be read', async () => {
      const { store, other, forge } = subject;
      await endedRun(store, 'r1');
      forge.journal('r1', () => ['no journal']);
      await store.slots('r1', pool).keep(slot('h1'));
      expect(await other.slots('r2', pool).others()).toEqual([{ ...slot('h1'), run: 'r1' }]);
    });
  });

  describe('slots of a run with a process', () => {
    it('count as they were written, in its pool only', async () => {
      const { store, other } = subject;
      await endedRun(store, 'r1');
      const lock = await store.lock(['h1:22'], 'r1');
      const own = store.slots('r1', pool);
      await own.claim(slot('h1'));
      await own.keep(slot('h1'));
      expect(await other.slots('r2', pool).claim(slot('h2'))).toEqual([
        { ...slot('h1'), run: 'r1' },
      ]);
      expect(await other.slots('r2', new Set(['h2:22'])).others()).toEqual([]);
      if (lock.held) await lock.release();
    });

    it('can be dropped, and cleared by the run that remediated the host', async () => {
      const { store, other } = subject;
      await endedRun(store, 'r1');
      const lock = await store.lock(['h1:22'], 'r1');
      const own = store.slots('r1', pool);
      await own.keep(slot('h1'));
      await own.drop('h1:22');
      expect(await other.slots('r2', pool).others()).toEqual([]);
      await own.keep(slot('h1'));
      await other.slots('r3', pool).clear('h1:22');
      expect(await other.slots('r2', pool).others()).toEqual([]);
      if (lock.held) await lock.release();
    });

    it('of an earlier process of the run are forgotten once its own are written', async () => {
      await subject.store.slots('r1', pool).keep(slot('h1'));
      const own = subject.other.slots('r1', pool);
      await own.keep(slot('h1'));
      await own.forget();
      expect(kept()).toBe(1);
    });

    it('of two that claim at once, at least one sees the other', async () => {
      const { store, other } = subject;
      for (const run of ['r1', 'r2']) await endedRun(store, run);
      const held = await Promise.all([store.lock(['h1:22'], 'r1'), other.lock(['h2:22'], 'r2')]);
      for (let round = 0; round < 10; round += 1) {
        const [one, two] = [store.slots('r1', pool), other.slots('r2', pool)];
        const seen = await Promise.all([
          one.claim(slot('h1')).then((all) => all.map(({ run }) => run)),
          two.claim(slot('h2')).then(async (all) => {
            if (all.length > 0) await two.drop('h2:22');
            return all.map(({ run }) => run);
          }),
        ]);
        expect(seen.flat()).not.toEqual([]);
        await one.drop('h1:22');
        await two.drop('h2:22');
      }
      for (const lock of held) if (lock.held) await lock.release();
    });
  });

  it('what is no slot is not passed over', async () => {
    subject.forge.slot('r1.x.slot', '{"run": "r1"}');
    await expect(subject.store.slots('r2', pool).others()).rejects.toThrow(
      /r1\.x\.slot.*: is no slot that kmend wrote/,
    );
  });
}
