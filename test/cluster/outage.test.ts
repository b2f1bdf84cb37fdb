// Runs whose database is restarted, away or taken over, over real SSH servers and a real PostgreSQL.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresStore, migrate } from '../../src/adapters/postgres/index.ts';
import { packagesIn } from '../../src/adapters/store/index.ts';
import type { Event } from '../../src/model/run/event.ts';
import { type Practice, play, practice, sick, until } from '../cli/practice.ts';
import type { RunningCommand } from '../cli/real-world.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const waiting = (seconds: number): string =>
  play(`    - name: Wait
      shell: {cmd: 'echo x >> "$KMEND_ROOT/var/ran"; sleep ${seconds}'}
    - name: After
      shell: {cmd: 'echo y >> "$KMEND_ROOT/var/ran"'}
`);

describe.skipIf(postgresBin === undefined)('a run whose state is a database', () => {
  let lab: Practice;
  let server: Postgres;
  let bases = 0;
  beforeAll(async () => {
    lab = await practice(['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => sick(name)));
    server = await startPostgres();
  });
  afterAll(async () => {
    await lab.close();
    await server.close();
  });

  const base = async (): Promise<string> => {
    bases += 1;
    const url = server.createDatabase(`base${bases}`);
    await migrate(url);
    return url;
  };
  const start = (url: string, args: readonly string[]): RunningCommand =>
    lab.start([...args, '--state', url], {
      store: async ({ stateDir }) =>
        createPostgresStore(url, { packagePath: packagesIn(stateDir) }),
    });
  const eventsIn = (url: string): readonly Event[] =>
    server
      .psql(url.split('/').at(-1) ?? '', 'select line from kmend.event order by run, seq')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Event);
  const ranOn = (url: string, host: string): boolean =>
    eventsIn(url).some((event) => event.type === 'effect.started' && event.host === host);

  it.each(['fast', 'immediate'] as const)(
    'goes on after a restart of PostgreSQL (%s): no failure, one controller, the outage in the journal and on the screen',
    async (mode) => {
      const url = await base();
      const [host] = mode === 'fast' ? ['h1'] : ['h2'];
      const run = start(url, [
        'apply',
        lab.file('play.yaml', waiting(3)),
        '--yes',
        '-l',
        host ?? '',
      ]);
      await until('its first step', () => ranOn(url, host ?? ''), 60);
      await server.stop(mode);
      await sleep(8_000);
      await server.start();
      const { exit, out, err } = await run.result;
      expect([exit, err]).toEqual([0, '']);
      expect(out).toMatch(
        /database away since \d\d:\d\d:\d\d .*: no host is started or failed by that/,
      );
      expect(out).toMatch(/database back after \d+s/);
      const types = eventsIn(url).map(({ type }) => type);
      expect(types.filter((type) => type === 'database.back')).toHaveLength(1);
      expect(types).not.toContain('host.failed');
      expect(types).not.toContain('run.resumed');
      const [audit] = await Promise.all([start(url, ['audit', 'verify']).result]);
      expect([audit.exit, audit.err]).toEqual([0, '']);
    },
    120_000,
  );

  it('ends by a signal while PostgreSQL is away: 130, with what is under way; a resume does the rest', async () => {
    const url = await base();
    const run = start(url, ['apply', lab.file('play.yaml', waiting(1)), '--yes', '-l', 'h3']);
    await until('its first step', () => ranOn(url, 'h3'), 60);
    await server.stop('fast');
    await until('the message', () => run.out().includes('database away since'), 30);
    const began = Date.now();
    run.stop('SIGINT');
    const { exit, out, err } = await run.result;
    expect([exit, out.includes('RECAP')]).toEqual([130, false]);
    expect(err).toMatch(
      /cannot be reached: it has not answered for \d+ s: run \S+ stops here, .*; under way: h3/,
    );
    expect(err).toMatch(/when it answers again: kmend resume \S+/);
    expect(Date.now() - began).toBeLessThan(20_000);
    await server.start();
    const id = eventsIn(url)[0]?.run ?? '';
    const resumed = await start(url, ['resume', id, '--yes']).result;
    expect([resumed.exit, resumed.err]).toEqual([0, '']);
  }, 120_000);

  it('that another process takes over ends with 7, says so, and shows no result of its own', async () => {
    const url = await base();
    const run = start(url, ['apply', lab.file('play.yaml', waiting(8)), '--yes', '-l', 'h4']);
    await until('its first step', () => ranOn(url, 'h4'), 60);
    const id = eventsIn(url)[0]?.run ?? '';
    const other = start(url, ['resume', id, '--yes', '--takeover', id]);
    const { exit, out, err } = await run.result;
    const taken = await other.result;
    expect([exit, out.includes('RECAP'), taken.exit]).toEqual([7, false, 0]);
    expect(err).toMatch(/run \S+ was taken over by another process/);
    expect(eventsIn(url).filter(({ type }) => type === 'run.finished')).toHaveLength(1);
  }, 120_000);

  it('stops with 1 where its journal has lost its last entries', async () => {
    const url = await base();
    const run = start(url, ['apply', lab.file('play.yaml', waiting(4)), '--yes', '-l', 'h5']);
    await until('its first step', () => ranOn(url, 'h5'), 60);
    const id = eventsIn(url)[0]?.run ?? '';
    server.psql(
      `base${bases}`,
      `delete from kmend.event where run = '${id}' and seq >= 3;
       update kmend.run r set seq = 3, head = encode(sha256(convert_to(e.line, 'UTF8')), 'hex')
         from kmend.event e where r.run = '${id}' and e.run = r.run and e.seq = 2`,
    );
    const { exit, out, err } = await run.result;
    expect([exit, out.includes('RECAP')]).toEqual([1, false]);
    expect(err).toMatch(/has lost entries.*standby.*run \S+ stops here/);
  }, 120_000);
});
