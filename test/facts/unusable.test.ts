// Why a repository cannot be used: what dnf 4 really says (recorded against a server on this
// machine), what yum 3, dnf 5 and apt say by their sources.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildProbe } from '../../src/facts/index.ts';
import type { FactWant } from '../../src/model/fact.ts';
import type { Value } from '../../src/model/value.ts';
import { emptyHost, file, program, type Recorded, replay } from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  program(host, 'rpm', 'exit 1');
  file(host, 'etc/os-release', 'ID="centos"\nVERSION_ID="7"\n');
});
afterEach(() => host.remove());

const base = 'http://mirror.example/7/os/';
const repository = (more = '') =>
  `[base]\nname=CentOS-7 - Base\nbaseurl=${base}\nenabled=1\n${more}`;

function look(args: { readonly name?: string } & Record<string, Value> = {}): readonly Value[] {
  const wants: readonly FactWant[] = [{ area: 'package', args: { name: 'docker-ce', ...args } }];
  const facts = replay(host, { wants });
  const found = Object.entries(facts).find(([name]) => name.endsWith('.unusable'))?.[1];
  return found as readonly Value[];
}

const manager = (said: string, status = 1): void => {
  file(host, 'said', said);
  program(host, 'yum', `echo "$*" >> "$KMEND_ROOT/calls"; cat "$KMEND_ROOT/said"; exit ${status}`);
};

const dnf = (
  line: string,
  last = 'Cannot download repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried',
) =>
  `CentOS-7 - Base     0.0  B/s |   0  B     00:00    \nErrors during downloading metadata for repository 'base':\n  - ${line}\nError: Failed to download metadata for repo 'base': ${last}\n`;
const at = `${base}repodata/repomd.xml`;
const refusedBy = (host: string) =>
  `[Failed to connect to ${host} port 80 after 0 ms: Could not connect to server]`;

