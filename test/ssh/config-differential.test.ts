// The parser of ssh configurations against OpenSSH itself: for every host both find the same, or the
// parser says that only OpenSSH can judge, and then `ssh -G` is asked.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostName, readSshConfig } from '../../src/adapters/ssh/config/config-file.ts';
import { createSources, type LookUp } from '../../src/adapters/ssh/config/source.ts';

const noSsh = existsSync('/usr/bin/ssh') ? '' : 'no openssh-client';

/** What decides the way to a host, who it is and who logs in. */
const compared = [
  'hostname',
  'port',
  'user',
  'identityfile',
  'certificatefile',
  'proxyjump',
  'proxycommand',
  'hostkeyalias',
  'userknownhostsfile',
  'globalknownhostsfile',
  'addressfamily',
  'identitiesonly',
] as const;

const names = ['n1', 'n2.example.net', 'db-1', '10.0.0.7', 'N1'];

/** Configurations, and whether the parser alone must know all. */
const table: readonly (readonly [what: string, isSure: boolean, text: string])[] = [
  ['empty', true, ''],
  ['first value wins', true, 'Host n1\n Port 1\nHost *\n Port 2\n User x\nPort 3\n'],
  ['negation', true, 'Host * !n1 !db-*\n User x\nHost n?\n Port 9\n'],
  [
    'equal signs and quotes',
    true,
    'host=n1\n\tUSER = "x"\nPort="2200"\nHost "n2.example.net" db-1\n User y # no\n',
  ],
  ['HostName with tokens', true, 'Host n1\n HostName %h.example.net\nHost *\n HostName 100%%h\n'],
  [
    'key files add up',
    true,
    'IdentityFile ~/.ssh/a\nHost n1\n IdentityFile ~/.ssh/%r_%h\n IdentityFile "/a b/c"\n CertificateFile /x-cert.pub\n',
  ],
  ['known hosts', true, 'UserKnownHostsFile /a /b\nGlobalKnownHostsFile /c\nHostKeyAlias k\n'],
  ['jump before command', true, 'Host n1\n ProxyJump gate,b\nHost *\n ProxyCommand nc %h %p\n'],
  [
    'command before jump',
    true,
    'Host n1\n ProxyCommand nc -x "a b" %h %p # to the end\nHost *\n ProxyJump gate\n',
  ],
  [
    'none before',
    true,
    'Host n1\n ProxyCommand none\nHost db-1\n ProxyJump none\nHost *\n ProxyJump gate\n',
  ],
  [
    'command with equal sign',
    true,
    'Host n1\n ProxyCommand = sh -c "aws --x=%h \'portNumber=%p\'"\n',
  ],
  ['include', true, 'Include conf.d/*.conf\nHost *\n User last\n'],
  ['include in a section', true, 'Host n1\n Include conf.d/a.conf\nHost *\n User last\n Port 7\n'],
  ['include of a file that is not there', true, 'Include nowhere\nPort 5\n'],
  ['include by a token', false, 'Include conf.%%d/../conf.d/*.conf\nUser last\n'],
  ['include by folders', false, 'Include */a.conf\nUser last\n'],
  ['Match all', true, 'Match all\n User m\n'],
  [
    'Match originalhost',
    true,
    'Match originalhost n1,db-*\n User m\nMatch !originalhost n1\n Port 6\n',
  ],
  [
    'Match host after HostName',
    true,
    'Host n1\n HostName db-9\nMatch host db-*\n User m\nMatch host n1\n User no\n',
  ],
  [
    'Match host and exec',
    false,
    'Match host n1 exec "test %h = n1"\n User m\nMatch exec false\n User no\n',
  ],
  ['Match exec that cannot apply', true, 'Match originalhost other exec "exit 0"\n User m\n'],
  ['Match user', false, 'User a\nMatch user a\n Port 8\n'],
  ['Match localuser', false, `Match localuser ${userInfo().username}\n ProxyJump gate\n`],
  ['Match final of algorithms', false, 'Match final all\n Ciphers aes128-ctr\nHost *\n User x\n'],
  ['Match final', false, 'Match final all\n User m\nHost n1\n Port 4\n'],
  [
    'Match final after HostName',
    false,
    'Match final all\n Ciphers aes128-ctr\nHost n1\n HostName db-1\nHost db-1\n User second\n',
  ],
  [
    'Match with a command',
    false,
    'Match exec true\n ProxyCommand nc %h %p\nHost *\n ProxyJump gate\n',
  ],
  [
    'canonical names',
    false,
    'CanonicalizeHostname yes\nCanonicalDomains invalid\nHost *\n User c\n',
  ],
  ['canonical off', true, 'CanonicalizeHostname no\nUser c\n'],
  ['IdentitiesOnly and AddressFamily', true, 'IdentitiesOnly yes\nAddressFamily inet\n'],
];

