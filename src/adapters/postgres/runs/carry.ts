// Runs that are copied to and from the database. The owner copies to it, since no other role may add
// what is not appended.
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { CarriedRun, Carry, OutputPiece } from '../../../engine/ports/carry.ts';
import { DatabaseError } from '../../../engine/ports/state-errors.ts';
import { carryLines, slotsIn } from '../../../engine/state/carried.ts';
import { infoAfter, jobIn, type RunFacts } from '../../../engine/state/run-info.ts';
import type { SlotRows } from '../../../engine/state/slots.ts';
import type { Event } from '../../../model/run/event.ts';
import { toJson } from '../../../model/text/printable.ts';
import { ask, connect, leave } from '../link/connect.ts';
import type { Db } from '../link/db.ts';
import { databaseError } from '../link/errors.ts';
import { linesOf } from './lines.ts';

export const carryOver = (db: Db, rows: SlotRows): Carry => ({
  lines: (run) => textsOf(db, run),
  outputs: (run) => outputsOf(db, run),
  slots: (run) => slotsIn(rows, run),
  keep: (carried) => atOnce(db.place, (client) => keepRun(client, db.place, carried)),
  keepRecords: (records) =>
    atOnce(db.place, async (client) => {
      for (const record of records)
        await ask(client, 'insert into pruned (record) values ($1)', [JSON.stringify(record)]);
    }),
});

async function* textsOf(db: Db, run: string): AsyncGenerator<readonly string[]> {
  for await (const lines of linesOf(db, run, 0))
    yield lines.map(({ bytes }) => bytes.toString('utf8'));
}

async function* outputsOf(db: Db, run: string): AsyncGenerator<OutputPiece> {
  for (let last = { file: '', at: -1 }; ; ) {
    const [piece] = await db.query<OutputPiece>(
      `select file, at::float8 as at, data from output
       where run = $1 and (file, at) > ($2, $3::bigint) order by file, at limit 1`,
      [run, last.file, last.at],
    );
    if (piece === undefined) return;
    yield piece;
    last = piece;
  }
}

/** All of it, or nothing: in one transaction of a connection of its own. */
async function atOnce(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  try {
    const client = await connect(url, { client_connection_check_interval: "'1s'" });
    try {
      await ask(client, 'begin');
      await work(client);
      await ask(client, 'commit');
    } finally {
      await leave(client);
    }
  } catch (error) {
    throw databaseError(error, url);
  }
}

async function keepRun(client: pg.Client, place: string, carried: CarriedRun): Promise<void> {
  const { run, entries, head, number, outputs, slots } = carried;
  const made = await ask(
    client,
    `insert into run (run, seq, head, begun, epoch, number) values ($1, $2, $3, true, $4, $4)
     on conflict do nothing returning run`,
    [run, entries, head, number],
  );
  if (made.length === 0)
    throw new DatabaseError(place, `run ${run} is there already`, 'repeat the copy');
  // An earlier run of this name was removed, and perhaps not all that it had.
  for (const table of ['event', 'output', 'slot', 'gone'])
    await ask(client, `delete from ${table} where run = $1`, [run]);
  await keepLines(client, carried);
  await keepPapers(client, carried);
  for await (const { file, at, data } of outputs)
    await ask(client, 'insert into output (run, file, at, data) values ($1, $2, $3, $4)', [
      run,
      file,
      at,
      data,
    ]);
  for (const [name, slot] of slots)
    await ask(client, 'insert into slot (name, run, body) values ($1, $2, $3)', [
      name,
      run,
      toJson(slot),
    ]);
  await ask(client, `select pg_notify('kmend', $1)`, [run]);
}

/** Its journal, and what its row says of it. No worker carries it on unasked. */
async function keepLines(client: pg.Client, carried: CarriedRun): Promise<void> {
  const { run } = carried;
  let info: RunFacts | undefined;
  let size = 0;
  await carryLines(carried, async (lines, { entries }) => {
    for (const line of lines) {
      info = infoAfter(info, JSON.parse(line) as Event);
      size += Buffer.byteLength(line) + 1;
    }
    await ask(
      client,
      `insert into event (run, seq, batch, line)
       select $1, $2::integer + n::integer - 1, $3, line
       from unnest($4::text[]) with ordinality as lines (line, n)`,
      [run, entries, randomUUID(), lines],
    );
  });
  await ask(
    client,
    'update run set size = $2, info = $3, started = coalesce($4::bigint, started) where run = $1',
    [run, size, info === undefined ? null : toJson(info), info?.startedAt ?? null],
  );
}

async function keepPapers(client: pg.Client, carried: CarriedRun): Promise<void> {
  const { run, files, commands } = carried;
  const { job = '' } = jobIn(files.settings ?? '');
  for (const [file, body] of Object.entries({ ...files, job }))
    await ask(client, 'insert into run_file (run, file, body) values ($1, $2, $3)', [
      run,
      file,
      body,
    ]);
  for (const body of commands)
    await ask(client, 'insert into command (id, run, body) values ($1, $2, $3)', [
      randomUUID(),
      run,
      JSON.stringify(body),
    ]);
}
