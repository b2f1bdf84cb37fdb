// A path in the state directory is trusted only if it is kmend's own: a plain file or directory of
// the user that owns the state directory.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';
import { type FileHandle, lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf, StateRefusal, StateWriteError } from '../../engine/ports/state-errors.ts';

const isOwn = (uid: number, owner: number): boolean =>
  uid === owner || uid === 0 || uid === process.geteuid?.();

/** A link is refused, and a pipe is not waited for. */
const plainly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a file for reading. */
export const openOwn = (path: string): Promise<FileHandle> =>
  open(path, plainly).catch((error: unknown) => {
    throw error instanceof Error && 'code' in error && error.code === 'ELOOP'
      ? new StateRefusal(path, 'is a symbolic link')
      : error;
  });

/** The text of a file. A link, a pipe or another user's file is refused. */
export async function readOwn(stateDir: string, path: string): Promise<string> {
  const file = await openOwn(path);
  try {
    const { uid } = await stat(stateDir);
    refuseOthers(path, await file.stat(), uid);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function refuseOthers(path: string, found: Stats, owner: number): void {
  if (!found.isFile()) throw new StateRefusal(path, 'is no regular file');
  if (!isOwn(found.uid, owner)) throw new StateRefusal(path, `belongs to user ${found.uid}`);
}

/** `readOwn` without threads, which cost more than a small file; undefined where there is none. */
export function readOwnNow(stateDir: string, path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const file = openSync(path, plainly);
  try {
    refuseOthers(path, fstatSync(file), statSync(stateDir).uid);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** Node's recursive mkdir never ends where no directory can be made in one that exists (/proc). */
async function makeDirectory(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  await makeDirectory(dirname(path));
  await makeOne(path);
}

const makeOne = (path: string): Promise<void> =>
  mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });

/** Makes a directory below the state directory. Each part that exists is checked. */
export async function ownDirectory(stateDir: string, ...parts: readonly string[]): Promise<string> {
  await makeDirectory(stateDir);
  const { uid } = await stat(stateDir);
  let at = stateDir;
  for (const part of parts) {
    at = join(at, part);
    await makeOne(at);
    const found = await lstat(at);
    if (!found.isDirectory())
      throw new StateRefusal(at, found.isSymbolicLink() ? 'is a symbolic link' : 'is no directory');
    if (!isOwn(found.uid, uid)) throw new StateRefusal(at, `belongs to user ${found.uid}`);
  }
  return at;
}

/** Does something that writes to this path; an error of the disk names the path. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw reasonOf(error) === undefined ? error : new StateWriteError(path, error);
  }
}