describe('dnf 4', () => {
  it.each<[string, string]>([
    ['gone', dnf(`Status code: 404 for ${at} (IP: 10.0.0.1)`)],
    ['gone', dnf(`Status code: 410 for ${at} (IP: 10.0.0.1)`)],
    [
      'gone',
      dnf(
        "Curl error (37): Could not read a file:// file for http://mirror.example/7/os/x [Couldn't open file /nowhere]",
      ),
    ],
    ['forbidden', dnf(`Status code: 401 for ${at} (IP: 10.0.0.1)`)],
    ['forbidden', dnf(`Status code: 403 for ${at} (IP: 10.0.0.1)`)],
    [
      'forbidden',
      dnf(
        `Curl error (35): SSL connect error for ${at} [error reading X.509 key file: Error while reading file.]`,
      ),
    ],
    [
      'forbidden',
      dnf(
        `Curl error (58): Problem with the local SSL certificate for ${at} [could not load PEM client certificate from /etc/pki/x]`,
      ),
    ],
    ['busy', dnf(`Status code: 503 for ${at} (IP: 10.0.0.1)`)],
    ['busy', dnf(`Status code: 429 for ${at} (IP: 10.0.0.1)`)],
    ['proxy_login', dnf(`Status code: 407 for ${at} (IP: 10.0.0.1)`)],
    [
      'proxy_login',
      dnf(
        `Curl error (56): Failure when receiving data from the peer for ${at} [CONNECT tunnel failed, response 407]`,
      ),
    ],
    [
      'proxy',
      dnf(
        `Curl error (5): Could not resolve proxy name for ${at} [Could not resolve proxy: proxy.invalid]`,
      ),
    ],
    [
      'moved',
      dnf('Status code: 404 for http://mirror.example/8/repodata/repomd.xml (IP: 10.0.0.1)'),
    ],
    [
      'moved',
      dnf(
        'Curl error (6): Could not resolve hostname for http://new.invalid/x/repodata/repomd.xml [Could not resolve host: new.invalid]',
      ),
    ],
    [
      'moved',
      dnf(
        `Curl error (7): Could not connect to server for http://127.0.0.1:1/x/ ${refusedBy('127.0.0.1')}`,
      ),
    ],
    [
      'moved',
      dnf(
        'Curl error (60): SSL peer certificate or SSH remote key was not OK for https://mirror.example/7/os/x [certificate signer not trusted.]',
      ),
    ],
    [
      'moved',
      dnf(
        `Curl error (47): Number of redirects hit maximum amount for ${at} [Maximum (6) redirects followed]`,
      ),
    ],
    [
      'content',
      "Error: Failed to download metadata for repo 'base': repomd.xml parser error: Element <repomd> was not found - Bad repomd file\n",
    ],
    [
      'name',
      dnf(
        `Curl error (6): Could not resolve hostname for ${at} [Could not resolve host: mirror.example]`,
      ),
    ],
    [
      'refused',
      dnf(`Curl error (7): Could not connect to server for ${at} ${refusedBy('mirror.example')}`),
    ],
    [
      'timeout',
      dnf(
        `Curl error (28): Timeout was reached for ${at} [Operation too slow. Less than 1000 bytes/sec transferred the last 12 seconds]`,
      ),
    ],
    [
      'certificate',
      dnf(
        `Curl error (60): SSL peer certificate or SSH remote key was not OK for ${at} [server verification failed: certificate signer not trusted. (CAfile: x)]`,
      ),
    ],
    [
      'certificate',
      dnf(`Curl error (77): Problem with the SSL CA cert (path? access rights?) for ${at} []`),
    ],
    [
      'expired',
      dnf(
        `Curl error (60): SSL peer certificate or SSH remote key was not OK for ${at} [server verification failed: certificate has expired. (CAfile: x)]`,
      ),
    ],
    [
      'tls',
      dnf(
        `Curl error (35): SSL connect error for ${at} [GnuTLS, handshake failed: An unexpected TLS packet was received.]`,
      ),
    ],
    [
      'key',
      dnf(
        `Status code: 404 for ${at}.asc (IP: 10.0.0.1)`,
        'GPG verification is enabled, but GPG signature is not available. This may be an error',
      ),
    ],
    [
      'key',
      "Error: Failed to download metadata for repo 'base': repomd.xml GPG signature verification error: Signing key not found\n",
    ],
    [
      'past',
      dnf(
        'Curl error (6): Could not resolve hostname for http://mirrorlist.centos.org/?release=7 [Could not resolve host: mirrorlist.centos.org]',
      ),
    ],
    ['address', 'Error: Cannot find a valid baseurl for repo: base\n'],
    [
      'address',
      "Error: Failed to download metadata for repo 'base': Cannot prepare internal mirrorlist: No URLs in mirrorlist\n",
    ],
    [
      'unreached',
      "Error: Failed to download metadata for repo 'base': Cannot download repomd.xml: All mirrors were tried\n",
    ],
  ])('%s', (cause, said) => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(said);
    expect(look()).toEqual([
      { cause, repository: 'base', said: expect.stringMatching(/\S/), skipped: false },
    ]);
  });

  it('a repository that enablerepo names and that is not configured', () => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager("Error: Unknown repo: 'elrepo-kernel'\n");
    expect(look({ enablerepo: ['elrepo-kernel'] })).toMatchObject([
      { cause: 'unknown', repository: 'elrepo-kernel', skipped: false },
    ]);
  });

  it('a skipped repository is reported, though the list is only empty', () => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(
      `${dnf(`Status code: 404 for ${at} (IP: 10.0.0.1)`)}Ignoring repositories: base\nError: No matching Packages to list\n`,
    );
    expect(look()).toMatchObject([{ cause: 'gone', repository: 'base', skipped: true }]);
  });

  it('a connection to another host than that of the address is one to the proxy, where one is configured', () => {
    const said = dnf(
      `Curl error (7): Could not connect to server for ${at} ${refusedBy('10.0.0.9')}`,
    );
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(said);
    expect(look()).toMatchObject([{ cause: 'refused' }]);
    file(host, 'etc/yum.conf', '[main]\nproxy=http://10.0.0.9:3128\n');
    expect(look()).toMatchObject([{ cause: 'proxy' }]);
  });

  it('several repositories, each with its cause; those that were not skipped come first', () => {
    file(
      host,
      'etc/yum.repos.d/base.repo',
      `${repository()}[epel]\nbaseurl=http://epel.example/\n`,
    );
    manager(
      `${dnf(`Status code: 503 for ${at} (IP: 10.0.0.1)`)}Errors during downloading metadata for repository 'epel':\n  - Status code: 403 for http://epel.example/x (IP: 1)\nError: Failed to download metadata for repo 'epel': All mirrors were tried\nIgnoring repositories: base\n`,
    );
    expect(
      look().map((row) => [
        (row as { repository: string }).repository,
        (row as { cause: string }).cause,
      ]),
    ).toEqual([
      ['epel', 'forbidden'],
      ['base', 'busy'],
    ]);
  });
});

