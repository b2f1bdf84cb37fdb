// Area crash: what is left of earlier boots, read by the real script out of trees with dumps,
// records, journals and logs.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crashArea } from '../../src/facts/areas/logs/crash.ts';
import { timeOf, zoneOf } from '../../src/facts/areas/logs/log-time.ts';
import { buildProbe, checkWants, wantsNamedIn } from '../../src/facts/index.ts';
import { judgePast, verdictOf } from '../../src/facts/kmem/past.ts';
import type { Facts, FactWant } from '../../src/model/fact.ts';
import type { EarlierBoot } from '../../src/model/facts/values.ts';
import {
  emptyHost,
  file,
  has,
  hasBusybox,
  isRoot,
  program,
  type Recorded,
  replay,
} from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-862.el7.x86_64\n');
  file(host, 'proc/cmdline', 'ro\n');
  file(host, 'proc/sys/kernel/hostname', 'Node1.example.org\n');
  file(host, 'proc/uptime', '3600.25 7000.00\n');
});
afterEach(() => host.remove());

/**
 * 2018-11-05 10:24:33 UTC, which is the time of the crash; the host's clock says an hour and five
 * minutes later, 65 minutes after its boot.
 */
const crashed = 1_541_413_473;
const put = (path: string, text: string, seconds = crashed): void => {
  file(host, path, text);
  utimesSync(join(host.root, path), seconds, seconds);
};
/** A clock for `date +FORMAT`; \`date -r FILE\` is the machine's. */
const clock = (now: number, zone = '+0000'): void =>
  program(
    host,
    'date',
    `case $1 in -r) exec /bin/date "$@";; *%z) echo "${now} ${zone}";; *) echo ${now};; esac`,
  );
const read = (shell: readonly string[] = ['sh'], path?: string): Facts =>
  replay(host, { wants: checkWants, shell, ...(path === undefined ? {} : { path }) });
const past = (facts: Facts = read()): readonly unknown[] => [
  facts['crash.verdict'],
  facts['crash.on'],
  facts['crash.evidence'],
];
const boots = (facts: Facts = read()): readonly EarlierBoot[] =>
  facts['crash.boots'] as unknown as readonly EarlierBoot[];
const kinds = (boot: EarlierBoot | undefined): readonly string[] =>
  boot?.symptoms.map(({ kind, count }) => `${kind} ${count}`) ?? [];

const group = '8aff71103b350fcc15a20dcad154986160ce07496a9f70fa4aff83e7716b0936';
const slub = [
  'SLUB: Unable to allocate memory on node -1 (gfp=0xd0)',
  `  cache: sock_inode_cache(158:${group}), object size: 632`,
];
const lockup = 'NMI watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [runc:[1:CHILD]:4711]';

/** The end of a log as the incident left it, in the shape of kdump's. */
const incident = `[381020.101234] ${slub[0]}
[381020.101240] ${slub[1]}
[381020.101243]   node 0: slabs: 8, objs: 363, free: 0
[381022.000001] socket: no more sockets
[381022.000007] IPv6: Failed to initialize the ICMP6 control socket (err -23)
[381022.000010] BUG: unable to handle kernel NULL pointer dereference at 0000000000000020
[381022.000015] IP: [<ffffffff894dfb20>] ip6mr_sk_done+0x60/0xf0
[381030.500000] Kernel panic - not syncing: Fatal exception
`;
const dump = 'var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt';

describe('asking for it', () => {
  it('is for `check`, and for a text that names one of its facts', () => {
    expect(buildProbe()).not.toContain('vmcore-dmesg');
    expect(buildProbe(checkWants)).toContain('vmcore-dmesg');
    expect(wantsNamedIn('{"when":"crash.verdict == \'died\'"}')).toEqual([{ area: 'crash' }]);
    expect(wantsNamedIn("{{ crash['on'] }}")).toEqual([{ area: 'crash' }]);
    expect(wantsNamedIn('the crash of a carcrash.on')).toEqual([]);
  });
});

