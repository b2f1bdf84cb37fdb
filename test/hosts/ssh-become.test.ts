// Real sudo, su and doas behind a real sshd: with and without passwords, wrong ones, and set-ups
// that refuse.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, ExecRequest, Transport } from '../../src/engine/ports/transport.ts';
import { type Become, secret, type Target } from '../../src/model/host.ts';
import { addUser, authorize, makeKey, noSshd, type Sshd, startSshd } from '../ssh/real-sshd.ts';
import { transportFor } from '../ssh/server.ts';

const tag = process.pid % 100000;
const user = `kmb${tag}`;
const other = `kmo${tag}`;
const password = 'Pw-for-tests-1';
const otherPassword = 'Pw-for-tests-2';
const sudoers = `/etc/sudoers.d/kmend-test-${tag}`;
const doasConf = '/etc/doas.conf';
const has = (program: string): boolean =>
  ['/usr/bin', '/bin', '/usr/sbin'].some((dir) => existsSync(`${dir}/${program}`));

/** kmend's own client, and that of OpenSSH. */
const transports: readonly (readonly [string, Partial<Target>])[] = [
  ['kmend itself', {}],
  ['OpenSSH', { transport: 'openssh' }],
];

describe.skipIf(noSshd !== '').each(transports)(
  `becoming another user behind a real sshd by %s${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  (_transport, chosen) => {
    let home = '';
    let sshd: Sshd;
    let via: Transport;
    const accounts: { readonly remove: () => void }[] = [];
    const open: Connection[] = [];

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-home-'));
      accounts.push(addUser(user, password), addUser(other, otherPassword));
      sshd = await startSshd(['UsePAM yes', 'PermitUserEnvironment no']);
      makeKey(join(home, 'id'), 'ed25519');
      for (const name of [user, other, 'root']) authorize(sshd, name, [join(home, 'id.pub')]);
      via = transportFor(home);
    });
    afterAll(async () => {
      for (const connection of open) connection.close();
      await via?.close();
      await sshd?.stop();
      for (const account of accounts) account.remove();
      rmSync(sudoers, { force: true });
      rmSync(home, { recursive: true, force: true });
    });

    async function run(
      become: Become,
      script = 'id -un; cat',
      more: Partial<ExecRequest> = {},
      login = user,
    ) {
      const target: Target = {
        name: 'node-a',
        address: sshd.address,
        port: sshd.port,
        user: login,
        privateKeyFiles: [join(home, 'id')],
        hostKeyChecking: 'no',
        legacyCrypto: false,
        connectTimeout: 20,
        knownHostsFiles: [join(home, 'known_hosts')],
        become,
        ...chosen,
      };
      const connection = await via.connect(target);
      if (!connection.ok) throw new Error(connection.failure.message);
      open.push(connection.value);
      const result = await connection.value.exec({ script, become: true, timeout: 60, ...more });
      return result.ok ? result.value : result.failure;
    }
    const rules = (...lines: readonly string[]): void =>
      writeFileSync(sudoers, `${lines.join('\n')}\n`, { mode: 0o440 });
    const fine = (stdout: string) => ({ code: 0, stdout, stderr: '', truncated: false });

    describe.skipIf(!has('sudo'))('sudo', () => {
      const sudo = (word?: string, as = 'root'): Become => ({
        method: 'sudo',
        user: as,
        ...(word === undefined ? {} : { password: secret(word) }),
      });

      it('NOPASSWD, with and without a password at hand', async () => {
        rules(`${user} ALL=(ALL) NOPASSWD: ALL`);
        expect(await run(sudo(), 'id -un; cat', { stdin: 'in\n' })).toEqual(fine('root\nin\n'));
        expect(await run(sudo(password), 'id -un; cat', { stdin: 'in\n' })).toEqual(
          fine('root\nin\n'),
        );
        expect(await run(sudo(undefined, other))).toEqual(fine(`${other}\n`));
      });
      it('with a password, which the script never sees', async () => {
        rules(`${user} ALL=(ALL) ALL`);
        expect(await run(sudo(password), 'id -un; cat', { stdin: 'in\n' })).toEqual(
          fine('root\nin\n'),
        );
        expect(await run(sudo(password))).toEqual(fine('root\n'));
      });
      it('cached credentials are not relied on', async () => {
        rules(
          `Defaults:${user} timestamp_type=global, timestamp_timeout=30`,
          `${user} ALL=(ALL) ALL`,
        );
        execFileSync('su', [user, '-c', 'sudo -S -v'], {
          input: `${password}\n`,
          stdio: ['pipe', 'ignore', 'ignore'],
        });
        expect(await run(sudo(password), 'id -un; cat', { stdin: 'in\n' })).toEqual(
          fine('root\nin\n'),
        );
        // Without a password the cache may serve: that is what -n is for.
        expect(await run(sudo())).toEqual(fine('root\n'));
        execFileSync('su', [user, '-c', 'sudo -K']);
      });
      it('a wrong password is refused, and a missing one is reported', async () => {
        rules(`${user} ALL=(ALL) ALL`);
        expect(await run(sudo('wrong'))).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/sudo refused the password( \(sudo: .*\))?$/),
        });
        expect(await run(sudo())).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(
            /sudo asks for a password \(sudo: a password is required\)$/,
          ),
          hint: expect.stringMatching(/-K/),
        });
        rules(`Defaults:${user} passwd_tries=1`, `${user} ALL=(ALL) ALL`);
        expect(await run(sudo('wrong'))).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/sudo refused the password( \(sudo: .*\))?$/),
        });
      });
      it('requiretty', async () => {
        rules(`Defaults:${user} requiretty`, `${user} ALL=(ALL) NOPASSWD: ALL`);
        expect(await run(sudo())).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/requiretty/),
          hint: expect.stringMatching(/!requiretty/),
        });
        expect(await run(sudo(password))).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/requiretty/),
        });
      });
      it('not in sudoers, or not for this', async () => {
        rules('# nobody');
        expect(await run(sudo(password))).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/does not let this user become root/),
        });
        rules(`${user} ALL=(ALL) NOPASSWD: /bin/ls`);
        expect(await run(sudo())).toMatchObject({ kind: 'auth' });
      });
      it('a lecture and use_pty', async () => {
        rules(`Defaults:${user} lecture=always, use_pty`, `${user} ALL=(ALL) ALL`);
        expect(await run(sudo(password), 'id -un; cat', { stdin: 'in\n' })).toEqual(
          fine('root\nin\n'),
        );
      });
      it('what sudo itself says is in the failure', async () => {
        const said = async (...lines: readonly string[]) => {
          rules(...lines);
          const ended = await run(sudo(password));
          return 'message' in ended ? ended.message : ended;
        };
        expect(await said('# nobody')).toMatch(
          /become root \(.*(?:not in the sudoers|may not run sudo|not allowed).*\)$/,
        );
        expect(await said(`Defaults:${user} requiretty`, `${user} ALL=(ALL) ALL`)).toMatch(
          /\(requiretty\) \(sudo: .*must have a tty.*\)$/,
        );
        execFileSync('chage', ['-d', '0', user]);
        rules(`Defaults:${user} lecture=always`, `${user} ALL=(ALL) ALL`);
        const expired = await run(sudo(password)).finally(() =>
          execFileSync('chage', ['-d', '2020-01-01', user]),
        );
        expect(expired).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/has expired \(.*(?:expired|required to change).*\)$/),
        });
      });
      it('a stream of any bytes, behind the password', async () => {
        rules(`${user} ALL=(ALL) ALL`);
        const all = randomBytes(5_000_001);
        async function* input(): AsyncGenerator<Uint8Array> {
          yield all;
        }
        const sum = execFileSync('cksum', { input: all, encoding: 'utf8' });
        expect(await run(sudo(password), 'id -un; cksum', { input })).toEqual(fine(`root\n${sum}`));
      });
      it('a script that runs too long is ended, as root', async () => {
        rules(`${user} ALL=(ALL) NOPASSWD: ALL`);
        const pid = join(home, 'pid');
        expect(await run(sudo(), `echo $$ > ${pid}; sleep 300`, { timeout: 2 })).toMatchObject({
          kind: 'timeout',
        });
        expect(existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`)).toBe(false);
      });
      it('a long script, and use_pty', async () => {
        const script = `: '${'y'.repeat(200_000)}'\nid -un; cat; exit 7`;
        for (const options of ['!use_pty', 'use_pty']) {
          rules(`Defaults:${user} ${options}`, `${user} ALL=(ALL) NOPASSWD: ALL`);
          expect(await run(sudo(), script)).toEqual({ ...fine('root\n'), code: 7 });
          rules(`Defaults:${user} ${options}`, `${user} ALL=(ALL) ALL`);
          expect(await run(sudo(password), script)).toEqual({ ...fine('root\n'), code: 7 });
          expect(await run(sudo(), script)).toMatchObject({
            kind: 'auth',
            message: expect.stringMatching(
              /sudo asks for a password \(sudo: a password is required\)$/,
            ),
          });
        }
      });
      it('a script of 200 KiB with input', async () => {
        rules(`${user} ALL=(ALL) ALL`);
        expect(
          await run(sudo(password), `: '${'y'.repeat(200_000)}'\nid -un; cat`, { stdin: 'in\n' }),
        ).toEqual(fine('root\nin\n'));
      });
      it('root that is to become root does not call sudo', async () => {
        expect(await run(sudo(), 'env | grep -c ^SUDO_USER= || true', {}, 'root')).toEqual(
          fine('0\n'),
        );
      });
    });

    describe.skipIf(!has('su'))('su', () => {
      const su = (word: string | undefined, as: string): Become => ({
        method: 'su',
        user: as,
        ...(word === undefined ? {} : { password: secret(word) }),
      });
      it('with a password, input, big script', async () => {
        expect(
          await run(su(otherPassword, other), 'id -un; cat; echo err >&2; exit 3', {
            stdin: "it's\\ \tin é\n",
          }),
        ).toMatchObject({
          code: 3,
          stdout: `${other}\nit's\\ \tin é\nerr\n`,
        });
        expect(await run(su(otherPassword, other), 'id -un; cat')).toEqual(fine(`${other}\n`));
        expect(
          await run(su(otherPassword, other), `: '${'y'.repeat(200_000)}'\nid -un; cat; exit 7`),
        ).toMatchObject({
          code: 7,
          stdout: `${other}\n`,
        });
        expect(
          await run(su(otherPassword, other), `: '${'y'.repeat(200_000)}'\nid -un; cat`, {
            stdin: 'in\n',
          }),
        ).toMatchObject({
          stdout: `${other}\nin\n`,
        });
      });
      it('a stream of any bytes, through the terminal', async () => {
        const all = randomBytes(5_000_001);
        async function* input(): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < all.length; at += 100_000) yield all.subarray(at, at + 100_000);
        }
        const sum = execFileSync('cksum', { input: all, encoding: 'utf8' });
        expect(await run(su(otherPassword, other), 'id -un; cksum', { input })).toEqual(
          fine(`${other}\n${sum}`),
        );
      });
      it('a wrong password, an unknown user', async () => {
        expect(await run(su('wrong', other))).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/su refused the password( \(su: .*\))?$/),
        });
        expect(await run(su('x', 'no-such-user'))).toMatchObject({
          kind: 'auth',
          message: expect.stringMatching(/knows no user/),
        });
      });
      it('root needs no password', async () => {
        expect(await run(su(undefined, other), 'id -un', {}, 'root')).toEqual(fine(`${other}\n`));
      });
    });

    describe.skipIf(!has('doas') || existsSync(doasConf))(
      'doas (only where /etc/doas.conf is not in use)',
      () => {
        const doas = (word?: string): Become => ({
          method: 'doas',
          user: 'root',
          ...(word === undefined ? {} : { password: secret(word) }),
        });
        const allow = (...lines: readonly string[]): void =>
          writeFileSync(doasConf, `${lines.join('\n')}\n`, { mode: 0o400 });
        afterAll(() => rmSync(doasConf, { force: true }));
        it('nopass, with and without a password at hand', async () => {
          allow(`permit nopass ${user}`);
          expect(await run(doas(), 'id -un; cat', { stdin: 'in\n' })).toEqual(fine('root\nin\n'));
          expect(await run(doas(password), 'id -un; cat', { stdin: 'in\n' })).toEqual(
            fine('root\nin\n'),
          );
          expect(await run(doas(), `: '${'y'.repeat(33_000)}'\nid -un; cat`)).toEqual(
            fine('root\n'),
          );
        });
        it('with a password', async () => {
          allow(`permit ${user}`);
          expect(await run(doas(password), 'id -un; cat', { stdin: 'in\n' })).toEqual(
            fine('root\nin\n'),
          );
          expect(await run(doas(password), `: '${'y'.repeat(33_000)}'\nid -un; cat`)).toEqual(
            fine('root\n'),
          );
          expect(await run(doas('wrong'))).toMatchObject({
            kind: 'auth',
            message: expect.stringMatching(/doas refused the password( \(doas: .*\))?$/),
          });
          expect(await run(doas())).toMatchObject({
            kind: 'auth',
            message: expect.stringMatching(/doas requires a password( \(doas: .*\))?$/),
          });
        });
        it('no rule', async () => {
          allow(`permit nopass ${other}`);
          expect(await run(doas())).toMatchObject({
            kind: 'auth',
            message: expect.stringMatching(/no rule/),
          });
        });
      },
    );
  },
);

