// Errors of the server and of the connection as sentences with a remedy.
import { DatabaseError } from '../../../engine/ports/state-errors.ts';

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** What the operator can do, by SQLSTATE or by code of the operating system. */
const remedies: ReadonlyMap<unknown, string> = new Map([
  ['28P01', 'PGPASSWORD, PGPASSFILE or ~/.pgpass gives the password of this user'],
  ['28000', 'see the role in the URL and pg_hba.conf of the server'],
  ['3D000', "create it: create database NAME encoding 'UTF8';"],
  ['42501', 'use a role with this right (kmend docs state)'],
  ['53300', 'raise max_connections of the server, or end what holds its connections'],
  ['55P03', 'another migration is under way: repeat this one when it has ended'],
  ['57P03', 'the server is starting or stopping: try again'],
  ['ECONNREFUSED', 'see whether PostgreSQL runs there, and listens on this address'],
  ['ENOENT', 'see whether PostgreSQL runs there, and has its socket in this directory'],
  ['ENOTFOUND', 'correct the name of the host in the URL'],
  ['EAI_AGAIN', 'see why this machine cannot resolve names'],
]);

/** The error as one that an operator can act on; another kind of error stays as it is. */
export function databaseError(error: unknown, place: string): unknown {
  if (!(error instanceof Error) || error instanceof DatabaseError) return error;
  const remedy = remedies.get(codeOf(error));
  // Node has no message of its own where several addresses refused.
  const why = error.message === '' ? String(codeOf(error)) : error.message;
  return new DatabaseError(place, why, remedy ?? 'kmend doctor says what is wrong', error);
}
