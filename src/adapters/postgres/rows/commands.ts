// What other processes ask of a run: one row a command, journalled and then removed by the process
// that runs it, in order.
import { randomUUID } from 'node:crypto';
import { MissingRunError } from '../../../engine/ports/state-errors.ts';
import type { Commands } from '../../../engine/ports/store.ts';
import type { EventBody, EventOf, EventType } from '../../../model/run/event.ts';
import { wrongBody } from '../../../model/shape/event-shape.ts';
import { dataIn } from '../../../model/shape/shape.ts';
import type { Db } from '../link/db.ts';

/** Leaves a command for a run. Its id is made here, so that a repeated statement leaves one. */
export async function postCommand(db: Db, run: string, body: EventBody): Promise<void> {
  const kept = await db.query(
    `with kept as (
       insert into command (id, run, body) select $1::uuid, run, $3 from run where run = $2
       on conflict (id) do update set id = excluded.id returning run)
     select pg_notify('kmend', run) from kept`,
    [randomUUID(), run, JSON.stringify(body)],
  );
  if (kept.length === 0) throw new MissingRunError(run, db.place);
}

/** Bodies of the commands that wait for a run, the oldest first. */
export const waitingCommands = (
  db: Db,
  run: string,
): Promise<readonly { readonly id: string; readonly body: string }[]> =>
  db.query('select id, body from command where run = $1 order by at', [run]);

export function commandsFor(db: Db, run: string): Commands {
  const journalled = new Set<string>();
  return {
    see: ({ command }) => {
      if (command !== undefined) journalled.add(command);
    },
    take: async <T extends EventType>(type?: T) => {
      const bodies: EventOf<T>[] = [];
      const done: string[] = [];
      for (const { id, body: text } of await waitingCommands(db, run)) {
        const body = parse(text);
        // Only kmend writes here, so a row that is no command is removed.
        if (body === undefined || journalled.has(id)) done.push(id);
        else if (type === undefined || body.type === type)
          bodies.push({ ...body, command: id } as EventOf<T>);
      }
      if (done.length > 0)
        await db.query('delete from command where id = any ($1::uuid[])', [done]);
      return bodies;
    },
  };
}

function parse(text: string): EventBody | undefined {
  const data = dataIn(text);
  // Anything that has not the shape of an event would make the journal unreadable.
  return wrongBody(data) === undefined ? (data as EventBody) : undefined;
}