describe('a host', () => {
  it('without records of earlier boots reports so, and starts no program', () => {
    for (const tool of ['ls', 'awk', 'date', 'head', 'find', 'journalctl'])
      program(host, tool, `echo ${tool} >>"$KMEND_ROOT/../calls"; :`);
    // Sorted: the programs of one pipeline start in any order.
    const calls = (wants: readonly FactWant[]): readonly string[] => {
      file(host, '../calls', '');
      replay(host, { wants });
      return readFileSync(join(host.root, '../calls'), 'utf8').split('\n').sort();
    };
    expect(calls(checkWants)).toEqual(calls([]));
    expect(read()['crash.verdict']).toEqual({ $unknown: 'no log of an earlier boot is left' });
  });
  it.skipIf(!isRoot)('whose logs may not be read wants root', () => {
    put(dump, incident);
    chmodSync(join(host.root, dump), 0o600);
    const facts = replay(host, { wants: checkWants, uid: 65_534 });
    expect(facts['crash.verdict']).toEqual({
      $unknown: 'the logs of earlier boots could not be read: needs root',
    });
    expect(facts['crash.sources']).toMatchObject({ dump: 'denied' });
  });
});

describe('a crash dump', () => {
  it('of the incident: this host died of it, on that day, with the time of each symptom', () => {
    put(dump, incident);
    const facts = read();
    expect(past(facts)).toEqual([
      'died',
      '2018-11-05',
      'crash dump of 2018-11-05 10:24 UTC: SLUB node -1, NULL pointer dereference in ip6mr_sk_done, no more sockets, no ICMP6 control socket',
    ]);
    expect(facts['crash.sources']).toEqual({
      dump: 'read',
      pstore: 'absent',
      journal: 'absent',
      messages: 'absent',
    });
    expect(boots(facts)).toMatchObject([
      { source: 'dump', place: `/${dump}`, boot: '', at: crashed, ended: 'crash' },
    ]);
    expect(boots(facts)[0]?.symptoms.map(({ kind, at }) => `${kind} ${at - crashed}`)).toEqual([
      'slub -10',
      'slub_memcg -10',
      'ip6mr_oops -8',
      'no_sockets -8',
      'icmp6_socket -8',
    ]);
  });
  it('that was copied since is dated by its directory', () => {
    put(dump, incident, crashed + 9e6);
    expect(boots()[0]?.symptoms[0]?.at).toBe(crashed - 10);
    expect(past()[1]).toBe('2018-11-05');
  });
  it.each([
    ['without a sign', 'SysRq : Trigger a crash\n', 'no symptom'],
    ['with a soft lockup alone', `[9.1] ${lockup}\n`, 'soft lockup'],
    [
      'with a SLUB line that names no group',
      `[9.1] ${slub[0]}\n[9.2]   cache: kmalloc-192, object size: 192\n`,
      'SLUB node -1',
    ],
  ])('%s: it died, and the cause is not shown', (_, text, shown) => {
    put(dump, text);
    expect(past()).toEqual([
      'died_unshown',
      '2018-11-05',
      `crash dump of 2018-11-05 10:24 UTC: ${shown}`,
    ]);
  });
  it('with characters in a line that end one elsewhere: it is read whole', () => {
    put(dump, incident.replace(`(158:${group})`, '(158:a\r\u2028\u001b[2Jb)'));
    expect([past()[0], kinds(boots()[0])[1]]).toEqual(['died', 'slub_memcg 1']);
  });
  it('of a healthy kernel shows no cause: its own lines name the kernel, else it is the running one', () => {
    const oops =
      'CPU: 3 PID: 4711 Comm: runc Tainted: G             L ------------   3.10.0-862.el7.x86_64 #1';
    file(host, 'proc/sys/kernel/osrelease', '4.14.200-155.322.amzn2.x86_64\n');
    put(dump, incident);
    expect([past()[0], boots()[0]?.kernel]).toEqual([
      'died_unshown',
      '4.14.200-155.322.amzn2.x86_64',
    ]);
    put(dump, `${incident}[381030.6] ${oops}\n`);
    expect([past()[0], boots()[0]?.kernel]).toEqual(['died', '3.10.0-862.el7.x86_64']);
    put(
      dump,
      `[0.0] Linux version 3.10.0-957.el7.x86_64 (builder@kbuilder.dev.centos.org)\n${incident}`,
    );
    expect([past()[0], boots()[0]?.kernel]).toEqual(['died', '3.10.0-957.el7.x86_64']);
  });
  it('of a sign that was two days old does not show the cause', () => {
    put(
      dump,
      `[  100.0] ${slub[1]}\n[200000.0] Kernel panic - not syncing: Fatal hardware error!\n`,
    );
    expect(past()[0]).toBe('died_unshown');
  });
  it('among many: the newest four are read, and more are reported', () => {
    for (let n = 0; n < 200; n++)
      put(
        `var/crash/127.0.0.1-${n}/vmcore-dmesg.txt`,
        n === 3 ? incident : 'x\n',
        crashed - n * 60,
      );
    const facts = read();
    expect(boots(facts).map(({ place }) => place.split('/')[3])).toEqual(
      [0, 1, 2, 3].map((n) => `127.0.0.1-${n}`),
    );
    expect([facts['crash.verdict'], facts['crash.sources']]).toMatchObject([
      'died',
      { dump: 'cut' },
    ]);
  });
  it('of another host, which kdump sent to this one: not read, and more are reported', () => {
    put('var/crash/192.0.2.7-2018-11-05-10:24:33/vmcore-dmesg.txt', incident);
    const facts = read();
    expect([boots(facts), facts['crash.sources']]).toMatchObject([[], { dump: 'cut' }]);
    put(dump, incident);
    expect(boots().map(({ place }) => place)).toEqual([`/${dump}`]);
  });
  it('that is no file is skipped: a FIFO, a loop of links, a directory; of a huge one only its end is read', () => {
    for (const name of ['fifo', 'loop', 'directory', 'huge'])
      mkdirSync(join(host.root, `var/crash/${name}`), { recursive: true });
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(host.root, 'var/crash/fifo/vmcore-dmesg.txt')]);
    symlinkSync('vmcore-dmesg.txt', join(host.root, 'var/crash/loop/vmcore-dmesg.txt'));
    mkdirSync(join(host.root, 'var/crash/directory/vmcore-dmesg.txt'));
    put('var/crash/huge/vmcore-dmesg.txt', incident);
    truncateSync(join(host.root, 'var/crash/huge/vmcore-dmesg.txt'), 4 * 2 ** 30);
    const start = performance.now();
    const facts = read();
    expect(performance.now() - start).toBeLessThan(10_000);
    expect([boots(facts).map(kinds), facts['crash.sources']]).toMatchObject([
      [[]],
      { dump: 'cut' },
    ]);
  });
});

