// Small texts in a directory of their own, each replaced as a whole.
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Documents } from '../../engine/ports/store.ts';
import { ownDirectory, readOwn, readOwnNow } from './owned.ts';

/** Why a path must not be obeyed; undefined = it may be. */
export type Judge = (path: string) => string | undefined;

export function documentsIn(stateDir: string, folder: string, judge: Judge): Documents {
  const directory = join(stateDir, folder);
  const placeOf = (name: string): string => join(directory, `${fileName(name)}.json`);
  return {
    names: async () => {
      const files = await readdir(directory).catch(() => []);
      return files
        .flatMap((file) => (file.endsWith('.json') ? [nameOf(basename(file, '.json'))] : []))
        .sort();
    },
    read: (name) => readTrusted(stateDir, placeOf(name), judge),
    write: async (name, text) => {
      await ownDirectory(stateDir, folder);
      await writeWhole(placeOf(name), text);
    },
    remove: (name) => rm(placeOf(name), { force: true }),
    placeOf,
  };
}

/**
 * Documents of which a command reads and writes one for each host. The directory is judged and made
 * once; each file must still be a plain file of its owner. What was written last may be lost when the
 * machine loses power: nothing is synced, and half a text is never read. A host takes no thread: its
 * calls and promises cost more than all else that is done with its record.
 */
export function hostDocumentsIn(stateDir: string, folder: string, judge: Judge): Documents {
  const documents = documentsIn(stateDir, folder, judge);
  const directory = join(stateDir, folder);
  let [isJudged, isMade] = [false, false];
  return {
    ...documents,
    read: async (name) => {
      isJudged ||= judge(directory) === undefined;
      try {
        return isJudged ? readOwnNow(stateDir, documents.placeOf(name)) : undefined;
      } catch {
        return undefined;
      }
    },
    write: async (name, text) => {
      if (!isMade) await ownDirectory(stateDir, folder);
      isMade = true;
      writeWholeNow(documents.placeOf(name), text);
    },
  };
}

/** Undefined where it is not there, cannot be read, or must not be obeyed. */
export const readTrusted = async (
  stateDir: string,
  path: string,
  judge: Judge,
): Promise<string | undefined> =>
  judge(path) === undefined ? readOwn(stateDir, path).catch(() => undefined) : undefined;

/** Written beside it, synced, then renamed, so that no reader sees half a file. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = draftOf(path);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    // The error of a write to a descriptor has no path.
    throw error instanceof Error && !('path' in error) ? Object.assign(error, { path }) : error;
  } finally {
    await file.close();
  }
}

const draftOf = (path: string): string => `${path}.${randomBytes(6).toString('hex')}.new`;

/** Written beside it and renamed, at once and without a sync. */
function writeWholeNow(path: string, text: string): void {
  const draft = draftOf(path);
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** The file name for any name of an inventory. */
const fileName = (name: string): string =>
  name
    .replace(/^\.|[^A-Za-z0-9._-]/g, (sign) => `%${(sign.codePointAt(0) ?? 0).toString(16)}`)
    .slice(0, 200);

/** The name that a file name stands for. Signs of ASCII have two digits. */
const nameOf = (file: string): string =>
  file.replace(/%([2-7][0-9a-f]|[0-9a-f]{2,6})/g, (_, code: string) =>
    String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff)),
  );
