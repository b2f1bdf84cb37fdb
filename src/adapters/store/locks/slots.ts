// Slots: the hosts that runs of a state directory have out of service, one file each. A budget
// counts the slots of all runs. A slot outlives its process, since the host stays out of service. Of
// a run without a process the journal says which slots it holds.
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

/** The file of a slot. Its name is used once, so a void slot may be removed safely. */
export interface Written extends TakenSlot {
  /** `claiming` until its run has found room in the budget: nothing was done to the host yet. */
  readonly state: 'claiming' | 'held';
}

/** The slot files, and what is known of the runs that wrote them. */
export interface SlotFiles {
  readonly names: () => Promise<readonly string[]>;
  /** Undefined where it is gone. */
  readonly read: (name: string) => Promise<Written | undefined>;
  /** On disk when it resolves. */
  readonly put: (name: string, slot: Written) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** A process works on this run, or it is not proven dead. */
  readonly isAlive: (run: string) => Promise<boolean>;
  /** The slot of a host by the journal; `unknown` where the journal cannot be read. */
  readonly judge: (run: string, host: string) => Promise<HeldSlot | 'none' | 'unknown'>;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** Milliseconds that a claim with a smaller name waits for another to give way, and between reads. */
const giveWayLimit = 5000;
const lookEvery = 20;

/**
 * Slots of one controller of a run.
 * @param pool addresses of the hosts that its budget counts
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
      // A host that is tried again has its slot already.
      const name = mine.get(slot.address)?.name ?? (await write(slot, 'claiming'));
      for (let waited = 0; ; waited += lookEvery) {
        const others = await slotsBeside(files, run, pool);
        // The claim with the greater name gives way at once; the other one waits for that.
        if (
          waited >= giveWayLimit ||
          !others.some((other) => other.written.state === 'claiming' && other.name > name)
        )
          return others.map(taken);
        await files.sleep(lookEvery);
      }
    },
    keep: async (slot) => void (await write(slot, 'held')),
    drop,
    clear: async (address) => {
      // This run has the lock of the host, so no other run works on it.
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

/** Slots of other runs in this pool. Void slots are removed. */
async function slotsBeside(
  files: SlotFiles,
  run: string,
  pool: ReadonlySet<string>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await files.names()) {
    if (name.startsWith(`${run}.`)) continue;
    // Asked before the slot is read: if the process is gone by now, it does not write the slot
    // again.
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
 * The slot of a run without a process, by its journal; undefined = it holds none. A run that is
 * alive keeps its slots up to date.
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
      const commands = await Promise.all(
        left.map((name) => readOwn(stateDir, join(control, name))),
      );
      const is = await judge(journalOf(run), run, host, commands.map(dataIn));
      judged.set(key, { at, is });
      return is;
    },
    sleep: (milliseconds) => sleep(milliseconds),
  };
}

/**
 * Written beside it, synced, then renamed: after a power failure the journal must have no start
 * whose slot is lost.
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
  // It is unknown whose host it is, so it is not ignored.
  if (wrong !== undefined)
    throw new DamagedError(
      path,
      `is no slot that kmend wrote (${wrong}): remove it once no run is under way`,
    );
  return slot as Written;
}

/**
 * A run whose journal is missing was removed, so its hosts cannot be acknowledged any more.
 * @param commands those that wait for its next process
 */
async function judge(
  journal: string,
  run: string,
  host: string,
  commands: readonly unknown[],
): Promise<HeldSlot | 'none' | 'unknown'> {
  let state = emptyState;
  try {
    await scanJournal(journal, run, (event) => {
      state = fold(state, event);
    });
  } catch (error) {
    return isMissing(error) ? 'none' : 'unknown';
  }
  for (const command of commands)
    if (isAcknowledgement(command, host))
      state = fold(state, { ...command, v: 1, seq: 0, at: state.lastAt, run, prev: '' });
  const found = hostState(state, host);
  return (found === undefined ? undefined : heldSlot(found)) ?? 'none';
}

/** After `kmend resolve` the host counts no longer, although only a resume writes the journal. */
function isAcknowledgement(command: unknown, host: string): command is EventOf<'host.resolved'> {
  if (wrongBody(command) !== undefined) return false;
  const body = command as EventBody;
  return body.type === 'host.resolved' && body.host === host;
}
