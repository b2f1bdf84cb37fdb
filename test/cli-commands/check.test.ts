// kmend check: outputs as people collect them (`--from`), and what it remembers between two checks
// of a fleet.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkWants } from '../../src/facts/index.ts';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { type CommandResult, command } from '../cli/real-world.ts';
import { file, recordedHost, runProbe } from '../facts/replay.ts';

/**
 * What the probe prints on the recorded hosts, with their slab entries replaced by a number of dead
 * groups, and their age.
 */
const outputs = new Map<string, string>();
const outputOf = (name: string): string => outputs.get(name) ?? '';
const aged = (text: string, uptime: number, dead: number): string =>
  text
    .replace(/^uptime .*$/m, `uptime ${uptime}.00 1.00`)
    .replace(/^clock .*$/m, `clock ${1_790_000_000 + uptime}`)
    .replace(/^slab \d+ \d+ (\d+)$/m, `slab ${dead * 14} ${dead + 3} $1`);

beforeAll(() => {
  for (const name of ['1062-on', '1062-off', '1062-nokmem']) {
    const host = recordedHost(name);
    outputs.set(name, runProbe(host).replaceAll(host.root, ''));
    host.remove();
  }
});

describe('from collected outputs', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kmend-from-'));
    return () => rmSync(dir, { recursive: true, force: true });
  });
  const put = (name: string, text: string | Buffer): void => {
    mkdirSync(dirname(join(dir, 'in', name)), { recursive: true });
    writeFileSync(join(dir, 'in', name), text);
  };
  const check = (...more: readonly string[]): Promise<CommandResult> =>
    command(['check', '--from', join(dir, 'in'), ...more], { home: dir });
  /** Host and verdict of each row, or the kind of its failure. */
  const verdicts = ({ out }: CommandResult): readonly string[] =>
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map((row) => `${row.host} ${row.facts?.['kmem.verdict'] ?? row.failure.kind}`);

  it('names hosts after their files, whatever their endings, and leaves nothing behind', async () => {
    put('on.txt', outputOf('1062-on'));
    put('off.log', outputOf('1062-off').replaceAll('\n', '\r\n').trimEnd());
    put(
      'nokmem.example.net.out',
      `[root@x ~]# sh probe.sh\n${outputOf('1062-nokmem')}[root@x ~]# `,
    );
    put('packed.log.gz', gzipSync(outputOf('1062-off')));
    put('.hidden', 'x');
    const done = await check('--json');
    expect(verdicts(done)).toEqual(['nokmem.example.net off', 'off off', 'on on', 'packed off']);
    expect([done.exit, done.err]).toEqual([2, '']);
    expect(readdirSync(dir)).toEqual(['in']);
  });

  it('says what it could not use, and judges the rest', async () => {
    put('on', outputOf('1062-on'));
    put('README.md', '# Outputs of last week\n');
    put('half', outputOf('1062-on').slice(0, 900));
    put('empty', '');
    put('broken.gz', 'no gzip');
    const done = await check();
    expect(done.exit).toBe(4);
    expect(done.out).toContain(
      'README.md: the host did not run the probe: none of its output came back',
    );
    expect(done.out).toContain('half: the probe output is truncated');
    expect(done.out).toContain('empty is empty');
    expect(done.out).toContain('broken.gz is not a whole gzip file');
    expect(done.out).toContain('5 hosts: 1 needs a remedy, 4 could not be read   (exit 4)');
  });

  it('a file of several hosts is taken apart, and said so', async () => {
    const named = (name: string, text: string): string =>
      text.replace(/^host .*$/m, `host ${name}`);
    put('all', named('node-a', outputOf('1062-on')) + named('node-b', outputOf('1062-off')));
    const mixed = (name: string, text: string): string => text.replace(/^/gm, `${name}: `);
    put('pdsh', mixed('node-c', outputOf('1062-nokmem')) + mixed('node-d', outputOf('1062-on')));
    const done = await check('--json');
    expect(verdicts(done)).toEqual(['node-a on', 'node-b off', 'node-c off', 'node-d on']);
    expect(done.err).toBe(
      'warning: all holds outputs of several hosts: they are named by what they call themselves',
    );
  });

  it('an output of today has what is left of earlier boots; one of an earlier version says nothing of them', async () => {
    const host = recordedHost('1062-on');
    file(
      host,
      'var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt',
      '[  9.0] IP: [<ffffffff894dfb20>] ip6mr_sk_done+0x60/0xf0\n',
    );
    put('today', runProbe(host, { wants: checkWants }));
    host.remove();
    put('before', outputOf('1062-on'));
    const rows = (await check('--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(
      rows.map(({ host, facts }) => `${host} ${facts['kmem.verdict']} ${facts['crash.verdict']}`),
    ).toEqual(['before on undefined', 'today on died']);
    const shown = (await check('-v')).out;
    expect(shown).toMatch(
      /^ +8 of 12 non-root cgroups readable; an earlier boot died of it on \d{4}-\d\d-\d\d$/m,
    );
    expect(shown).toContain('earlier boots: one of them died of this bug: crash dump of ');
    expect(shown).toMatch(
      /^ {4}earlier boot, \/var\/crash\/[^ ]+vmcore-dmesg.txt:\n {6}ip6mr_oops 1, last /m,
    );
    expect(shown.match(/earlier boots/g)).toHaveLength(1);
  });

  it('a first try that was broken off does not count', async () => {
    put('on', outputOf('1062-on').slice(0, 900) + outputOf('1062-on'));
    const done = await check('--json');
    expect(verdicts(done)).toEqual(['on on']);
    expect(done.err).toContain('1 of its 2 outputs cannot be used');
  });

  it('two outputs of one boot are compared: how fast dead groups grow, and when no id is left', async () => {
    put('monday/node-a.txt', aged(outputOf('1062-on'), 90_000, 20_000));
    put(
      'tuesday/node-a.txt',
      aged(outputOf('1062-on'), 176_400, 21_800).replace(
        /^SUnreclaim: .*$/m,
        'SUnreclaim: 104858 kB',
      ),
    );
    const done = await check();
    expect(done.err).toBe(
      'warning: monday/node-a.txt, tuesday/node-a.txt: 2 outputs of node-a: the latest is judged',
    );
    expect(done.out).toMatch(
      /node-a +21,812 of 65,534 in use, about 21,800 by dead groups; \+1,800 a day \(measured over 24h\): full about 2026-10-17; SUnreclaim 102 MiB,\s+\+99 MiB a day/,
    );
    const json = JSON.parse((await check('--json')).out);
    expect(json.facts['kmem.ids.growth_per_day']).toBe(1800);
    expect(json.facts['kmem.ids.days_left']).toBe(24.3);
  });

  it('outputs of two boots, and of two machines under one name, are not', async () => {
    put(
      '1/node-a',
      aged(outputOf('1062-on'), 90_000, 20_000).replace(/^boot .*$/gm, 'boot 1234-5'),
    );
    put('2/node-a', aged(outputOf('1062-on'), 176_400, 21_800));
    put('1/node-b', outputOf('1062-on').replace(/^host .*$/m, 'host b1'));
    put('2/node-b', outputOf('1062-off').replace(/^host .*$/m, 'host b2'));
    const done = await check('--json');
    expect(verdicts(done)).toEqual([
      'node-a leaking',
      'node-b (1/node-b) on',
      'node-b (2/node-b) off',
    ]);
    expect(done.out).toContain(
      '"kmem.ids.growth_per_day":{"$unknown":"no earlier reading of this boot"}',
    );
    expect(done.err).toContain('outputs of different machines under one name, node-b');
  });

  it('takes names and globs; options for reached hosts only are an error', async () => {
    put('web-1', outputOf('1062-off'));
    put('web-2', outputOf('1062-off'));
    put('db', outputOf('1062-off'));
    expect(
      verdicts(
        await command(['check', 'web*,x', '--from', join(dir, 'in'), '--json'], { home: dir }),
      ),
    ).toEqual(['web-1 off', 'web-2 off']);
    const none = await command(['check', 'mail', '--from', join(dir, 'in')], { home: dir });
    expect([none.exit, none.err]).toEqual([11, expect.stringContaining('it has db, web-1, web-2')]);
    expect((await check('--active')).exit).toBe(3);
    expect((await check('--limit', 'db')).exit).toBe(3);
    expect((await command(['check', '--from', join(dir, 'absent')], { home: dir })).exit).toBe(3);
  });

  it('accounting that is on although the command line forbids it is not "nothing to do"', async () => {
    put('odd', outputOf('1062-on').replace(/^cmdline .*$/m, 'cmdline ro cgroup.memory=nokmem'));
    const done = await check();
    expect(done.exit).toBe(2);
    expect(done.out).toMatch(/unknown: nokmem is set and 1062/);
  });

  it('with -v says what the verdict was counted from, and by whom', async () => {
    put('on', outputOf('1062-on'));
    const { out } = await check('-v');
    expect(out).toContain(
      'non-root memory cgroups, all made in this boot: 12; by whom (readable): kubelet 7 (7), docker 3 (1), other 2 (0)',
    );
    expect(out).toContain('memory-limited: 3, of them containers 2; off: 0');
    expect(out).toContain(
      'a kubelet that was not found (kubepods is there): may ask: unknown by its version',
    );
    expect(out).toContain(
      'a docker that was not found (its groups are there): may ask: unknown by its version; limited containers 2, off 0',
    );
    expect(out).toContain(
      'cgroup ids: 12 of 65,534 in use, about 0 by dead groups; growth not known',
    );
    expect(out).toMatch(/^ +SUnreclaim 3,940 KiB$/m);
  });
});

