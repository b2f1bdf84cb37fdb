// Entries that take longer to send than the server has time to answer, over a slow link.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/index.ts';
import { type Db, openDb } from '../../src/adapters/postgres/link/db.ts';
import { journalsOf } from '../../src/adapters/postgres/runs/journal.ts';
import { scanRun } from '../../src/adapters/postgres/runs/lines.ts';
import { hashOf } from '../../src/engine/state/chain.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

/** Carries bytes to and from a server, so many a second in each direction of a connection. */
class SlowLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #rate: number;
  /** Connections that were made. */
  made = 0;
  /** Bytes that clients sent. */
  sent = 0;

  constructor(port: number, rate: number) {
    this.#rate = rate;
    this.#server = createServer((client) => {
      const upstream = dial(port, '127.0.0.1');
      this.made += 1;
      client.on('data', ({ length }) => {
        this.sent += length;
      });
      this.#carry(client, upstream);
      this.#carry(upstream, client);
    });
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.on('data', (data) => {
      to.write(data);
      from.pause();
      setTimeout(() => from.resume(), (data.length / this.#rate) * 1_000);
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const text = (bytes: number): string => 'Überlang 😀'.repeat(Math.ceil(bytes / 14));

describe.skipIf(postgresBin === undefined)('a slow link to the database', () => {
  let server: Postgres;
  let link: SlowLink;
  let db: Db;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    await migrate(server.createDatabase('t'));
    link = new SlowLink(server.port, 800_000);
    url = `postgres://postgres@127.0.0.1:${await link.listen()}/t`;
    db = await openDb(url, { kind: 'command', about: { who: 'a' } });
  });
  afterAll(async () => {
    await db.close();
    link.close();
    await server.close();
  });

  it('carries an entry of 4 MB once, and the process stays alive for others', async () => {
    const journals = journalsOf(db);
    await journals.lock([], 'r1');
    const journal = await journals.createJournal('r1');
    const lines: string[] = [];
    journal.follow((_event, line) => lines.push(line));
    const [made, sent] = [link.made, link.sent];
    const long = text(4_000_000);
    const [first, second] = await Promise.all([
      journal.append({ type: 'warning', text: long }, true),
      journal.append({ type: 'warning', text: 'after it' }, true),
    ]);
    expect([first.seq, second.seq, link.made]).toEqual([0, 1, made]);
    expect(link.sent - sent).toBeLessThan(long.length * 1.5);
    await journal.append({ type: 'warning', text: 'end' }, true);
    const kept = server.psql(
      't',
      "select encode(sha256(convert_to(line, 'UTF8')), 'hex') from kmend.event order by seq",
    );
    expect(kept.split('\n')).toEqual(lines.map(hashOf));
    expect(server.psql('t', 'select count(*) from kmend.part')).toBe('0');
    let read = 0;
    const end = await scanRun(db, 'r1', () => {
      read += 1;
    });
    expect([read, end.head]).toEqual([3, journal.end().head]);
  }, 60_000);
});
