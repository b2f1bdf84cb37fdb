// A socket beside a claim, on which its process listens for as long as it lives: proof of life and
// death across all containers of one kernel. The kernel closes it with the process, however that
// ended. A file lock would do the same, but Node has none.
import { lstat, open, rm, statfs } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';

export interface Life {
  readonly inode: number;
  readonly end: () => Promise<void>;
}

const socketOf = (claim: string): string => `${claim}.socket`;

/**
 * File systems of one kernel: ext, xfs, btrfs, tmpfs, f2fs, zfs. One inode there is one socket, by
 * whichever mount it is reached. Over a network, or through an overlay, a socket may look closed to
 * one side while the other listens.
 */
const local: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x2fc12fc1,
]);

const isLocal = async (directory: string): Promise<boolean> =>
  local.has((await statfs(directory)).type);

/** A path of a socket has at most 107 bytes: it is named by its open directory. */
async function reached<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  const directory = await open(dirname(path));
  try {
    return await use(join(`/proc/self/fd/${directory.fd}`, path.slice(dirname(path).length)));
  } finally {
    await directory.close();
  }
}

/**
 * Absent where such a socket would prove nothing, or cannot be made: then the claim has one witness
 * less.
 */
export async function beginLife(claim: string): Promise<Life | undefined> {
  const path = socketOf(claim);
  try {
    if (!(await isLocal(dirname(path)))) return undefined;
    const server = createServer((socket) => socket.on('error', () => {}).destroy()).unref();
    // One that cannot take a connection (no descriptor is free) listens nevertheless: later errors
    // are none.
    await reached(
      path,
      (short) =>
        new Promise<void>(
          (resolve, reject) => void server.on('error', reject).listen(short, resolve),
        ),
    );
    const { ino } = await lstat(path);
    return {
      inode: ino,
      end: async () => {
        server.close();
        await forget(claim);
      },
    };
  } catch {
    await forget(claim);
    return undefined;
  }
}

/**
 * Whether a process listens there; undefined where that cannot be told: no socket, another one,
 * another kernel may have it.
 */
export async function lives(claim: string, inode: number): Promise<boolean | undefined> {
  const path = socketOf(claim);
  try {
    const found = await lstat(path);
    // A copy of a state directory has the sockets too, and nobody ever listened there.
    if (!found.isSocket() || found.ino !== inode || !(await isLocal(dirname(path))))
      return undefined;
    return await reached(path, connects);
  } catch {
    return undefined;
  }
}

const connects = (path: string): Promise<boolean | undefined> =>
  new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN: so many wait there that a stopped process has not taken.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? false : error.code === 'EAGAIN' || undefined),
    );
  });

export const forget = (claim: string): Promise<void> =>
  rm(socketOf(claim), { force: true }).catch(() => {});
