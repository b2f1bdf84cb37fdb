// A socket beside a claim, on which its process listens for as long as it lives. It proves life and
// death across all containers of one kernel, which closes it with the process. A file lock would do
// the same, but Node has none.
import { lstat, open, rm, statfs } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';

export interface Life {
  readonly inode: number;
  readonly end: () => Promise<void>;
}

const socketOf = (claim: string): string => `${claim}.socket`;

/**
 * File systems of one kernel: ext, xfs, btrfs, tmpfs, f2fs, zfs. There one inode is one socket,
 * whatever the mount. Over a network or an overlay a socket may look closed although a process
 * listens.
 */
const local: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x2fc12fc1,
]);

const isLocal = async (directory: string): Promise<boolean> =>
  local.has((await statfs(directory)).type);

/** A socket path has at most 107 bytes, so it goes through the descriptor of its directory. */
async function reached<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  const directory = await open(dirname(path));
  try {
    return await use(join(`/proc/self/fd/${directory.fd}`, path.slice(dirname(path).length)));
  } finally {
    await directory.close();
  }
}

/** Undefined where such a socket would prove nothing, or cannot be made. */
export async function beginLife(claim: string): Promise<Life | undefined> {
  const path = socketOf(claim);
  try {
    if (!(await isLocal(dirname(path)))) return undefined;
    const server = createServer((socket) => socket.on('error', () => {}).destroy()).unref();
    // A socket that cannot take a connection (no free descriptor) still listens, so later errors
    // are ignored.
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
 * Whether a process listens there. Undefined where that is unknown: there is no socket, it is
 * another one, or another kernel may have it.
 */
export async function lives(claim: string, inode: number): Promise<boolean | undefined> {
  const path = socketOf(claim);
  try {
    const found = await lstat(path);
    // A copy of a state directory has the sockets too, but no process ever listened there.
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
    // EAGAIN: the queue of a stopped process is full.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? false : error.code === 'EAGAIN' || undefined),
    );
  });

export const forget = (claim: string): Promise<void> =>
  rm(socketOf(claim), { force: true }).catch(() => {});