describe('causes of the host itself', () => {
  const plugins = 'No matches found for the following disable plugin patterns: versionlock\n';
  it.each<[string, string, string]>([
    [
      'full',
      `${plugins}Failed to load expired repos cache: [Errno 28] No space left on device\n[Errno 28] No space left on device\n`,
      'Failed to load expired repos cache: [Errno 28] No space left on device; [Errno 28] No space left on device',
    ],
    [
      'read_only',
      "Config error: [Errno 30] Read-only file system: '/var/log/dnf.log': '/var/log/dnf.log'\n",
      "Config error: [Errno 30] Read-only file system: '/var/log/dnf.log': '/var/log/dnf.log'",
    ],
    [
      'locked',
      `${plugins}RPMDB already locked by 95\n  The application with PID 95 is: dnf\n    Memory :  57 M RSS ( 89 MB VSZ)\n`,
      'RPMDB already locked by 95; The application with PID 95 is: dnf',
    ],
    [
      'locked',
      `${plugins}metadata already locked by 130\n  The application with PID 130 is: sleep\n    State  : Sleeping\n`,
      'metadata already locked by 130; The application with PID 130 is: sleep',
    ],
    [
      'failed',
      `${plugins}Error: something that nobody has seen before\n`,
      'Error: something that nobody has seen before',
    ],
  ])('%s: in the words of dnf 4', (cause, words, said) => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(words);
    expect(look()).toEqual([{ cause, repository: expect.any(String), said, skipped: false }]);
  });

  it('a repository that failed beside it is not the cause', () => {
    manager(
      `${dnf(`Status code: 503 for ${at} (IP: 10.0.0.1)`)}[Errno 28] No space left on device\n`,
    );
    expect(look()).toMatchObject([{ cause: 'full' }]);
  });

  it('versions that were found all the same make it a skipped cause', () => {
    manager(
      '[Errno 28] No space left on device\nAvailable Packages\ndocker-ce.x86_64  3:18.09.9-3.el7  base\n',
    );
    expect(look()).toMatchObject([{ cause: 'full', skipped: true }]);
  });

  it('names the file systems without space', () => {
    program(
      host,
      'stat',
      'case "$*" in */var) echo "1 * 4096 / 1024";; *) echo "500 * 4096 / 1024";; esac',
    );
    manager('[Errno 28] No space left on device\n');
    expect(look()).toMatchObject([{ cause: 'full', repository: '/var' }]);
  });
});

