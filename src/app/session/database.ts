// The database of the state, examined: what an operator should know, and what they should change.
import type { Inspected } from '../../engine/ports/database.ts';
import { DatabaseError } from '../../engine/ports/state-errors.ts';
import { plural } from '../../model/text/plural.ts';
import type { World } from './world.ts';

/** A property of the database; `failed`: no run can use it so. */
export interface StateFinding {
  readonly level: 'fine' | 'warning' | 'failed';
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string;
}

export interface ExaminedState {
  readonly state: string;
  /** Null where it cannot be reached. */
  readonly database: Inspected | null;
  readonly findings: readonly StateFinding[];
}

export const isUsable = ({ findings }: ExaminedState): boolean =>
  findings.every(({ level }) => level !== 'failed');

/** @param state the URL of the database */
export async function examineState(
  state: string,
  world: Pick<World, 'stateDatabase'>,
): Promise<ExaminedState> {
  try {
    const database = await (await world.stateDatabase()).inspect(state);
    return { state, database, findings: findingsOf(database) };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const { message, remedy } = error;
    return { state, database: null, findings: [{ level: 'failed', text: message, hint: remedy }] };
  }
}

/** How far the clocks may differ without a word; milliseconds. */
const clockLimit = 5000;

function findingsOf(database: Inspected): readonly StateFinding[] {
  const { server, role, tls, pooler, clock } = database;
  const tlsText = tls === null ? 'without TLS' : `with ${tls}`;
  const findings: (StateFinding | undefined)[] = [
    { level: 'fine', text: `PostgreSQL ${server}, role ${role}, ${tlsText}` },
    serverFinding(database),
    pooler === 'transaction'
      ? failed(
          'a pooler (PgBouncer) gives each transaction another connection',
          'set pool_mode = session for this database, or name the server itself',
        )
      : undefined,
    schemaFinding(database),
    copiesFinding(database),
    Math.abs(clock) > clockLimit
      ? {
          level: 'warning',
          text: `its clock is ${plural(Math.round(Math.abs(clock) / 1000), 'second')} ${clock > 0 ? 'ahead of' : 'behind'} this machine's; runs go by that of the database`,
          hint: 'correct the clocks',
        }
      : undefined,
  ];
  return findings.filter((one) => one !== undefined);
}

const failed = (text: string, hint: string): StateFinding => ({ level: 'failed', text, hint });

function serverFinding({ version, encoding, standby }: Inspected): StateFinding | undefined {
  if (version < 14) return failed('its server is too old', 'kmend needs PostgreSQL 14 or newer');
  if (encoding !== 'UTF8')
    return failed(`its encoding is ${encoding}`, 'kmend needs a database with encoding UTF8');
  return standby
    ? failed('its server is a standby, which is read-only', 'name the primary')
    : undefined;
}

function schemaFinding({ may, schema, known, role }: Inspected): StateFinding {
  if (may === 'nothing')
    return failed(
      `there is no schema of kmend, or role ${role} has no rights on it`,
      'its owner runs `kmend state migrate`, and grants the role kmend_worker',
    );
  if (schema !== known)
    return failed(
      `its schema has version ${schema}, and this kmend needs version ${known}`,
      (schema ?? 0) > known ? 'use the newer kmend' : 'its owner runs `kmend state migrate`',
    );
  return may === 'write'
    ? { level: 'fine', text: `schema ${schema}, role ${role} may run kmend` }
    : { level: 'warning', text: `schema ${schema}, role ${role} only reads: it can start no run` };
}

function copiesFinding({ followers, synchronous }: Inspected): StateFinding | undefined {
  if (followers === 0) return undefined;
  const text = `it is followed by ${plural(followers, 'server')}`;
  if (synchronous) return { level: 'fine', text: `${text} synchronously` };
  return {
    level: 'warning',
    text: `${text} asynchronously: a failover can lose the last entries of journals, and stops their runs`,
    hint: 'set synchronous_standby_names',
  };
}
