// The postgres room: state in PostgreSQL, which several machines share.

export { createPostgresStore } from './open.ts';
export { inspect } from './operate/inspect.ts';
export { migrate } from './operate/migrate.ts';
