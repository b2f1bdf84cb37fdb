// The port to the database of the state, for those who prepare and examine it.

/** What `sslmode` of its URL may be, from no TLS on to a server whose name is checked. */
export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

/** Roles without login: a login role that is a member of one has its rights. */
export interface StateRoles {
  /** Runs kmend: reads all, writes through functions. */
  readonly worker: string;
  /** Only reads. */
  readonly reader: string;
}

/** What a migration did. */
export interface Migrated {
  /** Version of the schema before; 0 where there was none. */
  readonly from: number;
  readonly to: number;
  readonly roles: StateRoles;
  /** The roles that it created; the others were there. */
  readonly created: readonly string[];
}

/** What a database is like. */
export interface Inspected {
  /** Version of PostgreSQL, as the server writes it. */
  readonly server: string;
  /** Its major version. */
  readonly version: number;
  readonly encoding: string;
  readonly role: string;
  readonly may: 'nothing' | 'read' | 'write';
  /** Version of the schema; null where there is none, or the role may not read it. */
  readonly schema: number | null;
  /** The version that this kmend needs. */
  readonly known: number;
  /** Version of TLS; null where the connection has none. */
  readonly tls: string | null;
  readonly pooler: 'none' | 'session' | 'transaction';
  /** The server only follows another one. */
  readonly standby: boolean;
  /** Number of servers that follow this one. */
  readonly followers: number;
  /** A transaction waits until a follower has it. */
  readonly synchronous: boolean;
  /** Its clock less that of this machine, in milliseconds. */
  readonly clock: number;
  readonly runs: number;
  /** Space of the schema on disk. */
  readonly bytes: number;
  /** The processes that use it now; `since` in milliseconds since 1970. */
  readonly processes: readonly {
    readonly kind: 'command' | 'worker';
    readonly who: string;
    readonly since: number;
  }[];
}

export interface StateDatabase {
  /**
   * Brings the schema to the version of this kmend, and gives the roles their rights. It can be
   * repeated. Throws a `DatabaseError` before anything has changed.
   */
  readonly migrate: (url: string, roles: StateRoles) => Promise<Migrated>;
  /** Throws a `DatabaseError` where it cannot be reached. */
  readonly inspect: (url: string) => Promise<Inspected>;
}
