// Runs that are copied to and from a state directory.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { CarriedRun, Carry, OutputPiece } from '../../engine/ports/carry.ts';
import { StateRefusal } from '../../engine/ports/state-errors.ts';
import { carryLines, slotsIn } from '../../engine/state/carried.ts';
import { fileName, runFiles } from '../../engine/state/run-files.ts';
import type { SlotRows } from '../../engine/state/slots.ts';
import { postCommand } from './control.ts';
import { writeWhole } from './documents.ts';
import { wholeLines } from './journal-lines.ts';
import { openOwn, ownDirectory, writing } from './owned.ts';
import { journalPath, runDirectory } from './paths.ts';
import { keepRecords } from './prune.ts';

export const carryIn = (stateDir: string, rows: SlotRows, now: () => number): Carry => ({
  lines: (run) => wholeLines(journalPath(stateDir, run)),
  outputs: (run) => outputsIn(runDirectory(stateDir, run)),
  slots: (run) => slotsIn(rows, run),
  keep: (carried) => writing(stateDir, () => keepRun(stateDir, carried, rows, now)),
  keepRecords: (records) => keepRecords(stateDir, records),
});

const pieceBytes = 1024 * 1024;

async function* outputsIn(directory: string): AsyncGenerator<OutputPiece> {
  for (const name of (await readdir(join(directory, 'output')).catch(() => [])).sort()) {
    const file = `output/${name}`;
    const handle = await openOwn(join(directory, file));
    try {
      for (let at = 0; ; ) {
        const { bytesRead, buffer } = await handle.read(
          Buffer.allocUnsafe(pieceBytes),
          0,
          pieceBytes,
          at,
        );
        if (bytesRead === 0) break;
        yield { file, at, data: buffer.subarray(0, bytesRead) };
        at += bytesRead;
      }
    } finally {
      await handle.close();
    }
  }
}

/** A name from another state must not lead out of its directory. */
function refusePath(name: string): void {
  if (name === '' || name.startsWith('.') || basename(name) !== name)
    throw new StateRefusal(name, 'is no name that kmend gives');
}

/** Made in a state directory of its own, whose run then gets its place: no half of it is seen. */
async function keepRun(
  stateDir: string,
  carried: CarriedRun,
  rows: Pick<SlotRows, 'put'>,
  now: () => number,
): Promise<void> {
  const { run, slots } = carried;
  for (const name of [run, ...slots.keys()]) refusePath(name);
  const putSlots = async (): Promise<void> => {
    for (const [name, slot] of slots) await rows.put(name, slot);
  };
  const bin = await ownDirectory(stateDir, 'copying');
  // What a copy that was killed has left.
  for (const left of await readdir(bin))
    if (left.startsWith(`${run}.`)) await rm(join(bin, left), { recursive: true, force: true });
  const draft = join(bin, `${run}.${randomBytes(6).toString('hex')}`);
  try {
    await ownDirectory(draft, 'runs', run);
    await writeRun(draft, carried, now);
    await ownDirectory(stateDir, 'runs');
    // Before, so that a copy that is killed leaves no run whose hosts nobody counts; and after, since
    // another run removes a slot whose run it does not find.
    await putSlots();
    await rename(runDirectory(draft, run), runDirectory(stateDir, run));
    await putSlots();
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function writeRun(draft: string, carried: CarriedRun, now: () => number): Promise<void> {
  const { run, files, commands, outputs } = carried;
  for (const file of runFiles) {
    const text = files[file];
    if (text !== undefined) await writeWhole(join(runDirectory(draft, run), fileName(file)), text);
  }
  for await (const piece of outputs) await writePiece(runDirectory(draft, run), piece);
  for (const body of commands) await postCommand(draft, run, body, now());
  const journal = await open(journalPath(draft, run), 'ax', 0o600);
  try {
    await carryLines(carried, (lines) =>
      journal.appendFile(lines.map((line) => `${line}\n`).join('')),
    );
    await journal.datasync();
  } finally {
    await journal.close();
  }
}

async function writePiece(directory: string, { file, at, data }: OutputPiece): Promise<void> {
  refusePath(basename(file));
  if (dirname(file) !== 'output') throw new StateRefusal(file, 'is no output of a host');
  await mkdir(join(directory, 'output'), { recursive: true, mode: 0o700 });
  const handle = await open(join(directory, file), at === 0 ? 'w' : 'r+', 0o600);
  try {
    await handle.write(data, 0, data.length, at);
  } finally {
    await handle.close();
  }
}
