// Jobs that workers carry out, as real processes: each turn once, also where its worker is killed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/adapters/postgres/link/connect.ts';
import type { Job } from '../../src/app/jobs/jobs.ts';
import type { Child } from '../cli/child.ts';
import { eventsOf, play } from '../cli/practice.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';
import { type WorkersLab, workersLab } from './workers-lab.ts';

let lab: WorkersLab;
let server: Postgres;
beforeAll(async () => {
  if (postgresBin !== undefined) server = await startPostgres();
});
afterEach(() => lab?.close());
afterAll(() => server?.close());

/** Each line of `ran` is one time that a command ran. */
const command = (word: string, seconds = 0): string =>
  `    - name: ${word}
      shell: {cmd: 'echo ${word} >> "$KMEND_ROOT/var/ran"; sleep ${seconds}'}
`;

const ran = (host = 'h1'): string =>
  readFileSync(join(lab.fleet.host(host).root, 'var/ran'), 'utf8');

const ask = (sql: string): string =>
  server.psql(new URL(lab.url).pathname.slice(1), `set search_path = kmend; ${sql}`);
const runs = (): readonly string[] =>
  ask('select run from run where begun order by run').split('\n').filter(Boolean);
const job = (): Job => JSON.parse(ask(`select body from document where kind = 'jobs'`)) as Job;
const notices = (): string => {
  const file = join(lab.fleet.dir, 'notices');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/** Installs the job, one of whose turns is due at once. */
async function install(playbook: string): Promise<void> {
  const script = join(lab.fleet.dir, 'notify');
  writeFileSync(
    script,
    `#!/bin/sh\ncat >> ${lab.fleet.dir}/notices\necho >> ${lab.fleet.dir}/notices\n`,
    {
      mode: 0o755,
    },
  );
  const { exit, err } = await lab.kmend([
    ...['schedule', 'install', 'nightly', '--every', 'daily', '--notify-command', script],
    '--state',
    lab.url,
    ...['--', 'apply', lab.fleet.file('play.yaml', playbook), '-i', lab.fleet.fleet.inventoryFile],
  ]);
  if (exit !== 0) throw new Error(err);
  const since = Date.now() - 3 * 86_400_000;
  ask(
    `update document set body = (body::jsonb || '{"since": ${since}}')::text where kind = 'jobs'`,
  );
}

/** Two workers that have watched for long enough to judge each other. */
async function twoWorkers(): Promise<readonly Child[]> {
  lab = await workersLab(server, ['h1']);
  const workers = [await lab.worker(), await lab.worker()];
  await sleep(5_000);
  return workers;
}

const kill = (workers: readonly Child[], leader: number | undefined): void => {
  const found = workers.find(({ pid }) => pid === leader);
  if (found === undefined) throw new Error(`no worker has the process ${leader}`);
  found.signal('SIGKILL');
};

/** From now on each run but the first one waits before it is there; the result lets them go on. */
async function holdRunsBack(): Promise<() => Promise<void>> {
  ask(`create function hold_back() returns trigger language plpgsql as $$ begin
    if exists (select from kmend.run) and not exists (select from kmend.run where run = new.run)
    then perform pg_advisory_xact_lock(${barrier}); end if; return new; end $$;
    create trigger hold_back before insert on run for each row execute function hold_back()`);
  const client = await connect(lab.url, {});
  await client.query(`select pg_advisory_lock(${barrier})`);
  return () => client.end();
}
const barrier = 4711;

/** Kills the worker that is about to begin another run after the first one. */
async function killBeforeNextRun(workers: readonly Child[]): Promise<void> {
  await until(
    'the next run is about to begin',
    () => ask(`select count(*) from pg_locks where objid = ${barrier} and not granted`) !== '0',
  );
  const [run = ''] = runs();
  kill(workers, lab.leader(run));
  expect(runs()).toEqual([run]);
}

const failing = play(
  `    - kernel_arg: {key: cgroup.memory, value: nokmem}
${command('one')}    - shell: {cmd: 'false'}
`,
  '{rollback: failed_host}',
);

function expectRolledBack(): void {
  const cfg = readFileSync(join(lab.fleet.host('h1').root, 'boot/grub2/grub.cfg'), 'utf8');
  expect(cfg).not.toContain('nokmem');
  const [, back = ''] = runs();
  expect(eventsOf(lab.events(back), 'run.finished').map(({ exit }) => exit)).toEqual([0]);
  expect(ran()).toBe('one\n');
}

async function until(what: string, is: () => boolean, seconds = 60): Promise<void> {
  for (let waited = 0; !is(); waited += 1) {
    if (waited > seconds * 10) throw new Error(`waited ${seconds} s until ${what}`);
    await sleep(100);
  }
}

const ended = (): Promise<void> => until('the turn has ended', () => job().last !== undefined, 90);

/** Its turn was ended once, with this exit code, by the last of its runs that is no rollback. */
async function expectOneTurn(exit: number, of: number, rollbacks = 0): Promise<void> {
  await ended();
  // Another worker would begin or end it again within this time.
  await sleep(3_000);
  expect(runs()).toHaveLength(of);
  expect(job().last).toMatchObject({ exit, run: runs().at(-1 - rollbacks) });
  expect(ask('select count(*), bool_and(ended) from turn')).toBe('1|t');
  await until('the notice is there', () => notices() !== '', 10);
  expect(notices().match(/kmend\.notice\/1/g)).toHaveLength(1);
}

describe.skipIf(postgresBin === undefined)('a job of workers', () => {
  it('is begun by one of three workers, and ended once', async () => {
    lab = await workersLab(server, ['h1']);
    await Promise.all([lab.worker(), lab.worker(), lab.worker()]);
    await install(play(command('one', 1)));
    await expectOneTurn(0, 1);
    expect(ran()).toBe('one\n');
  });

  it('is ended by another worker when the one that carries its run is killed', async () => {
    const workers = await twoWorkers();
    await install(play(command('one', 2) + command('two')));
    await until('its run is there', () => runs().length === 1);
    const [run = ''] = runs();
    await lab.event(run, 'effect.started');
    kill(workers, lab.leader(run));
    await expectOneTurn(0, 1);
    expect(ran()).toBe('one\ntwo\n');
    expect(eventsOf(lab.events(run), 'run.finished')).toHaveLength(1);
  });

  it('is carried out by another worker when the one that plans it is killed', async () => {
    const workers = await twoWorkers();
    await install(play(command('one')));
    const holder = (): string =>
      ask(`select says::json->>'pid' from turn join holder on holder.id = turn.holder`);
    await until('a worker has its turn', () => holder() !== '');
    kill(workers, Number(holder()));
    expect(runs()).toEqual([]);
    await expectOneTurn(0, 1);
    expect(ran()).toBe('one\n');
  });

  it('loses no later play when a worker is killed between two', async () => {
    const workers = await twoWorkers();
    const goOn = await holdRunsBack();
    await install(play(command('one')) + play(command('two')));
    await killBeforeNextRun(workers);
    await goOn();
    await expectOneTurn(0, 2);
    expect(ran()).toBe('one\ntwo\n');
  });

  it('fails, and loses no rollback when a worker is killed before it', async () => {
    const workers = await twoWorkers();
    const goOn = await holdRunsBack();
    await install(failing);
    await killBeforeNextRun(workers);
    await goOn();
    await expectOneTurn(4, 2, 1);
    expectRolledBack();
  });

  it('fails, and is rolled back once when a worker is killed in the rollback', async () => {
    const workers = await twoWorkers();
    await install(failing);
    await until('the rollback is there', () => runs().length === 2);
    const [, back = ''] = runs();
    await lab.event(back, 'host.started');
    kill(workers, lab.leader(back));
    expect(eventsOf(lab.events(back), 'run.finished')).toEqual([]);
    await expectOneTurn(4, 2, 1);
    expectRolledBack();
  });
});
