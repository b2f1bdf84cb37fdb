// The lock of a run's hosts: two runs of one state directory never work on the same host. It is
// freed by its holder, by the proven death of its holder, or by a takeover. Time never frees it.

import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DamagedError } from '../../../engine/ports/state-errors.ts';
import type { LockState, PodWitness } from '../../../engine/ports/store.ts';
import { present } from '../../../model/present.ts';
import { dataIn, listOf, object, type Shape, text } from '../../../model/shape/shape.ts';
import { readOwn } from '../owned.ts';
import { doubtOf, type Holder, holderShape, holderText, ownHolder, startOf } from './holder.ts';
import { beginLife, forget, lives } from './life.ts';

/** The file of a claim. Its name is used once, so a claim of a dead owner may be removed safely. */
interface Claim extends Holder {
  readonly run: string;
  readonly hosts: readonly string[];
  /** `claiming` until it has seen that no other claim is in its way. */
  readonly state: 'claiming' | 'held';
}

export type Lock =
  | {
      readonly held: true;
      readonly release: () => Promise<void>;
      readonly state: () => Promise<LockState>;
    }
  | { readonly held: false; readonly run: string; readonly by: string };

let counter = 0;

/**
 * Claims these hosts for a run. The claim is written before the others are read: of two runs that
 * start at once at least one sees the other, and the claim with the smaller name stays.
 * @param takeover the run whose claims are removed
 */
export async function takeLock(
  directory: string,
  hosts: readonly string[],
  run: string,
  takeover?: string,
  pods?: PodWitness,
): Promise<Lock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pod = await pods?.own();
  const me = { ...ownHolder(), ...present({ pod }) };
  counter += 1;
  // Two containers may both have process 1 with the same start time.
  const name = `${run}.${me.pid}.${me.started}.${counter}${randomBytes(3).toString('hex')}.lock`;
  const path = join(directory, name);
  const place = await stat(directory);
  const life = await beginLife(path);
  const release = async (): Promise<void> => {
    // A run must end with its own error, not with one of this removal. Where the claim stays, it
    // counts as dead when this process has ended.
    await rm(path, { force: true }).catch(() => {});
    await life?.end();
  };
  const claim: Claim = {
    run,
    hosts,
    state: 'claiming',
    ...me,
    ...(life === undefined ? {} : { socket: life.inode }),
  };
  try {
    await put(path, claim);
    const inTheWay = await otherThan({
      directory,
      name,
      hosts: new Set(hosts),
      takeover,
      me,
      pods,
    });
    if (inTheWay !== undefined) {
      await release();
      return { held: false, ...inTheWay };
    }
    await put(path, { ...claim, state: 'held' });
  } catch (error) {
    // A claim that is left would lock its hosts for as long as this process lives.
    await release();
    throw error;
  }
  return { held: true, release, state: () => stateOf(path, place) };
}

/** A missing claim was taken over, unless its directory is missing or was replaced. */
async function stateOf(path: string, place: Stats): Promise<LockState> {
  try {
    await stat(path);
    return 'held';
  } catch {
    const now = await stat(dirname(path)).catch(() => undefined);
    return now?.ino === place.ino && now.dev === place.dev ? 'taken' : 'gone';
  }
}

/** The process that works on this run, where it is not proven dead. */
export async function holderOf(
  directory: string,
  run: string,
  pods?: PodWitness,
): Promise<string | undefined> {
  const me = ownHolder();
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(`${run}.`) || !name.endsWith('.lock')) continue;
    const path = join(directory, name);
    const claim = await readClaim(path);
    if (claim !== undefined && (await doubtAbout(claim, path, me, pods)) !== undefined)
      return holderText(claim);
  }
  return undefined;
}

const doubtAbout = (
  claim: Claim,
  path: string,
  me: Holder,
  pods: PodWitness | undefined,
): Promise<string | undefined> =>
  doubtOf(claim, me, {
    startOf,
    listens: (inode) => lives(path, inode),
    podDoubt: async (pod) =>
      pods === undefined ? 'its cluster can be asked only from a pod in it' : pods.doubt(pod),
  });

/** Written beside it, then renamed, so that no reader sees half a claim. */
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
const giveWayLimit = 5000;

interface Search {
  readonly directory: string;
  /** Name of the claim that asks. */
  readonly name: string;
  readonly hosts: ReadonlySet<string>;
  readonly takeover: string | undefined;
  readonly me: Holder;
  readonly pods: PodWitness | undefined;
}

async function otherThan(
  search: Search,
): Promise<{ readonly run: string; readonly by: string } | undefined> {
  const { name: mine, takeover } = search;
  for (let waited = 0; ; waited += 20) {
    const others = await claimsBeside(search);
    const taken = others.filter(({ claim }) => claim.run === takeover);
    for (const { path } of taken) await remove(path);
    const left = others.filter(({ claim }) => claim.run !== takeover);
    const [first] = left.filter(
      ({ claim, name }) => claim.state === 'held' || name < mine || waited >= giveWayLimit,
    );
    if (first !== undefined)
      return {
        run: first.claim.run,
        by: `run ${first.claim.run} (${holderText(first.claim)}; ${first.doubt})`,
      };
    if (left.length === 0) return undefined;
    await sleep(20);
  }
}

interface Found {
  readonly name: string;
  readonly path: string;
  readonly claim: Claim;
  readonly doubt: string;
}

/** Claims with a host in common whose owners are not proven dead. Those of dead owners are removed. */
async function claimsBeside({
  directory,
  name: mine,
  hosts,
  me,
  pods,
}: Search): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.lock') || name === mine) continue;
    const path = join(directory, name);
    const claim = await readClaim(path);
    if (claim === undefined) continue;
    const doubt = await doubtAbout(claim, path, me, pods);
    if (doubt === undefined) await remove(path);
    else if (claim.hosts.some((host) => hosts.has(host))) found.push({ name, path, claim, doubt });
  }
  return found;
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true });
  await forget(path);
}

/** Undefined where it was released meanwhile. A damaged claim locks until an operator removes it. */
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
  // It is unknown whose hosts it locks, so it is not ignored.
  if (wrong !== undefined)
    throw new DamagedError(
      path,
      `is no lock that kmend wrote (${wrong}): remove it once no run is under way`,
    );
  return claim as Claim;
}

const claimKeys = object({ run: text, hosts: listOf(text), state: text });
const claimShape: Shape = (data, place) => claimKeys(data, place) ?? holderShape(data, place);
