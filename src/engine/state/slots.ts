// Slots: the hosts that runs of one state have out of service. A budget counts the slots of all runs.
// A slot outlives its process, since the host stays out of service. Of a run without a process the
// journal says which slots it holds.
import { fold } from '../../core/run-state/fold.ts';
import { type HeldSlot, heldSlot } from '../../core/run-state/slot.ts';
import { emptyState, hostState } from '../../core/run-state/state.ts';
import type { Event, EventBody, EventOf } from '../../model/run/event.ts';
import { wrongBody } from '../../model/shape/event-shape.ts';
import { dataIn, object, oneOf, text } from '../../model/shape/shape.ts';
import { DamagedError } from '../ports/state-errors.ts';
import type { KeptSlot, Slot, Slots, TakenSlot } from '../ports/store.ts';

/** The slots that are kept, by name (`RUN.UNIQUE.slot`), and what is known of their runs. */
export interface SlotRows {
  readonly names: () => Promise<readonly string[]>;
  /** Undefined where it is gone. */
  readonly read: (name: string) => Promise<KeptSlot | undefined>;
  /** On disk when it resolves. */
  readonly put: (name: string, slot: KeptSlot) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** A process works on this run, or it is not proven dead. */
  readonly isAlive: (run: string) => Promise<boolean>;
  /** The slot of a host by the journal; `unknown` where the journal cannot be read. */
  readonly judge: (run: string, host: string) => Promise<HeldSlot | 'none' | 'unknown'>;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** A text that no other slot has in its name. */
  readonly unique: () => string;
}

/** Milliseconds that a claim with a smaller name waits for another to give way, and between reads. */
const giveWayLimit = 5000;
const lookEvery = 20;

/**
 * Slots of one controller of a run.
 * @param pool addresses of the hosts that its budget counts
 */
export function slotsOf(rows: SlotRows, run: string, pool: ReadonlySet<string>): Slots {
  const mine = new Map<string, { readonly name: string; readonly text: string }>();
  const write = async (slot: Slot, state: KeptSlot['state']): Promise<string> => {
    const name = mine.get(slot.address)?.name ?? `${run}.${rows.unique()}.slot`;
    const written: KeptSlot = { ...slot, run, state };
    const content = JSON.stringify(written);
    if (mine.get(slot.address)?.text === content) return name;
    await rows.put(name, written);
    mine.set(slot.address, { name, text: content });
    return name;
  };
  const drop = async (address: string): Promise<void> => {
    const own = mine.get(address);
    if (own === undefined) return;
    await rows.remove(own.name);
    mine.delete(address);
  };
  return {
    claim: async (slot) => {
      // A host that is tried again has its slot already.
      const name = mine.get(slot.address)?.name ?? (await write(slot, 'claiming'));
      for (let waited = 0; ; waited += lookEvery) {
        const others = await slotsBeside(rows, run, pool);
        // The claim with the greater name gives way at once; the other one waits for that.
        if (
          waited >= giveWayLimit ||
          !others.some((other) => other.written.state === 'claiming' && other.name > name)
        )
          return others.map(taken);
        await rows.sleep(lookEvery);
      }
    },
    keep: async (slot) => void (await write(slot, 'held')),
    drop,
    clear: async (address) => {
      // This run has the lock of the host, so no other run works on it.
      for (const { name } of await slotsBeside(rows, run, new Set([address])))
        await rows.remove(name);
    },
    forget: async () => {
      const own = new Set([...mine.values()].map(({ name }) => name));
      for (const name of await rows.names())
        if (name.startsWith(`${run}.`) && !own.has(name)) await rows.remove(name);
    },
    others: async () => (await slotsBeside(rows, run, pool)).map(taken),
  };
}

const taken = ({ written: { state: _state, ...slot } }: Found): TakenSlot => slot;

interface Found {
  readonly name: string;
  readonly written: KeptSlot;
}

/** Slots of other runs in this pool. Void slots are removed. */
async function slotsBeside(
  rows: SlotRows,
  run: string,
  pool: ReadonlySet<string>,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await rows.names()) {
    if (name.startsWith(`${run}.`)) continue;
    // Asked before the slot is read: if the process is gone by now, it does not write the slot
    // again.
    const isAlive = await rows.isAlive(name.slice(0, name.indexOf('.')));
    const written = await rows.read(name);
    if (written === undefined || !pool.has(written.address)) continue;
    const kind = isAlive ? written.kind : await kindAfter(rows, written);
    if (kind === undefined) await rows.remove(name);
    else found.push({ name, written: { ...written, kind } });
  }
  return found;
}

/**
 * The slot of a run without a process, by its journal; undefined = it holds none. A run that is
 * alive keeps its slots up to date.
 */
async function kindAfter(rows: SlotRows, written: KeptSlot): Promise<HeldSlot | undefined> {
  if (written.state === 'claiming') return undefined;
  const judged = await rows.judge(written.run, written.host);
  // A journal that cannot be read frees nothing.
  return judged === 'unknown' ? written.kind : judged === 'none' ? undefined : judged;
}

/** The shape of a slot that is read back. */
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

/** A slot that is read back; `place` names it in errors. */
export function slotIn(body: string, place: string): KeptSlot {
  const slot = dataIn(body);
  const wrong = slotShape(slot, '');
  // It is unknown whose host it is, so it is not ignored.
  if (wrong !== undefined)
    throw new DamagedError(
      place,
      `is no slot that kmend wrote (${wrong}): remove it once no run is under way`,
    );
  return slot as KeptSlot;
}

/**
 * The slot of a host by the journal of its run. A run whose journal is missing was removed, so its
 * hosts cannot be acknowledged any more; a journal that cannot be read is `unknown`.
 * @param commands those that wait for its next process
 */
export async function judgeSlot(
  run: string,
  host: string,
  scan: (see: (event: Event) => void) => Promise<'read' | 'missing'>,
  commands: readonly unknown[],
): Promise<HeldSlot | 'none' | 'unknown'> {
  let state = emptyState;
  try {
    const found = await scan((event) => {
      state = fold(state, event);
    });
    if (found === 'missing') return 'none';
  } catch {
    return 'unknown';
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
