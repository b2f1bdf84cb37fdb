// Long output of commands: one file a host beside the journal, which stays short. A failure to keep
// it is reported, and stops no run.
import { type FileHandle, mkdir, open, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../engine/ports/state-errors.ts';
import type { KeptOutput } from '../../engine/ports/store.ts';
import { hashOf } from '../../engine/state/chain.ts';
import { outputFile, outputLimits, overLimit } from '../../engine/state/output.ts';

/** Bytes that stay free for the journal. */
const spareBytes = 32 * 1024 * 1024;

/** Adds text to the file of a host. Never throws: neither a run nor its resume needs this file. */
type KeepOutput = (directory: string, host: string, text: string) => Promise<KeptOutput>;

/** Reads the sizes once, when a run first keeps something, and counts from then on. */
export function outputKeeper(inAll = outputLimits.inAll): KeepOutput {
  const totals = new Map<string, number>();
  return async (directory, host, text) => {
    const bytes = Buffer.byteLength(text);
    const file = outputFile(host);
    try {
      await mkdir(join(directory, 'output'), { recursive: true, mode: 0o700 });
      const before = totals.get(directory) ?? (await sizeOfAll(join(directory, 'output')));
      const full = overLimit(file, bytes, { ofHost: 0, inAll: before }, { ...outputLimits, inAll });
      if (full !== undefined) return { kept: false, why: full };
      const { bavail, bsize } = await statfs(directory);
      if (bavail * bsize < spareBytes + bytes)
        return { kept: false, why: 'too little space is left on the disk of the state directory' };
      const handle = await open(join(directory, file), 'a', 0o600);
      try {
        const kept = await append(handle, file, text, bytes);
        totals.set(directory, (totals.get(directory) ?? before) + (kept.kept ? bytes : 0));
        return kept;
      } finally {
        await handle.close();
      }
    } catch (error) {
      return {
        kept: false,
        why: reasonOf(error) ?? (error instanceof Error ? error.message : String(error)),
      };
    }
  };
}

async function sizeOfAll(directory: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function append(
  handle: FileHandle,
  file: string,
  text: string,
  bytes: number,
): Promise<KeptOutput> {
  const { size } = await handle.stat();
  const full = overLimit(file, bytes, { ofHost: size, inAll: 0 });
  if (full !== undefined) return { kept: false, why: full };
  try {
    await handle.appendFile(text);
  } catch (error) {
    // Half an output would take space that the journal needs.
    await handle.truncate(size).catch(() => {});
    throw error;
  }
  return { kept: true, file, piece: { at: size, size: bytes, sha256: hashOf(text) } };
}
