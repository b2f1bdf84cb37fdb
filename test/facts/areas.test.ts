// The areas beyond boot and cgroups: packages, Docker, runc, kubelet, services, paths; each asked
// through the real script with emulated programs.
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { marksArea } from '../../src/facts/areas/host/marks.ts';
import { holdsOf } from '../../src/facts/areas/packages/package-pins.ts';
import { isSystemRunc } from '../../src/facts/areas/programs/runtimes.ts';
import type { FactWant } from '../../src/model/fact.ts';
import { isUnknown, type Mapping, type Value } from '../../src/model/value.ts';
import {
  emptyHost,
  file,
  type GroupFiles,
  program,
  type Recorded,
  replay,
  v1Group,
} from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-862.el7.x86_64\n');
  file(host, 'proc/cmdline', 'ro\n');
});
afterEach(() => host.remove());

const pick = (facts: Mapping, ...names: readonly string[]): readonly unknown[] =>
  names.map((name) => facts[name]);
const centos = (): void =>
  file(host, 'etc/os-release', 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n');
const debian = (): void => file(host, 'etc/os-release', 'ID=debian\nVERSION_ID="9"\n');

const processOf = (pid: number, name: string): void =>
  file(host, `proc/${pid}/stat`, `${pid} (${name}) S 1 ${pid} ${pid} 0 -1\n`);

describe('machine', () => {
  it('reports the user and the machine', () => {
    file(host, 'proc/uptime', '10.31 5.90\n');
    file(host, 'proc/sys/kernel/random/boot_id', '3d2023fb-c846-4e82-95ef-bce27dc2ac93\n');
    program(host, 'stat', 'echo at 1000 0 /proc/self/.');
    program(host, 'id', 'echo 1000');
    expect(
      pick(replay(host), 'boot.id', 'boot.uptime', 'boot.time', 'clock.epoch', 'user.root'),
    ).toEqual(['3d2023fb-c846-4e82-95ef-bce27dc2ac93', 10, 990, 1000, false]);
  });
  it("reports the machine's own time, also with a stat that cannot", () => {
    const seconds = Math.floor(Date.now() / 1000);
    expect(Number(replay(host)['clock.epoch'])).toBeGreaterThanOrEqual(seconds);
    expect(Number(replay(host)['clock.epoch'])).toBeLessThan(seconds + 60);
    program(host, 'stat', 'exit 1');
    program(host, 'date', 'echo 1000');
    expect(replay(host)['clock.epoch']).toBe(1000);
  });
  it('counts processes that cannot be interrupted, also with blanks and brackets in their names', () => {
    const stats: Readonly<Record<string, string>> = {
      7: '7 (java) D 1 7',
      8: '8 (a b) D) D 1 8',
      9: '9 (sh) S 1 9',
      10: '10 (D) R 1 10',
    };
    for (const [pid, text] of Object.entries(stats)) file(host, `proc/${pid}/stat`, `${text}\n`);
    expect(pick(replay(host), 'host.blocked', 'host.blocked_by')).toEqual([
      2,
      ['java (pid 7)', 'a b) D (pid 8)'],
    ]);
  });
  it('a busy host names five of them', () => {
    for (let pid = 1; pid < 8; pid++) file(host, `proc/${pid}/stat`, `${pid} (p) D 1\n`);
    const [count, names] = pick(replay(host), 'host.blocked', 'host.blocked_by');
    expect([count, (names as unknown[]).length]).toEqual([7, 5]);
  });
  it.each([
    ['ID="rhel"', 'rhel'],
    ['ID="ol"\nID_LIKE="fedora"', 'rhel'],
    ['ID=ubuntu\nID_LIKE=debian', 'debian'],
    ['ID="sles"\nID_LIKE="suse"', 'suse'],
    ['ID=fedora', 'fedora'],
    ['ID=fedora\nVARIANT_ID=coreos', 'coreos'],
    ['ID="rhcos"\nID_LIKE="rhel fedora"', 'coreos'],
    ['ID=flatcar\nID_LIKE=coreos', 'flatcar'],
    ['ID=something\nID_LIKE="else rhel"', 'rhel'],
    ['ID=alpine', 'unknown'],
  ])('%j is %s', (text, family) => {
    file(host, 'etc/os-release', `${text}\n`);
    expect(replay(host)['os.family']).toBe(family);
  });
  it('el6 has no os-release', () => {
    file(host, 'etc/redhat-release', 'CentOS release 6.10 (Final)\n');
    expect(pick(replay(host), 'os.family', 'os.version')).toEqual(['rhel', '6.10']);
  });
});

describe('packages of an rpm host', () => {
  beforeEach(() => {
    centos();
    program(host, 'yum', 'exit 0');
    program(
      host,
      'rpm',
      `cat <<'E'
docker-ce 3:18.09.9-3.el7 1700000000 rpm
package docker-ee is not installed
docker-ce-cli 1:18.09.9-3.el7 1700000000 rpm
containerd.io 1.2.10-3.2.el7 1700000001 rpm
package runc is not installed
kubelet 1.12.3-0 1600000000 rpm
E
exit 6`,
    );
  });
  it('are reported with epoch and time', () => {
    expect(
      pick(
        replay(host),
        'packages.manager',
        'docker.package',
        'docker.evr',
        'docker.installed_at',
        'cli.evr',
        'containerd.evr',
        'containerd.version',
        'kubelet.evr',
        'runc.evr',
        'packages.broken',
      ),
    ).toEqual([
      'yum',
      'docker-ce',
      '3:18.09.9-3.el7',
      1_700_000_000,
      '1:18.09.9-3.el7',
      '1.2.10-3.2.el7',
      '1.2.10',
      '1.12.3-0',
      '',
      '',
    ]);
  });
  it('holds, excludes and an unfinished transaction are found', () => {
    file(host, 'etc/yum/pluginconf.d/versionlock.list', '# comment\n\n0:kubelet-1.12.3-0.*\n');
    file(host, 'etc/yum.conf', '[main]\nexclude=docker-ce* kernel\n  containerd.io\nkeepcache=0\n');
    file(host, 'etc/yum.repos.d/x.repo', '[x]\nexcludepkgs = foo\n');
    file(host, 'var/lib/yum/transaction-all.2026-01-01', '');
    const facts = replay(host);
    expect(facts['packages.held']).toEqual([
      'versionlock 0:kubelet-1.12.3-0.*',
      'exclude docker-ce*',
      'exclude kernel',
      'exclude containerd.io',
      'exclude foo',
    ]);
    expect(facts['packages.broken']).toBe('an unfinished yum transaction');
  });
  it('a process named yum holds no lock', () => {
    processOf(4711, 'yum');
    file(host, 'var/run/yum.pid', '4712\n');
    const wants = [{ area: 'package', args: { name: 'x' } }];
    expect(replay(host, { wants })['packages.lock']).toBe('');
  });
  it('a damaged database is reported, and nothing is guessed', () => {
    program(host, 'rpm', "echo 'error: rpmdb: BDB0113 Thread/process 1/2 failed'; exit 255");
    const facts = replay(host);
    expect(facts['packages.broken']).toContain('rpmdb: BDB0113');
    expect(isUnknown(facts['docker.evr'])).toBe(true);
  });
  it('two versions of one package, and a script that failed at the installation that is still there, are damage', () => {
    program(
      host,
      'rpm',
      `case "$*" in
  *INSTALLTIME}*docker-ce*kubelet*) printf '%s\\n' 'docker-ce 18.06.1.ce-3.el7 1 rpm' 'docker-ce 3:18.09.1-3.el7 2 rpm' 'kubelet 1.12.3-0 7 rpm' 'runc 1-1 7 rpm' 'runc 1-1 7 rpm';;
  *kubelet) echo 7;;
  *containerd.io) echo 9;;
esac`,
    );
    file(host, 'var/lib/kmend/failed-scripts', 'kubelet 7\ncontainerd.io 8\n');
    expect(pick(replay(host), 'packages.damaged', 'packages.broken')).toEqual([
      { 'docker-ce': 'duplicate', kubelet: 'script-failed' },
      '',
    ]);
  });
  it('a database that does not answer is not asked again', () => {
    centos();
    program(host, 'rpm', 'exit 0');
    program(host, 'timeout', 'echo asked >>"$KMEND_ROOT/../asked"; exit 124');
    file(host, 'var/lib/kmend/failed-scripts', 'kubelet 7\ncontainerd.io 8\n');
    expect(replay(host)['packages.broken']).toBe('the package database did not answer in time');
    expect(readFileSync(join(host.root, '../asked'), 'utf8')).toBe('asked\n');
  });
  it('on el8 yum is dnf', () => {
    file(host, 'etc/os-release', 'ID="rocky"\nID_LIKE="rhel"\nVERSION_ID="8.9"\n');
    program(host, 'dnf', 'exit 0');
    expect(replay(host)['packages.manager']).toBe('dnf');
  });
});

describe('packages of a deb host', () => {
  const status = (
    ...rows: readonly (readonly [name: string, status: string, version: string])[]
  ): void =>
    file(
      host,
      'var/lib/dpkg/status',
      rows
        .map(
          ([name, state, version]) =>
            `Package: ${name}\nStatus: ${state}\nPriority: optional\nSection: x\nInstalled-Size: 1\nMaintainer: x\nArchitecture: amd64\nMulti-Arch: foreign\nSource: x\nVersion: ${version}\nDescription: x\n Version: 0\n\n`,
        )
        .join(''),
    );
  beforeEach(() => {
    debian();
    program(host, 'apt-get', 'exit 0');
    program(host, 'dpkg', 'exit 0');
    program(host, 'dpkg-query', 'exit 0');
    status(
      ['docker-ce', 'hold ok installed', '5:18.09.1~3-0~debian-stretch'],
      ['docker-cery', 'install ok installed', '1'],
      ['containerd.io', 'install ok installed', '1.2.2-1'],
      ['dockerxio', 'install ok installed', '1'],
      ['kubelet', 'deinstall ok config-files', '1.12.3-00'],
    );
    file(host, 'var/lib/dpkg/info/containerd.io.list', '');
  });
  it('are reported, also held and removed ones', () => {
    const facts = replay(host);
    expect(
      pick(
        facts,
        'packages.manager',
        'docker.evr',
        'containerd.evr',
        'kubelet.evr',
        'packages.held',
      ),
    ).toEqual(['apt', '5:18.09.1~3-0~debian-stretch', '1.2.2-1', '', ['hold docker-ce']]);
    expect(facts['containerd.installed_at']).toBeGreaterThan(1_600_000_000);
    expect(facts['docker.installed_at']).toBe(0);
  });
  it('have the times of their lists, and no list is searched for without need', () => {
    const folder = join(host.root, 'var/lib/dpkg/info');
    utimesSync(join(folder, 'containerd.io.list'), 2000, 2000);
    utimesSync(folder, 1, 1);
    status(['containerd.io', 'install ok installed', '1.2.2-1']);
    expect(replay(host)['containerd.installed_at']).toBe(2000);
    expect(statSync(folder).atimeMs).toBe(1000);
    status(['docker-ce', 'install ok installed', '5:18.09.1~3-0~debian-stretch']);
    file(host, 'var/lib/dpkg/info/docker-ce:amd64.list', '');
    utimesSync(join(folder, 'docker-ce:amd64.list'), 3000, 3000);
    utimesSync(folder, 1, 1);
    expect(replay(host)['docker.installed_at']).toBe(3000);
    // Otherwise this file system does not say who listed it.
    expect(statSync(folder).atimeMs).toBeGreaterThan(1000);
  });
  it('are unknown where dpkg has no status', () => {
    rmSync(join(host.root, 'var/lib/dpkg/status'));
    expect(isUnknown(replay(host)['docker.evr'])).toBe(true);
  });
  it('half configured packages are named', () => {
    status(
      ['bash', 'install ok installed', '1'],
      ['docker-ce', 'install ok half-configured', '5'],
      ['vim', 'install ok unpacked', '1'],
    );
    file(host, 'var/lib/dpkg/updates/0001', '');
    expect(replay(host)['packages.broken']).toBe(
      'dpkg was interrupted; docker-ce is half-configured; vim is unpacked',
    );
    expect(replay(host)['docker.evr']).toBe('5');
  });
  const states = [
    'not-installed',
    'config-files',
    'half-installed',
    'unpacked',
    'half-configured',
    'triggers-awaited',
    'triggers-pending',
  ];
  const whole = new Set(['installed', 'not-installed', 'config-files']);
  it.each(
    ['install', 'hold', 'deinstall', 'purge'].flatMap((want) =>
      ['ok', 'reinstreq'].flatMap((flag) =>
        ['installed', ...states].map((state) => [want, flag, state] as const),
      ),
    ),
  )(
    '%s %s %s: whatever is not whole is damage, where it matters and elsewhere',
    (want, flag, state) => {
      status(
        ['vim', `${want} ${flag} ${state}`, '1'],
        ['docker-ce', `${want} ${flag} ${state}`, '5'],
        ['bash', 'install ok installed', '1'],
      );
      const halfRemoved = state === 'half-installed' && (want === 'deinstall' || want === 'purge');
      const expected =
        flag === 'reinstreq' ? 'reinst-required' : halfRemoved ? 'half-removed' : state;
      const damaged =
        flag === 'reinstreq' || !whole.has(state) ? { vim: expected, 'docker-ce': expected } : {};
      const facts = replay(host);
      expect(facts['packages.damaged']).toEqual(damaged);
      expect(facts['packages.broken'] === '').toBe(
        Object.keys(damaged).length === 0 || (flag === 'ok' && state.startsWith('triggers')),
      );
    },
  );
  it('among many damaged packages those that matter are not lost', () => {
    const others = Array.from(
      { length: 40 },
      (_, index) => [`other${index}`, 'install ok unpacked', '1'] as const,
    );
    status(
      ...others,
      ['linux-image-4.9.0-8-amd64', 'install ok half-configured', '1'],
      ['containerd.io', 'install ok unpacked', '1'],
    );
    const damaged = replay(host)['packages.damaged'] as Record<string, string>;
    expect([
      Object.keys(damaged).length,
      damaged['linux-image-4.9.0-8-amd64'],
      damaged['containerd.io'],
    ]).toEqual([22, 'half-configured', 'unpacked']);
  });
});

describe('kernels by package', () => {
  const wants: readonly FactWant[] = [{ area: 'kernels' }];
  const [el, lt] = ['3.10.0-862.el7.x86_64', '5.4.278-1.el7.elrepo.x86_64'];
  beforeEach(() => {
    centos();
    for (const name of [el, lt, '6.1.0-own', '0-rescue-1234'])
      file(host, `boot/vmlinuz-${name}`, 'k');
  });
  it('asks the database once for all of them; what no package owns is left out', () => {
    program(
      host,
      'rpm',
      `[ "$1" = -qf ] || exit 1
shift 3
echo "$#" >> "$KMEND_ROOT/../asked"
for f; do case $f in *862*) echo 'owner kernel ${el.replace('.x86_64', '')}.x86_64';; *elrepo*) echo 'owner kernel-lt ${lt}';; *) echo "file $f is not owned by any package";; esac; done
exit 1`,
    );
    expect(replay(host, { wants })['kernel.packages']).toEqual({
      [el]: 'kernel',
      [lt]: 'kernel-lt',
    });
    expect(readFileSync(join(host.root, '../asked'), 'utf8')).toBe('3\n');
    expect('kernel.packages' in replay(host)).toBe(false);
  });
  it.each([
    ['echo /boot/vmlinuz-3.10.0-862.el7.x86_64', '/boot/vmlinuz-3.10.0-862.el7.x86_64'],
    ['exit 0', ''],
    [undefined, 'absent'],
  ])('what grubby says is the default: %s', (grubby, answer) => {
    program(host, 'rpm', 'exit 1');
    if (grubby !== undefined) program(host, 'grubby', grubby);
    expect(replay(host, { wants })['kernel.grubby']).toBe(answer);
  });
  it.each([
    ['UPDATEDEFAULT=yes\n\n# comment\nDEFAULTKERNEL=kernel\n', 'kernel'],
    ['UPDATEDEFAULT="yes"\nDEFAULTKERNEL="kernel-lt"\n', 'kernel-lt'],
    ['UPDATEDEFAULT=no\nDEFAULTKERNEL=kernel\n', ''],
    ['', ''],
  ])('whose updates become the default: %j', (text, name) => {
    program(host, 'rpm', 'exit 1');
    file(host, 'etc/sysconfig/kernel', text);
    expect(pick(replay(host, { wants }), 'kernel.packages', 'kernel.default_package')).toEqual([
      {},
      name,
    ]);
  });
});

describe('a package by name', () => {
  const wants: readonly FactWant[] = [{ area: 'package', args: { name: 'docker-ce' } }];
  const facts = (): readonly unknown[] =>
    pick(
      replay(host, { wants }),
      'package.docker-ce.installed',
      'package.docker-ce.available',
      'package.docker-ce.held',
    );
  it('with yum, whose rows may be broken over lines', () => {
    centos();
    program(
      host,
      'rpm',
      'case "$*" in *"-- docker-ce") echo "installed 3:18.09.1-3.el7 rpm";; *) exit 1;; esac',
    );
    program(
      host,
      'yum',
      `printf '%s\\n' 'Available Packages' 'docker-ce.x86_64    3:18.09.1-3.el7    docker-ce-stable' 'docker-ce.x86_64' '      3:18.09.9-3.el7' '   docker-ce-stable' 'docker-ce-cli.x86_64 1:1-1 x'`,
    );
    file(host, 'etc/yum.conf', 'exclude=docker*\n');
    expect(facts()).toEqual(['3:18.09.1-3.el7', ['3:18.09.1-3.el7', '3:18.09.9-3.el7'], true]);
  });
  it.each<[string, string | undefined, Mapping]>([
    [
      'yum/pluginconf.d',
      '[main]\nenabled = 1\n',
      { yum: '/etc/yum/pluginconf.d/versionlock.list' },
    ],
    ['yum/pluginconf.d', '[main]\nenabled=0\nlocklist = /x\n', {}],
    ['yum/pluginconf.d', '[main]\n', {}],
    ['dnf/plugins', '[main]\nlocklist = /srv/locks \n', { dnf: '/srv/locks' }],
    ['dnf/plugins', '[main]\nenabled = False\n', {}],
    ['dnf/plugins', undefined, {}],
  ])('with a plugin versionlock in %s as %j, and what holds it', (directory, conf, lists) => {
    centos();
    program(host, 'rpm', 'echo "installed 3:18.09.1-3.el7 rpm"');
    program(host, 'yum', ':');
    file(host, 'etc/yum.conf', 'exclude=docker* vim\n');
    file(host, `etc/${directory}/versionlock.list`, '# ours\n0:docker-ce-1-1.*\n0:vim-1-1.*\n');
    if (conf !== undefined) file(host, `etc/${directory}/versionlock.conf`, conf);
    const looked: readonly FactWant[] = [
      { area: 'package', args: { name: 'docker-ce', looked: true } },
    ];
    const read = replay(host, { wants: looked });
    expect(pick(read, 'package.docker-ce.holds', 'package.docker-ce.lock_lists')).toEqual([
      ['versionlock 0:docker-ce-1-1.*', 'exclude docker*'],
      lists,
    ]);
  });
  it('and others in the same query: the newest of each, with its repository', () => {
    centos();
    program(host, 'rpm', 'exit 1');
    program(
      host,
      'yum',
      `echo "$*" >> "$KMEND_ROOT/../asked"; printf '%s\\n' 'kernel.x86_64 3.10.0-1160.el7 base' 'kernel-lt.x86_64 5.4.278-1.el7.elrepo elrepo-kernel' 'kernel-lt.x86_64 5.4.99-1.el7.elrepo old' 'kernel-lt-devel.x86_64 9-9 x'`,
    );
    const beside: readonly FactWant[] = [
      { area: 'package', args: { name: 'kernel', beside: ['kernel-lt', 'kernel-ml'] } },
    ];
    expect(
      pick(replay(host, { wants: beside }), 'package.kernel.available', 'package.kernel.beside'),
    ).toEqual([
      ['3.10.0-1160.el7'],
      [{ name: 'kernel-lt', version: '5.4.278-1.el7.elrepo', repository: 'elrepo-kernel' }],
    ]);
    expect(readFileSync(join(host.root, '../asked'), 'utf8')).toMatch(
      /^.* list --showduplicates available kernel kernel-lt kernel-ml\n$/,
    );
  });
  it('with apt', () => {
    debian();
    program(
      host,
      'dpkg-query',
      'case "$*" in *"-- docker-ce") echo "installed 18.06.1~ce~3-0~debian ii ";; esac',
    );
    program(
      host,
      'apt-cache',
      "echo ' docker-ce | 5:18.09.1~3-0~debian-stretch | file:/repos ./ Packages'",
    );
    program(host, 'dpkg', 'exit 0');
    expect(facts()).toEqual(['18.06.1~ce~3-0~debian', ['5:18.09.1~3-0~debian-stretch'], false]);
  });
  it('absent', () => {
    centos();
    program(host, 'rpm', 'exit 1');
    expect(facts()).toEqual(['', [], false]);
  });
  it.each<[string, readonly string[], boolean]>([
    ['-1 500', ['5:18.09.9~3-0'], false],
    ['-1 -1', ['5:18.09.1~3-0', '5:18.09.9~3-0'], true],
    ['500 1001', ['5:18.09.1~3-0', '5:18.09.9~3-0'], false],
  ])(
    'versions that apt pins to %s: a forbidden one cannot be had, and a package of which all are forbidden is held',
    (priorities, available, held) => {
      const [older, newer] = priorities.split(' ');
      debian();
      program(host, 'dpkg-query', ':');
      program(
        host,
        'apt-cache',
        `case $1 in
  madison) printf '%s\\n' ' docker-ce | 5:18.09.1~3-0 | x' ' docker-ce | 5:18.09.9~3-0 | x';;
  policy) printf '%s\\n' 'docker-ce:' '  Candidate: (none)' '  Version table:' ' *** 5:18.09.9~3-0 ${newer}' '        500 file:/repos ./ Packages' '     5:18.09.1~3-0 ${older}' '        500 file:/repos ./ Packages';;
esac`,
      );
      expect(facts()).toEqual(['', available, held]);
    },
  );
  it.each([
    ['ii ', 'installed'],
    ['hi ', 'installed'],
    ['rc ', ''],
    ['un ', ''],
    ['iF ', 'half-configured'],
    ['iU ', 'unpacked'],
    ['iH ', 'half-installed'],
    ['rH ', 'half-removed'],
    ['iHR', 'reinst-required'],
    ['iW ', 'triggers-awaited'],
    ['it ', 'triggers-pending'],
  ])('"%s" of dpkg is "%s"', (abbreviation, state) => {
    debian();
    program(host, 'dpkg-query', `echo 'installed 5 ${abbreviation}'`);
    expect(
      pick(replay(host, { wants }), 'package.docker-ce.state', 'package.docker-ce.installed'),
    ).toEqual([state, state === '' ? '' : '5']);
  });
  it.each([
    ['docker-ce', ['1-1', '1-1'], 'installed'],
    ['docker-ce', ['1-1', '1-2'], 'duplicate'],
    ['kernel', ['1-1', '1-2'], 'installed'],
  ])('%s at %j in rpm is %s', (name, versions, state) => {
    centos();
    program(host, 'rpm', `printf 'installed %s rpm\\n' ${versions.join(' ')}`);
    expect(
      replay(host, { wants: [{ area: 'package', args: { name } }] })[`package.${name}.state`],
    ).toBe(state);
  });
  it.each([
    [['0:docker-ce-18.06.1.ce-3.el7.*'], [], true],
    [['docker-ce-3:18.06.1.ce-3.el7.*'], [], true],
    [['docker-ce-cli-1:18.09.1-3.el7.*'], [], false],
    [[], ['docker-ce*'], true],
    [[], ['kernel docker-c?'], true],
    [[], ['docker'], false],
    [[], ['*'], true],
    [[], [], false],
  ])('locks %j and excludes %j hold it: %s', (locks, excludes, held) =>
    expect(holdsOf('docker-ce', locks, excludes).length > 0).toBe(held),
  );
});

describe('docker', () => {
  const names = [
    'docker.installed',
    'docker.running',
    'docker.version',
    'docker.client',
    'docker.driver',
    'docker.live_restore',
  ];
  it('that answers', () => {
    program(
      host,
      'docker',
      `case "$*" in version*) echo '18.09.9 18.09.9';; info*) echo 'systemd true';; esac`,
    );
    expect(pick(replay(host), ...names)).toEqual([
      true,
      true,
      '18.09.9',
      '18.09.9',
      'systemd',
      true,
    ]);
  });
  it('whose daemon does not run', () => {
    program(
      host,
      'docker',
      `case "$*" in --version) echo 'Docker version 18.06.1-ce, build e68fc7a';; *) echo 'Cannot connect' >&2; exit 1;; esac`,
    );
    expect(pick(replay(host), ...names)).toEqual([true, false, '', '18.06.1-ce', '', false]);
  });
  it('that hangs is unknown, not absent', () => {
    processOf(99, 'dockerd');
    program(host, 'docker', 'exit 124');
    const facts = replay(host);
    expect([
      facts['docker.running'],
      isUnknown(facts['docker.version']),
      isUnknown(facts['docker.driver']),
    ]).toEqual([true, true, true]);
  });
  it('that is not there', () =>
    expect(pick(replay(host), ...names)).toEqual([false, false, '', '', '', false]));

  const stopped = (): void => program(host, 'docker', 'exit 1');
  const daemon = {
    'exec-opts': ['native.cgroupdriver=systemd'],
    runtimes: { nvidia: { path: '/usr/bin/nvidia-container-runtime' } },
  };
  const nvidia = {
    name: 'nvidia',
    path: '/usr/bin/nvidia-container-runtime',
    says: 'runc version 1.0.0-rc6',
  };

  it.each([
    ['one line', 0],
    ['many lines', 2],
  ] as const)('that does not run is known by daemon.json, %s', (_, indent) => {
    stopped();
    file(host, 'etc/docker/daemon.json', JSON.stringify(daemon, undefined, indent));
    file(
      host,
      'usr/bin/nvidia-container-runtime',
      '#!/bin/sh\necho runc version 1.0.0-rc6\necho commit: x\n',
    );
    chmodSync(join(host.root, 'usr/bin/nvidia-container-runtime'), 0o755);
    expect(pick(replay(host), 'docker.driver', 'docker.runtimes')).toEqual(['systemd', [nvidia]]);
  });
  it('without any setting has no known driver and no other runtime', () => {
    stopped();
    file(host, 'etc/docker/daemon.json', 'no JSON: "path"');
    expect(pick(replay(host), 'docker.driver', 'docker.runtimes')).toEqual(['', []]);
  });
  it('that hangs is known by daemon.json, too', () => {
    program(host, 'docker', 'exit 124');
    file(host, 'etc/docker/daemon.json', JSON.stringify(daemon));
    expect(replay(host)['docker.driver']).toBe('systemd');
  });
  it('that runs says which runtimes it knows; a plain runc is none of them', () => {
    const known = {
      'io.containerd.runc.v2': { path: 'runc' },
      runc: { path: 'docker-runc' },
      old: { path: '/usr/libexec/docker/docker-runc-current' },
      nvidia: { path: 'nvidia-container-runtime', runtimeArgs: [] },
      kata: { runtimeType: 'io.containerd.kata.v2' },
    };
    program(
      host,
      'docker',
      `case "$*" in version*) echo '18.09.9 18.09.9';; info*) echo 'cgroupfs false ${JSON.stringify(known)}';; esac`,
    );
    program(host, 'nvidia-container-runtime', 'echo runc version 1.0.0-rc6; echo more');
    const facts = replay(host);
    expect(pick(facts, 'docker.driver', 'docker.live_restore')).toEqual(['cgroupfs', false]);
    expect(facts['docker.runtimes']).toEqual([
      { ...nvidia, path: 'nvidia-container-runtime' },
      { name: 'kata', path: '', says: '' },
    ]);
  });
  it('a runc at another path is a runtime of its own, the one in PATH is none', () => {
    stopped();
    program(host, 'runc', 'echo runc version 1.0.2');
    const old = 'opt/old/runc';
    file(host, old, '#!/bin/sh\necho runc version 1.0.0-rc5\n');
    chmodSync(join(host.root, old), 0o755);
    const runtimes = {
      old: { path: `/${old}` },
      same: { path: '/usr/bin/runc' },
      plain: { path: 'runc' },
      gone: { path: '/opt/gone/runc' },
    };
    file(host, 'etc/docker/daemon.json', JSON.stringify({ runtimes }));
    expect(replay(host)['docker.runtimes']).toEqual([
      { name: 'old', path: `/${old}`, says: 'runc version 1.0.0-rc5' },
    ]);
    file(
      host,
      'etc/containerd/config.toml',
      `[plugins.cri.containerd.runtimes.runc.options]\nBinaryName = "/${old}"\n[plugins.cri.containerd.runtimes.b.options]\nBinaryName = "/usr/bin/runc"\n`,
    );
    expect(replay(host)['containerd.runtimes']).toEqual([
      { name: 'runc', path: `/${old}`, says: 'runc version 1.0.0-rc5' },
    ]);
  });
  it('with ten thousand runtimes is asked for four', () => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`r${at}`, { path: `r${at}` }]),
    );
    stopped();
    file(host, 'etc/docker/daemon.json', JSON.stringify({ runtimes: many }));
    for (const at of [0, 1, 3, 4, 5]) program(host, `r${at}`, 'echo yes');
    const says = (replay(host)['docker.runtimes'] as readonly { says: string }[]).filter(
      (one) => one.says === 'yes',
    );
    expect(says).toHaveLength(3);
  });
});

