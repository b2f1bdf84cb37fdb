// Errors of the server and of the connection as sentences with a remedy.
import { DatabaseError, DatabaseWriteError } from '../../../engine/ports/state-errors.ts';

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** What the operator can do, by SQLSTATE or by code of the operating system. */
const remedies: ReadonlyMap<unknown, string> = new Map([
  ['ERR_INVALID_URL', 'correct the URL of the state, or the variable PGSSL... that gives this'],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'name the server as its certificate does; sslmode=verify-ca takes any name',
  ],
  ['CERT_HAS_EXPIRED', 'renew the certificate of the server'],
  ...[
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
  ].map(
    (code) => [code, 'sslrootcert=FILE in the URL names the authority that signed it'] as const,
  ),
  ['28P01', 'PGPASSWORD, PGPASSFILE or ~/.pgpass gives the password of this user'],
  ['28000', 'see the role in the URL and pg_hba.conf of the server'],
  ['3D000', "create it: create database NAME encoding 'UTF8';"],
  ['42501', 'use a role with this right (kmend docs state)'],
  ['53100', 'make room on the disk of the server'],
  ['53300', 'raise max_connections of the server, or end what holds its connections'],
  ['55P03', 'another migration is under way: repeat this one when it has ended'],
  ['57P03', 'the server is starting or stopping: try again'],
  ['ECONNREFUSED', 'see whether PostgreSQL runs there, and listens on this address'],
  ['ENOENT', 'see whether PostgreSQL runs there, and has its socket in this directory'],
  ['ENOTFOUND', 'correct the name of the host in the URL'],
  ['EAI_AGAIN', 'see why this machine cannot resolve names'],
]);

const remedyOf = (error: unknown): string =>
  remedies.get(codeOf(error)) ?? 'kmend doctor says what is wrong';

/** What the database answered to a statement that would have written. */
export const writeError = (error: unknown, place: string): DatabaseWriteError =>
  new DatabaseWriteError(place, error, remedyOf(error));

/** The error as one that an operator can act on; another kind of error stays as it is. */
export function databaseError(error: unknown, place: string): unknown {
  if (!(error instanceof Error) || error instanceof DatabaseError) return error;
  // Node has no message of its own where several addresses refused.
  const why = error.message === '' ? String(codeOf(error)) : error.message;
  return new DatabaseError(place, why, remedyOf(error), error);
}
