// The port to the database of the state, for those who prepare and examine it.

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

export interface StateDatabase {
  /**
   * Brings the schema to the version of this kmend, and gives the roles their rights. It can be
   * repeated. Throws a `DatabaseError` before anything has changed.
   */
  readonly migrate: (url: string, roles: StateRoles) => Promise<Migrated>;
}
