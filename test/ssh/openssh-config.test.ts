// What `ssh -G` is asked for, and what becomes of its answers. Starts processes.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOpenSsh } from '../../src/adapters/ssh/config/openssh.ts';
import { routeTo } from '../../src/adapters/ssh/config/route.ts';
import { createSources } from '../../src/adapters/ssh/config/source.ts';
import type { Target } from '../../src/model/host.ts';

let home = '';
let warnings: string[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-config-'));
  mkdirSync(join(home, '.ssh'));
  warnings = [];
});
afterEach(() => rmSync(home, { recursive: true }));

const target = (more: Partial<Target> = {}): Target => ({
  name: 'node-a',
  hostKeyChecking: 'yes',
  legacyCrypto: false,
  connectTimeout: 10,
  ...more,
});

const sourcesFor = (configFile: string, systemFile = '') =>
  createSources({
    home,
    env: process.env,
    configFile,
    systemFile,
    warn: (warning) => warnings.push(warning),
  });

async function route(text: string, more: Partial<Target> = {}, env: Record<string, string> = {}) {
  const file = join(home, '.ssh', 'config');
  writeFileSync(file, text);
  const sources = sourcesFor(file);
  sources();
  const found = await routeTo(target(more), {
    sources,
    home,
    env,
    localUser: 'me',
    globalKnownHosts: ['/etc/ssh/ssh_known_hosts'],
  });
  if (!found.ok) return found.message;
  return found.hops;
}
const last = async (...args: Parameters<typeof route>) => {
  const hops = await route(...args);
  if (typeof hops === 'string') throw new Error(hops);
  return hops.at(-1);
};

const noSsh = existsSync('/usr/bin/ssh') ? '' : 'no openssh-client';
describe.skipIf(noSsh !== '')(
  `what only OpenSSH can judge${noSsh === '' ? '' : ` (skipped: ${noSsh})`}`,
  () => {
    const matching = 'Match exec "test %n = node-a"\n  User matched\n  ProxyCommand nc %h %p\n';

    it('is asked of ssh -G, by the name and by the address', async () => {
      expect(await last(`${matching}Host *\n  ProxyJump gate\n`)).toMatchObject({
        user: 'matched',
        proxyCommand: 'nc node-a 22',
      });
      const text = `${matching}Host 10.0.*\n  Port 2200\n  User by-address\n`;
      expect(await last(text, { address: '10.0.0.1' })).toMatchObject({
        user: 'matched',
        port: 2200,
        host: '10.0.0.1',
        proxyCommand: 'nc 10.0.0.1 2200',
      });
    });
    it('knows the user of the inventory, and what it says itself wins', async () => {
      const text = 'Match user ops\n  Port 2200\nHost *\n  IdentityFile ~/.ssh/%r\n';
      expect(await last(text, { user: 'ops' })).toMatchObject({
        port: 2200,
        user: 'ops',
        keyFiles: [{ path: join(home, '.ssh/ops') }],
      });
      expect(await last(text, { user: 'other' })).toMatchObject({ port: 22 });
      expect(await last(text, { user: 'ops', port: 23 })).toMatchObject({ port: 23 });
    });
    it('is refused by the place of its line', async () => {
      expect(await route('Match exec true\n  PKCS11Provider /x.so\n')).toBe(
        `${join(home, '.ssh/config')}:2: pkcs11provider is not supported, and without it another way or login could be taken`,
      );
      expect(
        await route('Match exec true\n  PKCS11Provider /x.so\n', { sshIgnore: ['PKCS11Provider'] }),
      ).toHaveLength(1);
      expect(await last(matching, { sshIgnore: ['Match'] })).toMatchObject({ user: 'me' });
    });
    it('without ssh, or with a name that ssh would read otherwise, the host is refused', async () => {
      expect(await route(matching, { name: 'ops@node-a' })).toBe(
        `${join(home, '.ssh/config')}:1 needs OpenSSH itself to judge it: ssh takes no host called "ops@node-a"`,
      );
      const bare = createSources({
        home,
        env: { PATH: '/nowhere' },
        configFile: join(home, '.ssh/config'),
        systemFile: '',
        warn: () => undefined,
      });
      const query = { names: ['node-a'], before: new Map(), ignore: new Set<string>() };
      expect(await bare()(query, undefined)).toMatchObject({
        ok: false,
        problem: expect.stringMatching(/ssh is not installed here/),
      });
    });
    it('what ssh says of a broken option is in the refusal', async () => {
      expect(await route('Match exec true\n  Port many\n')).toMatch(
        /:1 needs OpenSSH itself to judge it: ssh -G: .*Bad (?:port|number)[^⏎]*$/,
      );
    });
    it('a host that no condition applies to costs no process', async () => {
      const bin = join(home, 'bin');
      mkdirSync(bin);
      writeFileSync(
        join(bin, 'ssh'),
        `#!/bin/sh\necho x >>${home}/calls\nexec /usr/bin/ssh "$@"\n`,
        {
          mode: 0o755,
        },
      );
      writeFileSync(join(home, '.ssh/config'), 'Match originalhost db* exec true\n  User x\n');
      const lookUp = createSources({
        home,
        env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
        configFile: join(home, '.ssh/config'),
        systemFile: '',
        warn: () => undefined,
      })();
      const ask = (name: string) =>
        lookUp({ names: [name], before: new Map(), ignore: new Set() }, undefined);
      await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`node-${i}`)));
      expect(existsSync(join(home, 'calls'))).toBe(false);
      await Promise.all(Array.from({ length: 20 }, () => ask('db1')));
      // One for the host, one for the defaults.
      expect(readFileSync(join(home, 'calls'), 'utf8')).toBe('x\nx\n');
    });
    it('a Match exec that hangs is given up and ended', async () => {
      writeFileSync(
        join(home, '.ssh/config'),
        `Match exec "echo $$ >${home}/pid; sleep 60"\n  User x\n`,
      );
      const openSsh = createOpenSsh({
        env: process.env,
        configFile: join(home, '.ssh/config'),
        timeout: 1,
      });
      const query = { names: ['node-a'], before: new Map(), ignore: new Set<string>() };
      expect(await openSsh.settingsOf(query, undefined)).toEqual({
        ok: false,
        problem: 'ssh -G did not answer within 1 s',
      });
    });
  },
);
