// What other processes ask of a run: one file a command in its directory, journalled and then
// removed by the process that runs it, in order.
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Commands } from '../../engine/ports/store.ts';
import type { EventBody, EventOf, EventType } from '../../model/run/event.ts';
import { wrongBody } from '../../model/shape/event-shape.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { ownDirectory, readOwn } from './owned.ts';
import { runDirectory } from './paths.ts';

/** Commands that this process has left so far. It keeps the order of those of one millisecond. */
let posted = 0;

/** Leaves a command for a run; it is an event that the run's own process will journal. */
export async function postCommand(
  stateDir: string,
  run: string,
  body: EventBody,
  now: number,
): Promise<void> {
  const directory = await ownDirectory(stateDir, 'runs', run, 'control');
  posted += 1;
  const name = `${String(now).padStart(15, '0')}-${process.pid}-${String(posted).padStart(6, '0')}`;
  // Written beside it, then renamed, so that no reader sees half a command.
  await writeFile(join(directory, `.${name}`), JSON.stringify(body), { mode: 0o600 });
  await rename(join(directory, `.${name}`), join(directory, `${name}.json`));
}

export function commandsFor(stateDir: string, run: string): Commands {
  const directory = join(runDirectory(stateDir, run), 'control');
  const journalled = new Set<string>();
  return {
    see: ({ command }) => {
      if (command !== undefined) journalled.add(command);
    },
    take: async <T extends EventType>(type?: T) => {
      const names = (await readdir(directory).catch(() => []))
        .filter((name) => name.endsWith('.json'))
        .sort();
      const bodies: EventOf<T>[] = [];
      for (const name of names) {
        const path = join(directory, name);
        const body = parse(await readOwn(stateDir, path));
        // Only kmend writes here, so a file that is no command is removed.
        if (body === undefined || journalled.has(name)) await rm(path);
        else if (type === undefined || body.type === type)
          bodies.push({ ...body, command: name } as EventOf<T>);
      }
      return bodies;
    },
  };
}

function parse(text: string): EventBody | undefined {
  const data = dataIn(text);
  // Anything that has not the shape of an event would make the journal unreadable.
  return wrongBody(data) === undefined ? (data as EventBody) : undefined;
}
