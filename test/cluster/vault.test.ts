// Runs whose variables are encrypted, carried on by other machines over a real PostgreSQL: each has
// a vault password of its own, a wrong one or none.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../cli/child.ts';
import { eventsOf, play } from '../cli/practice.ts';
import { vaultText, vaultValue } from '../fakes/vault-writer.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';
import { type WorkerPlace, type WorkersLab, workersLab } from './workers-lab.ts';

const password = 'CANARY password';

let lab: WorkersLab;
let server: Postgres;
beforeAll(async () => {
  if (postgresBin !== undefined) server = await startPostgres();
});
afterEach(() => lab?.close());
afterAll(() => server?.close());

const tasks = `    - name: Store it
      shell: {cmd: 'cat > "$KMEND_ROOT/var/stored"', stdin: "{{ sentence }}"}
`;

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

type Sealed = 'value' | 'file';

/** Hosts with an encrypted value, or an encrypted file of variables. */
async function start(sealed: Sealed, sites: Readonly<Record<string, string>> = {}): Promise<void> {
  lab = await workersLab(server, ['h1', 'h2'], 0.5, sites);
  const all = join(dirname(lab.fleet.fleet.inventoryFile), 'group_vars/all');
  const value = `word: ${vaultValue('CANARY of a value', password)}`;
  const file = vaultText('word: CANARY of a file\n', password);
  write(join(all, 'plain.yml'), 'sentence: "The word is {{ word }}"\n');
  write(join(all, 'word.yml'), sealed === 'value' ? value : file);
  record();
}

/** What is written to the tables that are emptied again stays seen. */
function record(): void {
  ask(`create table seen (line text); grant insert on seen to public;
    create function see() returns trigger language plpgsql security definer as
      $$ begin insert into kmend.seen values (row_to_json(new)::text); return new; end $$;
    create trigger seen after insert or update on errand for each row execute function see();
    create trigger seen after insert or update on part for each row execute function see();`);
}

const ask = (sql: string): string =>
  server.psql(new URL(lab.url).pathname.slice(1), `set search_path = kmend; ${sql}`);

/** Every row of every table. */
const database = (): string =>
  ask(`select table_name from information_schema.tables where table_schema = 'kmend'`)
    .split('\n')
    .map((table) => ask(`select row_to_json(one) from kmend."${table}" one`))
    .join('\n');

/** Texts in which the canary is, as it is or in base64. */
function leaks(text: string): readonly string[] {
  const encoded = (text.match(/[\w+/-]{12,}/g) ?? []).filter((run) =>
    [0, 1, 2, 3].some((skip) =>
      Buffer.from(run.slice(skip), 'base64').toString('latin1').includes('CANARY'),
    ),
  );
  return [...(text.match(/.{0,60}CANARY.{0,20}/g) ?? []), ...encoded];
}

let homes = 0;

/** A machine: its own home, and its own password of the vault or none. */
function machine(text?: string, args: readonly string[] = []): WorkerPlace {
  homes += 1;
  const home = join(lab.fleet.dir, `machine-${homes}`);
  mkdirSync(home);
  if (text === undefined) return { home, args };
  const file = write(join(home, 'vault-password'), `${text}\n`);
  return { home, args, env: { ANSIBLE_VAULT_PASSWORD_FILE: file } };
}

const playbook = (): string => lab.fleet.file('play.yaml', play(tasks, '{rollback: none}'));

/** A plan that a machine with the password and a way to all hosts made. */
async function savedPlan(): Promise<string> {
  const path = join(lab.fleet.dir, 'plan.json');
  const words = ['plan', playbook(), '-i', lab.fleet.fleet.inventoryFile, '-o', path];
  const files = join(lab.fleet.dir, 'files');
  const { exit, err } = await lab.kmend(words, { ...machine(password), url: files });
  expect([exit, leaks(readFileSync(path, 'utf8'))], err).toEqual([2, []]);
  return path;
}

const storedOn = (host: string): string => join(lab.fleet.host(host).root, 'var/stored');

const started = (run: string): number => eventsOf(lab.events(run), 'host.started').length;

