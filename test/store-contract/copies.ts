// What every store promises of copies: a run that is carried to it and on from it is the same.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { copyDocuments, copyRecords, copyRun } from '../../src/app/history/copy.ts';
import type { Store } from '../../src/engine/ports/store.ts';
import { begin, fleet } from '../core/fleet.ts';
import { endedRun, type MakeSubject, warning } from './subject.ts';

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
});

function directory(): { readonly dir: string; readonly store: Store } {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-copy-'));
  made.push(dir);
  return { dir, store: createStore(dir, Date.now) };
}

const slot = { address: 'h1:22', host: 'h1', play: 'p', kind: 'held' } as const;

/** A run with all that a run may have. */
async function fullRun(store: Store, run: string): Promise<void> {
  const lock = await store.lock([`${run}:22`], run);
  if (!lock.held) throw new Error(lock.by);
  const plan = '{"plan":"ä"}\n';
  const settings = '{"flags":{"job":"nightly"}}\n';
  const files = await store.keepFiles(run, { plan, settings });
  const journal = await store.createJournal(run);
  await journal.append({ ...begin(fleet(2)), files }, true);
  const outputs = [await store.keepOutput(run, 'h 1', 'first ä\n'.repeat(200_000))];
  outputs.push(await store.keepOutput(run, 'h 1', 'second\n'));
  for (const text of outputs) await journal.append(warning(JSON.stringify(text)), true);
  await journal.append(warning('ü'.repeat(5_000)), true);
  for (let at = 0; at < 40; at += 1) await journal.append(warning(`entry ${at}`), true);
  await journal.close();
  await lock.release();
  await store.post(run, { type: 'run.paused', who: 'ann', why: 'lunch' });
  await store.slots(run, new Set()).keep(slot);
}

