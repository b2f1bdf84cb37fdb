// A pooler between kmend and the server: one that gives a session another connection for each
// transaction breaks locks of sessions, which are the proof that a process lives.
import type { Client } from 'pg';
import { ask, codeOf, leave } from '../link/connect.ts';

/** `session`: it keeps one connection for each session, which is enough. */
export type Pooler = 'none' | 'session' | 'transaction';

const backendOf = async (client: Client): Promise<number> =>
  (await ask<{ readonly pid: number }>(client, 'select pg_backend_pid() as pid'))[0]?.pid ?? 0;

/** Begins a transaction; false where the pooler has none. */
const begins = (client: Client): Promise<boolean> =>
  client.query('begin').then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === '08P01') return false;
      throw error;
    },
  );

/** @param another makes a second connection */
export async function poolerOf(client: Client, another: () => Promise<Client>): Promise<Pooler> {
  const backend = await backendOf(client);
  // A pooler cannot pass on the number of a process that it may change.
  if ('processID' in client && client.processID === backend) return 'none';
  const other = await another();
  try {
    // The other one takes the connection that this one had, where it may. A pooler in mode
    // `statement` refuses transactions.
    if (!(await begins(other))) return 'transaction';
    if ((await backendOf(other)) === backend) return 'transaction';
    return (await backendOf(client)) === backend ? 'session' : 'transaction';
  } finally {
    void leave(other);
  }
}
