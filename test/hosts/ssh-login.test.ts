// Logging in to a real OpenSSH server: keys, agent, passwords through PAM, host keys, old and new
// algorithms, shed load.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransportOptions } from '../../src/adapters/ssh/index.ts';
import { buildProbe, checkWants, parseProbe } from '../../src/facts/index.ts';
import { secret, type Target } from '../../src/model/host.ts';
import {
  addUser,
  authorize,
  knownLine,
  listening,
  makeKey,
  noSshd,
  type Sshd,
  startSshd,
} from '../ssh/real-sshd.ts';
import { nobody, transportFor } from '../ssh/server.ts';

const user = `kml${process.pid % 100000}`;
const password = 'Pw-for-tests-1';
const dropbear = '/usr/sbin/dropbear';

// Algorithms of OpenSSH 7.4 as CentOS 7 has them, as far as this sshd still knows them.
const centos7 = [
  'KexAlgorithms curve25519-sha256@libssh.org,ecdh-sha2-nistp256,diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha1',
  'Ciphers chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes128-cbc',
  'MACs umac-64-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha1',
  'HostKeyAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,ssh-rsa,rsa-sha2-256',
];
const onlySha1 = [
  'KexAlgorithms diffie-hellman-group14-sha1',
  'HostKeyAlgorithms ssh-rsa',
  'PubkeyAcceptedAlgorithms ssh-rsa,ssh-ed25519',
  'Ciphers aes128-cbc',
  'MACs hmac-sha1',
];

