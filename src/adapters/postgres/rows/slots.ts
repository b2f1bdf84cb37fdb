// Slots as rows, one each.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldSlot } from '../../../core/run-state/slot.ts';
import { MissingRunError } from '../../../engine/ports/state-errors.ts';
import { judgeSlot, type SlotRows, slotIn } from '../../../engine/state/slots.ts';
import { dataIn } from '../../../model/shape/shape.ts';
import { toJson } from '../../../model/text/printable.ts';
import type { Db } from '../link/db.ts';
import { scanRun } from '../runs/lines.ts';
import { waitingCommands } from './commands.ts';
import { isAlive, leaderOf } from './holder.ts';

export function slotRows(db: Db): SlotRows {
  const judged = new Map<
    string,
    { readonly at: string; readonly is: HeldSlot | 'none' | 'unknown' }
  >();
  return {
    names: async () =>
      (await db.query<{ name: string }>('select name from slot')).map(({ name }) => name),
    read: async (name) => {
      const [row] = await db.query<{ body: string }>('select body from slot where name = $1', [
        name,
      ]);
      return row === undefined ? undefined : slotIn(row.body, `slot ${name} in ${db.place}`);
    },
    put: async (name, slot) => {
      await db.query(
        `insert into slot (name, run, body) values ($1, $2, $3)
         on conflict (name) do update set body = excluded.body`,
        [name, slot.run, toJson(slot)],
      );
    },
    remove: async (name) => {
      await db.query('delete from slot where name = $1', [name]);
    },
    isAlive: async (run) => isAlive(await leaderOf(db, run)),
    judge: async (run, host) => {
      const key = `${run} ${host}`;
      const waiting = await waitingCommands(db, run);
      const [row] = await db.query<{ head: string }>('select head from run where run = $1', [run]);
      const at = [row?.head ?? '', ...waiting.map(({ id }) => id)].join(' ');
      const before = judged.get(key);
      if (before?.at === at) return before.is;
      const is = await judgeSlot(
        run,
        host,
        (see) =>
          scanRun(db, run, see).then(
            () => 'read',
            (error: unknown) => {
              if (error instanceof MissingRunError) return 'missing';
              throw error;
            },
          ),
        waiting.map(({ body }) => dataIn(body)),
      );
      judged.set(key, { at, is });
      return is;
    },
    sleep: (milliseconds) => sleep(milliseconds),
    unique: randomUUID,
  };
}