describe('what is remembered between two checks', () => {
  let fleet: Practice;
  beforeAll(async () => {
    fleet = await practice([sick('h1'), sick('h2')]);
  });
  afterAll(() => fleet.close());
  const growth = async (): Promise<readonly unknown[]> => {
    const done = await fleet.run(['check', '-i', fleet.fleet.inventoryFile, '--json']);
    return done.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .sort((one, other) => one.host.localeCompare(other.host))
      .map(({ facts }) => facts['kmem.ids.growth_per_day']);
  };
  const record = (host: string): string => join(fleet.state, 'ids', `${host}.json`);
  /**
   * As if the last check had been a day ago, with so many dead groups fewer, and perhaps of another
   * boot.
   */
  const backdate = (host: string, fewer: number, more: Record<string, unknown> = {}): void => {
    const kept = JSON.parse(readFileSync(record(host), 'utf8'));
    const [reading] = kept.readings;
    const old = {
      ...reading,
      at: reading.at - 86_400,
      uptime: reading.uptime - 86_400,
      dead: reading.dead - fewer,
      unreclaimable: reading.unreclaimable - 1000,
    };
    writeFileSync(record(host), JSON.stringify({ ...kept, ...more, readings: [old] }));
  };

  it('a small record a host, read at the next check: rate, and not of another boot or a damaged file', async () => {
    expect(await growth()).toEqual([
      { $unknown: 'no earlier reading of this boot' },
      { $unknown: 'no earlier reading of this boot' },
    ]);
    expect(readdirSync(join(fleet.state, 'ids')).toSorted()).toEqual(['h1.json', 'h2.json']);
    backdate('h1', 700);
    backdate('h2', 700, { boot: 'another' });
    const [first, second] = await growth();
    expect(first).toBeGreaterThanOrEqual(699);
    expect(first).toBeLessThanOrEqual(701);
    const details = await fleet.run(['check', 'h1', '-i', fleet.fleet.inventoryFile, '-v']);
    expect(details.out).toContain('limits on processes: without any: 2 of 2 containers');
    expect(details.out).toMatch(/SUnreclaim \S+ [KM]iB, \+(?:999|1,00[01]) KiB a day/);
    expect(second).toEqual({ $unknown: 'no earlier reading of this boot' });
    writeFileSync(record('h1'), '{"readings": [');
    expect((await growth())[0]).toEqual({ $unknown: 'no earlier reading of this boot' });
    expect(JSON.parse(readFileSync(record('h1'), 'utf8')).readings).toHaveLength(1);
  });

  it('checks at the same moment leave whole records', async () => {
    rmSync(join(fleet.state, 'ids'), { recursive: true });
    await Promise.all([growth(), growth(), growth()]);
    expect(readdirSync(join(fleet.state, 'ids')).toSorted()).toEqual(['h1.json', 'h2.json']);
    for (const host of ['h1', 'h2'])
      expect(JSON.parse(readFileSync(record(host), 'utf8')).readings).toHaveLength(1);
  });

  it('a state directory that cannot be written is reported once, and the check still ends well', async () => {
    const state = fleet.file('no-directory', 'x');
    const done = await fleet.run(['check', '-i', fleet.fleet.inventoryFile, '--state-dir', state]);
    expect(done.exit).toBe(2);
    expect(done.err.match(/the growth of dead groups is not kept/g)).toHaveLength(1);
  });
});