describe('runc', () => {
  it("Docker's own of 18.06 goes before a system one", () => {
    program(
      host,
      'docker-runc',
      "printf 'runc version 1.0.0-rc5+dev\\ncommit: 69663f0b\\nspec: 1.0.0\\n'",
    );
    program(host, 'runc', "echo 'runc version 1.1.15'");
    program(host, 'docker-containerd', 'exit 0');
    const facts = replay(host);
    expect(
      pick(facts, 'runc.version', 'runc.commit', 'containerd.bundled', 'containerd.installed'),
    ).toEqual(['1.0.0-rc5+dev', '69663f0b', true, true]);
    expect(facts['runc.path']).toMatch(/\/docker-runc$/);
  });
  it('a system one', () => {
    program(host, 'runc', "echo 'runc version 1.1.15+ds1'");
    expect(pick(replay(host), 'runc.version', 'containerd.bundled')).toEqual(['1.1.15+ds1', false]);
  });
});

describe('runc of a Debian package', () => {
  const list = 'var/lib/dpkg/info/runc.list';
  const binary = (path: string, says: string): void => {
    file(host, path, `#!/bin/sh\necho runc version ${says}\n`);
    chmodSync(join(host.root, path), 0o755);
    utimesSync(join(host.root, path), 1000, 1000);
  };
  const state = (evr: string, status = 'install ok installed'): void =>
    file(host, 'var/lib/dpkg/status', `Package: runc\nStatus: ${status}\nVersion: ${evr}\n\n`);
  beforeEach(() => {
    debian();
    program(host, 'dpkg-query', 'exit 0');
    file(host, 'proc/sys/kernel/osrelease', '6.1.0-13-amd64\n');
    file(host, list, '');
    binary('usr/sbin/runc', '9.9.9');
    state('1.1.15+ds1-2+deb13u1');
  });
  // Before this machine's own, which may be there.
  const version = (): unknown =>
    replay(host, { path: `${host.root}/usr/local/sbin:${host.root}/usr/sbin` })['runc.version'];

  it.each([
    ['1.1.15+ds1-2+deb13u1', '1.1.15+ds1'],
    ['1:1.0.0~rc10-0ubuntu1~18.04.2', '1.0.0~rc10'],
    ['1.2-rc.1-3', '1.2-rc.1'],
    ['1.3.0', '1.3.0'],
  ])('is not asked on a kernel that does not leak: %s', (evr, upstream) => {
    state(evr);
    expect(version()).toBe(upstream);
    state(evr, 'hold ok installed');
    expect(version()).toBe(upstream);
  });
  it.each([
    ['4.4.0-31-generic', '9.9.9'],
    ['3.13.0-24-generic', '9.9.9'],
    ['of-my-own', '9.9.9'],
    ['4.5.0-1-amd64', '1.1.15+ds1'],
  ])('decides on the kernel %s: %s', (release, expected) => {
    file(host, 'proc/sys/kernel/osrelease', `${release}\n`);
    expect(version()).toBe(expected);
  });
  it('that was removed is not that of a file', () => {
    state('1.1.15-1', 'deinstall ok config-files');
    expect(version()).toBe('9.9.9');
  });
  it('does not count where the file is newer, or dpkg has no list of it', () => {
    utimesSync(join(host.root, 'usr/sbin/runc'), 4e9, 4e9);
    expect(version()).toBe('9.9.9');
    utimesSync(join(host.root, 'usr/sbin/runc'), 1000, 1000);
    expect(version()).toBe('1.1.15+ds1');
    rmSync(join(host.root, list));
    expect(version()).toBe('9.9.9');
  });
  it('does not count for another runc, nor that of another package', () => {
    binary('usr/local/sbin/runc', '8.8.8');
    expect(version()).toBe('8.8.8');
    rmSync(join(host.root, 'usr/local/sbin/runc'));
    file(
      host,
      'var/lib/dpkg/status',
      'Package: containerd.io\nStatus: install ok installed\nVersion: 1.6.2-1\n\n',
    );
    expect(version()).toBe('9.9.9');
  });
});

