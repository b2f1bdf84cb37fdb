// Certificates of users at a real OpenSSH server that trusts an authority only: from files and from
// an agent. And what is said where a host has a certificate.
import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransportOptions } from '../../src/adapters/ssh/index.ts';
import type { Target } from '../../src/model/host.ts';
import { addUser, authorize, makeKey, noSshd, type Sshd, startSshd } from '../ssh/real-sshd.ts';
import { nobody, transportFor } from '../ssh/server.ts';

const user = `kmc${process.pid % 100000}`;
const types = ['ed25519', 'rsa', 'ecdsa'] as const;

describe.skipIf(noSshd !== '')(
  `certificates and a real sshd${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    let account: { readonly remove: () => void };
    let agent: ReturnType<typeof spawn>;
    const path = (name: string): string => join(home, name);
    const socket = (): string => path('agent.sock');
    const agentEnv = () => ({ ...process.env, SSH_AUTH_SOCK: socket() });
    const certify = (name: string, more: readonly string[] = []): void => {
      const args = [
        '-q',
        '-s',
        path('ca'),
        '-I',
        'kmend',
        '-n',
        user,
        ...more,
        path(`${name}.pub`),
      ];
      execFileSync('/usr/bin/ssh-keygen', args);
    };
    const target = (more: Partial<Target> = {}, at: Sshd = sshd): Target => ({
      name: 'node-a',
      address: at.address,
      port: at.port,
      user,
      hostKeyChecking: 'no',
      knownHostsFiles: [path('known')],
      legacyCrypto: false,
      connectTimeout: 20,
      ...more,
    });
    async function attempt(to: Target, more: Partial<TransportOptions> = {}) {
      const via = transportFor(home, { env: {}, ...more });
      const result = await via.connect(to);
      const answer = result.ok
        ? await result.value.exec({ script: 'id -un', become: false, timeout: 20 })
        : undefined;
      await via.close();
      return result.ok
        ? answer?.ok === true
          ? answer.value.stdout.trim()
          : answer
        : result.failure;
    }

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-certificates-'));
      account = addUser(user, 'Pw-for-tests-1');
      makeKey(path('ca'), 'ed25519');
      sshd = await startSshd([
        'UsePAM no',
        'PasswordAuthentication no',
        `TrustedUserCAKeys ${path('ca.pub')}`,
      ]);
      for (const type of types) {
        makeKey(path(`id_${type}`), type);
        certify(`id_${type}`);
      }
      makeKey(path('plain'), 'ed25519');
      makeKey(path('locked'), 'ed25519', 'open sesame');
      certify('locked');
      makeKey(path('old'), 'ed25519');
      certify('old', ['-V', '20200101:20200201']);
      makeKey(path('apart'), 'ed25519');
      certify('apart');
      copyFileSync(path('apart-cert.pub'), path('signed.pub'));
      rmSync(path('apart-cert.pub'));
      agent = spawn('ssh-agent', ['-D', '-a', socket()], { stdio: 'ignore' });
      for (let round = 0; round < 100 && !existsSync(socket()); round++) await sleep(50);
    });
    afterAll(async () => {
      agent?.kill();
      await sshd?.stop();
      account?.remove();
      rmSync(home, { recursive: true, force: true });
    });

    it('the server takes no plain key', async () => {
      expect(await attempt(target({ privateKeyFiles: [path('plain')] }))).toMatchObject({
        kind: 'auth',
      });
    });
    it.each(types)('beside the key file, %s', async (type) => {
      expect(await attempt(target({ privateKeyFiles: [path(`id_${type}`)] }))).toBe(user);
    });
    it('by CertificateFile of the configuration, with a token', async () => {
      writeFileSync(
        path('config'),
        `IdentityFile ${home}/apart\nCertificateFile ${home}/sig%%ned.pub\n`,
      );
      copyFileSync(path('signed.pub'), path('sig%ned.pub'));
      expect(await attempt(target(), { configFile: path('config') })).toBe(user);
    });
    it('by the options of the inventory', async () => {
      expect(
        await attempt(
          target({
            privateKeyFiles: [path('apart')],
            sshOptions: [`CertificateFile=${path('signed.pub')}`],
          }),
        ),
      ).toBe(user);
    });
    it('of an encrypted key, whose passphrase is asked for', async () => {
      const asker = { ...nobody, attended: true, secret: async () => 'open sesame' };
      expect(await attempt(target({ privateKeyFiles: [path('locked')] }), { asker })).toBe(user);
    });
    it('that has expired is named with its date', async () => {
      expect(await attempt(target({ privateKeyFiles: [path('old')] }))).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/old-cert[.]pub \(expired on 2020-0[12]-/),
      });
    });
    it('whose file is broken, or is of another key, is named', async () => {
      makeKey(path('broken'), 'ed25519');
      writeFileSync(path('broken-cert.pub'), 'ssh-ed25519-cert-v01@openssh.com AAAA x\n');
      const failure = await attempt(
        target({
          privateKeyFiles: [path('broken')],
          sshOptions: [`CertificateFile=${path('signed.pub')}`, 'CertificateFile=/nowhere'],
        }),
      );
      expect(failure).toMatchObject({
        message: expect.stringMatching(/broken-cert[.]pub: it is no certificate/),
      });
      expect(failure).toMatchObject({
        message: expect.stringMatching(/signed[.]pub: its key is in no file and no agent/),
      });
      expect(failure).toMatchObject({
        message: expect.stringMatching(/nowhere: it does not exist/),
      });
    });

    describe('with an agent', () => {
      const clear = (): void =>
        void execFileSync('ssh-add', ['-q', '-D'], { env: agentEnv(), stdio: 'ignore' });
      const add = (name: string): void =>
        void execFileSync('ssh-add', ['-q', path(name)], { env: agentEnv(), stdio: 'ignore' });

      it.each(types)('that holds the certificate, %s', async (type) => {
        clear();
        // ssh-add takes the certificate beside the key, too: two identities.
        add(`id_${type}`);
        expect(await attempt(target(), { env: { SSH_AUTH_SOCK: socket() } })).toBe(user);
      });
      it('that holds only the key, whose certificate is in a file', async () => {
        clear();
        add('apart');
        const to = target({ sshOptions: [`CertificateFile=${path('signed.pub')}`] });
        expect(await attempt(to, { env: { SSH_AUTH_SOCK: socket() } })).toBe(user);
      });
      it('with IdentitiesOnly, a certificate of another key is not tried', async () => {
        clear();
        add('id_rsa');
        const to = target({ privateKeyFiles: [path('plain')], sshOptions: ['IdentitiesOnly=yes'] });
        expect(await attempt(to, { env: { SSH_AUTH_SOCK: socket() } })).toMatchObject({
          kind: 'auth',
          message: expect.not.stringMatching(/agent certificate/),
        });
      });
      it('a server that knows plain keys takes the next attempt', async () => {
        clear();
        add('id_ed25519');
        const other = await startSshd(['UsePAM no']);
        authorize(other, user, [path('id_ed25519.pub')]);
        expect(
          await attempt(target({ privateKeyFiles: [path('id_ed25519')] }, other), {
            env: { SSH_AUTH_SOCK: socket() },
          }),
        ).toBe(user);
        await other.stop();
      });
    });

    it('at a jump host, too', async () => {
      const inner = await startSshd(['UsePAM no', `TrustedUserCAKeys ${path('ca.pub')}`]);
      expect(
        await attempt(
          target(
            { privateKeyFiles: [path('id_ed25519')], jump: `${user}@${sshd.address}:${sshd.port}` },
            inner,
          ),
        ),
      ).toBe(user);
      await inner.stop();
    });

    it('of a host: a plain key of the same server is asked for, and the refusal says what to do', async () => {
      const host = await startSshd(['UsePAM no', `TrustedUserCAKeys ${path('ca.pub')}`]);
      const name = `[${host.address}]:${host.port}`;
      writeFileSync(path('known-ca'), `@cert-authority * ${readFileSync(path('ca.pub'), 'utf8')}`);
      const to = target(
        {
          privateKeyFiles: [path('id_ed25519')],
          hostKeyChecking: 'yes',
          knownHostsFiles: [path('known-ca')],
        },
        host,
      );
      expect(await attempt(to)).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(/known-ca:1 trusts a certificate authority for it/),
        hint: expect.stringMatching(/to accept it: echo/),
      });
      writeFileSync(path('known-ca'), `${name} ${host.hostKeys.get('ed25519')}\n`, { flag: 'a' });
      expect(await attempt(to)).toBe(user);
      await host.stop();
    });
    it('of a host that offers certificates only: refused by that name', async () => {
      const only = await startSshd(
        [
          'UsePAM no',
          'HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com',
          `HostCertificate ${path('host-cert.pub')}`,
          `TrustedUserCAKeys ${path('ca.pub')}`,
        ],
        ['ed25519'],
        (dir) => {
          execFileSync('/usr/bin/ssh-keygen', [
            '-q',
            '-s',
            path('ca'),
            '-I',
            'h',
            '-h',
            join(dir, 'host_ed25519.pub'),
          ]);
          copyFileSync(join(dir, 'host_ed25519-cert.pub'), path('host-cert.pub'));
        },
      );
      expect(await attempt(target({ privateKeyFiles: [path('id_ed25519')] }, only))).toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(/no common host key format/),
        hint: expect.stringMatching(/host certificates/),
      });
      await only.stop();
    });
  },
);