describe.skipIf(noSsh !== '')(
  `ssh -G and the parser agree${noSsh === '' ? '' : ` (skipped: ${noSsh})`}`,
  () => {
    let home = '';
    const file = (): string => join(home, '.ssh/config');
    beforeAll(() => {
      // OpenSSH takes relative paths from the home directory of the account: so do both here.
      home = mkdtempSync(join(tmpdir(), 'kmend-differential-'));
      mkdirSync(join(home, '.ssh/conf.d'), { recursive: true });
      writeFileSync(join(home, '.ssh/conf.d/a.conf'), 'Port 11\nHost n1\n User of-a\n');
      writeFileSync(join(home, '.ssh/conf.d/b.conf'), 'Host *\n Port 12\n HostKeyAlias of-b\n');
    });
    afterAll(() => rmSync(home, { recursive: true }));

    /** Paths of `Include` become absolute: OpenSSH would look in the account's own `.ssh`. */
    const write = (text: string): void =>
      writeFileSync(file(), text.replace(/(Include )(\S)/g, `$1${join(home, '.ssh')}/$2`));

    const printed = (name: string, from: string): ReadonlyMap<string, string> => {
      const found = new Map<string, string>();
      const text = execFileSync('/usr/bin/ssh', ['-F', from, '-G', '--', name], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      for (const line of text.split('\n')) {
        const [keyword = '', ...rest] = line.split(' ');
        const before = found.get(keyword);
        found.set(keyword, `${before === undefined ? '' : `${before} `}${rest.join(' ')}`);
      }
      return found;
    };
    const expected = (name: string) => {
      const all = printed(name, file());
      return Object.fromEntries(compared.map((key) => [key, all.get(key)]));
    };
    let usual: ReadonlyMap<string, string>;
    const found = async (lookUp: LookUp, name: string) => {
      usual ??= printed('x', 'none');
      const query = { names: [name], before: new Map(), ignore: new Set<string>() };
      const result = await lookUp(query, undefined);
      if (!result.ok) {
        // A refusal of what kmend does not do is no difference; any other is.
        if (/ is not supported/.test(result.problem)) return undefined;
        throw new Error(result.problem);
      }
      const { settings } = result;
      const value = (key: string): string | undefined => {
        if (key === 'proxyjump' || key === 'proxycommand') {
          const [way] = [...settings].find(
            ([one, { values }]) =>
              one === 'proxycommand' || (one === 'proxyjump' && values[0] !== 'none'),
          ) ?? [undefined];
          const text = way === key ? settings.get(key)?.values[0] : undefined;
          return text === 'none' ? undefined : text;
        }
        const text = settings.get(key)?.values.join(' ');
        if (key === 'hostname') return hostName(settings, name).toLowerCase();
        return text ?? usual.get(key);
      };
      return Object.fromEntries(compared.map((key) => [key, value(key)]));
    };
    const sources = (): LookUp =>
      createSources({
        home,
        env: process.env,
        configFile: file(),
        systemFile: '',
        warn: () => {},
      })();
    /** As the parser sees it: each name that it is sure of. */
    const isSure = (name: string): boolean =>
      readSshConfig([{ path: file(), base: join(home, '.ssh'), isOwn: true }], home).lookup({
        names: [name],
        before: new Map(),
        ignore: new Set(),
      }).unsure === undefined;

    const agree = async (): Promise<void> => {
      const lookUp = sources();
      for (const name of names) {
        const own = await found(lookUp, name);
        if (own !== undefined)
          expect(own, `${name} in ${readFileSync(file(), 'utf8')}`).toEqual(expected(name));
      }
    };

    it.each(table)('%s (the parser alone: %s)', async (_what, alone, text) => {
      write(text);
      await agree();
      expect(names.every(isSure)).toBe(alone);
    });

    it('over random configurations', async () => {
      const word = fc.constantFrom('n1', 'n?', '*', '!n1', 'db-*', '10.0.0.7', 'n2.example.net');
      const line = fc.oneof(
        fc
          .tuple(
            fc.constantFrom('Host', 'Host', 'Match originalhost', 'Match host'),
            fc.array(word, { minLength: 1, maxLength: 3 }),
          )
          .map(([key, words]) => `${key} ${words.join(key === 'Host' ? ' ' : ',')}`),
        fc.constantFrom(
          'User a',
          'User = "b"',
          'Port 2201',
          'Port=2202',
          'HostName db-%h',
          'HostName n1',
          'ProxyJump gate:22',
          'ProxyJump none',
          'ProxyCommand nc %h %p',
          'ProxyCommand none',
          'IdentityFile /k/%r',
          'IdentityFile none',
          'HostKeyAlias z',
          'Include conf.d/*.conf',
          'Match exec false',
          'Match final all',
          'Match all',
        ),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(line, { maxLength: 9 }), async (lines) => {
          write(`${lines.join('\n')}\n`);
          await agree();
        }),
        { numRuns: 60 },
      );
    });
  },
);