describe('runc of k3s and RKE2', () => {
  it.each(['k3s/data/current/bin', 'rke2/data/current/bin', 'rke2/bin'])(
    '%s is found where there is no other',
    (place) => {
      const path = `var/lib/rancher/${place}/runc`;
      file(host, path, '#!/bin/sh\necho runc version 1.0.0-rc10\n');
      chmodSync(join(host.root, path), 0o755);
      const facts = replay(host);
      expect(pick(facts, 'runc.version', 'runc.path')).toEqual(['1.0.0-rc10', `/${path}`]);
      expect(Number(facts['runc.changed_at'])).toBe(
        Math.floor(statSync(join(host.root, path)).ctimeMs / 1000),
      );
      program(host, 'runc', "echo 'runc version 1.1.15'");
      expect(replay(host)['runc.version']).toBe('1.1.15');
    },
  );
});

describe('containerd, cri-o and podman by their configuration', () => {
  const cri = 'plugins."io.containerd.grpc.v1.cri".containerd';
  const toml = (text: string): void => {
    program(host, 'containerd', 'exit 0');
    file(host, 'etc/containerd/config.toml', text);
  };
  const runc = (options: string): string =>
    `[${cri}.runtimes.runc]\n  runtime_type = "io.containerd.runc.v2"\n  [${cri}.runtimes.runc.options]\n${options}`;

  it.each([
    ['', 'cgroupfs'],
    [runc('    SystemdCgroup = true\n'), 'systemd'],
    [runc('    SystemdCgroup = false\n'), 'cgroupfs'],
    [runc('    BinaryName = ""\n'), 'cgroupfs'],
    [runc('    # SystemdCgroup = true\n'), 'cgroupfs'],
    [`[plugins.cri]\n  systemd_cgroup = true\n`, 'systemd'],
    [`[plugins.cri]\n  systemd_cgroup = false\n${runc('\tSystemdCgroup = true\n')}`, 'systemd'],
    [
      `${runc('SystemdCgroup = true\n')}[${cri}.runtimes.nvidia]\nruntime_type = "io.containerd.runc.v2"\n`,
      'cgroupfs',
    ],
    [
      `${runc('SystemdCgroup = true\n')}[${cri}.runtimes.kata]\nruntime_type = "io.containerd.kata.v2"\n`,
      'systemd',
    ],
    [`imports = ["/etc/containerd/conf.d/*.toml"]\n${runc('')}`, ''],
    [`imports = []\n${runc('')}`, 'cgroupfs'],
  ])('%j has the driver %j', (text, driver) => {
    toml(text);
    expect(replay(host)['containerd.driver']).toBe(driver);
  });
  it('containerd without a file has its default, and no containerd has none', () => {
    expect(replay(host)['containerd.driver']).toBe('');
    program(host, 'containerd', 'exit 0');
    expect(replay(host)['containerd.driver']).toBe('cgroupfs');
  });
  it('the containerd inside k3s has a file of its own', () => {
    file(
      host,
      'var/lib/rancher/k3s/agent/etc/containerd/config.toml',
      runc('SystemdCgroup = true\n'),
    );
    expect(replay(host)['containerd.driver']).toBe('systemd');
  });
  it('other runtimes are named, with what they say', () => {
    const path = 'usr/bin/nvidia-container-runtime';
    file(host, path, '#!/bin/sh\necho NVIDIA Container Runtime version 1.2.3\n');
    chmodSync(join(host.root, path), 0o755);
    toml(
      `[${cri}.runtimes.runc.options]\nBinaryName = "/usr/bin/runc"\n[${cri}.runtimes."nvidia".options]\n  BinaryName = "/${path}"\n[plugins.linux]\n  runtime = "runc"\n[plugins.cri.containerd.untrusted_workload_runtime]\nruntime_engine = "/opt/kata"\n`,
    );
    expect(replay(host)['containerd.runtimes']).toEqual([
      { name: 'nvidia', path: `/${path}`, says: 'NVIDIA Container Runtime version 1.2.3' },
      { name: '', path: '/opt/kata', says: '' },
    ]);
  });
  it.each([
    ['', '', ''],
    ['[crio.runtime]\ncgroup_manager = "cgroupfs"\n', '', 'cgroupfs'],
    ['# cgroup_manager = "cgroupfs"\n', '', ''],
    ['cgroup_manager = "cgroupfs"\n', 'cgroup_manager = "systemd"\n', 'systemd'],
  ])('cri-o with %j and %j has the driver %j', (main, dropin, driver) => {
    program(host, 'crio', 'exit 0');
    file(host, 'etc/crio/crio.conf', main);
    if (dropin !== '') file(host, 'etc/crio/crio.conf.d/01.conf', dropin);
    expect(pick(replay(host), 'crio.installed', 'crio.driver')).toEqual([true, driver]);
  });
  it.each([
    ['1.14.0-1.el7', 'cgroupfs'],
    ['1.20.1-1.el7', 'systemd'],
  ])('cri-o %s has its default: %s', (evr, driver) => {
    centos();
    program(host, 'rpm', `echo 'cri-o ${evr} 1700000000 rpm'; exit 1`);
    expect(pick(replay(host), 'crio.installed', 'crio.driver')).toEqual([true, driver]);
  });
  it('podman has systemd unless it says otherwise', () => {
    expect(
      pick(replay(host), 'podman.installed', 'podman.driver', 'crio.installed', 'crio.driver'),
    ).toEqual([false, '', false, '']);
    program(host, 'podman', 'exit 0');
    expect(pick(replay(host), 'podman.installed', 'podman.driver')).toEqual([true, 'systemd']);
    file(host, 'usr/share/containers/libpod.conf', 'cgroup_manager = "cgroupfs"\n');
    expect(replay(host)['podman.driver']).toBe('cgroupfs');
  });
});