/** All files of a run by path, without the names of its commands. */
function filesOf(dir: string, run: string): ReadonlyMap<string, string> {
  const root = join(dir, 'runs', run);
  return new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry, index): [string, string] => {
        const path = join(entry.parentPath, entry.name);
        const name = relative(root, path);
        return [
          name.startsWith('control/') ? `command ${index}` : name,
          readFileSync(path, 'latin1'),
        ];
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export function copies(make: MakeSubject): void {
  it('has every byte of a run that came from files, and gives it to files again', async () => {
    const { store } = await make();
    const [first, last] = [directory(), directory()];
    await fullRun(first.store, 'r1');
    expect(await copyRun(first.store, store, 'r1')).toBe('copied');
    expect(await store.history.audit('r1', [])).toEqual(await first.store.history.audit('r1', []));
    expect(await store.runs()).toEqual(await first.store.runs());
    expect(await copyRun(store, last.store, 'r1')).toBe('copied');
    expect(filesOf(last.dir, 'r1')).toEqual(filesOf(first.dir, 'r1'));
    expect(statSync(join(last.dir, 'runs/r1/journal.ndjson')).mode & 0o777).toBe(0o600);
    for (const { store: one } of [{ store }, last]) {
      expect(await one.carry.slots('r1')).toEqual(await first.store.carry.slots('r1'));
      expect(await one.commands('r1').take()).toMatchObject([{ type: 'run.paused' }]);
    }
  });

  it('does nothing where the run is there, and keeps another journal', async () => {
    const { store } = await make();
    const { store: files } = directory();
    await endedRun(files, 'r1', warning('one'));
    expect(await copyRun(files, store, 'r1')).toBe('copied');
    expect(await copyRun(files, store, 'r1')).toBe('there');
    const { store: others } = directory();
    const head = await endedRun(others, 'r1', warning('another'));
    expect(await copyRun(others, store, 'r1')).toBe('differs');
    expect((await store.newest())?.head).not.toBe(head);
  });

  it('goes on with a run that was copied', async () => {
    const { store, other } = await make();
    const { store: files } = directory();
    await endedRun(files, 'r1', warning('one'));
    await copyRun(files, store, 'r1');
    const lock = await other.lock(['h1:22'], 'r1');
    const { journal } = await other.openJournal('r1', () => {});
    await journal.append(warning('two'), true);
    await journal.close();
    if (lock.held) await lock.release();
    expect(lock).toMatchObject({ held: true });
    expect(await store.history.audit('r1', [])).toMatchObject({ entries: 3, wrong: [] });
  });

  it('refuses a run under way, one that was changed, one that is missing, and one removed there', async () => {
    const { store, forge } = await make();
    const { store: files } = directory();
    const lock = await store.lock(['h1:22'], 'r1');
    const journal = await store.createJournal('r1');
    await journal.append(begin(fleet(2)), true);
    expect(await copyRun(store, files, 'r1')).toBe('under_way');
    await journal.close();
    if (lock.held) await lock.release();
    await endedRun(store, 'r2', warning('one'), warning('last'));
    forge.journal('r2', (lines) => lines.map((line) => line.replace('"one"', '"two"')));
    expect(await copyRun(store, files, 'r2')).toBe('changed');
    expect(await copyRun(store, files, 'r3')).toBe('missing');
    await endedRun(files, 'r4');
    expect(await copyRun(files, store, 'r4')).toBe('copied');
    await files.history.prune({ who: 'ann', at: 1, runs: new Map([['r4', []]]) });
    expect(await copyRun(store, files, 'r4')).toBe('removed');
    expect(await files.history.names()).toEqual([]);
  });

  it('shows nothing of a run whose journal went on while it was copied', async () => {
    const { store, forge } = await make();
    const { store: files } = directory();
    await endedRun(files, 'r1', warning('one'));
    const { entries, head } = await files.history.audit('r1', []);
    const carried = {
      run: 'r1',
      number: 1,
      files: {},
      commands: [],
      outputs: files.carry.outputs('r1'),
      slots: new Map([['r1.a.slot', { ...slot, run: 'r1', state: 'held' } as const]]),
    };
    await expect(
      store.carry.keep({ ...carried, entries: entries - 1, head, lines: files.carry.lines('r1') }),
    ).rejects.toThrow('it changed while it was copied');
    expect(await store.history.names()).toEqual([]);
    expect(forge.count('r1').slots).toBe(0);
    await store.carry.keep({ ...carried, entries, head, lines: files.carry.lines('r1') });
    expect(await store.history.names()).toEqual(['r1']);
    expect(forge.count('r1').slots).toBe(1);
  });

  it('brings no slot back to a run that is there', async () => {
    const { store, forge } = await make();
    const { store: files } = directory();
    await fullRun(files, 'r1');
    await copyRun(files, store, 'r1');
    await store.slots('r2', new Set()).clear('h1:22');
    expect(await copyRun(files, store, 'r1')).toBe('there');
    expect(forge.count('r1').slots).toBe(0);
  });

  it('has documents and records once, and keeps its own', async () => {
    const { store } = await make();
    const { store: files } = directory();
    await endedRun(files, 'r1');
    await files.history.prune({ who: 'ann', at: 1, runs: new Map([['r1', []]]) });
    await files.ids.write('.web [::1]', 'seven');
    await files.jobs.write('nightly', 'new');
    await store.jobs.write('nightly', 'old');
    expect(await copyDocuments(files, store)).toEqual({ copied: 1, differ: ['jobs/nightly'] });
    expect(await copyDocuments(files, store)).toEqual({ copied: 0, differ: ['jobs/nightly'] });
    expect(await store.ids.read('.web [::1]')).toBe('seven');
    expect(await store.ids.names()).toEqual(['.web [::1]']);
    expect(await copyRecords(files, store)).toBe(1);
    expect(await copyRecords(files, store)).toBe(0);
    expect(await store.history.pruned()).toEqual(await files.history.pruned());
  });

  it('leads no file out of its directory', async () => {
    const { store } = await make();
    const { store: files, dir } = directory();
    await endedRun(store, 'r1');
    const { entries, head } = await store.history.audit('r1', []);
    mkdirSync(join(dir, 'copying'), { recursive: true });
    const outputs = (async function* () {
      yield { file: 'output/../../../../out', at: 0, data: Buffer.from('x') };
    })();
    await expect(
      files.carry.keep({
        ...{ run: 'r1', entries, head, number: 1, files: {}, commands: [], outputs },
        slots: new Map(),
        lines: store.carry.lines('r1'),
      }),
    ).rejects.toThrow('is no output of a host');
    expect(readdirSync(join(dir, 'copying'))).toEqual([]);
  });
}
