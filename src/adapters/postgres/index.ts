// The postgres room: state in PostgreSQL, which several machines share.

export { inspect } from './inspect.ts';
export { migrate } from './migrate.ts';
export { createPostgresStore } from './open.ts';
