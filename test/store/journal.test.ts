// The journal as a file: on disk when its append resolves, torn lines are cut, read by pieces.
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJournal, openJournal } from '../../src/adapters/store/journal.ts';
import { scanJournal } from '../../src/adapters/store/journal-lines.ts';
import type { Event } from '../../src/model/run/event.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kmend-journal-'));
  path = join(directory, 'journal.ndjson');
});
afterEach(() => rm(directory, { recursive: true }));

const warning = (text: string) => ({ type: 'warning', text }) as const;
const write = async (...texts: string[]) => {
  const journal = await createJournal(path, 'r1', () => 1000);
  for (const text of texts) await journal.append(warning(text), true);
  await journal.close();
};

const readJournal = async (file: string, run: string) => {
  const events: Event[] = [];
  return { ...(await scanJournal(file, run, (event) => events.push(event))), events };
};

describe('a journal', () => {
  it('has an entry on disk when its append has resolved', async () => {
    const journal = await createJournal(path, 'r1', () => 0);
    await journal.append(warning('here'), true);
    expect(await readFile(path, 'utf8')).toContain('here');
    await journal.close();
  });

  it('cuts off a last line that a crash left half written, and goes on after it', async () => {
    await write('one', 'two');
    await appendFile(path, '{"v":1,"seq":2,"type":"war');
    expect((await readJournal(path, 'r1')).torn).toBe(true);
    const seen: string[] = [];
    const { journal, torn } = await openJournal(
      path,
      'r1',
      () => 0,
      (event) => seen.push(event.type === 'warning' ? event.text : ''),
    );
    expect([torn, seen]).toEqual([true, ['one', 'two']]);
    await journal.append(warning('three'), true);
    await journal.close();
    expect((await readJournal(path, 'r1')).events).toHaveLength(3);
  });

  it('shows nothing that was changed: an entry is shown when the one after it has confirmed it', async () => {
    await write('one', 'two', 'three');
    await writeFile(path, (await readFile(path, 'utf8')).replace('two', 'twi'));
    const seen: string[] = [];
    await expect(
      scanJournal(path, 'r1', (event) => seen.push(event.type === 'warning' ? event.text : '')),
    ).rejects.toMatchObject({
      entry: 2,
    });
    expect(seen).toEqual(['one']);
  });

  it('is read in pieces: lines longer than a piece, letters of several bytes on its edge', async () => {
    const texts = ['é'.repeat(200_000), 'short', `x${'é'.repeat(300_001)}`];
    await write(...texts);
    expect(
      (await readJournal(path, 'r1')).events.map((event) => event.type === 'warning' && event.text),
    ).toEqual(texts);
  });

  it('cannot be passed off as the journal of another run', async () => {
    await write('one');
    await expect(readJournal(path, 'r2')).rejects.toThrow('entry 0');
  });
});

describe('a journal that grows', () => {
  const follow = async (run = 'r1') => {
    const texts: string[] = [];
    const see = (event: Event) => void (event.type === 'warning' && texts.push(event.text));
    let end = await scanJournal(path, run, see);
    return {
      texts,
      more: async () => {
        end = await scanJournal(path, run, see, end);
        return end;
      },
    };
  };

  it('half a line is waited for, also where a resume cuts it off and writes another', async () => {
    await write('one', 'two');
    const whole = await readFile(path);
    const half = whole.length - 9;
    await writeFile(path, whole.subarray(0, half));
    const { texts, more } = await follow();
    expect([texts, (await more()).torn]).toEqual([['one'], true]);
    await appendFile(path, whole.subarray(half, half + 4));
    await more();
    const { journal, torn } = await openJournal(
      path,
      'r1',
      () => 0,
      () => {},
    );
    await journal.append(warning('other'), true);
    await journal.close();
    expect([torn, (await more()).torn, texts]).toEqual([true, false, ['one', 'other']]);
  });

  it.each<[string, (text: string) => string, string]>([
    ['cut off', (text) => text.slice(0, 40), 'entry 2: was cut off'],
    [
      'written anew',
      (text) => `${text.replaceAll('o', 'x')}${text}`,
      'entry 2: numbered 0: an entry is missing or was put in',
    ],
  ])('that was %s is found changed', async (_, change, why) => {
    await write('one', 'two');
    const { more } = await follow();
    await writeFile(path, change(await readFile(path, 'utf8')));
    await expect(more()).rejects.toThrow(why);
  });
});