describe('pstore', () => {
  it('the records of one crash are one; an oops that the kernel survived is no death', () => {
    const [first = '', second = ''] = [incident.slice(0, 260), incident.slice(260)];
    put('sys/fs/pstore/dmesg-efi-154141347301001', `Panic#1 Part1\n${second}`);
    put('sys/fs/pstore/dmesg-efi-154141347302001', `Panic#1 Part2\n${first}`, crashed + 1);
    expect(boots()).toMatchObject([{ source: 'pstore', ended: 'crash' }]);
    expect(past().slice(0, 2)).toEqual(['died', '2018-11-05']);
    put('sys/fs/pstore/dmesg-efi-154141347301001', `Oops#1 Part1\n${second}`);
    put('sys/fs/pstore/dmesg-efi-154141347302001', `Oops#1 Part2\n${first}`, crashed + 1);
    expect(past()[0]).toBe('seen');
    put('sys/fs/pstore/dmesg-efi-154141347301001', `Restart#1 Part1\n${second}`);
    put('sys/fs/pstore/dmesg-efi-154141347302001', `Restart#1 Part2\n${first}`, crashed + 1);
    expect(past()[0]).toBe('seen');
    put('var/lib/systemd/pstore/1541413473/dmesg.txt', incident, crashed + 5000);
    expect(past().slice(0, 2)).toEqual(['died', '2018-11-05']);
  });
});

/** A journal of boots, the newest first: kernel lines and the last lines of all. */
const journal = (
  list: readonly { readonly kernel: readonly string[]; readonly tail: readonly string[] }[],
): void => {
  file(host, 'var/log/journal/1234/system.journal', '');
  const id = (n: number): string => `${n + 1}`.repeat(32);
  for (const [n, { kernel, tail }] of list.entries()) {
    file(host, `../journal/${id(n)}.k`, kernel.map((line) => `${line}\n`).join(''));
    file(host, `../journal/${id(n)}.b`, tail.map((line) => `${line}\n`).join(''));
  }
  const cases = list.map((_, n) => `-${n + 1}) id=${id(n)};;`).join(' ');
  program(
    host,
    'journalctl',
    `k=b; while [ $# -gt 0 ]; do case $1 in -k) k=k;; -b) shift; id=$1;; -o) shift; o=$1;; esac; shift; done
[ -n "$id" ] || exit 0
case $id in ${cases} -*) echo "Failed to look up boot $id" >&2; exit 1;; esac
case $o in export) printf '__CURSOR=s=1\\n_BOOT_ID=%s\\nMESSAGE=x\\n' "$id";; *) cat "$KMEND_ROOT/../journal/$id.$k";; esac`,
  );
};
const down = '2018-11-05T10:24:40+0000 node1 systemd[1]: Reached target Shutdown.';
const kernelAt = (time: string, line: string): string => `${time} node1 kernel: ${line}`;

