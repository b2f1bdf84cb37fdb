// The lock of a run's hosts: two runs never work on one host from the same state directory. Freed by its holder, or when its holder is proven
// dead, or when a person takes it over by name; never by time alone.
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataIn, listOf, number, object, text } from '../model/shape.ts';
import { DamagedError } from './errors.ts';
import { readOwn } from './owned.ts';

/** What stands in a claim's file. Its name is used once: whoever finds its owner dead may remove it without a second look. */
interface Claim {
  readonly run: string;
  readonly hosts: readonly string[];
  /** `claiming` until it has seen that no other claim is in its way. */
  readonly state: 'claiming' | 'held';
  readonly machine: string;
  readonly boot: string;
  readonly pid: number;
  /** Start time of the process in clock ticks after boot: a pid alone may be another process by now. */
  readonly started: string;
}

export type Lock =
  | {
      readonly held: true;
      readonly release: () => Promise<void>;
      /** False once a person has given these hosts to another run. */
      readonly holds: () => Promise<boolean>;
    }
  | { readonly held: false; readonly by: string };

let counter = 0;

/**
 * Claims these hosts for a run. The claim is written before the others are read, so of two that come at the same moment at least one sees
 * the other; the one with the smaller name stays, the other goes. `takeover` names a run whose claims are set aside.
 */
export async function takeLock(directory: string, hosts: readonly string[], run: string, takeover?: string): Promise<Lock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const started = startOf(process.pid);
  counter += 1;
  const name = `${run}.${process.pid}.${started}.${counter}.lock`;
  const path = join(directory, name);
  const claim: Claim = { run, hosts, state: 'claiming', machine: hostname(), boot: bootId(), pid: process.pid, started };
  await put(path, claim);
  try {
    const inTheWay = await otherThan(directory, name, new Set(hosts), takeover);
    if (inTheWay !== undefined) {
      await rm(path, { force: true });
      return { held: false, by: inTheWay };
    }
    await put(path, { ...claim, state: 'held' });
  } catch (error) {
    // A claim of nobody would stand in the way for as long as this process lives.
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
  return {
    held: true,
    // What cannot be removed (a disk that went read-only) is found dead with this process, and a run must end with its own error.
    release: () => rm(path, { force: true }).catch(() => {}),
    holds: () =>
      stat(path).then(
        () => true,
        () => false,
      ),
  };
}

/** The living (or not provably dead) process that works on this run; absent when there is none. */
export async function holderOf(directory: string, run: string): Promise<string | undefined> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(`${run}.`) || !name.endsWith('.lock')) continue;
    const claim = await readClaim(join(directory, name));
    if (claim !== undefined && !isDead(claim)) return `process ${claim.pid} on ${claim.machine}`;
  }
  return undefined;
}

/** Renamed when whole: no reader ever sees half a claim. */
async function put(path: string, claim: Claim): Promise<void> {
  try {
    await writeFile(`${path}.new`, JSON.stringify(claim), { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (error) {
    await rm(`${path}.new`, { force: true }).catch(() => {});
    throw error;
  }
}

/** Milliseconds that a claim with a smaller name waits for one that is about to give way. */
const patience = 5000;

async function otherThan(
  directory: string,
  mine: string,
  hosts: ReadonlySet<string>,
  takeover: string | undefined,
): Promise<string | undefined> {
  for (let waited = 0; ; waited += 20) {
    const others = await claimsBeside(directory, mine, hosts);
    const taken = others.filter(({ claim }) => claim.run === takeover);
    for (const { path } of taken) await rm(path, { force: true });
    const left = others.filter(({ claim }) => claim.run !== takeover);
    const [first] = left.filter(({ claim, name }) => claim.state === 'held' || name < mine || waited >= patience);
    if (first !== undefined) return holderText(first.claim);
    if (left.length === 0) return undefined;
    await sleep(20);
  }
}

const holderText = ({ run, pid, machine }: Claim): string => `run ${run} (process ${pid} on ${machine})`;

interface Found {
  readonly name: string;
  readonly path: string;
  readonly claim: Claim;
}

/** Claims of living (or not provably dead) owners that have a host in common; those of dead ones are removed. */
async function claimsBeside(directory: string, mine: string, hosts: ReadonlySet<string>): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.lock') || name === mine) continue;
    const path = join(directory, name);
    const claim = await readClaim(path);
    if (claim === undefined) continue;
    if (isDead(claim)) await rm(path, { force: true });
    else if (claim.hosts.some((host) => hosts.has(host))) found.push({ name, path, claim });
  }
  return found;
}

/** Undefined where it was released meanwhile. One that cannot be read as a claim keeps its hosts locked until an operator removes it. */
async function readClaim(path: string): Promise<Claim | undefined> {
  let written: string;
  try {
    written = await readOwn(dirname(dirname(path)), path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const claim = dataIn(written);
  const wrong = claimShape(claim, '');
  // Nobody can tell whose hosts it locks: it is not passed over.
  if (wrong !== undefined) throw new DamagedError(path, `is no lock that kmend wrote (${wrong}): remove it once no run is under way`);
  return claim as Claim;
}

const claimShape = object({ run: text, hosts: listOf(text), state: text, machine: text, boot: text, pid: number, started: text });

/** Dead for sure: it ran on this machine, and this machine has booted since or its process is gone. Elsewhere = cannot be known = alive. */
function isDead(claim: Claim): boolean {
  if (claim.machine !== hostname()) return false;
  return claim.boot !== bootId() || startOf(claim.pid) !== claim.started;
}

const bootId = (): string => readOr('/proc/sys/kernel/random/boot_id', 'no boot id').trim();

/** Field 22 of /proc/PID/stat, counted after the name, which may hold spaces; a zombie is as good as gone. */
function startOf(pid: number): string {
  const stat = readOr(`/proc/${pid}/stat`, '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'gone' : (fields[19] ?? 'gone');
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
