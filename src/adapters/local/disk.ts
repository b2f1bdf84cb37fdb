// This machine's disk: the reader for loading, and writes of whole files.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Read, Reader } from '../../load/index.ts';
import type { Judge, Trust } from './trust.ts';

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** Why a file cannot be used, for messages. */
export const reasonOf = (error: unknown): string => {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'may not be read by this user';
  if (code === 'EISDIR') return 'is a directory';
  if (code === 'Z_DATA_ERROR' || code === 'Z_BUF_ERROR') return 'is not a whole gzip file';
  return error instanceof Error ? error.message : String(error);
};

/** Bytes of a text after decompression. Outputs of the probe have a few megabytes at most. */
const largestText = 64 * 1024 * 1024;

/** Milliseconds that an inventory program may take. */
const programTimeout = 60_000;

/** An open descriptor of this process (`-e @<(...)`, `/dev/stdin`), given by who started kmend. */
const ownDescriptor = /^\/(?:dev\/stdin|dev\/fd\/\d+|proc\/self\/fd\/\d+)$/;

/** Opened non-blocking, since a pipe in the place of the file would never answer. */
function readPlain(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** @param encoding `latin1`: one character for each byte, of a file as it is */
function read(path: string, judge: Judge, encoding: 'utf8' | 'latin1' = 'utf8'): Read {
  try {
    if (ownDescriptor.test(path)) return { ok: true, text: readFileSync(path, 'utf8') };
    const kind = statSync(path);
    if (!kind.isFile())
      return { ok: false, why: kind.isDirectory() ? 'is a directory' : 'is no regular file' };
    const why = judge(path);
    if (why !== undefined) return { ok: false, why: distrustText(why), distrusted: true };
    const data = readPlain(path);
    if (encoding === 'latin1') return { ok: true, text: data.toString(encoding) };
    return {
      ok: true,
      text: (/\.gz$/i.test(path)
        ? gunzipSync(data, { maxOutputLength: largestText })
        : data
      ).toString('utf8'),
    };
  } catch (error) {
    return {
      ok: false,
      why: reasonOf(error),
      ...(codeOf(error) === 'ENOENT' ? { absent: true } : {}),
    };
  }
}

const distrustText = (why: string): string =>
  `${why}: others could instruct kmend by it (--trust-files takes all files as they are)`;

/** @param trust which files may instruct kmend */
export const diskReader = (trust: Pick<Trust, 'judge' | 'judgeFound'>): Reader => ({
  readText: (path) => read(path, trust.judge),
  readFound: (path, directory) => read(path, () => trust.judgeFound(path, directory)),
  readBytes: (path, directory) => read(path, () => trust.judgeFound(path, directory), 'latin1'),
  readData: (path) => read(path, () => undefined),
  list: (path) => {
    try {
      return statSync(path).isDirectory() ? readdirSync(path) : undefined;
    } catch {
      return undefined;
    }
  },
  isExecutable: (path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  },
  run: (path, args): Read => {
    const why = trust.judge(path);
    if (why !== undefined) return { ok: false, why: distrustText(why), distrusted: true };
    // A bare name would be searched in PATH, but the file of that name is meant.
    const done = spawnSync(path.includes('/') ? path : `./${path}`, args, {
      encoding: 'utf8',
      timeout: programTimeout,
      // A program that ignores SIGTERM would block kmend forever.
      killSignal: 'SIGKILL',
      maxBuffer: 512 * 1024 * 1024,
    });
    if (done.error !== undefined) return { ok: false, why: reasonOf(done.error) };
    if (done.status !== 0)
      return {
        ok: false,
        why: `ended with ${done.status ?? done.signal}: ${done.stderr.trim().slice(-500)}`,
      };
    return { ok: true, text: done.stdout };
  },
});

export const diskFiles = {
  /** Written beside it, synced, then renamed, so that no reader sees half a file. */
  write: async (path: string, text: string, mode: number): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // In a directory that others may write, a name that can be guessed may exist already.
    const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
    const file = await open(draft, 'wx', mode);
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
  },
  remove: (path: string): Promise<void> => rm(path, { recursive: true, force: true }),
};

/** Changes the working directory; false where that fails. */
export function enterDirectory(path: string): boolean {
  try {
    process.chdir(path);
    return true;
  } catch {
    return false;
  }
}