describe('facts that only `check` reads', () => {
  let fleet: Practice;
  beforeAll(async () => {
    fleet = await practice([sick('h1')]);
    const dump = join(
      fleet.host('h1').root,
      'var/crash/127.0.0.1-2018-11-05-10:24:33/vmcore-dmesg.txt',
    );
    mkdirSync(dirname(dump), { recursive: true });
    writeFileSync(dump, '[  9.0] IP: [<ffffffff894dfb20>] ip6mr_sk_done+0x60/0xf0\n');
  });
  afterAll(() => fleet.close());

  it('a play that names one of them gets it, in its plan and in its run; also through a variable of the play', async () => {
    const tasks = (name: string): string => `    - name: Said
      block:
        - assert: {that: "${name} == 'died'"}
      when: ${name} != ''
`;
    const direct = fleet.file('direct.yaml', play(tasks('crash.verdict')));
    const indirect = fleet.file(
      'indirect.yaml',
      play(tasks('found'), '{}', '  vars: {found: "{{ crash[\'verdict\'] }}"}\n'),
    );
    for (const file of [direct, indirect]) {
      const { exit, out } = await fleet.run(['plan', file, '--json']);
      expect([exit, JSON.parse(out).plays[0].hosts[0].tasks[0].status]).toEqual([0, 'same']);
      const { exit: applied } = await fleet.run([
        'apply',
        fleet.file('both.yaml', play(`    - shell: echo\n${tasks('crash.verdict')}`)),
        '--yes',
      ]);
      expect(applied).toBe(0);
    }
  });
});

