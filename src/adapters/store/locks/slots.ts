// Slots: which hosts the runs of a state directory have out of service, a file each. A budget
// counts them all, whoever took them. A slot outlives its process: the host is still out of
// service. Of a run that nobody works on, the journal says which slots it really holds.
import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fold } from '../../../core/run-state/fold.ts';
import { type HeldSlot, heldSlot } from '../../../core/run-state/slot.ts';
import { emptyState, hostState } from '../../../core/run-state/state.ts';
import { DamagedError } from '../../../engine/ports/state-errors.ts';
import type { Slot, Slots, TakenSlot } from '../../../engine/ports/store.ts';
import type { EventBody, EventOf } from '../../../model/run/event.ts';
import { wrongBody } from '../../../model/shape/event-shape.ts';
import { dataIn, object, oneOf, text } from '../../../model/shape/shape.ts';
import { toJson } from '../../../model/text/printable.ts';
import { scanJournal } from '../chain.ts';
import { ownDirectory, readOwn, writing } from '../owned.ts';

/**
 * What stands in a slot's file. Its name is used once: whoever finds it void may remove it without
 * a second look.
 */
export interface Written extends TakenSlot {
  /**
   * `claiming` until its run has seen that the budget has room for it: nothing was done to the
   * host.
   */
  readonly state: 'claiming' | 'held';
}

/** The files of the slots, and what is known of the runs that wrote them. */
export interface SlotFiles {
  readonly names: () => Promise<readonly string[]>;
  /** Undefined where it is gone. */
  readonly read: (name: string) => Promise<Written | undefined>;
  /** On disk when it resolves. */
  readonly put: (name: string, slot: Written) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** Is a process at work on this run, as far as anybody can tell? */
  readonly isAlive: (run: string) => Promise<boolean>;
  /** What its journal says of a host; `unknown` where that cannot be read. */
  readonly judge: (run: string, host: string) => Promise<HeldSlot | 'none' | 'unknown'>;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/**
 * Milliseconds that a claim with a smaller name waits for one that is about to give way, and
 * between two looks.
 */
const patience = 5000;
const lookEvery = 20;

/**
 * Slots of one controller of a run; `pool`: the addresses of the hosts that its budget is about.
 */
export function slotsOf(files: SlotFiles, run: string, pool: ReadonlySet<string>): Slots {
  const mine = new Map<string, { readonly name: string; readonly text: string }>();
  const write = async (slot: Slot, state: Written['state']): Promise<string> => {
    const name = mine.get(slot.address)?.name ?? `${run}.${randomUUID()}.slot`;
    const written: Written = { ...slot, run, state };
    const content = JSON.stringify(written);
    if (mine.get(slot.address)?.text === content) return name;
    await files.put(name, written);
    mine.set(slot.address, { name, text: content });
    return name;
  };
  const drop = async (address: string): Promise<void> => {
    const own = mine.get(address);
    if (own === undefined) return;
    await files.remove(own.name);
    mine.delete(address);
  };
  return {
    claim: async (slot) => {
      // Of a host that is to be tried again the slot is there already.
      const name = mine.get(slot.address)?.name ?? (await write(slot, 'claiming'));
      for (let waited = 0; ; waited += lookEvery) {
        const others = await slotsBeside(files, run, pool);
        // The greater name gives way at once; the smaller one sees what becomes of it.
        if (
          waited >= patience ||
          !others.some((other) => other.written.state === 'claiming' && other.name > name)
        )
          return others.map(taken);
        await files.sleep(lookEvery);
      }
    },
    keep: async (slot) => void (await write(slot, 'held')),
    drop,
    clear: async (address) => {
      // This run has the lock of the host: no other works on it.
      for (const { name } of await slotsBeside(files, run, new Set([address])))
        await files.remove(name);
    },
    forget: async () => {
      const own = new Set([...mine.values()].map(({ name }) => name));
      for (const name of await files.names())
        if (name.startsWith(`${run}.`) && !own.has(name)) await files.remove(name);
    },
    others: async () => (await slotsBeside(files, run, pool)).map(taken),
  };
}

const taken = ({ written: { state: _state, ...slot } }: Found): TakenSlot => slot;

interface Found {
  readonly name: string;
  readonly written: Written;
}

/** Slots of other runs in this pool, as their runs hold them; those that are void are removed. */
async function slotsBeside(
  files: SlotFiles,
  run: string,
  pool: ReadonlySet<string>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await files.names()) {
    if (name.startsWith(`${run}.`)) continue;
    // Asked before its slot is read: what a process that is gone by then has written is its last
    // word.
    const isAlive = await files.isAlive(name.slice(0, name.indexOf('.')));
    const written = await files.read(name);
    if (written === undefined || !pool.has(written.address)) continue;
    const kind = isAlive ? written.kind : await kindAfter(files, written);
    if (kind === undefined) await files.remove(name);
    else found.push({ name, written: { ...written, kind } });
  }
  return found;
}

