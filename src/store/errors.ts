// What can go wrong with the state directory, as errors that say where.

/** A file of the state directory that kmend did not write so: which one, and why. Thrown: nothing can be done by it. */
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
  ['EACCES', 'this user may not write there'],
  ['EPERM', 'this user may not write there'],
  ['EIO', 'its disk gives I/O errors'],
  ['ENOTDIR', 'a part of its path is no directory'],
]);

export const reasonOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause ? reasons.get(cause.code) : undefined;

/** The state directory cannot be written: what is not in the journal is not done, so no further effect may be started. */
export class StateWriteError extends Error {
  constructor(path: string, cause: unknown) {
    super(`${path} cannot be written: ${reasonOf(cause) ?? (cause instanceof Error ? cause.message : String(cause))}`, { cause });
  }
}

/** Does something that writes there; where the disk is what stands in the way, the error says so. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw reasonOf(error) === undefined ? error : new StateWriteError(path, error);
  }
}