describe('a persistent journal', () => {
  it('a boot that breaks off with signs: this host died of it, by its boot id', () => {
    journal([
      {
        kernel: slub.map((line) => kernelAt('2018-11-05T18:24:30+0800', line)),
        tail: ['2018-11-05T18:24:33+0800 node1 dockerd[7]: x'],
      },
    ]);
    expect(boots()).toMatchObject([
      { source: 'journal', boot: '1'.repeat(32), at: crashed, ended: 'abrupt' },
    ]);
    expect(past()).toEqual([
      'died',
      '2018-11-05',
      'journal of an earlier boot of 2018-11-05 10:24 UTC, which breaks off without a shutdown: SLUB node -1',
    ]);
  });
  it('a boot that was shut down with signs: seen, no death; one that breaks off without: no cause is shown', () => {
    const signs = slub.map((line) => kernelAt('2018-11-05T10:24:30+0000', line));
    journal([{ kernel: signs, tail: [down] }]);
    expect(past().slice(0, 2)).toEqual(['seen', '2018-11-05']);
    journal([
      { kernel: signs, tail: [down] },
      { kernel: [], tail: ['2018-10-01T10:00:00+0000 node1 crond[7]: x'] },
    ]);
    expect(past().slice(0, 2)).toEqual(['died_unshown', '2018-10-01']);
  });
  it('of four boots all are read, and what is read twice counts once', () => {
    const one = {
      kernel: [kernelAt('2018-11-05T10:24:30+0000', lockup)],
      tail: [kernelAt('2018-11-05T10:24:30+0000', lockup), down],
    };
    journal([one, one, one, one, one, one]);
    expect(boots().map(kinds)).toEqual(Array.from({ length: 4 }, () => ['soft_lockup 1']));
    expect(past()[0]).toBe('seen');
  });
  it('that hangs or is interrupted does not show how a boot ended', () => {
    journal([{ kernel: slub.map((line) => kernelAt('2018-11-05T10:24:30+0000', line)), tail: [] }]);
    program(
      host,
      'journalctl',
      `case "$*" in *export*) echo _BOOT_ID=1;; *-k*) echo "2018-11-05T10:24:30+0000 n kernel: ${slub[1]}";; *) exit 124;; esac`,
    );
    expect([past()[0], read()['crash.sources']]).toMatchObject(['seen', { journal: 'cut' }]);
  });
});

const syslog = (line: string, time = 'Nov  5 10:24:30'): string => `${time} node1 ${line}\n`;
const booted = syslog(
  'kernel: Linux version 3.10.0-862.el7.x86_64 (builder@kbuilder.dev.centos.org)',
  'Nov  5 10:26:00',
);
const signs = slub.map((line) => syslog(`kernel: ${line}`)).join('');

