// What a store throws: errors of the state directory, each with its place.

/** A file of the state directory that kmend did not write so. Nothing can be done by it. */
export class DamagedError extends Error {
  readonly why: string;
  constructor(path: string, why: string) {
    super(`${path}: ${why}`);
    this.why = why;
  }
}

/** A journal that cannot be trusted from this entry on. */
export class JournalError extends DamagedError {
  readonly entry: number;
  constructor(path: string, entry: number, why: string) {
    super(path, `entry ${entry}: ${why}`);
    this.entry = entry;
  }
}

/** A path in the state directory that is not kmend's own: kmend neither reads nor writes it. */
export class StateRefusal extends Error {
  constructor(path: string, why: string) {
    super(`${path} ${why}`);
  }
}

/** A database that cannot be used as it is. */
export class DatabaseError extends Error {
  /** What the operator can do. */
  readonly remedy: string;
  constructor(place: string, why: string, remedy: string, cause?: unknown) {
    super(`${place}: ${why}`, { cause });
    this.remedy = remedy;
  }
}

/** There is no such run. */
export class MissingRunError extends Error {
  /** As of a file that is not there. */
  readonly code = 'ENOENT';
  constructor(run: string, place: string) {
    super(`there is no run ${run} in ${place}`);
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

/** The state directory cannot be written. No effect may be started that is not in the journal. */
export class StateWriteError extends Error {
  /** What the operator can do before they try again. */
  readonly remedy: string = 'make room or make it writable';
  constructor(path: string, cause: unknown) {
    super(
      `${path} cannot be written: ${reasonOf(cause) ?? (cause instanceof Error ? cause.message : String(cause))}`,
      { cause },
    );
  }
}

/** The state directory is no longer where this run began to write. */
export class StateGoneError extends StateWriteError {
  override readonly remedy = 'put it back';
  constructor(stateDir: string) {
    super(stateDir, 'it was moved, removed or unmounted while this run was under way');
  }
}

/** The database refused to write. */
export class DatabaseWriteError extends StateWriteError {
  override readonly remedy: string;
  constructor(place: string, cause: unknown, remedy: string) {
    super(place, cause);
    this.remedy = remedy;
  }
}

/** The database cannot be reached. Where a run waits for it, this is thrown only when the wait ends. */
export class StateAwayError extends Error {
  constructor(place: string, why: string) {
    super(`${place} cannot be reached: ${why}`);
  }
}

/** Another process leads this run now. Nothing more may be done for it here. */
export class RunTakenError extends Error {}

/** The database holds less of a journal than this process wrote: what it says must not be obeyed. */
export class JournalLostError extends Error {
  constructor(place: string, why: string) {
    super(
      `${place}: ${why}; a standby without the last transactions has become the primary, or a backup was restored`,
    );
  }
}

/**
 * The error as one of the disk; undefined where it is another error.
 * @param place the path to name where the error has none: that of a write to an open file
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
