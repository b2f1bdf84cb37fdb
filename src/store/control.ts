// What other processes ask of a run: one file a command in its directory, taken by the process that runs it, in order.
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventBody, EventType } from '../model/event.ts';
import { wrongBody } from '../model/event-shape.ts';
import { dataIn } from '../model/shape.ts';
import { ownDirectory, readOwn } from './owned.ts';
import { runDirectory } from './store.ts';

/** How many this process has left: several may be left in one millisecond, and keep their order. */
let posted = 0;

/** Leaves a command for a run; it is an event that the run's own process will journal. */
export async function postCommand(stateDir: string, run: string, body: EventBody, now: number): Promise<void> {
  const directory = await ownDirectory(stateDir, 'runs', run, 'control');
  posted += 1;
  const name = `${String(now).padStart(15, '0')}-${process.pid}-${String(posted).padStart(6, '0')}`;
  // Renamed when whole: the taker never sees half a command.
  await writeFile(join(directory, `.${name}`), JSON.stringify(body), { mode: 0o600 });
  await rename(join(directory, `.${name}`), join(directory, `${name}.json`));
}

/** Takes the commands that wait (those of one type, where it is given), oldest first. A file that is no command is thrown away: nobody but kmend writes here. */
export async function takeCommands(stateDir: string, run: string): Promise<readonly EventBody[]>;
export async function takeCommands<T extends EventType>(
  stateDir: string,
  run: string,
  type: T,
): Promise<readonly Extract<EventBody, { readonly type: T }>[]>;
export async function takeCommands(stateDir: string, run: string, type?: EventType): Promise<readonly EventBody[]> {
  const directory = join(runDirectory(stateDir, run), 'control');
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
  const bodies: EventBody[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const body = parse(await readOwn(stateDir, path));
    if (body !== undefined && type !== undefined && body.type !== type) continue;
    await rm(path);
    if (body !== undefined) bodies.push(body);
  }
  return bodies;
}

function parse(text: string): EventBody | undefined {
  const data = dataIn(text);
  // What has the shape of an event is one; anything else would make the journal that takes it unreadable.
  return wrongBody(data) === undefined ? (data as EventBody) : undefined;
}
