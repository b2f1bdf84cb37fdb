// What can go wrong with the state directory, as errors that say where.

/**
 * A file of the state directory that kmend did not write so: which one, and why. Thrown: nothing
 * can be done by it.
 */
export class DamagedError extends Error {
  constructor(path: string, why: string) {
    super(`${path}: ${why}`);
  }
}

/** Journal text that cannot be trusted: which entry, and why. */
export class JournalError extends DamagedError {
  readonly entry: number;
  constructor(path: string, entry: number, why: string) {
    super(path, `entry ${entry}: ${why}`);
    this.entry = entry;
  }
}

/** Something in the state directory is not kmend's own: it is neither read nor written. */
export class StateRefusal extends Error {
  constructor(path: string, why: string) {
    super(`${path} ${why}`);
  }
}

const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ENOSPC', 'no space is left on its disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EFBIG', 'a limit on the size of files is reached'],
  ['EROFS', 'its file system is read-only'],
  ['EACCES', 'this user has no right to it'],
  ['EPERM', 'this user has no right to it'],
  ['EIO', 'its disk gives I/O errors'],
  ['ENOTDIR', 'a part of its path is no directory'],
  ['EEXIST', 'something else is in its place'],
  ['ENOENT', 'it is not there, and cannot be made'],
  ['EISDIR', 'it is a directory'],
  ['ENAMETOOLONG', 'its name is too long'],
  ['ENXIO', 'its disk is gone'],
  ['ENODEV', 'its disk is gone'],
  ['ESTALE', 'its file server has given up this mount'],
  ['ENOTCONN', 'its file system is no longer connected'],
]);

export const reasonOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause ? reasons.get(cause.code) : undefined;

/**
 * The state directory cannot be written: what is not in the journal is not done, so no further
 * effect may be started.
 */
export class StateWriteError extends Error {
  /** What the operator can do before the next try. */
  readonly remedy: string = 'make room or make it writable';
  constructor(path: string, cause: unknown) {
    super(
      `${path} cannot be written: ${reasonOf(cause) ?? (cause instanceof Error ? cause.message : String(cause))}`,
      { cause },
    );
  }
}

/** It is no longer where this run began to write. */
export class StateGoneError extends StateWriteError {
  override readonly remedy = 'put it back';
  constructor(stateDir: string) {
    super(stateDir, 'it was moved, removed or unmounted while this run was under way');
  }
}

/**
 * The error of a disk that cannot be used, whoever met it; undefined where it is another error. A
 * write to an open file does not say to which.
 */
export function stateError(error: unknown, place: string): StateWriteError | undefined {
  if (error instanceof StateWriteError) return error;
  if (reasonOf(error) === undefined) return undefined;
  return new StateWriteError(
    error instanceof Error && 'path' in error && typeof error.path === 'string'
      ? error.path
      : place,
    error,
  );
}

/**
 * Does something that writes there; where the disk is what stands in the way, the error says so.
 */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw reasonOf(error) === undefined ? error : new StateWriteError(path, error);
  }
}