/**
 * What the slot of a run that nobody works on really is; undefined = nothing. A run that is alive
 * keeps its own in step.
 */
async function kindAfter(files: SlotFiles, written: Written): Promise<HeldSlot | undefined> {
  if (written.state === 'claiming') return undefined;
  const judged = await files.judge(written.run, written.host);
  // A journal that cannot be read frees nothing.
  return judged === 'unknown' ? written.kind : judged === 'none' ? undefined : judged;
}

/** The files of a state directory. */
export function slotFiles(
  stateDir: string,
  journalOf: (run: string) => string,
  isAlive: (run: string) => Promise<boolean>,
): SlotFiles {
  const path = (name: string): string => join(stateDir, 'slots', name);
  const judged = new Map<
    string,
    { readonly at: string; readonly is: HeldSlot | 'none' | 'unknown' }
  >();
  return {
    names: async () =>
      (await readdir(await ownDirectory(stateDir, 'slots'))).filter((name) =>
        name.endsWith('.slot'),
      ),
    read: (name) => readSlot(stateDir, path(name)),
    put: (name, slot) =>
      writing(stateDir, async () => putSlot(await ownDirectory(stateDir, 'slots'), name, slot)),
    remove: (name) => writing(stateDir, () => rm(path(name), { force: true })),
    isAlive,
    judge: async (run, host) => {
      const key = `${run} ${host}`;
      const control = join(dirname(journalOf(run)), 'control');
      const left = (await readdir(control).catch(() => []))
        .filter((name) => name.endsWith('.json'))
        .sort();
      const size = await stat(journalOf(run)).then(
        (found) => found.size,
        () => -1,
      );
      const at = [size, ...left].join(' ');
      const before = judged.get(key);
      if (before?.at === at) return before.is;
      const words = await Promise.all(left.map((name) => readOwn(stateDir, join(control, name))));
      const is = await judge(journalOf(run), run, host, words.map(dataIn));
      judged.set(key, { at, is });
      return is;
    },
    sleep: (milliseconds) => sleep(milliseconds),
  };
}

/**
 * Renamed when whole and on disk: after a power cut the journal must not know of a start whose slot
 * is lost.
 */
async function putSlot(directory: string, name: string, slot: Written): Promise<void> {
  const path = join(directory, name);
  try {
    await synced(`${path}.new`, 'w', (file) => file.writeFile(toJson(slot)));
    await rename(`${path}.new`, path);
    await synced(directory, 'r', async () => {});
  } catch (error) {
    await rm(`${path}.new`, { force: true }).catch(() => {});
    throw error;
  }
}

async function synced(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

const slotShape = object(
  {
    run: text,
    address: text,
    host: text,
    play: text,
    kind: oneOf('held', 'failed', 'unreachable'),
    state: oneOf('claiming', 'held'),
  },
  { zone: text },
);

async function readSlot(stateDir: string, path: string): Promise<Written | undefined> {
  let content: string;
  try {
    content = await readOwn(stateDir, path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const slot = dataIn(content);
  const wrong = slotShape(slot, '');
  // Nobody can tell whose host it is: it is not passed over.
  if (wrong !== undefined)
    throw new DamagedError(
      path,
      `is no slot that kmend wrote (${wrong}): remove it once no run is under way`,
    );
  return slot as Written;
}

/**
 * A run whose journal is gone was removed: nobody could acknowledge its hosts any more. `words`:
 * commands that wait for its next process.
 */
async function judge(
  journal: string,
  run: string,
  host: string,
  words: readonly unknown[],
): Promise<HeldSlot | 'none' | 'unknown'> {
  let state = emptyState;
  try {
    await scanJournal(journal, run, (event) => {
      state = fold(state, event);
    });
  } catch (error) {
    return isMissing(error) ? 'none' : 'unknown';
  }
  for (const word of words)
    if (isAcknowledgement(word, host))
      state = fold(state, { ...word, v: 1, seq: 0, at: state.lastAt, run, prev: '' });
  const found = hostState(state, host);
  return (found === undefined ? undefined : heldSlot(found)) ?? 'none';
}

/**
 * `kmend resolve` leaves its word for the run: the host counts no longer, though the journal has it
 * only after a resume.
 */
function isAcknowledgement(word: unknown, host: string): word is EventOf<'host.resolved'> {
  if (wrongBody(word) !== undefined) return false;
  const body = word as EventBody;
  return body.type === 'host.resolved' && body.host === host;
}