describe('/var/log/messages', () => {
  beforeEach(() => clock(crashed + 3680));
  it('what lies before the first line of a kernel is an earlier boot; what lies behind it is this one', () => {
    put(
      'var/log/messages',
      signs + booted + syslog(`kernel: ${lockup}`, 'Nov  5 10:30:00'),
      crashed + 3600,
    );
    expect(boots()).toMatchObject([
      { source: 'messages', place: '/var/log/messages', at: crashed - 3, ended: 'abrupt' },
    ]);
    put(
      'var/log/messages',
      booted.replace('862', '957').replace('10:26', '10:20') + signs + booted,
      crashed + 3600,
    );
    expect(boots()).toMatchObject([{ kernel: '3.10.0-957.el7.x86_64', at: crashed - 3 }]);
    put(
      'var/log/messages',
      signs + booted + syslog(`kernel: ${lockup}`, 'Nov  5 10:30:00'),
      crashed + 3600,
    );
    expect(boots().map(kinds)).toEqual([['slub 1', 'slub_memcg 1']]);
    expect(past()).toEqual([
      'died',
      '2018-11-05',
      '/var/log/messages of 2018-11-05 10:24 UTC, which breaks off without a shutdown: SLUB node -1',
    ]);
  });
  it('a shutdown before it makes it a planned one', () => {
    put(
      'var/log/messages',
      signs + syslog('systemd-logind: System is rebooting.') + booted,
      crashed + 3600,
    );
    expect([past()[0], boots()[0]?.ended]).toEqual(['seen', 'planned']);
  });
  it('the boot may have begun in a file that was rotated since, packed or not, and a year ends between', () => {
    const year = 'Dec 31 23:59:50';
    const packed = gzipSync(slub.map((line) => syslog(`kernel: ${line}`, year)).join(''));
    put('var/log/messages-20190101.gz', '');
    writeFileSync(join(host.root, 'var/log/messages-20190101.gz'), packed);
    utimesSync(
      join(host.root, 'var/log/messages-20190101.gz'),
      Date.UTC(2019, 0, 1, 3) / 1000,
      Date.UTC(2019, 0, 1, 3) / 1000,
    );
    put(
      'var/log/messages',
      booted.replace('Nov  5', 'Jan  1'),
      Date.UTC(2019, 0, 1, 10, 30) / 1000,
    );
    clock(Date.UTC(2019, 0, 1, 11, 25) / 1000);
    expect(past().slice(0, 2)).toEqual(['died', '2018-12-31']);
  });
  it('lines of other programs are no symptoms of the kernel', () => {
    put('var/log/messages', syslog(`dockerd: said ${slub[1]}`) + booted, crashed + 3600);
    expect(boots().map(kinds)).toEqual([[]]);
  });
  it('lines of other hosts, which are collected here, are neither symptoms nor boots of this one', () => {
    const other = (text: string): string => text.replaceAll(' node1 ', ' web7.example.org ');
    put(
      'var/log/messages',
      other(signs + booted) + syslog('crond: x', 'Nov  5 11:00:00'),
      crashed + 3600,
    );
    const facts = read();
    expect([boots(facts), facts['crash.sources']]).toMatchObject([[], { messages: 'cut' }]);
    put('var/log/messages', syslog('crond: x') + other(signs) + booted, crashed + 3600);
    expect([past()[0], boots().map(kinds)]).toEqual(['died_unshown', [[]]]);
    put('var/log/messages', (signs + booted).replaceAll(' node1 ', ' localhost '), crashed + 3600);
    expect(past()[0]).toBe('died');
  });
  it("a program that quotes a kernel's line makes neither a symptom nor a boot", () => {
    for (const time of ['Nov  5 10:24:30', '2018-11-05T10:24:30.123456+00:00']) {
      const quoted = (line: string): string => syslog(`app[7]: node1 kernel: ${line}`, time);
      put('var/log/messages', quoted(slub[1] ?? '') + booted, crashed + 3600);
      expect(past()[0]).toBe('died_unshown');
      put(
        'var/log/messages',
        signs +
          quoted('Linux version 3.10.0-862.el7.x86_64') +
          syslog('crond: x', 'Nov  5 11:00:00'),
        crashed + 3600,
      );
      expect(past()[0]).toBe('seen');
    }
  });
  it.each([
    ['systemd: Reached target Shutdown.', 'seen'],
    ['systemd[1]: Reached target Shutdown.', 'seen'],
    ['systemd-shutdow[1]: systemd-shutdown: Sending SIGTERM to remaining processes...', 'seen'],
    ['rsyslogd: [origin software="rsyslogd"] exiting on signal 15.', 'seen'],
    ['journal: Journal stopped', 'seen'],
    ['kernel: reboot: Restarting system', 'seen'],
    ['systemd[2211]: Reached target Shutdown.', 'died'],
    ['app[7]: Reached target Shutdown.', 'died'],
    ['nginx: exiting on signal 15', 'died'],
  ])('a shutdown is announced by who does it: %s', (line, verdict) => {
    put('var/log/messages', signs + syslog(line) + booted, crashed + 3600);
    expect(past()[0]).toBe(verdict);
  });
  it('without the first line of a kernel, times separate earlier boots', () => {
    put('var/log/messages', signs + syslog('crond: x', 'Nov  5 11:00:00'), crashed + 3600);
    expect(boots()).toMatchObject([{ ended: 'unknown', at: crashed - 3 }]);
    expect(past()[0]).toBe('seen');
    put('var/log/messages', syslog(`kernel: ${slub[1]}`, 'Nov  5 11:00:00'), crashed + 3600);
    expect(boots()).toEqual([]);
  });
  it("a time is the host's own, in its zone", () => {
    clock(crashed + 3680, '+0800');
    put(
      'var/log/messages',
      signs.replaceAll('10:24:30', '18:24:30') + booted.replace('10:26', '18:26'),
      crashed + 3600,
    );
    expect(boots()[0]?.at).toBe(crashed - 3);
  });
  it('of 4 GB the end is read, in bounded time, and a gap is no boot that broke off', () => {
    put('var/log/messages', signs, crashed + 3600);
    truncateSync(join(host.root, 'var/log/messages'), 4 * 2 ** 30);
    utimesSync(join(host.root, 'var/log/messages'), crashed + 3600, crashed + 3600);
    put('var/log/messages-20181104', signs, crashed - 86_400);
    const start = performance.now();
    const facts = read();
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(facts['crash.sources']).toMatchObject({ messages: 'cut' });
    expect(boots(facts)).toMatchObject([{ place: '/var/log/messages-20181104', ended: 'unknown' }]);
  });
  it('a crash loop of a thousand boots leaves the last ones', () => {
    const one = Array.from({ length: 20 }, () => syslog(`kernel: ${lockup}`)).join('') + booted;
    put('var/log/messages', signs + booted + one.repeat(1000), crashed + 3600);
    const facts = read();
    expect(boots(facts).length).toBe(11);
    expect(kinds(boots(facts)[0])).toEqual(['soft_lockup 20']);
  });
});

