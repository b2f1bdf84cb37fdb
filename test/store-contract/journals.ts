// Journals: in order, chained, followed by others, and found changed where they were.
import { beforeEach, describe, expect, it } from 'vitest';
import { JournalError } from '../../src/engine/ports/state-errors.ts';
import { hashOf, rootOf } from '../../src/engine/state/chain.ts';
import { endedRun, type MakeSubject, type Subject, textsOf, warning } from './subject.ts';

/** Every link made anew, as whoever changes a journal would. */
export const chained = (run: string, lines: readonly string[]): readonly string[] => {
  let prev = rootOf(run);
  return lines.map((line, seq) => {
    const made = JSON.stringify({ ...JSON.parse(line), seq, prev });
    prev = hashOf(made);
    return made;
  });
};

export function journals(make: MakeSubject): void {
  let subject: Subject;
  beforeEach(async () => {
    subject = await make();
  });

  describe('a journal', () => {
    it('is read back as it was appended, by another process too, and appended to again', async () => {
      const { store, other } = subject;
      const journal = await store.createJournal('r1');
      const seen: string[] = [];
      journal.follow((event, line) => seen.push(`${event.seq} ${hashOf(line)}`));
      const first = await journal.append(warning('one'), true);
      expect([first.seq, first.prev, first.run, first.v]).toEqual([0, rootOf('r1'), 'r1', 1]);
      await journal.append(warning('two \u001b[2J é\u{1f600}\n'), false);
      await journal.close();
      expect(seen).toEqual([expect.stringMatching(/^0 /), `1 ${journal.end().head}`]);
      const end = await other.scanEvents('r1', () => {});
      expect(end).toMatchObject({ ...journal.end(), torn: false });
      const events: unknown[] = [];
      const again = await other.openJournal('r1', (event) => events.push(event));
      expect([again.torn, events[0], again.journal.end()]).toEqual([false, first, journal.end()]);
      await again.journal.append(warning('three'), true);
      await again.journal.close();
      expect(await textsOf(store, 'r1')).toEqual(['one', 'two \u001b[2J é\u{1f600}\n', 'three']);
    });

    it('keeps the order of many appends at the same moment', async () => {
      const journal = await subject.store.createJournal('r1');
      const texts = Array.from({ length: 200 }, (_, index) => `w${index}`);
      await Promise.all(texts.map((text, index) => journal.append(warning(text), index % 7 === 0)));
      await journal.close();
      expect(await textsOf(subject.other, 'r1')).toEqual(texts);
    });

    it('has an entry for others when its append has resolved', async () => {
      const journal = await subject.store.createJournal('r1');
      await journal.append(warning('here'), true);
      expect(await textsOf(subject.other, 'r1')).toEqual(['here']);
      await journal.close();
    });

    it('keeps long entries', async () => {
      const texts = ['é'.repeat(200_000), 'short', `x${'é'.repeat(300_001)}`];
      const journal = await subject.store.createJournal('r1');
      for (const text of texts) await journal.append(warning(text), true);
      await journal.close();
      expect(await textsOf(subject.other, 'r1')).toEqual(texts);
    });

    it('is begun once', async () => {
      await endedRun(subject.store, 'r1');
      await expect(subject.store.createJournal('r1')).rejects.toThrow();
      await expect(subject.other.createJournal('r1')).rejects.toThrow();
    });

    it.each<['scanEvents' | 'openJournal']>([['scanEvents'], ['openJournal']])(
      'of no run is a file that is not there: %s',
      async (how) => {
        await expect(subject.store[how]('r9', () => {})).rejects.toMatchObject({ code: 'ENOENT' });
      },
    );

    it('may be empty: then its run has not begun', async () => {
      const journal = await subject.store.createJournal('r1');
      await journal.close();
      expect(await subject.other.runs()).toMatchObject([
        { run: 'r1', begun: false, entries: 0, head: rootOf('r1') },
      ]);
      expect(await textsOf(subject.other, 'r1')).toEqual([]);
    });
  });

  describe('a journal that was changed', () => {
    it.each<[string, (lines: readonly string[]) => readonly string[], number]>([
      ['a letter', (lines) => lines.map((line) => line.replace('one', 'oxe')), 2],
      ['an entry taken out', (lines) => lines.toSpliced(1, 1), 1],
      ['two entries swapped', ([a = '', b = '', c = '', d = '']) => [b, a, c, d], 0],
      ['no JSON', (lines) => lines.toSpliced(2, 1, 'nonsense'), 2],
    ])('is found: %s', async (_name, change, entry) => {
      await endedRun(subject.store, 'r1', warning('one'), warning('two'), warning('three'));
      subject.forge.journal('r1', change);
      const seen: unknown[] = [];
      const scan = subject.other.scanEvents('r1', (event) => seen.push(event));
      await expect(scan).rejects.toThrow(JournalError);
      await expect(scan).rejects.toMatchObject({ entry });
      // An entry is shown when the next one has confirmed it.
      expect(seen.length).toBeLessThan(Math.max(1, entry));
      await expect(subject.store.openJournal('r1', () => {})).rejects.toThrow(JournalError);
    });
  });

  describe('a journal that grows', () => {
    it('is read on from where the last scan ended, to the same head', async () => {
      const { store, other } = subject;
      const journal = await store.createJournal('r1');
      await journal.append(warning('one'), true);
      const texts: string[] = [];
      const see = (event: { readonly type: string; readonly text?: string }): void =>
        void texts.push(event.text ?? '');
      let end = await other.scanEvents('r1', see);
      await journal.append(warning('two'), true);
      end = await other.scanEvents('r1', see, end);
      end = await other.scanEvents('r1', see, end);
      await journal.append(warning('three'), true);
      end = await other.scanEvents('r1', see, end);
      expect([texts, end]).toEqual([
        ['one', 'two', 'three'],
        await store.scanEvents('r1', () => {}),
      ]);
      await journal.close();
    });

    it.each<[string, (lines: readonly string[]) => readonly string[], string]>([
      ['cut off', (lines) => lines.slice(0, 1), 'entry 3: was cut off'],
      [
        'written anew',
        (lines) => [
          ...chained(
            'r1',
            lines.map((line) => line.replace('o', 'oo')),
          ),
          'x',
        ],
        'entry 3: ',
      ],
    ])('that was %s is found changed', async (_how, change, why) => {
      await endedRun(subject.store, 'r1', warning('one'), warning('two'));
      const end = await subject.other.scanEvents('r1', () => {});
      subject.forge.journal('r1', change);
      await expect(subject.other.scanEvents('r1', () => {}, end)).rejects.toThrow(why);
    });
  });
}
