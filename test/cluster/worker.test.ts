// Workers as real processes: what happens to a run whose worker is killed, stopped, asked to end, or
// loses the database for a while.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/model/run/event.ts';
import type { Child } from '../cli/child.ts';
import { eventsOf, play } from '../cli/practice.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';
import { type WorkersLab, workersLab } from './workers-lab.ts';

/** Each line of `ran` is one time that a command ran. */
const tasks = `    - name: First
      shell: {cmd: 'echo first >> "$KMEND_ROOT/var/ran"; sleep 2'}
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Reboot
      reboot: {when_pending: true, timeout: 30s, stable_for: 1s}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
    - name: Last
      shell: {cmd: 'echo last >> "$KMEND_ROOT/var/ran"; sleep 1'}
`;

let lab: WorkersLab;
let server: Postgres;
beforeAll(async () => {
  if (postgresBin !== undefined) server = await startPostgres();
});
afterEach(() => lab?.close());
afterAll(() => server?.close());

const ran = (host: string): string =>
  readFileSync(join(lab.fleet.host(host).root, 'var/ran'), 'utf8');

interface Begun {
  readonly run: string;
  readonly leader: Child;
  readonly other: Child;
}

/** Two workers, and a run whose first command is under way. */
async function begun(hosts: readonly string[] = ['h1', 'h2']): Promise<Begun> {
  lab = await workersLab(server, hosts);
  const workers = [await lab.worker(), await lab.worker()];
  const run = await lab.detach(lab.fleet.file('play.yaml', play(tasks)));
  await lab.event(run, 'effect.started');
  // Both have watched long enough to judge the other.
  await sleep(5_000);
  const pid = lab.leader(run);
  const [leader, other] = [
    workers.find((one) => one.pid === pid),
    workers.find((one) => one.pid !== pid),
  ];
  if (leader === undefined || other === undefined) throw new Error(`nobody leads: ${pid}`);
  return { run, leader, other };
}

const goesOn = (run: string, after: number): Promise<Event> =>
  lab.event(run, 'run.resumed', ({ seq }) => seq > after);

/** Every host is remediated, each command ran once, each host booted once. */
async function expectWhole(run: string, resumes: number): Promise<void> {
  await lab.event(run, 'run.closed', () => true, 120);
  const events = lab.events(run);
  expect(eventsOf(events, 'run.finished').map(({ exit }) => exit)).toEqual([0]);
  expect(eventsOf(events, 'run.resumed')).toHaveLength(resumes);
  expect(eventsOf(events, 'host.failed')).toEqual([]);
  for (const host of lab.fleet.fleet.hosts) {
    expect(ran(host.name)).toBe('first\nlast\n');
    expect(host.boots()).toBe(2);
  }
  const audit = await lab.kmend(['audit', 'verify', run]);
  expect([audit.exit, audit.err]).toEqual([0, '']);
}

const last = (run: string): Event => lab.events(run).at(-1) as Event;

describe.skipIf(postgresBin === undefined)('a worker that leads a run', () => {
  it('is killed: another one goes on', async () => {
    const { run, leader } = await begun();
    const { seq } = last(run);
    const killed = Date.now();
    leader.signal('SIGKILL');
    const resumed = await goesOn(run, seq);
    const seconds = (resumed.at - killed) / 1000;
    process.stderr.write(`kill -9: another worker goes on after ${seconds.toFixed(2)} s\n`);
    expect(seconds).toBeLessThan(6);
    await expectWhole(run, 2);
  });

  it('is stopped: another one goes on, and the revived one does nothing', async () => {
    const { run, leader } = await begun();
    const { seq } = last(run);
    const stopped = Date.now();
    leader.signal('SIGSTOP');
    const resumed = await goesOn(run, seq);
    const seconds = (resumed.at - stopped) / 1000;
    process.stderr.write(`SIGSTOP: another worker goes on after ${seconds.toFixed(2)} s\n`);
    expect(seconds).toBeLessThan(15);
    leader.signal('SIGCONT');
    await expectWhole(run, 2);
    expect(leader.out()).not.toMatch(/run\.finished|exit 0/);
  });

  it('is asked to end: its step is finished, and another one goes on', async () => {
    const { run, leader } = await begun();
    leader.signal('SIGTERM');
    expect(await leader.ended).toBe(0);
    await expectWhole(run, 2);
  });

  it('goes on itself when the database was restarted', async () => {
    const { run, leader } = await begun();
    await server.stop('fast');
    await sleep(1_500);
    await server.start();
    await expectWhole(run, 1);
    expect(lab.leader(run)).toBe(undefined);
    expect(leader.out()).toContain('exit 0');
  });
});