describe('yum 3, from its sources', () => {
  const stopped =
    " One of the configured repositories failed (CentOS-7 - Base),\n and yum doesn't have enough cached data to continue.\n            yum --disablerepo=base ...\n\nfailure: repodata/repomd.xml from base: [Errno 256] No more mirrors to try.\n";
  const yum = (error: string, url = at) =>
    `Loaded plugins: fastestmirror\n${url}: ${error}\nTrying other mirror.\n${stopped}`;
  it.each<[string, string]>([
    ['gone', yum('[Errno 14] HTTP Error 404 - Not Found')],
    ['forbidden', yum('[Errno 14] HTTPS Error 403 - Forbidden')],
    ['busy', yum('[Errno 14] HTTP Error 503 - Service Unavailable')],
    ['proxy_login', yum('[Errno 14] HTTP Error 407 - Proxy Authentication Required')],
    ['name', yum('[Errno 14] curl#6 - "Could not resolve host: mirror.example; Unknown error"')],
    ['moved', yum('[Errno 14] curl#6 - "Could not resolve host: new.example; Unknown error"')],
    ['moved', yum('[Errno 14] curl#60 - "Peer\'s Certificate issuer is not recognized."')],
    [
      'refused',
      yum('[Errno 14] curl#7 - "Failed connect to mirror.example:80; Connection refused"'),
    ],
    [
      'refused',
      yum('[Errno 14] curl#35 - "TCP connection reset by peer"', 'https://mirror.example/7/os/x'),
    ],
    [
      'timeout',
      yum(
        "[Errno 12] Timeout on http://mirror.example/7/os/x: (28, 'Connection timed out after 12001 milliseconds')",
      ),
    ],
    [
      'certificate',
      yum(
        '[Errno 14] curl#60 - "Peer\'s Certificate issuer is not recognized."',
        'https://mirror.example/7/os/x',
      ),
    ],
    [
      'expired',
      yum(
        '[Errno 14] curl#60 - "Peer\'s Certificate has expired."',
        'https://mirror.example/7/os/x',
      ),
    ],
    [
      'tls',
      yum(
        '[Errno 14] curl#35 - "Peer reports incompatible or unsupported protocol version."',
        'https://mirror.example/7/os/x',
      ),
    ],
    ['key', yum('[Errno -1] repomd.xml signature could not be verified for base')],
    ['content', yum('[Errno -1] Error importing repomd.xml for base: Damaged repomd.xml file')],
    [
      'past',
      'Could not retrieve mirrorlist http://mirrorlist.centos.org/?release=7&arch=x86_64&repo=os&infra=stock error was\n14: curl#6 - "Could not resolve host: mirrorlist.centos.org; Unknown error"\n\n\n One of the configured repositories failed (Unknown),\n\nCannot find a valid baseurl for repo: base/7/x86_64\n',
    ],
  ])('%s', (cause, said) => {
    file(
      host,
      'etc/yum.repos.d/base.repo',
      said.includes('\nhttps:') ? repository().replace('http:', 'https:') : repository(),
    );
    manager(said);
    expect(look()).toMatchObject([{ cause, repository: 'base', skipped: false }]);
  });

  it('continues without a repository and does not report it', () => {
    file(host, 'etc/yum.repos.d/base.repo', repository('skip_if_unavailable=1\n'));
    manager(
      `${at}: [Errno 14] HTTP Error 404 - Not Found\nTrying other mirror.\nError: No matching Packages to list\n`,
    );
    expect(look()).toMatchObject([{ cause: 'gone', repository: 'base', skipped: true }]);
  });

  it('knows no such repository', () => {
    manager('\n\nError getting repository data for elrepo-kernel, repository not found\n');
    expect(look()).toMatchObject([{ cause: 'unknown', repository: 'elrepo-kernel' }]);
  });
});

