// The roles that use the database, and their rights. Neither may change a journal: entries are added
// by a function, which runs with the rights of the owner.
import { type ClientBase, escapeIdentifier } from 'pg';
import type { StateRoles } from '../../../engine/ports/database.ts';
import { DatabaseError } from '../../../engine/ports/state-errors.ts';

/** Tables in which a worker changes rows itself. */
const written = ['slot', 'command', 'document'] as const;

/** Tables to which a worker adds rows, and changes none. */
const added = ['run_file', 'output'] as const;

/** Functions that only look. */
const looking = ['is_alive(integer)', 'any_worker()', 'has_settled()'] as const;

/** Functions that only other functions call. */
const inner = ['forget(text)'] as const;

/** Creates the roles that are missing; returns them. */
export async function createRoles(
  client: ClientBase,
  { worker, reader }: StateRoles,
  place: string,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ readonly name: string; readonly may: boolean }>(
    `select name, (select rolcreaterole or rolsuper from pg_roles where rolname = current_user) as may
     from unnest($1::text[]) name where name not in (select rolname from pg_roles)`,
    [[worker, reader]],
  );
  const missing = rows.map(({ name }) => name);
  const statements = missing.map((name) => `create role ${escapeIdentifier(name)} nologin`);
  if (rows.some(({ may }) => !may))
    throw new DatabaseError(
      place,
      `there is no role ${missing.join(' and ')}, and this user may not create roles`,
      `a superuser runs: ${statements.map((one) => `${one};`).join(' ')}`,
    );
  for (const statement of statements) await client.query(statement);
  return missing;
}

/** Gives the roles exactly the rights that this version needs. */
export async function grantRights(
  client: ClientBase,
  { worker, reader }: StateRoles,
): Promise<void> {
  const [writes, reads] = [escapeIdentifier(worker), escapeIdentifier(reader)];
  const both = `${writes}, ${reads}`;
  const statements = [
    `revoke all on all tables in schema kmend from public, ${both}`,
    `revoke all on all functions in schema kmend from public, ${both}`,
    `grant usage on schema kmend to ${both}`,
    `grant select on all tables in schema kmend to ${both}`,
    `grant insert, update, delete on ${written.join(', ')} to ${writes}`,
    `grant insert on ${added.join(', ')} to ${writes}`,
    `grant execute on all functions in schema kmend to ${writes}`,
    `revoke execute on function ${inner.join(', ')} from ${writes}`,
    `grant execute on function ${looking.join(', ')} to ${reads}`,
  ];
  for (const statement of statements) await client.query(statement);
}
