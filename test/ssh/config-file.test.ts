// ~/.ssh/config, and the route to a host from it and the target.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSshConfig } from '../../src/adapters/ssh/config/config-file.ts';
import { parseJump, routeTo } from '../../src/adapters/ssh/config/route.ts';
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

describe('settings of a host', () => {
  it('the first value wins, and the target wins over all', async () => {
    const text =
      'Host node-a\n  User first\n  Port 2222\nHost *\n  User second\n  HostName %h.example.net\n';
    expect(await last(text)).toMatchObject({
      user: 'first',
      port: 2222,
      host: 'node-a.example.net',
    });
    expect(await last(text, { user: 'chosen', port: 22, address: '10.0.0.9' })).toMatchObject({
      user: 'chosen',
      port: 22,
      host: '10.0.0.9',
    });
  });
  it('without a file there are defaults', async () => {
    const found = await routeTo(target(), {
      sources: sourcesFor(''),
      home,
      env: { SSH_AUTH_SOCK: '/run/agent' },
      localUser: 'me',
      globalKnownHosts: [],
    });
    expect(found).toMatchObject({
      ok: true,
      hops: [{ user: 'me', port: 22, host: 'node-a', agent: '/run/agent', identitiesOnly: false }],
    });
  });
  it('a section for the address applies too, and a negation excludes either name', async () => {
    expect(await last('Host 10.0.*\n  User by-address\n', { address: '10.0.0.1' })).toMatchObject({
      user: 'by-address',
    });
    expect(await last('Host * !10.0.0.1\n  User by-star\n', { address: '10.0.0.1' })).toMatchObject(
      { user: 'me' },
    );
  });
  it('tokens and ~ in key files are expanded, and key files add up', async () => {
    const found = await last(
      'Host *\n  User ops\n  IdentityFile ~/.ssh/%r_%h\n  IdentityFile /keys/%n-%p%%\n  IdentitiesOnly yes\n',
    );
    expect(found?.keyFiles.map((file) => file.path)).toEqual([
      join(home, '.ssh/ops_node-a'),
      '/keys/node-a-22%',
    ]);
    expect(found?.identitiesOnly).toBe(true);
  });
  it('keywords may have any case, `=` and quotes', async () => {
    expect(
      await last(
        'host node-a\n  USER=x\n  userknownhostsfile "/a b/kh" /c\n  identityagent none\n',
        {},
        { SSH_AUTH_SOCK: '/s' },
      ),
    ).toMatchObject({
      user: 'x',
      userKnownHosts: ['/a b/kh', '/c'],
    });
    expect(
      (await last('IdentityAgent none\n', {}, { SSH_AUTH_SOCK: '/s' }))?.agent,
    ).toBeUndefined();
    expect((await last('IdentityAgent $OTHER\n', {}, { OTHER: '/o' }))?.agent).toBe('/o');
  });
  it('checking and timeout come from the file only if the operator did not set them', async () => {
    const text = 'StrictHostKeyChecking accept-new\nConnectTimeout 3\n';
    expect(await last(text)).toMatchObject({ hostKeyChecking: 'yes', connectTimeout: 10 });
    expect(await last(text, { defaulted: ['hostKeyChecking', 'connectTimeout'] })).toMatchObject({
      hostKeyChecking: 'accept-new',
      connectTimeout: 3,
    });
  });
  it('files are included, also by wildcard', async () => {
    mkdirSync(join(home, '.ssh/conf.d'));
    writeFileSync(join(home, '.ssh/conf.d/b.conf'), 'Host node-a\n  Port 2200\n');
    writeFileSync(join(home, '.ssh/conf.d/a.conf'), 'Host node-a\n  Port 2100\n');
    expect(await last('Include conf.d/*.conf\nHost node-a\n  Port 22\n')).toMatchObject({
      port: 2100,
    });
  });
  it.each([
    ['Host node-a\n  ProxyUseFdpass yes\n', ':2: ProxyUseFdpass is not supported'],
    ['PKCS11Provider /x.so\n', ':1: PKCS11Provider is not supported'],
    ['KnownHostsCommand /x %H\n', ':1: KnownHostsCommand is not supported'],
    ['RemoteCommand true\n', ':1: RemoteCommand is not supported'],
    ['RevokedHostKeys /x\n', ':1: RevokedHostKeys is not supported'],
    ['\n\nBindInterface eth7\n', ':3: BindInterface is not supported'],
    ['RouteBy moon\n', ':1: RouteBy is not an option that kmend knows'],
    ['RefuseConnection "frozen for the audit"\n', ':1: RefuseConnection: frozen for the audit'],
  ])('%j is a refusal with its place, and can be left out by name', async (text, problem) => {
    expect(await route(text)).toMatch(`${join(home, '.ssh/config')}${problem}`);
    expect(
      await last(text, {
        sshIgnore: [/[a-z]\w+(?= )/i.exec(text.replace('Host node-a', ''))?.[0] ?? ''],
      }),
    ).toMatchObject({
      host: 'node-a',
    });
    expect(await route(`Host other\n  ${text.trim().split('\n').at(-1)}\n`)).toHaveLength(1);
  });
  it('a jump host is refused, too', async () => {
    expect(await route('Host gate\n  KnownHostsCommand /x\nHost *\n  ProxyJump gate\n')).toMatch(
      /^jump host gate: .*config:2: KnownHostsCommand is not supported/,
    );
  });
  it('values that change nothing are no refusal', async () => {
    const text =
      'ProxyUseFdpass no\nPKCS11Provider none\nRemoteCommand none\nSessionType default\nCertificateFile none\nCanonicalizeHostname no\nProxyCommand none\n';
    expect(await route(text)).toHaveLength(1);
  });
  it('algorithms are reported with their place', async () => {
    await last('Host node-a\n  Ciphers aes128-ctr\nHost other\n  MACs hmac-sha1\n');
    expect(warnings).toEqual([
      `${join(home, '.ssh/config')}:2: Ciphers is not used: kmend has algorithms of its own`,
    ]);
  });
  it('options of the inventory come first, and are refused the same way', async () => {
    expect(
      await last('Port 1\nHostKeyAlias b\nBindAddress 127.0.0.2\n', {
        sshOptions: [
          'HostKeyAlias=a',
          'AddressFamily=inet6',
          'PreferredAuthentications=password,publickey',
        ],
      }),
    ).toMatchObject({
      hostKeyAlias: 'a',
      port: 1,
      family: 6,
      bindAddress: '127.0.0.2',
      methods: ['password', 'publickey'],
    });
    expect(await route('', { sshOptions: ['PKCS11Provider=/x'] })).toMatch(
      /^ssh arguments: PKCS11Provider is not supported/,
    );
  });
  it('a method that is switched off is not tried', async () => {
    expect((await last('PasswordAuthentication no\n'))?.methods).toEqual([
      'publickey',
      'keyboard-interactive',
    ]);
  });
  it('-F names another file in place of all', async () => {
    const other = join(home, 'other');
    writeFileSync(other, 'User by-other\n');
    expect(await last('User by-config\n', { sshConfigFile: other })).toMatchObject({
      user: 'by-other',
    });
    expect(await last('User by-config\n', { sshConfigFile: 'none' })).toMatchObject({ user: 'me' });
  });
  it('the file of the machine comes after that of the user, and its algorithms are not reported', async () => {
    const [user, system] = [join(home, '.ssh/config'), join(home, 'etc/ssh_config')];
    mkdirSync(join(home, 'etc/ssh_config.d'), { recursive: true });
    writeFileSync(user, 'Port 2200\n');
    writeFileSync(system, 'Include ssh_config.d/*.conf\nPort 1\nHost *\n  User by-machine\n');
    writeFileSync(
      join(home, 'etc/ssh_config.d/a.conf'),
      'Match final all\n  Ciphers aes128-ctr\nMACs hmac-sha1\n',
    );
    const found = await routeTo(target(), {
      sources: sourcesFor(user, system),
      home,
      env: {},
      localUser: 'me',
      globalKnownHosts: [],
    });
    expect(found).toMatchObject({ hops: [{ port: 2200, user: 'by-machine' }] });
    expect(warnings).toEqual([]);
  });
  it('a section of an included file counts only within the section that includes it', async () => {
    writeFileSync(join(home, '.ssh/more'), 'Host *\n  Port 2200\n');
    expect(await last('Host other\n  Include more\nHost *\n  Port 2300\n')).toMatchObject({
      port: 2300,
    });
    expect(await last('Host node-*\n  Include more\n  Port 2300\n')).toMatchObject({ port: 2200 });
  });
  it.each([['sh -c "a \'b c\'" # not a comment'], ['"/opt/a b/tsh" proxy --x=%r@%h:%p']])(
    'the command %s is taken as it is written',
    async (command) => {
      expect(await last(`ProxyCommand = ${command}  \n`)).toMatchObject({
        proxyCommand: command.replace('%r@%h:%p', 'me@node-a:22'),
      });
    },
  );
  it('a file that others may write is refused', async () => {
    writeFileSync(join(home, '.ssh/more'), 'Port 1\n');
    chmodSync(join(home, '.ssh/more'), 0o666);
    await expect(route('Include more\n')).rejects.toThrow(/more cannot be read: others may write/);
  });
  it('a file that cannot be parsed is an error with its name', async () => {
    await expect(route('Host "node\n')).rejects.toThrow(join(home, '.ssh', 'config'));
  });
});

