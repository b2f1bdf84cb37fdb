// A real PostgreSQL for tests: its own data directory, a port of its own on loopback, ended with the
// test. It does not run as root, so the tests of root start it as the user `postgres`.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The newest installed server programs; undefined = there are none, and their tests are skipped. */
export const postgresBin: string | undefined = (() => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root) : [];
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : join(root, String(newest), 'bin');
})();

export interface Postgres {
  readonly port: number;
  readonly dir: string;
  /** The process of the server. */
  readonly pid: () => number;
  /** The URL of a database, for a role without a password (default: the superuser). */
  readonly url: (database: string, role?: string) => string;
  /** Makes an empty database, and returns its URL. */
  readonly createDatabase: (name: string) => string;
  /** Runs SQL with psql; returns what it printed, without headers. */
  readonly psql: (database: string, sql: string) => string;
  /** `fast` ends all sessions, `immediate` is a crash. */
  readonly stop: (mode?: 'fast' | 'immediate') => Promise<void>;
  readonly start: () => Promise<void>;
  /** Ends it, and removes its data. */
  readonly close: () => Promise<void>;
}

export const asPostgres = (
  command: string,
  args: readonly string[],
): [string, readonly string[]] =>
  process.getuid?.() === 0
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', command, ...args]]
    : [command, args];

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : 0),
      );
    });
  });

/**
 * Starts a server. `listen`: other addresses (of namespaces that the test made) besides loopback;
 * `settings`: lines of postgresql.conf.
 */
export async function startPostgres({
  listen = '127.0.0.1',
  settings = [],
}: {
  readonly listen?: string;
  readonly settings?: readonly string[];
} = {}): Promise<Postgres> {
  const bin = postgresBin;
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const dir = mkdtempSync(join(tmpdir(), 'kmend-pg-'));
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' };
  if (process.getuid?.() === 0) {
    const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
    chownSync(dir, uid, -1);
  }
  chmodSync(dir, 0o700);
  const data = join(dir, 'data');
  const [initdb, initArgs] = asPostgres(join(bin, 'initdb'), [
    ...['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
  ]);
  execFileSync(initdb, [...initArgs], { env, cwd: '/', stdio: 'pipe' });
  const port = await freePort();
  let server: ChildProcess | undefined;
  const options = [
    ...['-D', data, '-p', String(port), '-c', `listen_addresses=${listen}`],
    ...['-c', `unix_socket_directories=${dir}`, '-c', 'max_connections=200'],
    ...settings.flatMap((line) => ['-c', line]),
  ];
  const [psqlPath] = [join(bin, 'psql')];
  const psql = (database: string, sql: string): string =>
    execFileSync(
      psqlPath,
      [
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-U',
        'postgres',
        '-XAtq',
        '-v',
        'ON_ERROR_STOP=1',
        '-c',
        sql,
        database,
      ],
      { env, encoding: 'utf8', stdio: 'pipe' },
    ).trimEnd();
  const start = async (): Promise<void> => {
    const [command, args] = asPostgres(join(bin, 'postgres'), options);
    const started = spawn(command, [...args], { env, cwd: '/', stdio: 'ignore' });
    server = started;
    for (let tries = 0; ; tries += 1) {
      try {
        psql('postgres', 'select 1');
        return;
      } catch (error) {
        if (started.exitCode !== null || tries > 600) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const stop = async (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    const running = server;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  };
  await start();
  const url = (database: string, role = 'postgres'): string =>
    `postgres://${role}@127.0.0.1:${port}/${database}`;
  return {
    port,
    dir,
    pid: () => server?.pid ?? 0,
    url,
    createDatabase: (name) => {
      psql('postgres', `create database ${name}`);
      return url(name);
    },
    psql,
    stop,
    start,
    close: async () => {
      await stop('immediate');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
