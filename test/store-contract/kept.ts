// What is kept beside journals: commands, files of runs, long outputs, documents.
import { beforeEach, describe, expect, it } from 'vitest';
import { hashOf } from '../../src/engine/state/chain.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { endedRun, type MakeSubject, type Subject } from './subject.ts';

const pause: EventBody = { type: 'run.paused', who: 'eve', why: 'lunch' };
const resolved: EventBody = {
  type: 'host.resolved',
  host: 'h1',
  who: 'eve',
  note: 'looked',
  as: 'retry',
};

export function commands(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe('a command for a run', () => {
    it('stays until the journal has it, is not given again after that, and is then removed', async () => {
      const { store, other, forge } = subject;
      const journal = await store.createJournal('r1');
      await other.post('r1', pause);
      await other.post('r1', { type: 'run.continued', who: 'eve' });
      // The first process takes both, journals one, and is killed.
      const [first] = await store.commands('r1').take();
      if (first !== undefined) await journal.append(first, true);
      await journal.close();
      expect(forge.count('r1').commands).toBe(2);
      const next = other.commands('r1');
      await other.scanEvents('r1', next.see);
      expect(await next.take()).toMatchObject([{ type: 'run.continued' }]);
      expect(forge.count('r1').commands).toBe(1);
    });

    it('is left where another type is asked for, or another run asks', async () => {
      const { store, other, forge } = subject;
      await endedRun(store, 'r1');
      await endedRun(store, 'r2');
      await other.post('r1', pause);
      await other.post('r1', resolved);
      expect(await store.commands('r1').take('host.resolved')).toMatchObject([resolved]);
      expect(await store.commands('r2').take()).toEqual([]);
      expect(forge.count('r1').commands).toBe(2);
    });

    it('is removed where it is none', async () => {
      const { store, forge } = subject;
      await endedRun(store, 'r1');
      forge.command('r1', '{"type": "no.such"}');
      forge.command('r1', 'nothing');
      expect(await store.commands('r1').take()).toEqual([]);
      expect(forge.count('r1').commands).toBe(0);
    });
  });
}

export function files(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe('the files of a run', () => {
    it('are read back by others, and found where they were changed', async () => {
      const { store, other, forge } = subject;
      const journal = await store.createJournal('r1');
      const texts = { plan: '{"a": "é\\u0000"}', settings: '{"flags": {"job": "nightly"}}\n' };
      const digests = await store.keepFiles('r1', texts);
      expect(digests).toEqual({
        'plan.json': hashOf(texts.plan),
        'settings.json': hashOf(texts.settings),
      });
      expect(await other.readFile('r1', 'plan')).toBe(texts.plan);
      expect(await other.readFile('r1', 'settings')).toBe(texts.settings);
      expect(await other.readFile('r2', 'plan')).toBe(undefined);
      expect(await other.changedFiles('r1', digests)).toEqual([]);
      forge.plan('r1', ' ');
      expect(await other.changedFiles('r1', digests)).toEqual([
        expect.stringContaining('plan.json'),
      ]);
      expect(other.placeOf('r1', 'plan')).toContain('plan.json');
      await journal.close();
    });
  });
}

export function outputs(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
    await endedRun(subject.store, 'r1');
  });

  describe('the long output of a host', () => {
    it('has a most, and that of another host is not touched by it', async () => {
      const { store, other } = subject;
      const large = `${'x'.repeat(3 * 1024 * 1024)}\n`;
      const piece = { size: large.length, sha256: hashOf(large) };
      const file = 'output/a.log';
      expect([
        await store.keepOutput('r1', 'a', large),
        await other.keepOutput('r1', 'a', large),
        await store.keepOutput('r1', 'a', large),
        await store.keepOutput('r1', 'b', 'é\n'),
      ]).toEqual([
        { kept: true, file, piece: { ...piece, at: 0 } },
        { kept: true, file, piece: { ...piece, at: large.length } },
        {
          kept: false,
          why: expect.stringMatching(/^output\/a\.log has 6291458 bytes already, and 8388608 are/),
        },
        {
          kept: true,
          file: 'output/b.log',
          piece: { at: 0, size: 3, sha256: hashOf('é\n') },
        },
      ]);
    });

    it.each(['../../etc/passwd', '..', 'a/b', 'fe80::1%eth0', 'ä'])(
      'is that of its host, whatever it is called: %s',
      async (name) => {
        const kept = await subject.store.keepOutput('r1', name, 'text');
        expect(kept).toMatchObject({ kept: true, file: `output/${encodeURIComponent(name)}.log` });
        expect(await subject.store.keepOutput('r1', 'b', 'text')).toMatchObject({
          piece: { at: 0 },
        });
      },
    );
  });
}

export function documents(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe.each(['jobs', 'ids', 'fleets', 'tokens', 'summaries'] as const)(
    'documents: %s',
    (kind) => {
      it('are read, replaced and removed, by others too', async () => {
        const { store, other } = subject;
        expect([await store[kind].names(), await store[kind].read('b')]).toEqual([[], undefined]);
        await store[kind].write('b', '{"a": "é"}');
        await other[kind].write('a-1', '[]');
        await store[kind].write('b', '2');
        expect([await other[kind].names(), await other[kind].read('b')]).toEqual([
          ['a-1', 'b'],
          '2',
        ]);
        await other[kind].remove('b');
        await other[kind].remove('b');
        expect([await store[kind].names(), await store[kind].read('b')]).toEqual([
          ['a-1'],
          undefined,
        ]);
        expect(store[kind].placeOf('a-1')).toContain('a-1');
      });

      it.each(['../../etc/passwd', '..', 'a/b', 'fe80::1%eth0', "it's", '%', '.x'])(
        'may be called %s',
        async (name) => {
          const { store, other } = subject;
          await store[kind].write(name, 'text');
          await store[kind].write('b', 'other');
          expect(await other[kind].read(name)).toBe('text');
        },
      );
    },
  );
}
