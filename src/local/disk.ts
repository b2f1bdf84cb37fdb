// This machine's disk: the reader that loading asks, and whole-file writes.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Read, Reader } from '../load/index.ts';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Why a file or a connection could not be had, in words. */
export const reasonOf = (error: unknown): string => {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'may not be read by this user';
  if (code === 'EISDIR') return 'is a directory';
  if (code === 'Z_DATA_ERROR' || code === 'Z_BUF_ERROR') return 'is not a whole gzip file';
  return error instanceof Error ? error.message : String(error);
};

/** Bytes that a compressed text may have: outputs of the probe have at most a few megabytes. */
const largestText = 64 * 1024 * 1024;

/** Milliseconds that an inventory program may take. */
const programTimeout = 60_000;

export const diskReader: Reader = {
  readText: (path): Read => {
    try {
      return {
        ok: true,
        text: (/\.gz$/i.test(path) ? gunzipSync(readFileSync(path), { maxOutputLength: largestText }) : readFileSync(path)).toString(
          'utf8',
        ),
      };
    } catch (error) {
      return { ok: false, why: reasonOf(error), ...(codeOf(error) === 'ENOENT' ? { absent: true } : {}) };
    }
  },
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
    // A bare name would be looked for in PATH: the file that was named is meant.
    const done = spawnSync(path.includes('/') ? path : `./${path}`, args, {
      encoding: 'utf8',
      timeout: programTimeout,
      maxBuffer: 512 * 1024 * 1024,
    });
    if (done.error !== undefined) return { ok: false, why: reasonOf(done.error) };
    if (done.status !== 0) return { ok: false, why: `ended with ${done.status ?? done.signal}: ${done.stderr.trim().slice(-500)}` };
    return { ok: true, text: done.stdout };
  },
};

export const diskFiles = {
  read: (path: string): Promise<string> => readFile(path, 'utf8'),
  /** Beside it, synced, then renamed: never half a file. */
  write: async (path: string, text: string, mode: number): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${process.pid}.new`;
    const file = await open(draft, 'w', mode);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  },
  list: (path: string): Promise<readonly string[]> => readdir(path).catch(() => []),
  remove: (path: string): Promise<void> => rm(path, { recursive: true, force: true }),
};
