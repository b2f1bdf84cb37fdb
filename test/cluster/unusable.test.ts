// A database that cannot be used is an error message at every command: what, why, and what to do;
// nothing is done on any host, and nothing is an internal error.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { freePort, type Postgres, postgresBin, startPostgres } from './postgres.ts';

const run = '20260101T000000Z-abcdef';

describe.skipIf(postgresBin === undefined)('at every command', () => {
  let lab: Practice;
  let server: Postgres;
  let book: string;
  beforeAll(async () => {
    lab = await practice([sick('h1')]);
    book = lab.file('book.yaml', play(`    - shell: {cmd: 'touch "$KMEND_ROOT/var/ran"'}\n`));
    server = await startPostgres();
    server.createDatabase('empty');
    await migrate(server.createDatabase('newer'));
    server.psql('newer', 'update kmend.meta set schema = 99');
    await migrate(server.createDatabase('strange'));
    server.psql('postgres', 'create role sam login');
  });
  afterAll(async () => {
    await lab?.close();
    await server?.close();
  });

  /** Those that need no state: they do their work. */
  const without = ['validate', 'inventory', 'cleanup', '__complete'];
  const lines = (): readonly (readonly string[])[] => [
    ['plan', book],
    ['apply', book, '--yes'],
    ['apply', book, '--yes', '--detach'],
    ['resume', run, '--yes'],
    ['drift', '-i', lab.fleet.inventoryFile],
    ['rollback', run, '--yes'],
    ['runs'],
    ['runs', 'show', run],
    ['runs', 'prune', '--keep', '1'],
    ['report', run],
    ['report', run, '--follow'],
    ['audit', 'verify'],
    ['pause', run],
    ['continue', run],
    ['abort', run],
    ['promote', run],
    ['resolve', run, 'h1'],
    ['cleanup', 'all', '-i', lab.fleet.inventoryFile, '--yes'],
    ['check', '-i', lab.fleet.inventoryFile],
    ['doctor', '-i', lab.fleet.inventoryFile],
    ['validate', book],
    ['inventory', '--list', '-i', lab.fleet.inventoryFile],
    ['serve', '--listen', '127.0.0.1', '--port', '0'],
    ['token', 'new', 'wall'],
    ['token', 'list'],
    ['token', 'revoke', 'wall'],
    ['schedule', 'install', 'n', '--every', 'daily', '--', 'check', '-i', lab.fleet.inventoryFile],
    ['schedule', 'list'],
    ['schedule', 'run', 'nightly'],
    ['schedule', 'remove', 'nightly'],
    ['worker'],
    ['workers'],
    ['__complete', '--', 'report', ''],
  ];
  const places: readonly [string, () => Promise<string>, string, string][] = [
    [
      'that is not there',
      async () => `postgres://sam@127.0.0.1:${await freePort()}/kmend`,
      'connect ECONNREFUSED',
      'see whether PostgreSQL runs there',
    ],
    [
      'that the server does not have',
      async () => server.url('nowhere'),
      'database "nowhere" does not exist',
      'create it: create database',
    ],
    ['without a schema', async () => server.url('empty'), 'no schema of kmend', 'its owner runs'],
    [
      'whose schema is newer',
      async () => server.url('newer'),
      'its schema has version 99',
      'use the newer kmend',
    ],
    [
      'that gives this role no rights',
      async () => server.url('strange', 'sam'),
      'role sam has no rights on',
      'its owner runs',
    ],
  ];
  it.each(places)('a database %s', async (_name, place, why, remedy) => {
    const url = await place();
    for (const args of lines()) {
      const cut = args.indexOf('--');
      const at = cut < 0 ? args.length : cut;
      const all = [...args.slice(0, at), '--state', url, ...args.slice(at)];
      const { exit, out, err } = await lab.run(all);
      const what = `${args.join(' ')}: ${exit} ${out} ${err}`;
      expect(what).not.toMatch(/internal error|--state-dir/);
      if (without.includes(args[0] ?? '')) expect(exit, what).toBe(0);
      // It examines the hosts, too, and says this of the database as one finding.
      else if (args[0] === 'doctor')
        expect([exit, out], what).toEqual([1, expect.stringContaining(why)]);
      else {
        expect([exit, out], what).toEqual([1, '']);
        const [first, second, ...more] = err.split('\n');
        expect(first).toContain(`kmend: ${url}: `);
        expect(first).toContain(why);
        expect([second, more], what).toEqual([expect.stringContaining(`hint: ${remedy}`), []]);
      }
    }
    expect(existsSync(join(lab.host('h1').root, 'var/ran'))).toBe(false);
  });
});