describe('dnf 5, from its sources', () => {
  it.each<[string, string]>([
    [
      'gone',
      `>>> Status code: 404 for ${at} (IP: 10.0.0.1) - ${at}\nFailed to download metadata (baseurl: "${base}") for repository "base": Librepo error: All mirrors were tried\n`,
    ],
    [
      'key',
      '>>> repomd.xml GPG signature verification error: Bad PGP signature\nFailed to download metadata (baseurl: "http://mirror.example/7/os/") for repository "base"\n',
    ],
    [
      'address',
      'Failed to download metadata (baseurl: "") for repository "base": Usable URL not found\n',
    ],
    [
      'unknown',
      'No matching repositories for "base". Add "--help" for more information about the arguments.\n',
    ],
  ])('%s', (cause, said) => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(said);
    expect(look()).toMatchObject([{ cause, repository: 'base' }]);
  });

  it('distinguishes installed packages from those of a repository', () => {
    manager(
      'Installed packages\ndocker-ce.x86_64 3:18.09.1-3.el7 @System\n\nAvailable packages\ndocker-ce.x86_64 3:18.09.9-3.el7 lab\n',
      0,
    );
    const facts = replay(host, { wants: [{ area: 'package', args: { name: 'docker-ce' } }] });
    expect(facts['package.docker-ce.available']).toEqual(['3:18.09.9-3.el7']);
  });
});

describe('the configuration of yum and dnf', () => {
  const nothing = 'Error: No matching Packages to list\n';
  it('no repository at all', () => {
    file(host, 'etc/yum.conf', '[main]\ngpgcheck=1\n');
    manager(nothing);
    expect(look()).toEqual([{ cause: 'none', repository: '', said: '', skipped: false }]);
  });

  it.each(['enabled=0', 'enabled = False', 'enabled=no # never'])(
    'all disabled (%s), unless enablerepo names one',
    (line) => {
      file(
        host,
        'etc/yum.repos.d/a.repo',
        `[base]\n${line}\nbaseurl=x\n[extra-one]\n${line}\nmirrorlist=y\n`,
      );
      manager(nothing);
      expect(look()).toEqual([
        { cause: 'disabled', repository: 'base, extra-one', said: '', skipped: false },
      ]);
      expect(look({ enablerepo: ['extra*'] })).toEqual([]);
    },
  );

  it('a pattern that matches no repository, about which yum 3 says nothing', () => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(nothing);
    expect(look({ enablerepo: ['base', 'elrepo*'] })).toEqual([
      { cause: 'unknown', repository: 'elrepo*', said: '', skipped: false },
    ]);
  });

  it('disablerepo disables the rest', () => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(nothing);
    expect(look()).toEqual([]);
    expect(look({ disablerepo: ['*'] })).toMatchObject([{ cause: 'disabled', repository: 'base' }]);
  });

  it('says nothing where files lie elsewhere, or a plugin brought packages', () => {
    file(host, 'etc/yum.conf', '[main]\nreposdir=/srv/repos\n');
    manager(nothing);
    expect(look()).toEqual([]);
    file(host, 'etc/yum.conf', '');
    manager('docker-ce.x86_64 1-1 plugin\n', 0);
    expect(look()).toEqual([]);
  });
});

it('apt: no entry, only disabled ones, and an index that was never read', () => {
  file(host, 'etc/os-release', 'ID=debian\nVERSION_ID="9"\n');
  for (const name of ['dpkg-query', 'apt-cache', 'apt-get']) program(host, name, 'exit 0');
  expect(look()).toMatchObject([{ cause: 'none' }]);
  file(host, 'etc/apt/sources.list', '# deb http://me:secret@a.example/debian stretch main\n');
  file(
    host,
    'etc/apt/sources.list.d/b.sources',
    'Types: deb\nURIs: http://b.example/debian\nEnabled: no\nSuites: stretch\n',
  );
  expect(look()).toMatchObject([
    { cause: 'disabled', repository: 'http://***@a.example/debian, http://b.example/debian' },
  ]);
  file(host, 'etc/apt/sources.list', 'deb [trusted=yes] http://a.example/debian stretch main\n');
  expect(look()).toMatchObject([{ cause: 'unread' }]);
  file(host, 'var/lib/apt/lists/a.example_debian_dists_stretch_main_binary-amd64_Packages', '');
  expect(look()).toEqual([]);
});