describe('every shell and awk', () => {
  const shells: readonly (readonly string[])[] = [['sh'], ['dash'], ['bash'], ['busybox', 'ash']];
  const awks = ['mawk', 'gawk', 'original-awk', 'busybox'];
  /** By the machine's own clock: the shell of busybox has its own `date`. */
  const all = (): void => {
    const now = new Date(Date.now() - 3_600_000).toISOString();
    put(dump, incident);
    journal([{ kernel: [kernelAt('2018-11-05T10:24:30+0000', lockup)], tail: [down] }]);
    put(
      'var/log/messages',
      `${signs}${now} node1 kernel: Linux version 3.10.0-862.el7.x86_64\n`,
      Date.now() / 1000,
    );
  };
  it.each(shells.filter(([command = '']) => has(command)))('%s says the same', (...shell) => {
    all();
    expect(boots(read(shell))).toEqual(boots());
    expect(boots(read(shell))).toHaveLength(3);
  });
  it.each(awks.filter(has))('%s says the same', (awk) => {
    all();
    const first = boots();
    program(host, 'awk', awk === 'busybox' ? 'exec busybox awk "$@"' : `exec ${awk} "$@"`);
    expect(boots()).toEqual(first);
  });
  it.skipIf(!hasBusybox)('the tools of busybox do', () => {
    all();
    const first = boots();
    for (const tool of ['ls', 'head', 'tail', 'find', 'sed', 'awk', 'gzip', 'timeout'])
      program(host, tool, `exec busybox ${tool} "$@"`);
    expect(boots()).toEqual(first);
  });
});

