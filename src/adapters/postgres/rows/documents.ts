// Small texts by name, a row each.
import type { Documents } from '../../../engine/ports/store.ts';
import type { Db } from '../link/db.ts';

export const documentsIn = (db: Db, kind: string): Documents => ({
  names: async () =>
    (
      await db.query<{ name: string }>(
        'select name from document where kind = $1 order by name collate "C"',
        [kind],
      )
    ).map(({ name }) => name),
  read: async (name) =>
    (
      await db.query<{ body: string }>('select body from document where kind = $1 and name = $2', [
        kind,
        name,
      ])
    )[0]?.body,
  write: async (name, text) => {
    await db.query(
      `insert into document (kind, name, body) values ($1, $2, $3)
       on conflict (kind, name) do update set body = excluded.body`,
      [kind, name, text],
    );
  },
  remove: async (name) => {
    await db.query('delete from document where kind = $1 and name = $2', [kind, name]);
  },
  placeOf: (name) => `${kind}/${name} in ${db.place}`,
});