describe('jump hosts', () => {
  it.each([
    ['j', { host: 'j' }],
    ['me@j:2222', { user: 'me', host: 'j', port: 2222 }],
    ['[fe80::1]:22', { host: 'fe80::1', port: 22 }],
    ['ssh://me@j:1', { user: 'me', host: 'j', port: 1 }],
    ['j:99999', undefined],
    ['', undefined],
    ['a b', undefined],
  ])('%s', (word, expected) => expect(parseJump(word)).toEqual(expected));

  it('a jump host from the file has its own settings', async () => {
    const hops = await route(
      'Host node-*\n  ProxyJump ops@gate:2222\nHost gate\n  HostName 10.9.9.9\n  IdentityFile /keys/gate\n',
    );
    expect(hops).toMatchObject([
      {
        alias: 'gate',
        host: '10.9.9.9',
        port: 2222,
        user: 'ops',
        mayAsk: true,
        keyFiles: [{ path: '/keys/gate' }],
      },
      { alias: 'node-a', mayAsk: false },
    ]);
  });
  it('a chain is kept in order; its first jump host may have jump hosts of its own, and no password is passed on', async () => {
    const { secret } = await import('../../src/model/host.ts');
    const hops = await route('Host j1\n  ProxyJump j0\nHost j2\n  ProxyJump nowhere\n', {
      jump: 'j1,j2',
      password: secret('x'),
    });
    expect(
      typeof hops === 'string' ? hops : hops.map((hop) => [hop.alias, hop.password !== undefined]),
    ).toEqual([
      ['j0', false],
      ['j1', false],
      ['j2', false],
      ['node-a', true],
    ]);
  });
  it('an empty word means no jump host, even if the file names one', async () => {
    expect(await route('ProxyJump gate\nHost gate\n ProxyJump none\n', { jump: '' })).toHaveLength(
      1,
    );
  });
  it.each([
    ['ProxyJump none\nProxyCommand nc %h %p\n', 'nc node-a 22', {}],
    ['ProxyCommand none\nProxyJump gate\n', undefined, {}],
    ['ProxyJump gate\nProxyCommand nc %h\n', 'nc node-a', { jump: '' }],
    ['ProxyCommand nc %h\n', undefined, { proxyCommand: '' }],
  ])('%j means the command %s', async (text, command, more) => {
    const hops = await route(text, more);
    expect(hops).toHaveLength(1);
    expect(hops[0]).toHaveProperty('alias', 'node-a');
    expect((hops[0] as { proxyCommand?: string }).proxyCommand).toBe(command);
  });
  it('a loop of jump hosts is refused', async () => {
    expect(await route('Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n', { jump: 'a' })).toMatch(
      /loop at a/,
    );
  });
});

it('ten thousand sections are looked up ten thousand times within the limit', async () => {
  const text = Array.from(
    { length: 10_000 },
    (_, i) => `Host node-${i}\n  HostName 10.0.0.${i % 250}\n`,
  ).join('');
  writeFileSync(join(home, '.ssh', 'config'), text);
  const path = join(home, '.ssh', 'config');
  const config = readSshConfig([{ path, base: home, isOwn: true }], home);
  const started = Date.now();
  for (let i = 0; i < 10_000; i++)
    config.lookup({ names: [`node-${i}`], before: new Map(), ignore: new Set() });
  expect(Date.now() - started).toBeLessThan(1500);
});
