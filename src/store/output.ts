// Long output of commands: a file a host beside the journal, so that the journal stays short. What cannot be kept is told, and stops no run.
import { type FileHandle, mkdir, open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeptOutput } from '../engine/ports.ts';
import { reasonOf } from './errors.ts';

/** Bytes that one host's file may have, and that its disk must have left afterwards: the journal goes first. */
const mostBytes = 8 * 1024 * 1024;
const spareBytes = 32 * 1024 * 1024;

/** Where it lies, below the run's directory. A name that is no file name is written as in a URL. */
const fileOf = (host: string): string => `output/${encodeURIComponent(host)}.log`;

/** Adds text to the file of a host. Never throws: without it nothing is lost that a run or its resume needs. */
export async function keepOutput(directory: string, host: string, text: string): Promise<KeptOutput> {
  const bytes = Buffer.byteLength(text);
  const file = fileOf(host);
  try {
    await mkdir(join(directory, 'output'), { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < spareBytes + bytes) return { kept: false, why: 'too little space is left on the disk of the state directory' };
    const handle = await open(join(directory, file), 'a', 0o600);
    try {
      return await append(handle, file, text, bytes);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { kept: false, why: reasonOf(error) ?? (error instanceof Error ? error.message : String(error)) };
  }
}

async function append(handle: FileHandle, file: string, text: string, bytes: number): Promise<KeptOutput> {
  const { size } = await handle.stat();
  if (size + bytes > mostBytes) return { kept: false, why: `${file} has ${size} bytes already, and ${mostBytes} are the most` };
  try {
    await handle.appendFile(text);
  } catch (error) {
    // Half an output would only take space that the journal needs.
    await handle.truncate(size).catch(() => {});
    throw error;
  }
  return { kept: true, file };
}
