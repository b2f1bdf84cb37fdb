// A database for tests of what is built on it: one connection that is never lost.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Db, Value } from '../../src/adapters/postgres/db.ts';
import { linesOf } from '../../src/adapters/postgres/lines.ts';
import type { Journal, Store } from '../../src/engine/ports/store.ts';
import { hashOf, readChain, rootEnd, rootOf } from '../../src/engine/state/chain.ts';
import { infoAfter, type RunFacts } from '../../src/engine/state/run-info.ts';
import type { Event } from '../../src/model/run/event.ts';
import { toJson } from '../../src/model/text/printable.ts';

export const schemaText = `create schema kmend; set search_path = kmend; ${readFileSync('src/adapters/postgres/schema/1.sql', 'utf8')}`;

export async function simpleDb(url: string): Promise<Db & { readonly client: pg.Client }> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  await client.query('set search_path = kmend, pg_temp');
  const query = async <Row>(text: string, values: readonly Value[] = []): Promise<readonly Row[]> =>
    (await client.query(text, [...values])).rows as readonly Row[];
  const watching = new Set<(run: string | undefined) => void>();
  client.on('notification', ({ payload }) => {
    for (const see of watching) see(payload);
  });
  let me: Promise<number> | undefined;
  return {
    client,
    place: url,
    query,
    inSession: query,
    me: () => {
      me ??= query<{ id: number }>("select enter(null, 'command', 'test') as id").then(
        ([row]) => row?.id ?? 0,
      );
      return me;
    },
    now: Date.now,
    listen: (see) => {
      watching.add(see);
      void client.query('listen kmend');
      return () => void watching.delete(see);
    },
    close: () => client.end(),
  };
}

/** Journals and locks without any care for a lost connection. */
export function simpleJournals(db: Db): Pick<Store, 'createJournal' | 'openJournal' | 'lock'> {
  const epochs = new Map<string, number>();
  const journalOf = async (
    run: string,
    from: { readonly entries: number; readonly head: string },
    before?: RunFacts,
  ): Promise<Journal> => {
    let { entries, head } = from;
    let info = before;
    let follower: (event: Event, line: string) => void = () => {};
    let last: Promise<unknown> = Promise.resolve();
    const send = async (bodies: readonly string[]): Promise<readonly string[]> =>
      (
        await db.inSession<{ line: string }>(
          'select line from append($1, $2, $3, $4, $5, $6, $7, null) order by seq',
          [
            run,
            epochs.get(run) ?? 0,
            entries,
            head,
            randomUUID(),
            bodies,
            info === undefined ? null : JSON.stringify(info),
          ],
        )
      ).map(({ line }) => line);
    if (entries === 0) await send([]);
    return {
      run,
      end: () => ({ entries, head }),
      append: (body) => {
        const made = last.then(async () => {
          info = infoAfter(info, { v: 1, seq: 0, at: Date.now(), run, prev: '', ...body });
          const [line = ''] = await send([toJson(body)]);
          entries += 1;
          head = hashOf(line);
          const event = JSON.parse(line) as Event;
          follower(event, line);
          return event;
        });
        last = made.catch(() => {});
        return made;
      },
      follow: (see) => {
        follower = see;
      },
      close: async () => void (await last),
    };
  };
  return {
    createJournal: (run) => journalOf(run, { entries: 0, head: rootOf(run) }),
    openJournal: async (run, see) => {
      let info: RunFacts | undefined;
      const end = await readChain(
        run,
        linesOf(db, run, 0),
        (event) => {
          info = infoAfter(info, event);
          see(event);
        },
        rootEnd(run),
      );
      return { journal: await journalOf(run, end, info), torn: false };
    },
    lock: async (hosts, run, takeover) => {
      const me = await db.me();
      for (;;) {
        const [row] = await db.inSession<{
          outcome: string;
          other: string;
          by_about: string;
          new_epoch: number;
          new_number: number;
        }>('select * from lead($1, $2, $3, $4, $5)', [
          me,
          run,
          rootOf(run),
          hosts,
          takeover ?? null,
        ]);
        if (row === undefined || row.outcome === 'busy')
          return { held: false, run: row?.other ?? '', by: row?.by_about ?? '' };
        if (row.outcome === 'held') {
          epochs.set(run, row.new_epoch);
          return {
            held: true,
            number: row.new_number,
            release: async () =>
              void (await db.inSession('select release($1, $2)', [run, row.new_epoch])),
            state: async () => {
              const [now] = await db.inSession<{ epoch: number }>(
                'select epoch from run where run = $1',
                [run],
              );
              return now?.epoch === row.new_epoch ? 'held' : 'taken';
            },
          };
        }
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    },
  };
}
