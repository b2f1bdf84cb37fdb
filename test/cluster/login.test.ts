// How a process logs in to a real server: TLS by `sslmode`, and passwords from where PostgreSQL's own
// clients read them.
import { execFileSync } from 'node:child_process';
import dns from 'node:dns';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { migrate } from '../../src/adapters/postgres/operate/migrate.ts';
import { spawnCommand } from '../cli/child.ts';
import { command } from '../cli/real-world.ts';
import { type Postgres, postgresBin, startPostgres } from './postgres.ts';

const name = 'db.example.test';

let dir: string;
let server: Postgres;

const inDir = (file: string): string => join(dir, file);
const openssl = (...args: readonly string[]): void =>
  void execFileSync('openssl', [...args], { cwd: dir, stdio: 'pipe' });

/** An authority `ca`.pem, and of it a certificate of the server with these names. */
function certify(ca: string, names: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${ca}.key`,
    '-out',
    `${ca}.pem`,
    '-subj',
    `/CN=${ca}`,
    '-days',
    '2',
  );
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
    '-subj',
    '/CN=server',
  );
  writeFileSync(inDir('names'), `subjectAltName=${names}`);
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    `${ca}.pem`,
    '-CAkey',
    `${ca}.key`,
    '-CAcreateserial',
    '-out',
    'server.pem',
    '-days',
    '2',
    '-extfile',
    'names',
  );
}

describe.skipIf(postgresBin === undefined)('a login', () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kmend-login-'));
    chmodSync(dir, 0o755);
    certify('other', `DNS:${name}`);
    certify('ca', `DNS:${name},IP:127.0.0.1`);
    // `plain` takes no TLS, `ann` only that, with a password.
    writeFileSync(
      inDir('hba'),
      `hostnossl all plain all trust
hostssl all ann all scram-sha-256
hostssl all tina all trust
host all postgres all trust
`,
    );
    if (process.getuid?.() === 0) {
      const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
      for (const file of ['server.key', 'hba']) chownSync(inDir(file), uid, statSync(dir).gid);
    }
    chmodSync(inDir('server.key'), 0o600);
    server = await startPostgres({
      settings: [
        'ssl=on',
        `ssl_cert_file=${inDir('server.pem')}`,
        `ssl_key_file=${inDir('server.key')}`,
        `hba_file=${inDir('hba')}`,
      ],
    });
    await migrate(server.createDatabase('shared'));
    server.psql(
      'postgres',
      `create role tina login; create role plain login; create role ann login password 'sea:weed';
       grant kmend_worker to tina, plain, ann`,
    );
    // The test's own name service: the server stays on loopback.
    const { lookup } = dns;
    vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: readonly unknown[]) =>
      (lookup as (...args: readonly unknown[]) => void)(
        host === name ? '127.0.0.1' : host,
        ...rest,
      )) as typeof lookup);
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(async () => {
    vi.restoreAllMocks();
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const runs = (who: string, host: string, query = ''): ReturnType<typeof command> =>
    command(['runs', '--state', `postgres://${who}@${host}:${server.port}/shared${query}`], {
      home: dir,
    });
  const ca = (file: string): string => `sslrootcert=${inDir(`${file}.pem`)}`;

  it.each<[string, string, () => string]>([
    ['require: any server', name, () => '?sslmode=require'],
    ['verify-ca: another name', 'localhost', () => `?sslmode=verify-ca&${ca('ca')}`],
    ['verify-full: its name', name, () => `?sslmode=verify-full&${ca('ca')}`],
    ['verify-full: its address', '127.0.0.1', () => `?sslmode=verify-full&${ca('ca')}`],
    ['no mode, a name of another machine', name, () => `?${ca('ca')}`],
  ])('is taken with %s', async (_how, host, query) => {
    expect(await runs('tina', host, query())).toMatchObject({ exit: 0, err: '' });
    expect((await runs('plain', host, query())).exit).toBe(1);
  });

  it.each<[string, string, () => string, string]>([
    [
      'verify-full: another name',
      'localhost',
      () => `?sslmode=verify-full&${ca('ca')}`,
      "does not match certificate's altnames",
    ],
    [
      'verify-full: another authority',
      name,
      () => `?sslmode=verify-full&${ca('other')}`,
      'sslrootcert=FILE in the URL names the authority',
    ],
    [
      'verify-ca: another authority',
      name,
      () => `?sslmode=verify-ca&${ca('other')}`,
      'sslrootcert=FILE in the URL names the authority',
    ],
    [
      'no mode, an authority that this machine does not know',
      name,
      () => '',
      'sslrootcert=FILE in the URL names the authority',
    ],
    [
      'a file that is not there',
      name,
      () => `?${ca('none')}`,
      'the file of sslrootcert cannot be read',
    ],
    ['disable, where the server wants TLS', name, () => '?sslmode=disable', 'no encryption'],
  ])('is refused with %s', async (_how, host, query, why) => {
    const { exit, err } = await runs('tina', host, query());
    expect([exit, err]).toEqual([1, expect.stringContaining(why)]);
    expect(err).not.toContain('kmend doctor says');
  });

  it('is refused with a mode that there is not', async () => {
    expect(await runs('tina', name, '?sslmode=prefer')).toMatchObject({
      exit: 3,
      err: expect.stringContaining('the URL of the state has an unknown sslmode'),
    });
    vi.stubEnv('PGSSLMODE', 'prefer');
    expect(await runs('tina', name)).toMatchObject({
      exit: 1,
      err: expect.stringContaining(
        'sslmode must be one of disable, require, verify-ca, verify-full',
      ),
    });
  });

  it('without a mode needs no TLS on this machine', async () => {
    expect(await runs('plain', '127.0.0.1')).toMatchObject({ exit: 0, err: '' });
  });

  const asAnn = '?sslmode=require';
  it('takes the password from PGPASSWORD', async () => {
    vi.stubEnv('PGPASSWORD', 'sea:weed');
    expect(await runs('ann', '127.0.0.1', asAnn)).toMatchObject({ exit: 0, err: '' });
    vi.stubEnv('PGPASSWORD', 'wrong');
    expect(await runs('ann', '127.0.0.1', asAnn)).toMatchObject({
      exit: 1,
      err: expect.stringContaining('hint: PGPASSWORD, PGPASSFILE or ~/.pgpass gives the password'),
    });
  });

  it('takes it from ~/.pgpass or PGPASSFILE, and prints no word of that', async () => {
    const line = `127.0.0.1:${server.port}:shared:ann:sea\\:weed\n`;
    writeFileSync(inDir('.pgpass'), line, { mode: 0o600 });
    writeFileSync(inDir('secret'), line, { mode: 0o600 });
    writeFileSync(inDir('open'), line, { mode: 0o644 });
    const url = `postgres://ann@127.0.0.1:${server.port}/shared${asAnn}`;
    const asked = async (env: Readonly<Record<string, string>>): Promise<readonly unknown[]> => {
      const child = await spawnCommand(['runs', '--state', url], dir, env);
      return [await child.ended, child.err()];
    };
    expect(await asked({})).toEqual([0, '']);
    rmSync(inDir('.pgpass'));
    expect(await asked({ PGPASSFILE: inDir('secret') })).toEqual([0, '']);
    const none = [1, expect.stringContaining('the server asks for a password, and there is none')];
    expect(await asked({})).toEqual(none);
    // As with psql, a file that others may read is not used.
    expect(await asked({ PGPASSFILE: inDir('open') })).toEqual(none);
  });
});
