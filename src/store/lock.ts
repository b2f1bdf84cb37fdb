// The lock of a pool: one run at a time. Freed by its holder, or when its holder is proven dead; never by time alone.
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

interface Holder {
  readonly run: string;
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  /** Start time of the process in clock ticks after boot: a pid alone may be another process by now. */
  readonly started: string;
}

export type Lock = { readonly held: true; readonly release: () => Promise<void> } | { readonly held: false; readonly by: string };

export async function takeLock(directory: string, pool: string, run: string): Promise<Lock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${encodeURIComponent(pool)}.lock`);
  const mine = `${path}.${process.pid}.${run}`;
  const holder: Holder = { run, host: hostname(), boot: bootId(), pid: process.pid, started: startOf(process.pid) };
  await writeFile(mine, JSON.stringify(holder), { mode: 0o600 });
  try {
    // A hard link appears whole or not at all: no reader ever sees half a lock.
    for (let attempt = 0; attempt < 2; attempt++) {
      if (await tryLink(mine, path)) return { held: true, release: () => release(path, run) };
      const other = await readHolder(path);
      if (other !== undefined && !isDead(other)) return heldBy(other);
      const inTheWay = await clearDead(mine, path);
      if (inTheWay !== undefined) return { held: false, by: inTheWay };
    }
    return { held: false, by: 'another run that took it at the same moment' };
  } finally {
    await rm(mine, { force: true });
  }
}

const heldBy = (holder: Holder): Lock => ({ held: false, by: `run ${holder.run} (process ${holder.pid} on ${holder.host})` });

/** Takes a dead holder's lock away, one process at a time: without that, the second of two could remove the lock that the first just took. */
async function clearDead(mine: string, path: string): Promise<string | undefined> {
  const guard = `${path}.clearing`;
  if (!(await tryLink(mine, guard))) return `a run that is clearing a dead one (if none is: remove ${guard})`;
  try {
    const other = await readHolder(path);
    if (other === undefined || isDead(other)) await rm(path, { force: true });
    return undefined;
  } finally {
    await rm(guard, { force: true });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Dead for sure: it ran on this machine, and this machine has booted since or its process is gone. Elsewhere = cannot be known = alive. */
function isDead(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  return holder.boot !== bootId() || startOf(holder.pid) !== holder.started;
}

const bootId = (): string => readOr('/proc/sys/kernel/random/boot_id', 'no boot id').trim();

/** Field 22 of /proc/PID/stat, counted after the name, which may hold spaces. */
function startOf(pid: number): string {
  const stat = readOr(`/proc/${pid}/stat`, '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone';
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

async function release(path: string, run: string): Promise<void> {
  const holder = await readHolder(path);
  if (holder?.run === run) await unlink(path);
}
