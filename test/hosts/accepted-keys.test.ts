// `StrictHostKeyChecking=no` at the command line, over both transports: what was accepted is said on
// stderr, with the key and its file, and once.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorize, makeKey, noSshd, type Sshd, startSshd } from '../ssh/real-sshd.ts';
import { type Operator, operator, type Ran } from './operator.ts';

const transports = ['kmend', 'openssh'] as const;

describe.skipIf(noSshd !== '')(
  `host keys without checking${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  () => {
    let home = '';
    let sshd: Sshd;
    let op: Operator;
    const path = (name: string): string => join(home, name);

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-accepted-'));
      makeKey(path('id'), 'ed25519');
      sshd = await startSshd(['UsePAM no'], ['ed25519']);
      authorize(sshd, 'root', [path('id.pub')]);
      op = operator([]);
    });
    afterAll(async () => {
      op?.close();
      await sshd?.stop();
      rmSync(home, { recursive: true, force: true });
    });

    const check = (transport: string, known: string, words: readonly string[] = []): Promise<Ran> =>
      op.kmend([
        'check',
        '-i',
        op.file(
          'inventory.yaml',
          `all: {hosts: {node-a: ${JSON.stringify({
            ansible_host: sshd.address,
            ansible_port: sshd.port,
            ansible_user: 'root',
            ansible_ssh_private_key_file: path('id'),
            ansible_ssh_common_args: `-o StrictHostKeyChecking=no -o UserKnownHostsFile=${known}`,
            ansible_ssh_transport: transport,
          })}}}\n`,
        ),
        ...words,
      ]);
    const print = (): string =>
      execFileSync('ssh-keygen', ['-lf', join(sshd.dir, 'host_ed25519.pub')], { encoding: 'utf8' })
        .split(' ')
        .at(1) ?? '';

    it.each(
      transports.flatMap((transport) =>
        [[], ['--json']].map((words) => [transport, words] as const),
      ),
    )('%s %j: an unknown key is said with its file, and added to it', async (transport, words) => {
      const known = path(`known-${transport}${words.length}`);
      const first = await check(transport, known, words);
      const said =
        /^warning: (?:root@)?node-a \(\S+\): checking is off, so its unknown ed25519 host key is trusted: (\S+), added to (\S+)$/m;
      expect(said.exec(first.err)?.slice(1), first.err).toEqual([print(), known]);
      expect(first.err.match(/checking is off/g)).toHaveLength(1);
      expect(first.out).not.toContain('checking is off');
      expect(first.out).toContain('node-a');
      // Debian's configuration hashes the name.
      expect(readFileSync(known, 'utf8').endsWith(` ${sshd.hostKeys.get('ed25519')}\n`)).toBe(true);
      const second = await check(transport, known, words);
      expect([second.err, second.code]).toEqual([
        first.err.replace(/^warning: .*checking is off.*\n/m, ''),
        first.code,
      ]);
    });

    it.each(transports)('%s: a key that has changed is said each time', async (transport) => {
      const known = path(`changed-${transport}`);
      makeKey(path(`other-${transport}`), 'ed25519');
      const other = readFileSync(path(`other-${transport}.pub`), 'utf8').split(' ')[1];
      writeFileSync(known, `[${sshd.address}]:${sshd.port} ssh-ed25519 ${other}\n`);
      const { err } = await check(transport, known);
      expect(err).toMatch(
        /warning: (?:root@)?node-a \(\S+\): the host key is not the one .*; checking is off, so the connection continues, but no password is sent/,
      );
      expect(readFileSync(known, 'utf8')).toContain(other ?? '');
    });
  },
);