describe('a runc by its path, where four others were asked', () => {
  it.each([
    ['runc', true],
    ['/usr/bin/runc', true],
    ['/usr/local/sbin/runc', true],
    ['docker-runc', true],
    ['/usr/libexec/docker/docker-runc-current', true],
    ['/opt/old/runc', false],
    ['/usr/bin/old/runc', false],
    ['/usr/bin/nvidia-container-runtime', false],
  ])('%s is the one of the system: %s', (path, system) => {
    const others = ['a 1', 'b 1', 'c 1', 'd 1'];
    expect(isSystemRunc(path, others)).toBe(system);
    expect(isSystemRunc(path, [])).toBe(system || path.endsWith('/runc'));
    expect(isSystemRunc(path, [`${path} runc version 1.0.0-rc5`])).toBe(false);
  });
});

describe('kubelet', () => {
  const names = [
    'kubelet.installed',
    'kubelet.running',
    'kubelet.version',
    'kubelet.driver',
    'kubelet.program',
  ];
  const running = (program: string, args: string): void => {
    processOf(812, program);
    file(host, 'proc/812/cmdline', `/usr/bin/${program}\0${args.replaceAll(' ', '\0')}\0`);
  };
  it('with its driver as an argument', () => {
    program(host, 'kubelet', "echo 'Kubernetes v1.12.3'");
    running('kubelet', '--cgroup-driver=systemd --v=2');
    expect(pick(replay(host), ...names)).toEqual([true, true, '1.12.3', 'systemd', 'kubelet']);
  });
  it('with its driver in the configuration', () => {
    program(host, 'kubelet', "echo 'Kubernetes v1.20.4'");
    running('kubelet', '--config=/var/lib/kubelet/config.yaml');
    file(host, 'var/lib/kubelet/config.yaml', 'apiVersion: x\ncgroupDriver: systemd\n');
    expect(pick(replay(host), ...names)).toEqual([true, true, '1.20.4', 'systemd', 'kubelet']);
  });
  it.each([
    '--config=/etc/kubernetes/kubelet-config.yaml',
    '--config /etc/kubernetes/kubelet-config.yaml',
  ])('with its driver in the configuration that it was given: %s', (flag) => {
    program(host, 'kubelet', "echo 'Kubernetes v1.20.4'");
    running('kubelet', `--v=2 ${flag} --x=y`);
    file(host, 'var/lib/kubelet/config.yaml', 'cgroupDriver: systemd\n');
    expect(replay(host)['kubelet.driver']).toBe('cgroupfs');
    file(host, 'etc/kubernetes/kubelet-config.yaml', 'cgroupDriver: systemd\n');
    file(host, 'var/lib/kubelet/config.yaml', 'cgroupDriver: cgroupfs\n');
    expect(replay(host)['kubelet.driver']).toBe('systemd');
  });
  it('that does not run, with flags on the disk', () => {
    program(host, 'kubelet', "echo 'Kubernetes v1.12.3'");
    file(
      host,
      'var/lib/kubelet/kubeadm-flags.env',
      'KUBELET_KUBEADM_ARGS=--cgroup-driver=systemd --network-plugin=cni\n',
    );
    expect(pick(replay(host), ...names)).toEqual([true, false, '1.12.3', 'systemd', 'kubelet']);
  });
  it('with the default driver', () => {
    program(host, 'kubelet', "echo 'Kubernetes v1.12.3'");
    running('kubelet', '--v=2');
    expect(replay(host)['kubelet.driver']).toBe('cgroupfs');
  });
  it('inside k3s', () => {
    program(host, 'k3s', "echo 'k3s version v1.19.5+k3s2 (746cf403)'");
    running('k3s-server', 'server --kubelet-arg=cgroup-driver=systemd');
    expect(pick(replay(host), ...names)).toEqual([true, true, '1.19.5+k3s2', 'systemd', 'k3s']);
  });
  it('in a container: its version is unknown, and it is still a kubelet', () => {
    running('kubelet', '--v=2');
    const facts = replay(host);
    expect([
      facts['kubelet.installed'],
      facts['kubelet.running'],
      isUnknown(facts['kubelet.version']),
    ]).toEqual([true, true, true]);
    expect(facts['kubelet.driver']).toBe('cgroupfs');
  });
  it('that is not there', () =>
    expect(pick(replay(host), ...names)).toEqual([false, false, '', '', '']));
  it.each([
    [
      '--container-runtime-endpoint=unix:///run/containerd/containerd.sock',
      'unix:///run/containerd/containerd.sock',
    ],
    ['--container-runtime-endpoint /run/crio/crio.sock --v=2', '/run/crio/crio.sock'],
    ['--v=2', ''],
  ])('with %j has the endpoint %j', (args, endpoint) => {
    program(host, 'kubelet', "echo 'Kubernetes v1.20.4'");
    running('kubelet', args);
    expect(replay(host)['kubelet.endpoint']).toBe(endpoint);
  });
  it('with its endpoint in the configuration, or in flags on the disk', () => {
    program(host, 'kubelet', "echo 'Kubernetes v1.27.4'");
    file(
      host,
      'var/lib/kubelet/config.yaml',
      'cgroupDriver: systemd\ncontainerRuntimeEndpoint: "unix:///a.sock"\n',
    );
    expect(pick(replay(host), 'kubelet.endpoint', 'kubelet.driver')).toEqual([
      'unix:///a.sock',
      'systemd',
    ]);
    file(
      host,
      'var/lib/kubelet/kubeadm-flags.env',
      'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///b.sock --x=y"\n',
    );
    expect(replay(host)['kubelet.endpoint']).toBe('unix:///b.sock');
  });
  it('reports when its program was changed, and when its package was installed', () => {
    centos();
    program(host, 'rpm', "echo 'kubelet 1.12.3-0 1600000000 rpm'; exit 1");
    program(host, 'kubelet', "echo 'Kubernetes v1.12.3'");
    const changed = Math.floor(statSync(join(host.bin, 'kubelet')).ctimeMs / 1000);
    expect(pick(replay(host), 'kubelet.changed_at', 'kubelet.installed_at')).toEqual([
      changed,
      1_600_000_000,
    ]);
  });
});

