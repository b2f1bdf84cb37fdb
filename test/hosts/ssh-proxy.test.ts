// `ProxyCommand` at a real OpenSSH server: by `ssh -W`, by `nc`, and by the inventory as Ansible
// reads it.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransportOptions } from '../../src/adapters/ssh/index.ts';
import { targetOf } from '../../src/load/inventory/target.ts';
import type { Target } from '../../src/model/host.ts';
import {
  addUser,
  authorize,
  knownLine,
  makeKey,
  noSshd,
  type Sshd,
  startSshd,
} from '../ssh/real-sshd.ts';
import { transportFor } from '../ssh/server.ts';

const user = `kmp${process.pid % 100000}`;
const noNc = existsSync('/usr/bin/nc') ? '' : 'no netcat-openbsd';

describe.skipIf(noSshd !== '')(
  `a proxy command and a real sshd${noSshd === '' ? '' : ` (skipped: ${noSshd})`}`,
  () => {
    let home = '';
    let gate: Sshd;
    let sshd: Sshd;
    let account: { readonly remove: () => void };
    const path = (name: string): string => join(home, name);

    beforeAll(async () => {
      home = mkdtempSync(join(tmpdir(), 'kmend-proxies-'));
      account = addUser(user, 'Pw-for-tests-1');
      [gate, sshd] = [await startSshd(['UsePAM no']), await startSshd(['UsePAM no'])];
      makeKey(path('id'), 'ed25519');
      for (const server of [gate, sshd]) authorize(server, user, [path('id.pub')]);
      writeFileSync(path('known'), knownLine(sshd, 'ed25519') + knownLine(gate, 'ed25519'));
    });
    afterAll(async () => {
      await gate?.stop();
      await sshd?.stop();
      account?.remove();
      rmSync(home, { recursive: true, force: true });
    });

    /** A target as an inventory with these ssh arguments makes it. */
    function target(args: string, more: Record<string, string> = {}): Target {
      const variables: Record<string, string | number> = {
        ansible_host: sshd.address,
        ansible_port: sshd.port,
        ansible_user: user,
        ansible_ssh_private_key_file: path('id'),
        ansible_ssh_common_args: `-o UserKnownHostsFile=${path('known')} ${args}`,
        ...more,
      };
      const { value, diagnostics } = targetOf('node-a', { lookup: (name) => variables[name] });
      if (value === undefined) throw new Error(JSON.stringify(diagnostics));
      return value;
    }
    async function attempt(to: Target, more: Partial<TransportOptions> = {}) {
      const via = transportFor(home, { env: process.env, ...more });
      const result = await via.connect(to);
      const answer = result.ok
        ? await result.value.exec({
            script: 'set -- $SSH_CONNECTION; id -un; echo "$1"; cat; exit 7',
            stdin: 'in',
            become: false,
            timeout: 20,
          })
        : undefined;
      await via.close();
      return answer ?? result;
    }
    /** `ssh -W` with options of its own, which only OpenSSH reads. */
    const byGate = (more = ''): string =>
      `ssh -F none -i ${path('id')} -o BatchMode=yes -o UserKnownHostsFile=${path('known')} -p ${gate.port} ${more} -W %h:%p ${user}@${gate.address}`;

    it('by ssh -W of the inventory', async () => {
      expect(await attempt(target(`-o "ProxyCommand=${byGate()}"`))).toMatchObject({
        value: { code: 7, stdout: expect.stringMatching(new RegExp(`^${user}\n127[.].*\nin$`)) },
      });
    });
    it('by ssh -W of the configuration', async () => {
      writeFileSync(path('config'), `Host node-a\n  ProxyCommand ${byGate()}\n`);
      expect(await attempt(target(''), { configFile: path('config') })).toMatchObject({
        value: { code: 7 },
      });
    });
    it('that is refused at the bastion: what ssh says is in the failure', async () => {
      const args = `-o "ProxyCommand=${byGate('-o IdentitiesOnly=yes -o IdentityFile=none').replace(path('id'), '/dev/null')}"`;
      expect(await attempt(target(args))).toMatchObject({
        failure: {
          kind: 'unreachable',
          message: expect.stringMatching(
            new RegExp(`the proxy command ended with 255: ${user}@.*Permission denied`),
          ),
        },
      });
    });
    it('to a host whose key is another: by name', async () => {
      writeFileSync(
        path('known-wrong'),
        knownLine(gate, 'ed25519').replace(/^\S+/, `[${sshd.address}]:${sshd.port}`),
      );
      expect(
        await attempt({
          ...target(`-o "ProxyCommand=${byGate()}"`),
          knownHostsFiles: [path('known-wrong')],
        }),
      ).toMatchObject({ failure: { kind: 'host_key', message: expect.stringMatching(/CHANGED/) } });
    });
    it.skipIf(noNc !== '')(`by nc${noNc === '' ? '' : ` (skipped: ${noNc})`}`, async () => {
      expect(await attempt(target('-o "ProxyCommand=nc %h %p"'))).toMatchObject({
        value: { code: 7 },
      });
      const dead = target('-o "ProxyCommand=nc -v 127.0.0.1 1"');
      expect(await attempt(dead)).toMatchObject({
        failure: {
          transport: true,
          message: expect.stringMatching(/the proxy command ended with 1: .*Connection refused/),
        },
      });
    });
  },
);