describe('the judgement', () => {
  const boot = (more: Partial<EarlierBoot>): EarlierBoot => ({
    source: 'dump',
    place: '/x',
    boot: '',
    kernel: '3.10.0-862.el7.x86_64',
    at: crashed,
    ended: 'crash',
    symptoms: [],
    ...more,
  });
  const sign = { kind: 'slub_memcg', count: 1, at: crashed, line: 'x' } as const;
  const sources = {
    dump: 'read',
    pstore: 'absent',
    journal: 'absent',
    messages: 'absent',
  } as const;
  it.each([
    [boot({ symptoms: [sign] }), 'died'],
    [boot({ symptoms: [sign], ended: 'abrupt' }), 'died'],
    [boot({ symptoms: [sign], ended: 'planned' }), 'seen'],
    [boot({ symptoms: [sign], ended: 'unknown' }), 'seen'],
    [boot({ symptoms: [{ ...sign, at: crashed - 90_000 }] }), 'died_unshown'],
    [boot({ symptoms: [{ ...sign, at: 0 }] }), 'died'],
    // A container at its limit writes the line, too: hours before the end it needs another one
    // beside it.
    [boot({ symptoms: [{ ...sign, at: crashed - 3600 }] }), 'died_unshown'],
    [
      boot({
        symptoms: [
          { ...sign, at: crashed - 3600 },
          { ...sign, kind: 'hung_task' },
        ],
      }),
      'died_unshown',
    ],
    [
      boot({
        symptoms: [
          { ...sign, at: crashed - 3600 },
          { ...sign, kind: 'soft_lockup' },
        ],
      }),
      'died',
    ],
    [boot({ symptoms: [{ ...sign, kind: 'ip6mr_oops', at: crashed - 3600 }] }), 'died'],
    [boot({ symptoms: [sign], kernel: '4.14.200-155.322.amzn2.x86_64' }), 'died_unshown'],
    [boot({ symptoms: [sign], kernel: '' }), 'died'],
    [boot({ symptoms: [{ ...sign, kind: 'soft_lockup' }] }), 'died_unshown'],
    [
      boot({
        symptoms: [
          { ...sign, kind: 'no_sockets' },
          { ...sign, kind: 'icmp6_socket' },
        ],
      }),
      'died_unshown',
    ],
    [boot({ symptoms: [{ ...sign, kind: 'ip6mr_oops' }] }), 'died'],
    [boot({}), 'died_unshown'],
    [boot({ ended: 'planned' }), 'none'],
  ])('%j: %s', (one, verdict) => {
    expect(verdictOf(one)).toBe(verdict);
    expect(judgePast([one], sources)['crash.verdict']).toBe(verdict);
  });
  it('a proven death counts before a later unproven one, and the latest of the proven ones', () => {
    const list = [
      boot({ at: crashed + 9e6 }),
      boot({ symptoms: [sign] }),
      boot({ symptoms: [{ ...sign, at: crashed - 9e6 }], at: crashed - 9e6 }),
    ];
    expect(judgePast(list, sources)).toMatchObject({
      'crash.verdict': 'died',
      'crash.on': '2018-11-05',
    });
  });
});

describe('times', () => {
  const dating = { source: 'messages', fileTime: crashed, lastLine: '', zone: 0 } as const;
  it.each([
    ['Nov  5 10:24:33 n kernel: x', 0],
    ['2018-11-05T18:24:33.123456+08:00 n kernel: x', 0],
    ['Nov  6 10:24:32 n kernel: a clock that was set', 86_399],
    ['Nov  9 10:24:33 n kernel: of last year', 345_600 - 365 * 86_400],
    ['Foo  5 10:24:33', -crashed],
    ['x', -crashed],
  ])('%s', (line, after) => expect(timeOf(line, dating)).toBe(crashed + after));
  it.each([
    [{ ...dating, source: 'dump', fileTime: 1e17 } as const, '[1.0] x'],
    [{ ...dating, source: 'dump', lastLine: '[999999999999.0] y' } as const, '[1.0] x'],
    [dating, '9999-12-31T23:59:59 n kernel: x'],
  ])('%j: %s is no time', (of, line) => expect(timeOf(line, of)).toBe(0));
  it.each([
    ['+0800', 28_800],
    ['-03:30', -12_600],
    ['', 0],
    ['UTC', 0],
  ])('zone %s', (text, seconds) => expect(zoneOf(text)).toBe(seconds));
});

describe('hostile output', () => {
  /** CPU time: other processes must not count. */
  const seconds = (text: string): number => {
    const took = Array.from({ length: 3 }, () => {
      const before = process.cpuUsage();
      crashArea.parse(text, { cut: false, args: {} });
      return process.cpuUsage(before).user / 1e6;
    });
    return Math.min(...took);
  };
  it.each([
    'log dump x\n',
    'sign 1 1 ',
    'sign 1 1 cache: x(1:\n',
    'last 1 [ 1.1]\n',
    'log messages x\nlast 1 x\n',
    '1',
    'end \n',
    'sign 1 1 IP: [<1\n',
    'now 1 ',
  ])('%j again and again is read in linear time', (part) => {
    const text = (size: number): string =>
      `now 1 +0000\nlog dump x\n${part.repeat(Math.ceil(size / part.length))}`;
    const [half, whole] = [seconds(text(100_000)), seconds(text(200_000))];
    expect(whole / Math.max(half, 0.05)).toBeLessThan(3);
  });
  it('never throws', () => {
    for (const text of [
      'log',
      'sign 1 1 x',
      'log dump\nend',
      'now x\nup y\nlog messages \nlast \nend open',
      'last 99999999999999999999 x',
    ])
      expect(() => crashArea.parse(text, { cut: false, args: {} })).not.toThrow();
  });
});