/** Every host has the value, none failed, and the database has no secret. */
async function expectWhole(run: string, sealed: Sealed): Promise<void> {
  await lab.event(run, 'run.closed', () => true, 60);
  const events = lab.events(run);
  expect(eventsOf(events, 'run.finished').map(({ exit }) => exit)).toEqual([0]);
  expect(eventsOf(events, 'host.failed')).toEqual([]);
  for (const host of ['h1', 'h2'])
    expect(readFileSync(storedOn(host), 'utf8')).toBe(`The word is CANARY of a ${sealed}\n`);
  const rows = database();
  expect([rows.includes('host.done'), leaks(rows)]).toEqual([true, []]);
}

/** Waits until a process has said it. */
async function said(child: Child, text: RegExp): Promise<void> {
  for (let waited = 0; !text.test(child.out() + child.err()); waited += 1) {
    if (waited > 200) throw new Error(`it does not say ${text}: ${child.out()}${child.err()}`);
    await sleep(100);
  }
}

/** A password, what is encrypted, and what a machine with this password says. */
const wrong: readonly (readonly [string | undefined, Sealed, RegExp])[] = [
  [undefined, 'value', /word\.yml:1:14 is encrypted, and no vault password is given/],
  ['wrong', 'value', /the vault password does not open \S+word\.yml:1:14/],
  ['wrong', 'file', /the vault password does not open \S+word\.yml/],
];

describe.skipIf(postgresBin === undefined)('a run whose variables are encrypted', () => {
  it.each(wrong)(
    'is left by a worker with the password %j of a %s, which says why, and carried on by one with the right password',
    async (text, sealed, why) => {
      await start(sealed);
      const run = await lab.detach(playbook(), undefined, machine(password));
      const other = await lab.worker(machine(text));
      await said(other, why);
      expect((await lab.kmend(['workers'])).out).toMatch(
        new RegExp(`does not carry on run ${run}: .*${why.source}`),
      );
      const resumed = await lab.kmend(['resume', run, '--yes'], machine(text));
      expect([resumed.exit, resumed.err]).toEqual([3, expect.stringMatching(why)]);
      expect(started(run)).toBe(0);
      await lab.worker(machine(password));
      await expectWhole(run, sealed);
      expect(leaks(other.out() + other.err() + resumed.out + resumed.err)).toEqual([]);
    },
    120_000,
  );

  it('is carried on with the password file of a worker, where only its operator has that of the run', async () => {
    await start('value');
    const file = write(join(lab.fleet.dir, 'operators-password'), password);
    const from = ['-i', lab.fleet.fleet.inventoryFile, '--vault-password-file', file];
    const run = await lab.detach(playbook(), from, machine());
    rmSync(file);
    const without = await lab.worker(machine(password));
    await said(
      without,
      new RegExp(`the vault password file ${file} gives no password: there is no such file`),
    );
    expect(started(run)).toBe(0);
    const own = write(join(lab.fleet.dir, 'workers-password'), password);
    await lab.worker(machine(undefined, ['--vault-password-file', own]));
    await expectWhole(run, 'value');
  }, 60_000);

  it.each(wrong.slice(0, 2))(
    'waits for its site where the worker there has the password %j of a %s',
    async (text, sealed, why) => {
      await start(sealed, { h1: 'fra', h2: 'fra' });
      const run = await lab.detach(await savedPlan(), [], machine(password));
      // Who leads needs a value of no host.
      await lab.worker(machine(sealed === 'value' ? undefined : password));
      const other = await lab.worker(machine(text, ['--sites', 'fra']));
      await lab.event(run, 'waiting', (event) => event.type === 'waiting' && why.test(event.why));
      expect((await lab.kmend(['workers'])).out).toMatch(why);
      expect(started(run)).toBe(0);
      other.signal('SIGTERM');
      await lab.worker(machine(password, ['--sites', 'fra']));
      await expectWhole(run, sealed);
    },
    120_000,
  );

  it.each(wrong)(
    'is not begun by `apply FILE` with the password %j of a %s',
    async (text, sealed, why) => {
      await start(sealed);
      const plan = await savedPlan();
      const refused = await lab.kmend(['apply', plan, '--yes'], machine(text));
      expect([refused.exit, refused.err]).toEqual([3, expect.stringMatching(why)]);
      expect([ask('select count(*) from run'), existsSync(storedOn('h1'))]).toEqual(['0', false]);
      const applied = await lab.kmend(['apply', plan, '--yes'], machine(password));
      expect(applied.exit, applied.out + applied.err).toBe(0);
      expect([leaks(database()), leaks(applied.out + applied.err)]).toEqual([[], []]);
    },
    60_000,
  );
});
