// Locks of hosts: one run has a host, until it gives it back or another takes it over by name.
import { beforeEach, describe, expect, it } from 'vitest';
import { endedRun, type MakeSubject, type Subject } from './subject.ts';

export function locks(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe('the lock of hosts', () => {
    it('is held by one run, and free again after its release', async () => {
      const { store, other } = subject;
      const first = await store.lock(['a'], 'r1');
      expect([first.held, first.held && (await first.state())]).toEqual([true, 'held']);
      const held = { held: false, run: 'r1', by: expect.stringContaining('run r1') };
      expect(await other.lock(['a'], 'r2')).toMatchObject(held);
      expect(await store.lock(['a'], 'r2')).toMatchObject(held);
      expect((await other.lock(['b'], 'r3')).held).toBe(true);
      if (first.held) await first.release();
      expect((await other.lock(['a'], 'r2')).held).toBe(true);
    });

    it('is taken by exactly one of many', async () => {
      const { store, other } = subject;
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? store : other).lock(['a', 'b'], `r${index}`),
        ),
      );
      expect(all.filter((lock) => lock.held)).toHaveLength(1);
    });

    it('is about hosts: runs that share none go side by side, runs that share one do not', async () => {
      const { store, other } = subject;
      const first = await store.lock(['a', 'b'], 'r1');
      expect((await other.lock(['c'], 'r2')).held).toBe(true);
      expect(await other.lock(['b', 'd'], 'r3')).toMatchObject({ held: false, run: 'r1' });
      expect((await other.lock(['d'], 'r3')).held).toBe(true);
      if (first.held) await first.release();
      expect((await other.lock(['b'], 'r4')).held).toBe(true);
    });

    it('is of one process: the run itself is locked for another', async () => {
      const { store, other } = subject;
      await endedRun(store, 'r1');
      const first = await store.lock(['a'], 'r1');
      expect((await other.lock(['a'], 'r1')).held).toBe(false);
      expect(await other.holder('r1')).toEqual(expect.any(String));
      if (first.held) await first.release();
      expect(await other.holder('r1')).toBe(undefined);
      expect((await other.lock(['a'], 'r1')).held).toBe(true);
    });

    it('is taken over by name only, and the old holder finds out', async () => {
      const { store, other } = subject;
      await endedRun(store, 'r1');
      const first = await store.lock(['a'], 'r1');
      expect((await other.lock(['a'], 'r2', 'r9')).held).toBe(false);
      const second = await other.lock(['a'], 'r2', 'r1');
      expect(second.held).toBe(true);
      expect(first.held && (await first.state())).toBe('taken');
      if (first.held) await first.release();
      expect(second.held && (await second.state())).toBe('held');
    });

    it('of a run that never began leaves no run', async () => {
      const lock = await subject.store.lock(['a'], 'r1');
      if (lock.held) await lock.release();
      expect([await subject.other.runs(), await subject.other.history.names()]).toEqual([[], []]);
    });
  });
}