describe('hosts that nothing proves fine', () => {
  let fleet: Practice;
  const nokmem = { args: ['cgroup.memory=nokmem'] };
  beforeAll(async () => {
    fleet = await practice([
      sick('asked', nokmem),
      sick('bare', { packages: [] }),
      sick('odd', nokmem),
      sick('ops', { ...nokmem, user: 'ops' }),
      {
        name: 'modern',
        flavour: 'debian',
        kernel: '6.1.0-28-amd64',
        packages: ['linux-image-6.1.0-28-amd64=6.1.119-1'],
      },
    ]);
  });
  afterAll(() => fleet.close());

  it('a host without container software is unknown, with its reason, and exit 12 instead of 0', async () => {
    const done = await fleet.run(['check', 'asked,bare,modern']);
    expect(done.out).toMatch(/EIO on .*: no container runtime and no kubelet was found/);
    expect(done.out).toContain(
      '3 hosts: 1 fine, 1 not applicable, 1 unknown (no container runtime and no kubelet found)   (exit 12)',
    );
    expect([done.exit, (await fleet.run(['check', 'bare', '--json'])).exit]).toEqual([12, 12]);
    expect((await fleet.run(['check', 'asked,modern'])).exit).toBe(0);
  });

  it('drift --all says unproven of it, and a plan keeps it apart from hosts that are fine', async () => {
    const drift = await fleet.run([
      'drift',
      'bare,asked',
      '--all',
      '-i',
      fleet.fleet.inventoryFile,
    ]);
    expect([drift.exit, drift.out]).toEqual([12, expect.stringContaining('1 unproven')]);
    const plan = await fleet.run(['plan', 'playbooks/check.yaml', '-l', 'asked,bare']);
    expect([plan.exit, plan.out]).toEqual([
      0,
      expect.stringMatching(
        /Nothing to do: 1\n {2}asked {2}off\n\nNothing to do, kmem unknown: 1\n {2}bare/,
      ),
    ]);
  });

  it('a scheduled job says how many of the hosts with nothing to do are unknown', async () => {
    const { exit, out } = await fleet.run([
      'apply',
      'playbooks/auto.yaml',
      '--yes',
      '--job',
      'nightly',
      '-l',
      'asked,bare',
    ]);
    expect([exit, out]).toEqual([
      0,
      'job nightly: nothing to do on 2 hosts, kmem unknown on 1 of them: see `kmend check`',
    ]);
  });

  it('--active says on every host what the kernel answered, or why it was not asked', async () => {
    rmSync(join(fleet.host('odd').root, 'sys/fs/cgroup/memory/memory.kmem.limit_in_bytes'));
    const { out } = await fleet.run(['check', '--active'], { width: () => 200 });
    const probes = [...out.matchAll(/^(\w+) .*\n(?: {4}.*\n)*? {4}.*active probe: (.*)$/gm)].map(
      ([, host, said]) => `${host}: ${said}`,
    );
    expect(probes).toEqual([
      'asked: off (the kernel refuses)',
      'bare: on (nokmem is not in force: the kernel would account a cgroup that asks)',
      'odd: failed (there is no memory.kmem.limit_in_bytes)',
      'ops: not made (it needs root)',
      'modern: not made (the kernel is not 3.10)',
    ]);
    const json = (await fleet.run(['check', '--active', '--json', 'asked,modern'])).out
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(Object.fromEntries(json.map(({ host, active }) => [host, active]))).toEqual({
      asked: { kind: 'answered', answer: 'off' },
      modern: { kind: 'not_asked', why: 'the kernel is not 3.10' },
    });
    expect((await fleet.run(['check', 'asked'])).out).not.toContain('active probe');
    expect((await fleet.run(['check', 'asked', '-v'])).out).toContain(
      'active probe earlier in this boot: off',
    );
  });
});