describe.skipIf(noSshd !== '').each(transports)(
  `login shells and set-ups that get in the way of %s${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  (_transport, chosen) => {
    let home = '';
    const accounts: { readonly remove: () => void }[] = [];
    beforeAll(() => {
      home = mkdtempSync(join(tmpdir(), 'kmend-home-'));
      makeKey(join(home, 'id'), 'ed25519');
    });
    afterAll(() => {
      for (const account of accounts) account.remove();
      rmSync(home, { recursive: true, force: true });
    });
    async function with_(
      name: string,
      shell: string,
      lines: readonly string[] = [],
      become?: Become,
    ) {
      accounts.push(addUser(name, password, shell));
      const sshd = await startSshd(['UsePAM no', ...lines]);
      authorize(sshd, name, [join(home, 'id.pub')]);
      const via = transportFor(home);
      const base = {
        name: 'node-a',
        address: sshd.address,
        port: sshd.port,
        user: name,
        privateKeyFiles: [join(home, 'id')],
      };
      const connection = await via.connect({
        ...base,
        hostKeyChecking: 'no',
        legacyCrypto: false,
        connectTimeout: 20,
        knownHostsFiles: [join(home, 'known_hosts')],
        ...(become === undefined ? {} : { become }),
        ...chosen,
      });
      const result = connection.ok
        ? await connection.value.exec({
            script: `printf '%s\\n' "it's" 'a\\\\b' '!'; exit 3`,
            become: true,
            timeout: 20,
          })
        : connection;
      await via.close();
      await sshd.stop();
      return result.ok ? result.value : result.failure;
    }
    describe.each(
      ['bash', 'dash', 'zsh', 'fish', 'ksh'].map(
        (name) =>
          [name, ['/bin', '/usr/bin'].map((dir) => `${dir}/${name}`).find(existsSync)] as const,
      ),
    )('the shell %s', (name, path) => {
      it.skipIf(path === undefined)(
        `runs a script as it is${path === undefined ? ' (skipped: not installed)' : ''}`,
        async () => {
          expect(await with_(`kms${name}${tag}`, path ?? '')).toMatchObject({
            code: 3,
            stdout: "it's\na\\\\b\n!\n",
            stderr: '',
          });
        },
      );
    });
    it('nologin', async () => {
      expect(await with_(`kmn${tag}`, '/usr/sbin/nologin')).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/nologin/),
      });
    });
    it('false', async () => {
      expect(await with_(`kmf${tag}`, '/bin/false')).toMatchObject({
        kind: 'exit',
        message: expect.stringMatching(/exit status 1 before the script began/),
      });
    });
    it('a forced command', async () => {
      expect(await with_(`kmc${tag}`, '/bin/sh', ['ForceCommand echo only this'])).toMatchObject({
        kind: 'exit',
        detail: 'only this',
      });
    });
    it('a method that is not installed', async () => {
      const found = await with_(`kmm${tag}`, '/bin/sh', ['SetEnv PATH=/nowhere'], {
        method: 'sudo',
        user: 'root',
      });
      expect(found).toMatchObject({ kind: expect.stringMatching(/auth|exit/) });
    });
  },
);