describe('services and paths', () => {
  it('are asked by name', () => {
    program(
      host,
      'systemctl',
      `case "$1" in is-active) echo active;; is-enabled) echo disabled;; esac`,
    );
    file(host, "etc/it's here", '');
    const wants = [
      { area: 'service', args: { name: 'docker' } },
      { area: 'path', args: { path: "/etc/it's here" } },
      { area: 'path', args: { path: '/etc/$(reboot)' } },
    ];
    expect(
      pick(
        replay(host, { wants }),
        'service.docker.active',
        'service.docker.enabled',
        "path./etc/it's here.exists",
        'path./etc/$(reboot).exists',
      ),
    ).toEqual([true, false, true, false]);
  });
  it('without systemd nothing is claimed', () => {
    expect(
      isUnknown(
        replay(host, { wants: [{ area: 'service', args: { name: 'docker' } }] })[
          'service.docker.active'
        ],
      ),
    ).toBe(true);
  });
});

describe('memory cgroups', () => {
  const hex = 'a'.repeat(64);
  const pod = 'kubepods/burstable/pod0a1b2c3d-0000-4000-8000-00000000c0de';
  const limit = 104_857_600;
  const group = (path: string, files: GroupFiles): void => v1Group(host, path, files);

  it('come as buckets of equal groups, and as examples', () => {
    group('.', { slabinfo: 'eio' });
    group(`docker/${hex}`, { slabinfo: 3, limit, usage: 4096 });
    for (const digit of '123456') group(`docker/${digit.repeat(64)}`, { slabinfo: 'eio', limit });
    group('batch', { slabinfo: 'eio', limit, procs: 0 });
    const facts = replay(host);
    expect(facts['kmem.witnesses']).toEqual([
      {
        row: 'docker',
        state: 'eio',
        limited: 'yes',
        caches: false,
        charged: false,
        procs: true,
        count: 6,
      },
      {
        row: 'docker',
        state: 'read',
        limited: 'yes',
        caches: true,
        charged: true,
        procs: true,
        count: 1,
      },
      {
        row: 'unknown',
        state: 'eio',
        limited: 'yes',
        caches: false,
        charged: false,
        procs: false,
        count: 1,
      },
    ]);
    expect((facts['kmem.groups'] as readonly unknown[])[0]).toEqual({
      path: `docker/${hex}`,
      row: 'docker',
      limit,
      state: 'read',
      lines: 3,
      usage: 4096,
      procs: 1,
      by: 'docker',
    });
    expect(facts['kmem.unknown_limited']).toEqual(['batch']);
    expect(facts['kmem.files']).toBe(true);
  });
  it('are counted by creator, and containers apart from groups of the kubelet', () => {
    group('.', { slabinfo: 'eio' });
    group('kubepods', { slabinfo: 2, limit: 8_000_000_000 });
    group(pod, { slabinfo: 2, limit });
    group(`${pod}/${hex}`, { slabinfo: 16, limit });
    group(`docker/${hex}`, { slabinfo: 'eio', limit });
    group('system.slice/cron.service', { slabinfo: 'eio', limit });
    expect(replay(host)['kmem.samples']).toMatchObject({
      total: 5,
      limited: 4,
      limited_off: 1,
      containers: 2,
      containers_off: 1,
      kubelet: 3,
      kubelet_read: 3,
      kubelet_limited: 3,
      docker: 1,
      docker_read: 0,
      other: 1,
    });
  });
  it('a limit that was set later is no sample: docker sets a swap limit too where it starts a container with a limit', () => {
    group('.', { slabinfo: 'eio' });
    const memsw = (path: string, text: string): void =>
      file(host, `sys/fs/cgroup/memory/${path}/memory.memsw.limit_in_bytes`, `${text}\n`);
    group(`docker/${hex}`, { slabinfo: 'eio', limit });
    memsw(`docker/${hex}`, '9223372036854771712');
    group(`docker/${'b'.repeat(64)}`, { slabinfo: 'eio', limit });
    memsw(`docker/${'b'.repeat(64)}`, '209715200');
    group(`${pod}/${hex}`, { slabinfo: 'eio', limit });
    memsw(`${pod}/${hex}`, '9223372036854771712');
    const facts = replay(host);
    const reported = (facts['kmem.witnesses'] as readonly { row: string; limited: string }[]).map(
      ({ row, limited }) => [row, limited],
    );
    expect(reported).toEqual([
      ['docker', 'later'],
      ['docker', 'yes'],
      ['pod-container', 'yes'],
    ]);
    expect(facts['kmem.samples']).toMatchObject({ limited: 2, limited_off: 2 });
  });
  it('without the file they are counted, and are no groups that were read', () => {
    group('.', { slabinfo: 'eio' });
    rmSync(join(host.root, 'sys/fs/cgroup/memory/memory.kmem.slabinfo'));
    rmSync(join(host.root, 'sys/fs/cgroup/memory/memory.kmem.usage_in_bytes'));
    file(host, 'sys/fs/cgroup/memory/docker/memory.limit_in_bytes', '1\n');
    const facts = replay(host);
    expect(facts['kmem.samples']).toMatchObject({ absent: 1, total: 0 });
    expect(pick(facts, 'kmem.files', 'kmem.live_groups')).toEqual([false, 1]);
  });
  it('where reads were refused, dead groups are not guessed: what may be alive is not counted as dead', () => {
    group('.', { slabinfo: 'eio' });
    const slabinfo = 'sys/fs/cgroup/memory/./docker/a/memory.kmem.slabinfo';
    file(host, 'sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes', '1\n');
    for (const entry of ['dentry(3:a)', 'inode_cache(3:a)', 'dentry(4:dead)'])
      mkdirSync(join(host.root, 'sys/kernel/slab', entry), { recursive: true });
    program(host, 'grep', `echo "grep: $KMEND_ROOT/${slabinfo}: Permission denied" >&2; exit 2`);
    expect(pick(replay(host), 'kmem.slab_ids', 'kmem.dead_groups')).toEqual([2, 1]);
  });
  it('are found in the tree of a v2 host', () => {
    for (const [path, text] of Object.entries({
      'cgroup.controllers': 'cpu memory\n',
      'memory.stat': 'kernel 5\n',
      'system.slice/docker-a.scope/memory.stat':
        'anon 4096\nkernel 0\nslab 0\nslab_reclaimable 0\n',
      'system.slice/docker-a.scope/memory.max': '67108864\n',
      'system.slice/docker-a.scope/cgroup.procs': '1\n2\n',
    }))
      file(host, join('sys/fs/cgroup', path), text);
    const facts = replay(host);
    expect(pick(facts, 'cgroup.version', 'cgroup.memory')).toEqual(['v2', 'v2']);
    expect(facts['kmem.groups']).toMatchObject([
      { path: 'system.slice/docker-a.scope', state: 'empty', limit: 67_108_864, procs: 2 },
    ]);
  });
  it('an odd mount point is found by /proc/mounts', () => {
    file(host, 'proc/mounts', 'cgroup /cgroup/memory cgroup rw,relatime,memory 0 0\n');
    file(host, 'cgroup/memory/memory.limit_in_bytes', '9223372036854771712\n');
    expect(replay(host)['cgroup.memory']).toBe('v1');
  });
  it('the mark of an active probe counts for its own boot only', () => {
    file(host, 'proc/sys/kernel/random/boot_id', 'aaaa-1\n');
    file(host, 'run/kmend/active-probe', 'aaaa-1 off\n');
    expect(replay(host)['kmem.active_probe']).toBe('off');
    file(host, 'run/kmend/active-probe', 'bbbb-2 off\n');
    expect(replay(host)['kmem.active_probe']).toBe('');
  });
  it('dead groups are counted by their ids in /sys/kernel/slab', () => {
    file(host, 'sys/fs/cgroup/memory/memory.limit_in_bytes', '9223372036854771712\n');
    for (const entry of ['dentry(5:aa)', 'anon_vma(5:aa)', 'dentry(6:b (odd))', 'kmalloc-64'])
      mkdirSync(join(host.root, 'sys/kernel/slab', entry), { recursive: true });
    expect(pick(replay(host), 'kmem.slab_entries', 'kmem.slab_ids', 'kmem.dead_groups')).toEqual([
      3, 2, 2,
    ]);
  });
});

