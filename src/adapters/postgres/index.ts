// The postgres room: state in PostgreSQL, which several machines share.

export { migrate } from './migrate.ts';
export { createPostgresStore } from './open.ts';
