// Logins that only the OpenSSH client can do: by a key on a PKCS#11 token, and by a Kerberos ticket.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, type Target } from '../../src/model/host.ts';
import { authorize, knownLine, noSshd, type Sshd, startSshd } from '../ssh/real-sshd.ts';
import { nobody, transportFor } from '../ssh/server.ts';
import { type Operator, operator, until } from './operator.ts';

const module = '/usr/lib/softhsm/libsofthsm2.so';
const noToken =
  noSshd || (existsSync(module) && existsSync('/usr/bin/pkcs11-tool') ? '' : 'no softhsm2, opensc');
const noKerberos =
  noSshd || (existsSync('/usr/sbin/krb5kdc') && existsSync('/usr/bin/kinit') ? '' : 'no krb5-kdc');
const pin = '739146';

const targetAt = (sshd: Sshd, home: string, more: Partial<Target>): Target => ({
  name: 'node-a',
  address: sshd.address,
  port: sshd.port,
  user: 'root',
  knownHostsFiles: [join(home, 'known')],
  hostKeyChecking: 'yes',
  legacyCrypto: false,
  connectTimeout: 20,
  ...more,
});
const run = { script: 'id -un', become: false, timeout: 20 };

/** An inventory of one host, whose ssh arguments are these. */
const inventory = (sshd: Sshd, home: string, args: string, transport: string): string =>
  `all: {hosts: {node-a: ${JSON.stringify({
    ansible_host: sshd.address,
    ansible_port: sshd.port,
    ansible_user: 'root',
    ansible_ssh_common_args: `-o UserKnownHostsFile=${join(home, 'known')} ${args}`,
    ansible_ssh_transport: transport,
  })}}}\n`;

describe.skipIf(noToken !== '')(
  `a key on a PKCS#11 token${noToken === '' ? '' : ` (skipped: ${noToken})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    const path = (name: string): string => join(home, name);
    const env = (): Record<string, string | undefined> => ({
      ...process.env,
      SSH_AUTH_SOCK: undefined,
      SOFTHSM2_CONF: path('softhsm.conf'),
    });
    const byToken = (more: Partial<Target> = {}): Target =>
      targetAt(sshd, home, {
        transport: 'openssh',
        sshOptions: [`PKCS11Provider=${module}`],
        ...more,
      });

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-token-'));
      execFileSync('mkdir', [path('tokens')]);
      writeFileSync(path('softhsm.conf'), `directories.tokendir = ${path('tokens')}\n`);
      const tool = (program: string, ...words: string[]): string =>
        execFileSync(program, words, { env: env(), encoding: 'utf8', stdio: 'pipe' });
      tool(
        'softhsm2-util',
        '--init-token',
        '--free',
        '--label',
        'fleet',
        '--pin',
        pin,
        '--so-pin',
        '11111111',
      );
      tool(
        'pkcs11-tool',
        '--module',
        module,
        '-l',
        '--pin',
        pin,
        '--keypairgen',
        '--key-type',
        'EC:prime256v1',
        '--id',
        '01',
        '--label',
        'ops',
      );
      writeFileSync(path('id.pub'), tool('ssh-keygen', '-D', module));
      sshd = await startSshd(['UsePAM no']);
      authorize(sshd, 'root', [path('id.pub')]);
      writeFileSync(path('known'), knownLine(sshd, 'ed25519'));
    });
    afterAll(async () => {
      await sshd?.stop();
      rmSync(home, { recursive: true, force: true });
    });

    it('lets in; the operator is asked for its PIN once, for all hosts', async () => {
      const asked: string[] = [];
      const via = transportFor(home, {
        env: env(),
        configFile: '',
        asker: {
          ...nobody,
          attended: true,
          secret: async (prompt) => {
            asked.push(prompt);
            return pin;
          },
        },
      });
      const results = await Promise.all([1, 2, 3].map(() => via.connect(byToken())));
      for (const result of results) {
        if (!result.ok) throw new Error(JSON.stringify(result.failure));
        expect(await result.value.exec(run)).toMatchObject({ value: { stdout: 'root\n' } });
      }
      await via.close();
      expect(asked).toEqual([expect.stringMatching(/^Enter PIN for 'fleet':/)]);
    });
    it('is refused without an operator, and with a wrong PIN', async () => {
      for (const asker of [nobody, { ...nobody, attended: true, secret: async () => '000000' }]) {
        const via = transportFor(home, { env: env(), configFile: '', asker });
        const result = await via.connect(byToken());
        await via.close();
        expect(result).toMatchObject({
          ok: false,
          failure: { kind: 'auth', message: expect.stringMatching(/login refused/) },
        });
        expect(JSON.stringify(result)).not.toContain(pin);
      }
    });
    it('the password of the host is not given to the token', async () => {
      const via = transportFor(home, { env: env(), configFile: '' });
      const result = await via.connect(byToken({ password: secret('Pw-of-the-host-1') }));
      await via.close();
      expect(result).toMatchObject({ ok: false, failure: { kind: 'auth' } });
    });
    it('kmend itself refuses such a host, and names the way', async () => {
      const via = transportFor(home, { env: env(), configFile: '' });
      const { transport: _, ...own } = byToken();
      expect(await via.connect(own)).toMatchObject({
        ok: false,
        failure: {
          message: expect.stringMatching(/PKCS11Provider is not supported/),
          hint: expect.stringContaining('ansible_ssh_transport: openssh'),
        },
      });
      await via.close();
    });
  },
);

