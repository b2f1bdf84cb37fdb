// A cable between one process and PostgreSQL that a test cuts: nothing arrives, and no connection ends.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import type { Postgres } from './postgres.ts';

export interface Cable {
  /** The URL of the database through the cable. */
  readonly url: (database: string) => string;
  readonly cut: () => void;
  readonly connect: () => void;
  readonly close: () => void;
}

/** Namespaces need root. */
export const mayCut = process.getuid?.() === 0;

const ip = (...args: readonly string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

/** At the far end: connections go on to the server's socket, which is a file. */
const relay = `
const { createServer, connect } = require('node:net');
const [host, port, socket] = process.argv.slice(1);
createServer((client) => {
  const server = connect(socket);
  for (const [one, other] of [[client, server], [server, client]]) {
    one.on('error', () => {});
    one.on('close', () => other.destroy());
    one.pipe(other);
  }
}).listen(Number(port), host, () => console.log('listens'));
`;

/**
 * Only the way to the database is cut: the hosts of the process stay in its reach, which is the worse
 * case.
 */
export async function layCable(server: Postgres): Promise<Cable> {
  const namespace = `kmend-c${process.pid}`;
  const cable = `kmc${process.pid % 100_000}`;
  const address = (last: number): string => `198.19.${process.pid % 250}.${last}`;
  const far = address(2);
  let child: ChildProcess | undefined;
  const close = (): void => {
    child?.kill('SIGKILL');
    ip('netns', 'delete', namespace);
  };
  ip('netns', 'add', namespace);
  try {
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'far', 'netns', namespace);
    ip('addr', 'add', `${address(1)}/30`, 'dev', cable);
    ip('link', 'set', cable, 'up');
    ip('-n', namespace, 'addr', 'add', `${far}/30`, 'dev', 'far');
    ip('-n', namespace, 'link', 'set', 'far', 'up');
    const relaying = spawn(
      'ip',
      [
        ...['netns', 'exec', namespace, process.execPath, '-e', relay],
        ...[far, String(server.port), `${server.dir}/.s.PGSQL.${server.port}`],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    child = relaying;
    await new Promise<void>((resolve, reject) => {
      relaying.stdout.once('data', () => resolve());
      relaying.once('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
    });
  } catch (error) {
    close();
    throw error;
  }
  return {
    url: (database) => `postgres://postgres@${far}:${server.port}/${database}?sslmode=disable`,
    cut: () => ip('link', 'set', cable, 'down'),
    connect: () => ip('link', 'set', cable, 'up'),
    close,
  };
}