describe('the kernel log', () => {
  it('is counted by kind', () => {
    program(
      host,
      'dmesg',
      `printf '%s\\n' '[1.0] SLUB: Unable to allocate memory on node -1 (gfp=0x20)' '[1.0]   cache: kmalloc-192(12:${'a'.repeat(64)}), object size: 192' '[2.0] nothing' '[3.0] BUG: soft lockup - CPU#1 stuck for 22s! [x:1]'`,
    );
    expect(
      (replay(host)['kmem.symptoms'] as readonly { kind: string; count: number }[]).map(
        ({ kind, count }) => [kind, count],
      ),
    ).toEqual([
      ['slub', 1],
      ['slub_memcg', 1],
      ['soft_lockup', 1],
    ]);
  });
  const full = 'mkdir /sys/fs/cgroup/memory/docker/a: cannot allocate memory';
  const symptoms = (): readonly unknown[] =>
    (replay(host)['kmem.symptoms'] as readonly { kind: string; from: string; count: number }[]).map(
      ({ kind, from, count }) => [kind, from, count],
    );

  it('does not say that ids are used up: the journal of those who make groups does', () => {
    program(
      host,
      'journalctl',
      `case "$*" in '-u docker -u containerd -u kubelet -u crio -b '*) printf '%s\\n' 'x: ${full}' y 'z: ${full}';; esac`,
    );
    expect(symptoms()).toEqual([['cgroup_mkdir', 'runtime', 2]]);
    file(host, 'proc/sys/kernel/osrelease', '4.18.0-553.el8_10.x86_64\n');
    expect(symptoms()).toEqual([]);
  });
  it('without a journal /var/log/messages counts, from the last start of a kernel on', () => {
    const messages = (lines: readonly string[]): void =>
      file(host, 'var/log/messages', lines.map((line) => `Nov 1 n1 ${line}\n`).join(''));
    const start = 'kernel: Linux version 3.10.0-862.el7.x86_64';
    messages([`dockerd: ${full}`, `dockerd: ${full}`]);
    expect(symptoms()).toEqual([['cgroup_mkdir', 'runtime', 2]]);
    messages([`dockerd: ${full}`, start, `dockerd: ${full}`, 'x']);
    expect(symptoms()).toEqual([['cgroup_mkdir', 'runtime', 1]]);
    messages([`dockerd: ${full}`, start]);
    expect(symptoms()).toEqual([]);
  });
  it('ends where the probe says, whatever somebody wrote into it', () => {
    file(host, 'proc/sys/kernel/random/uuid', '3d2023fb-c846-4e82-95ef-bce27dc2ac93\n');
    const lines = ['@', '@ 0', 'x(1:pod)', 'w pod read yes 1 1 1 1 5', 'logged'];
    const leak = '[1.0] SLUB: Unable to allocate memory on node -1 (gfp=0x20)';
    program(
      host,
      'dmesg',
      `printf '%s\\n' ${[...lines, leak].map((line) => `'${line}'`).join(' ')}`,
    );
    const facts = replay(host);
    expect(facts['kmem.symptoms']).toMatchObject([{ kind: 'slub', count: 1 }]);
    expect(pick(facts, 'kmem.slab_entries', 'kmem.witnesses')).toEqual([0, []]);
  });
  it('that may not be read is reported so', () => {
    program(
      host,
      'dmesg',
      'echo "dmesg: read kernel buffer failed: Operation not permitted" >&2; exit 1',
    );
    expect(pick(replay(host), 'kmem.symptoms', 'kmem.log_read')).toEqual([[], false]);
  });
});

describe('the fence', () => {
  const fence = (): readonly unknown[] =>
    pick(replay(host), 'fence.run', 'fence.number', 'fence.open');
  const written = (text: string): void => file(host, 'var/lib/kmend/fence', text);

  it('reports which run uses the host, or used it last', () => {
    expect(fence()).toEqual(['', 0, false]);
    written('20261124-153012-k3f9 2 open\n');
    expect(fence()).toEqual(['20261124-153012-k3f9', 2, true]);
    written('20261124-153012-k3f9 3 closed\n');
    expect(fence()).toEqual(['20261124-153012-k3f9', 3, false]);
  });
  it.each(['x', '20261124-153012-k3f9 2', 'run; reboot 1 open', '20261124-153012-k3f9 2 opened'])(
    '%j is no fence, and not none',
    (text) => {
      written(`${text}\n`);
      expect(fence().every((value) => isUnknown(value as Value))).toBe(true);
    },
  );
  it('is unknown to a user who may not read it', () => {
    const facts = marksArea.parse('fence_denied', { cut: false, args: {} });
    expect(facts['fence.open']).toEqual({ $unknown: 'only root may read it' });
  });
});
