// One budget for runs of several processes that share a database.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore, migrate } from '../../src/adapters/postgres/index.ts';
import { packagesIn } from '../../src/adapters/store/index.ts';
import type { Slot, Store } from '../../src/engine/ports/store.ts';
import type { Event } from '../../src/model/run/event.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const slotOf = (host: string): Slot => ({ address: host, host, play: 'p', kind: 'held' });

describe.skipIf(postgresBin === undefined)('a budget of one host over two processes', () => {
  let server: Postgres;
  let lab: Practice;
  let url: string;
  let stores: readonly Store[];
  beforeAll(async () => {
    server = await startPostgres();
    url = server.createDatabase('t');
    await migrate(url);
    stores = await Promise.all(
      [1, 2].map(() => createPostgresStore(url, { packagePath: packagesIn('/nowhere') })),
    );
    lab = await practice(['h1', 'h2', 'h3', 'h4'].map((name) => sick(name)));
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await lab.close();
    await server.close();
  });

  it('is kept in 20 races for the slot, and one of the two always gets it', async () => {
    for (let round = 0; round < 20; round++) {
      const took = await Promise.all(
        stores.map(async (store, index) => {
          const [run, host] = [`r${round}-${index}`, `h${index + 1}`];
          const lock = await store.lock([`${round}/${host}`], run);
          if (!lock.held) throw new Error(lock.by);
          const slots = store.slots(run, new Set(['h1', 'h2']));
          const others = await slots.claim(slotOf(host));
          const isFree = others.length === 0;
          await (isFree ? slots.keep(slotOf(host)) : slots.drop(host));
          return {
            host,
            isFree,
            end: async () => {
              await slots.drop(host);
              await lock.release();
            },
          };
        }),
      );
      expect([round, took.filter(({ isFree }) => isFree).length]).toEqual([round, 1]);
      for (const { end } of took) await end();
    }
  }, 120_000);

  it('is kept by two whole runs of one play', async () => {
    const file = lab.file(
      'play.yaml',
      play(
        `    - name: Work
      shell: {cmd: 'sleep 0.2'}
`,
      ),
    );
    const runs = ['h1,h2', 'h3,h4'].map((hosts) =>
      lab.run(
        ['apply', file, '--yes', '--wait', '-l', hosts, '--max-unavailable', '1', '--state', url],
        {
          store: async ({ stateDir }) =>
            createPostgresStore(url, { packagePath: packagesIn(stateDir) }),
        },
      ),
    );
    const ended = await Promise.all(runs);
    expect(ended.map(({ exit, err }) => [exit, err])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const events = server
      .psql('t', 'select line from kmend.event')
      .split('\n')
      .map((line) => JSON.parse(line) as Event)
      .filter(({ type }) => type === 'host.started' || type === 'host.done')
      .sort((a, b) => a.at - b.at);
    expect(events).toHaveLength(8);
    let down = 0;
    for (const { type } of events) {
      down += type === 'host.started' ? 1 : -1;
      expect(down).toBeLessThanOrEqual(1);
    }
  }, 120_000);
});