describe.skipIf(noSshd !== '')(
  `login at a real sshd${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    let account: { readonly remove: () => void };
    const key = (name: string): string => join(home, name);
    const target = (more: Partial<Target> = {}, at: Sshd = sshd): Target => ({
      name: 'node-a',
      address: at.address,
      port: at.port,
      user,
      hostKeyChecking: 'yes',
      knownHostsFiles: [key('known')],
      legacyCrypto: false,
      connectTimeout: 20,
      ...more,
    });
    async function attempt(to: Target, more: Partial<TransportOptions> = {}) {
      const via = transportFor(home, more);
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
      home = mkdtempSync(join(tmpdir(), 'kmend-home-'));
      account = addUser(user, password);
      sshd = await startSshd([
        'UsePAM yes',
        'PasswordAuthentication yes',
        'KbdInteractiveAuthentication yes',
        'MaxAuthTries 4',
      ]);
      makeKey(key('id_ed'), 'ed25519');
      makeKey(key('id_rsa'), 'rsa');
      makeKey(key('id_pem'), 'rsa', '', ['-m', 'PEM']);
      makeKey(key('id_pkcs8'), 'rsa', '', ['-m', 'PKCS8']);
      makeKey(key('id_ecdsa'), 'ecdsa');
      makeKey(key('id_locked'), 'ed25519', 'open sesame');
      makeKey(key('id_locked_pem'), 'rsa', 'open sesame', ['-m', 'PEM']);
      makeKey(key('id_unknown'), 'ed25519');
      authorize(
        sshd,
        user,
        ['id_ed', 'id_rsa', 'id_pem', 'id_pkcs8', 'id_ecdsa', 'id_locked', 'id_locked_pem'].map(
          (name) => `${key(name)}.pub`,
        ),
      );
      writeFileSync(key('known'), knownLine(sshd, 'ed25519'));
    });
    afterAll(async () => {
      await sshd?.stop();
      account?.remove();
      rmSync(home, { recursive: true, force: true });
    });

    it.each(['id_ed', 'id_rsa', 'id_pem', 'id_pkcs8', 'id_ecdsa'])(
      'by the key %s',
      async (name) => {
        expect(await attempt(target({ privateKeyFiles: [key(name)] }))).toBe(user);
      },
    );
    it.each(['id_locked', 'id_locked_pem'])('by the encrypted key %s', async (name) => {
      const asker = { ...nobody, attended: true, secret: async () => 'open sesame' };
      expect(await attempt(target({ privateKeyFiles: [key(name)] }), { asker })).toBe(user);
    });
    it('by password, and by PAM questions where passwords are off', async () => {
      expect(await attempt(target({ password: secret(password) }))).toBe(user);
      const pam = await startSshd([
        'UsePAM yes',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication yes',
      ]);
      expect(
        await attempt(target({ password: secret(password), hostKeyChecking: 'no' }, pam)),
      ).toBe(user);
      await pam.stop();
    });
    it('a wrong password, a key that is not let in', async () => {
      expect(await attempt(target({ password: secret('wrong') }))).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/tried password; keyboard-interactive/),
      });
      expect(await attempt(target({ privateKeyFiles: [key('id_unknown')] }))).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/id_unknown/),
      });
    });

    describe('with an agent', () => {
      let agent: ReturnType<typeof spawn>;
      const socket = (): string => key('agent.sock');
      const add = (name: string): void => {
        // ssh-add asks a program for the passphrase when it has no terminal.
        writeFileSync(key('ask'), '#!/bin/sh\necho open sesame\n', { mode: 0o700 });
        execFileSync('ssh-add', ['-q', key(name)], {
          env: {
            ...process.env,
            SSH_AUTH_SOCK: socket(),
            SSH_ASKPASS: key('ask'),
            SSH_ASKPASS_REQUIRE: 'force',
          },
        });
      };
      beforeAll(async () => {
        agent = spawn('ssh-agent', ['-D', '-a', socket()], { stdio: 'ignore' });
        await sleep(500);
      });
      afterAll(() => agent?.kill());

      it('its keys let in', async () => {
        add('id_ed');
        expect(await attempt(target(), { env: { SSH_AUTH_SOCK: socket() } })).toBe(user);
      });
      it('an RSA key in it signs with sha2', async () => {
        execFileSync('ssh-add', ['-q', '-D'], {
          env: { ...process.env, SSH_AUTH_SOCK: socket() },
          stdio: 'ignore',
        });
        add('id_rsa');
        expect(await attempt(target(), { env: { SSH_AUTH_SOCK: socket() } })).toBe(user);
      });
      it('its copy of an encrypted file is used, and no passphrase is asked for', async () => {
        add('id_locked');
        expect(
          await attempt(target({ privateKeyFiles: [key('id_locked')] }), {
            env: { SSH_AUTH_SOCK: socket() },
          }),
        ).toBe(user);
      });
      it('a named key goes first: an agent full of others does not use up the tries', async () => {
        for (let i = 0; i < 6; i++) {
          makeKey(key(`other${i}`), 'ed25519');
          add(`other${i}`);
        }
        expect(
          await attempt(target({ privateKeyFiles: [key('id_ecdsa')] }), {
            env: { SSH_AUTH_SOCK: socket() },
          }),
        ).toBe(user);
      });
      it('an agent that is not there is reported', async () => {
        expect(
          await attempt(target({ privateKeyFiles: [key('id_unknown')] }), {
            env: { SSH_AUTH_SOCK: key('no.sock') },
          }),
        ).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/agent .*no\.sock: /),
        });
      });
    });

    it('accept-new files the key as ssh-keyscan would print it; a reinstalled host is then refused', async () => {
      const known = key('known-new');
      const first = await startSshd(['UsePAM no'], ['ed25519']);
      authorize(first, user, [`${key('id_ed')}.pub`]);
      const to = (at: Sshd): Target =>
        target(
          {
            privateKeyFiles: [key('id_ed')],
            hostKeyChecking: 'accept-new',
            knownHostsFiles: [known],
          },
          at,
        );
      expect(await attempt(to(first))).toBe(user);
      expect(readFileSync(known, 'utf8')).toBe(knownLine(first, 'ed25519'));
      expect(
        execFileSync('ssh-keygen', ['-F', `[${first.address}]:${first.port}`, '-f', known], {
          encoding: 'utf8',
        }),
      ).toMatch(/found: line 1/);
      const second = await startSshd(['UsePAM no'], ['ed25519']);
      writeFileSync(
        known,
        readFileSync(known, 'utf8').replace(
          `${first.address}]:${first.port}`,
          `${second.address}]:${second.port}`,
        ),
      );
      expect(await attempt(to(second))).toMatchObject({
        kind: 'host_key',
        message: expect.stringMatching(/CHANGED/),
      });
      await first.stop();
      await second.stop();
    });
    it('a file hashed by ssh-keygen -H is read', async () => {
      writeFileSync(key('hashed'), `${knownLine(sshd, 'rsa')}${knownLine(sshd, 'ecdsa')}`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', key('hashed')], { stdio: 'ignore' });
      expect(readFileSync(key('hashed'), 'utf8')).toMatch(/^\|1\|/);
      expect(
        await attempt(
          target({ privateKeyFiles: [key('id_ed')], knownHostsFiles: [key('hashed')] }),
        ),
      ).toBe(user);
    });
    it.each(['ed25519', 'rsa', 'ecdsa'])(
      'only the %s key is known, the server has all three',
      async (type) => {
        writeFileSync(key(`known-${type}`), knownLine(sshd, type));
        expect(
          await attempt(
            target({ privateKeyFiles: [key('id_ed')], knownHostsFiles: [key(`known-${type}`)] }),
          ),
        ).toBe(user);
      },
    );

    it('a server with the algorithms of CentOS 7', async () => {
      const old = await startSshd(['UsePAM no', ...centos7]);
      authorize(old, user, [`${key('id_rsa')}.pub`]);
      expect(
        await attempt(target({ privateKeyFiles: [key('id_rsa')], hostKeyChecking: 'no' }, old)),
      ).toBe(user);
      await old.stop();
    });
    it('a server that knows only sha1 needs legacy_crypto, and the failure says so', async () => {
      const old = await startSshd(['UsePAM no', ...onlySha1], ['rsa']);
      authorize(old, user, [`${key('id_rsa')}.pub`]);
      const to = target({ privateKeyFiles: [key('id_rsa')], hostKeyChecking: 'no' }, old);
      const refused = await attempt(to);
      expect(refused).toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(/no common/),
        hint: expect.stringMatching(/legacy_crypto/),
      });
      expect(refused).not.toHaveProperty('transport');
      expect(await attempt({ ...to, legacyCrypto: true })).toBe(user);
      await old.stop();
    });

    it.skipIf(!existsSync(dropbear))(
      `dropbear, which takes no command of 9,000 bytes${existsSync(dropbear) ? '' : ' (skipped: not installed)'}`,
      async () => {
        const [address, port] = ['127.19.1.1', 20_000 + (process.pid % 20_000)];
        execFileSync('/usr/bin/dropbearkey', ['-t', 'ed25519', '-f', key('host_dropbear')], {
          stdio: 'ignore',
        });
        const server = spawn(
          dropbear,
          [
            '-F',
            '-E',
            '-r',
            key('host_dropbear'),
            '-p',
            `${address}:${port}`,
            '-P',
            key('dropbear.pid'),
          ],
          {
            stdio: 'ignore',
          },
        );
        await listening(address, port);
        const via = transportFor(home);
        const connection = await via.connect({
          ...target({ password: secret(password), hostKeyChecking: 'no' }),
          address,
          port,
        });
        if (!connection.ok) throw new Error(connection.failure.message);
        const probe = await connection.value.exec({
          script: buildProbe(checkWants),
          become: false,
          timeout: 60,
        });
        expect(probe.ok ? parseProbe(probe.value.stdout, checkWants) : probe).toMatchObject({
          ok: true,
        });
        const script = `# ${'x'.repeat(100_000)}\ncat; exit 3`;
        expect(
          await connection.value.exec({ script, stdin: 'in', become: false, timeout: 20 }),
        ).toMatchObject({
          value: { code: 3, stdout: 'in' },
        });
        await via.close();
        server.kill();
      },
    );

    it('a Banner of 250 KB', async () => {
      writeFileSync(key('banner'), 'Keep out. '.repeat(25_000));
      const long = await startSshd(['UsePAM no', `Banner ${key('banner')}`]);
      authorize(long, user, [`${key('id_ed')}.pub`]);
      expect(
        await attempt(target({ privateKeyFiles: [key('id_ed')], hostKeyChecking: 'no' }, long)),
      ).toBe(user);
      await long.stop();
    });
    it('a server that refuses connections under load: a later try succeeds', async () => {
      const small = await startSshd(['UsePAM no', 'MaxStartups 2:100:2']);
      authorize(small, user, [`${key('id_ed')}.pub`]);
      const via = transportFor(home, { handshakes: 40 });
      const to = target({ privateKeyFiles: [key('id_ed')], hostKeyChecking: 'no' }, small);
      const results = await Promise.all(Array.from({ length: 40 }, () => via.connect(to)));
      const turnedAway = results.flatMap((result) => (result.ok ? [] : [result.failure]));
      expect(turnedAway.length).toBeGreaterThan(0);
      for (const failure of turnedAway)
        expect(failure).toMatchObject({
          kind: 'unreachable',
          transport: true,
          message: expect.stringMatching(/lost before handshake|reset/),
        });
      expect((await via.connect(to)).ok).toBe(true);
      await via.close();
      await small.stop();
    });

    it('through a jump host, with one login there for all', async () => {
      const gate = await startSshd(['UsePAM no']);
      authorize(gate, user, [`${key('id_ed')}.pub`]);
      const via = transportFor(home);
      const to = target({
        privateKeyFiles: [key('id_ed')],
        hostKeyChecking: 'no',
        jump: `${user}@${gate.address}:${gate.port}`,
      });
      const results = await Promise.all(Array.from({ length: 5 }, () => via.connect(to)));
      expect(results.map((result) => result.ok)).toEqual([true, true, true, true, true]);
      expect(gate.log().match(/Accepted publickey/g)).toHaveLength(1);
      await via.close();
      await gate.stop();
      const closed = await startSshd(['UsePAM no', 'AllowTcpForwarding no']);
      authorize(closed, user, [`${key('id_ed')}.pub`]);
      expect(
        await attempt({ ...to, jump: `${user}@${closed.address}:${closed.port}` }),
      ).toMatchObject({
        kind: 'unreachable',
        message: expect.stringMatching(/forbids/),
      });
      await closed.stop();
    });
  },
);
