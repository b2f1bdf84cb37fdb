// Slots as files, one each.
import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldSlot } from '../../../core/run-state/slot.ts';
import type { KeptSlot } from '../../../engine/ports/store.ts';
import { judgeSlot, type SlotRows, slotIn } from '../../../engine/state/slots.ts';
import { dataIn } from '../../../model/shape/shape.ts';
import { toJson } from '../../../model/text/printable.ts';
import { scanJournal } from '../journal-lines.ts';
import { ownDirectory, readOwn, writing } from '../owned.ts';

/** The slot files of a state directory. */
export function slotFiles(
  stateDir: string,
  journalOf: (run: string) => string,
  isAlive: (run: string) => Promise<boolean>,
): SlotRows {
  const path = (name: string): string => join(stateDir, 'slots', name);
  const judged = new Map<
    string,
    { readonly at: string; readonly is: HeldSlot | 'none' | 'unknown' }
  >();
  return {
    names: async () =>
      (await readdir(await ownDirectory(stateDir, 'slots'))).filter((name) =>
        name.endsWith('.slot'),
      ),
    read: (name) => readSlot(stateDir, path(name)),
    put: (name, slot) =>
      writing(stateDir, async () => putSlot(await ownDirectory(stateDir, 'slots'), name, slot)),
    remove: (name) => writing(stateDir, () => rm(path(name), { force: true })),
    isAlive,
    judge: async (run, host) => {
      const key = `${run} ${host}`;
      const control = join(dirname(journalOf(run)), 'control');
      const left = (await readdir(control).catch(() => []))
        .filter((name) => name.endsWith('.json'))
        .sort();
      const size = await stat(journalOf(run)).then(
        (found) => found.size,
        () => -1,
      );
      const at = [size, ...left].join(' ');
      const before = judged.get(key);
      if (before?.at === at) return before.is;
      const commands = await Promise.all(
        left.map((name) => readOwn(stateDir, join(control, name))),
      );
      const is = await judgeSlot(
        run,
        host,
        (see) =>
          scanJournal(journalOf(run), run, see).then(
            () => 'read',
            (error: unknown) => {
              if (isMissing(error)) return 'missing';
              throw error;
            },
          ),
        commands.map(dataIn),
      );
      judged.set(key, { at, is });
      return is;
    },
    sleep: (milliseconds) => sleep(milliseconds),
    unique: randomUUID,
  };
}

/**
 * Written beside it, synced, then renamed: after a power failure the journal must have no start
 * whose slot is lost.
 */
async function putSlot(directory: string, name: string, slot: KeptSlot): Promise<void> {
  const path = join(directory, name);
  try {
    await synced(`${path}.new`, 'w', (file) => file.writeFile(toJson(slot)));
    await rename(`${path}.new`, path);
    await synced(directory, 'r', async () => {});
  } catch (error) {
    await rm(`${path}.new`, { force: true }).catch(() => {});
    throw error;
  }
}

async function synced(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function readSlot(stateDir: string, path: string): Promise<KeptSlot | undefined> {
  let content: string;
  try {
    content = await readOwn(stateDir, path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return slotIn(content, path);
}