describe.skipIf(noKerberos !== '')(
  `a Kerberos ticket${noKerberos === '' ? '' : ` (skipped: ${noKerberos})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    let op: Operator;
    let stopKdc = (): void => undefined;
    const path = (name: string): string => join(home, name);
    const kerberos = (): Record<string, string> => ({
      KRB5_CONFIG: path('krb5.conf'),
      KRB5_KDC_PROFILE: path('kdc.conf'),
      KRB5CCNAME: `FILE:${path('tickets')}`,
    });
    const args = '-o GSSAPIAuthentication=yes -o PubkeyAuthentication=no';

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-kerberos-'));
      const port = await freePort();
      writeFileSync(
        path('krb5.conf'),
        `[libdefaults]\ndefault_realm = KMEND.TEST\ndns_lookup_kdc = false\ndns_lookup_realm = false\ndns_canonicalize_hostname = false\nrdns = false\n[realms]\nKMEND.TEST = {\nkdc = 127.0.0.1:${port}\n}\n`,
      );
      writeFileSync(
        path('kdc.conf'),
        `[kdcdefaults]\nkdc_listen = 127.0.0.1:${port}\nkdc_tcp_listen = 127.0.0.1:${port}\n[realms]\nKMEND.TEST = {\ndatabase_name = ${path('principal')}\nkey_stash_file = ${path('stash')}\nmax_life = 1h\n}\n`,
      );
      const env = { ...process.env, ...kerberos() };
      const tool = (program: string, words: readonly string[], input = ''): string =>
        execFileSync(program, words, { env, input, encoding: 'utf8', stdio: 'pipe' });
      tool('kdb5_util', ['create', '-s', '-r', 'KMEND.TEST', '-P', 'of-the-database']);
      const kdc = spawn('krb5kdc', ['-n', '-P', path('pid')], { env, stdio: 'ignore' });
      stopKdc = () => void kdc.kill('SIGTERM');
      // sshd knows realm and keys by the environment that it was started with.
      const serverEnv = { ...kerberos(), KRB5_KTNAME: path('keytab') };
      Object.assign(process.env, serverEnv);
      sshd = await startSshd([
        'UsePAM no',
        'GSSAPIAuthentication yes',
        'GSSAPIStrictAcceptorCheck no',
      ]);
      for (const name of Object.keys(serverEnv)) delete process.env[name];
      const service = `host/${sshd.address}`;
      tool('kadmin.local', ['-q', 'addprinc -pw of-root root']);
      tool('kadmin.local', ['-q', `addprinc -randkey ${service}`]);
      tool('kadmin.local', ['-q', `ktadd -k ${path('keytab')} ${service}`]);
      await until('the KDC listens', 20, () => answers(port));
      writeFileSync(path('known'), knownLine(sshd, 'ed25519'));
      op = operator([]);
    });
    afterAll(async () => {
      op?.close();
      await sshd?.stop();
      stopKdc();
      rmSync(home, { recursive: true, force: true });
    });
    const check = (transport: string) =>
      op.start(
        ['check', '-i', op.file('inventory.yaml', inventory(sshd, home, args, transport))],
        '',
        kerberos(),
      ).ended;

    it('without one the login is refused', async () => {
      const { code, out, err } = await check('openssh');
      expect(code).not.toBe(0);
      expect(out + err).toMatch(/login refused/);
    });
    it('lets `kmend check` in by the OpenSSH client, and not kmend itself', async () => {
      execFileSync('kinit', ['root'], {
        env: { ...process.env, ...kerberos() },
        input: 'of-root\n',
      });
      const { out, err } = await check('openssh');
      expect(out + err).not.toMatch(/login refused|unreachable/);
      expect(out).toMatch(/node-a/);
      await until('it is logged', 5, () => /Accepted gssapi-with-mic for root/.test(sshd.log()));
      const own = await check('kmend');
      expect(own.out + own.err).toMatch(/login refused|nothing to log in with/);
      expect(own.out + own.err).toContain('ansible_ssh_transport: openssh');
    });
  },
);

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