describe('what is kept', () => {
  it('is bounded, and has neither logins nor tokens of addresses', () => {
    file(
      host,
      'etc/yum.repos.d/base.repo',
      repository().replace('http://', 'http://me:se/cret@').replace('me:se/cret', 'me:secret'),
    );
    const noise = Array.from(
      { length: 500 },
      (_, index) => `noise ${index} ${'x'.repeat(2000)}`,
    ).join('\n');
    manager(
      `${dnf(`Status code: 404 for http://me:secret@mirror.example/7/os/x?token=hidden&a=${'y'.repeat(5000)} (IP: 1)`)}${noise}\n`,
    );
    const text = JSON.stringify(look());
    expect(text).toContain('http://***@mirror.example/7/os/x?...');
    expect(text).not.toMatch(/secret|hidden|noise/);
    expect(text.length).toBeLessThan(600);
  });

  it('a failed query is not repeated for the next package, one without a result is', () => {
    const wants = ['docker-ce', 'docker-ce-cli', 'containerd.io'].map(
      (name): FactWant => ({ area: 'package', args: { name } }),
    );
    const calls = () =>
      replay(host, { wants: [...wants, { area: 'path', args: { path: '/calls' } }] });
    file(host, 'etc/yum.repos.d/base.repo', repository());
    manager(dnf(`Status code: 404 for ${at} (IP: 1)`));
    const facts = calls();
    expect(wants.map(({ args }) => facts[`package.${args?.name}.unusable`])).toMatchObject([
      [{ cause: 'gone' }],
      [{ cause: 'gone' }],
      [{ cause: 'gone' }],
    ]);
    expect(linesOf('calls')).toBe(1);
    file(host, 'calls', '');
    manager('Error: No matching Packages to list\n');
    calls();
    expect(linesOf('calls')).toBe(3);
  });

  it('a mirror that stalls is given up in time, once for all packages', () => {
    file(host, 'etc/yum.repos.d/base.repo', repository());
    program(
      host,
      'timeout',
      'case $1 in -k) shift 3;; *) shift;; esac; case $1 in yum) exit 124;; esac; exec "$@"',
    );
    manager('');
    expect(look()).toEqual([
      { cause: 'timeout', repository: '', said: 'yum did not answer within 60 s', skipped: false },
    ]);
    expect(buildProbe([{ area: 'package', args: { name: 'x' } }])).toContain('timeout -k 5 $s');
  });
});

it('a package manager that does not even end on TERM ends with the query', async () => {
  // Each question for the time finds most of a minute gone.
  program(
    host,
    'date',
    'echo x >> "$KMEND_ROOT/asked"; echo $((1000 + 56 * $(wc -l < "$KMEND_ROOT/asked")))',
  );
  program(
    host,
    'yum',
    'case "$*" in *slow*) echo $$ > "$KMEND_ROOT/pid"; trap "" TERM; exec sleep 40;; esac; echo nothing',
  );
  const wants: readonly FactWant[] = [
    { area: 'package', args: { name: 'a', enablerepo: ['quick'] } },
    { area: 'package', args: { name: 'a', enablerepo: ['slow'] } },
  ];
  const started = performance.now();
  expect(replay(host, { wants })['package.a@slow.unusable']).toMatchObject([
    { cause: 'timeout', said: 'yum did not answer within 5 s' },
  ]);
  expect(performance.now() - started).toBeLessThan(25_000);
  // Nobody may have taken up its end yet: then it is there by name only.
  const status = `/proc/${readFileSync(join(host.root, 'pid'), 'utf8').trim()}/stat`;
  await expect
    .poll(() => (existsSync(status) ? readFileSync(status, 'utf8') : 'gone'), { timeout: 3000 })
    .toMatch(/gone|\) [ZX] /);
}, 40_000);

const linesOf = (path: string): number =>
  readFileSync(join(host.root, path), 'utf8').trim().split('\n').length;
