// State that commit 89a9427 wrote: its runs are listed, reported, verified, resumed and rolled
// back, or refused by name.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { HostSpec } from '../../practice/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import { type Practice, practice, sick } from '../cli/practice.ts';
import type { CommandResult, WorldChanges } from '../cli/real-world.ts';
import { startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { clusterFor } from '../kube/cluster-on.ts';
import { sickNode } from '../kube/fleet-nodes.ts';

const day = 86_400;
const packageRoot = process.cwd();
const fixture = join(import.meta.dirname, '../fixtures/state-89a9427');
const ids: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(fixture, 'runs.json'), 'utf8'),
);
const idOf = (name: string): string => ids[name] ?? `no run ${name} in the fixture`;

/** What the older version did to its hosts: a new fleet has it from the start. */
const argument: Partial<HostSpec> = { args: ['cgroup.memory=nokmem'] };
const engine: Partial<HostSpec> = {
  packages: [
    'container-selinux-2:2.68-1.el7',
    'docker-ce-3:18.09.1-3.el7',
    'docker-ce-cli-1:18.09.1-3.el7',
    'containerd.io-1.4.1-3.1.el7',
  ],
};
const hosts = [
  sick('done-1', argument),
  sick('packages-1', engine),
  sick('failed-1', argument),
  sick('resolved-1'),
  sick('cut-1', argument),
  sick('cut-2'),
  sick('spool-1'),
  sick('back-1'),
  sick('plan-1'),
  sick('job-1', argument),
  sickNode('node-1', argument),
];

interface OlderState {
  readonly home: string;
  readonly state: string;
  readonly kmend: (
    args: readonly string[],
    changes?: Partial<WorldChanges>,
  ) => Promise<CommandResult>;
}

/** A copy of the state, and of the directory from which its commands were given. */
function olderState(fleet: Practice): OlderState {
  const home = mkdtempSync(join(fleet.dir, 'older-'));
  const state = join(home, 'state');
  for (const [from, to] of [
    ['home', home],
    ['state', state],
  ] as const)
    cpSync(join(fixture, from), to, { recursive: true });
  mkdirSync(join(home, '.ssh'));
  const entries = fleet.fleet.hosts.map(
    ({ name, address, port }) =>
      `Host ${name}\n  HostName ${address}\n  Port ${port}\n  IdentityFile ${fleet.fleet.keyFile}\n`,
  );
  writeFileSync(join(home, '.ssh/config'), entries.join(''), { mode: 0o600 });
  writeFileSync(join(home, '.ssh/known_hosts'), fleet.fleet.knownHostsText);
  const kmend: OlderState['kmend'] = (args, changes = {}) => {
    // The older version stored relative paths as they were given.
    process.chdir(home);
    return fleet
      .run([...args, '--state-dir', state], {
        home,
        cwd: home,
        packageRoot,
        version: '0.1.0',
        ...changes,
      })
      .finally(() => process.chdir(packageRoot));
  };
  return { home, state, kmend };
}

/** What the older version left on the hosts themselves. */
function leaveOn(fleet: Practice, paths: readonly string[]): void {
  for (const { name, root } of fleet.fleet.hosts)
    for (const path of paths) {
      const from = join(fixture, 'hosts', name, path);
      if (existsSync(from)) cpSync(from, join(root, path), { recursive: true });
    }
}

describe('state of 89a9427', () => {
  let fleet: Practice;
  beforeAll(async () => {
    fleet = await practice(hosts);
    leaveOn(fleet, ['etc/machine-id', 'root/count', 'var/lib/kmend']);
  });
  afterAll(() => fleet.close());

  it('lists each run with its end', async () => {
    const { out } = await olderState(fleet).kmend(['runs', '--json']);
    const exits = out.split('\n').map((line) => {
      const { run, finished } = JSON.parse(line) as { run: string; finished?: { exit: number } };
      return [run, finished?.exit];
    });
    expect(exits).toEqual([
      [idOf('done'), 0],
      [idOf('packages'), 0],
      [idOf('failed'), 6],
      [idOf('resolved'), 4],
      [idOf('spool'), undefined],
      [idOf('node'), undefined],
      [idOf('taken'), 0],
      [idOf('back'), 0],
      [idOf('job'), 0],
      [idOf('cut'), undefined],
    ]);
  });

  it.each<[string, RegExp, RegExp]>([
    [
      'done',
      /^done-1 +leaking +kernel_arg +proven .*EIO on 6 of 6/m,
      /30 entries, every link holds/,
    ],
    ['packages', /^packages-1 +leaking +kernel_arg +proven /m, /28 entries, every link holds/],
    [
      'failed',
      /^ {2}failed-1 {2}unreachable: did not come back within 5 s after the reboot/m,
      /17 entries, every link holds/,
    ],
    [
      'resolved',
      /^ {2}resolved-1 {2}refused: No: never on this host/m,
      /3 entries, every link holds/,
    ],
    ['spool', /^spool-1 +leaking +kernel_arg +running/m, /9 entries, every link holds/],
    ['node', /^node-1 +leaking +kernel_arg +running/m, /21 entries, every link holds/],
    ['taken', /^back-1 +leaking +kernel_arg +proven /m, /21 entries, every link holds/],
    ['back', /^back-1 +off +none +done /m, /27 entries, every link holds/],
    ['job', /^job-1 +leaking +kernel_arg +proven /m, /21 entries, every link holds/],
    [
      'cut',
      /^cut-1 +leaking +kernel_arg +running\ncut-2 +leaking +kernel_arg +not started/m,
      /13 entries, every link holds/,
    ],
  ])(
    'reports the run %s, verifies its links, and finds a changed byte',
    async (name, report, links) => {
      const { kmend, state } = olderState(fleet);
      const reported = await kmend(['report', idOf(name)]);
      expect(reported).toMatchObject({ exit: 0, err: '' });
      expect(reported.out).toMatch(report);
      const verified = await kmend(['audit', 'verify', idOf(name)]);
      // That version wrote no final record; the claim of the run that was killed may still be that of
      // a living process.
      expect([verified.exit, verified.err]).toEqual([name === 'cut' ? 0 : 12, '']);
      expect(verified.out).toMatch(links);
      const journal = join(state, 'runs', idOf(name), 'journal.ndjson');
      writeFileSync(
        journal,
        readFileSync(journal, 'utf8').replace('"type":"run.started"', '"type":"run.started" '),
      );
      expect((await kmend(['audit', 'verify', idOf(name)])).exit).toBe(1);
    },
  );

  it('knows which remedies its runs set', async () => {
    const { exit, out } = await olderState(fleet).kmend([
      'drift',
      'job-1,packages-1',
      '-i',
      'inventory.yaml',
    ]);
    expect(exit).toBe(0);
    expect(out).toMatch(new RegExp(`^job-1 .*${idOf('job')} +kept`, 'm'));
    expect(out).toMatch(new RegExp(`^packages-1 .*${idOf('packages')} +kept`, 'm'));
  });

  it('names the run that left a host half done', async () => {
    const { exit, out, err } = await olderState(fleet).kmend([
      'check',
      'spool-1',
      '-i',
      'inventory.yaml',
    ]);
    expect(exit).toBe(4);
    expect(out + err).toContain(
      `spool-1: run ${idOf('spool')} was interrupted and left it half done`,
    );
  });

  it('resumes a failed run: the reboot that it sent is not sent again', async () => {
    const { kmend } = olderState(fleet);
    expect((await kmend(['resume', idOf('failed'), '--yes'])).exit).not.toBe(0);
    const { exit, out } = await kmend(['resume', idOf('failed'), '--retry', 'failed-1', '--yes']);
    expect(exit).toBe(0);
    expect(out).toMatch(/failed-1 proven off/);
    expect(fleet.host('failed-1').boots()).toBe(1);
    expect((await kmend(['audit', 'verify', idOf('failed')])).exit).toBe(0);
  });

  it('takes up an operator command that no process had read', async () => {
    const { exit, out } = await olderState(fleet).kmend(['resume', idOf('resolved'), '--yes']);
    expect(exit).toBe(4);
    expect(out).toContain('resolved-1 resolved by root: seen');
  });

  it('refuses a run whose claim may be alive, by name, and resumes it after a takeover', async () => {
    const { kmend } = olderState(fleet);
    const refused = await kmend(['resume', idOf('cut'), '--yes']);
    expect(refused.exit).toBe(7);
    expect(refused.err).toContain(`locked by run ${idOf('cut')} (process `);
    const { exit, out } = await kmend(['resume', idOf('cut'), '--yes', '--takeover', idOf('cut')]);
    expect(exit).toBe(0);
    expect(out).toMatch(/cut-1 proven off[\s\S]*cut-2 started[\s\S]*cut-2 proven off/);
    expect(['cut-1', 'cut-2'].map((name) => fleet.host(name).boots())).toEqual([1, 2]);
  });

  it('reads the end of a command from its spool on the host, and does not run it again', async () => {
    const { kmend, state } = olderState(fleet);
    const { exit } = await kmend(['resume', idOf('spool'), '--yes']);
    expect(exit).toBe(0);
    expect(readFileSync(join(fleet.host('spool-1').root, 'root/count'), 'utf8')).toBe('once\n');
    expect(readFileSync(join(state, 'runs', idOf('spool'), 'journal.ndjson'), 'utf8')).toContain(
      'the end',
    );
  });

  it.skipIf(!haveOpenssl)(
    'returns a node to service that its run had cordoned and drained',
    async () => {
      const kube = await startFakeKube();
      onTestFinished(() => kube.stop());
      const { name, bootId, kernel, boots } = fleet.host('node-1');
      const nodeInfo = {
        bootID: bootId(),
        kernelVersion: kernel(),
        containerRuntimeVersion: 'docker://18.6.1',
      };
      const left = JSON.parse(readFileSync(join(fixture, 'node.json'), 'utf8'));
      kube.addNode(name, { ...left, status: { nodeInfo } });
      const { kmend } = olderState(fleet);
      const { exit, out } = await kmend(['resume', idOf('node'), '--yes'], {
        cluster: clusterFor(kube),
      });
      expect(exit).toBe(0);
      expect(out).toContain('node-1 proven off');
      expect(boots()).toBe(1);
      const { spec, metadata } = kube.nodes.get(name);
      expect([spec, metadata.annotations]).toEqual([{}, {}]);
    },
  );

  it('rolls back a boot argument and packages', async () => {
    const { kmend } = olderState(fleet);
    for (const [run, changed] of [
      ['done', /done-1 proven|- boot argument cgroup\.memory: cgroup\.memory=nokmem/],
      ['packages', /package docker-ce: 3:18\.09\.1-3\.el7 -> 18\.06\.1\.ce-3\.el7/],
    ] as const) {
      const { exit, out } = await kmend(['rollback', idOf(run), '--yes']);
      expect([run, exit]).toEqual([run, 0]);
      expect(out).toMatch(changed);
      expect(out).toMatch(/1 done \(exit 0\)/);
    }
  });

  it('finds nothing to do where that version rolled back itself', async () => {
    const { exit, out } = await olderState(fleet).kmend(['rollback', idOf('taken'), '--yes']);
    expect(exit).toBe(0);
    expect(out).toContain('Nothing to do: 1\n  back-1');
  });

  it('applies a saved plan, or calls it stale by name', async () => {
    const { kmend, home } = olderState(fleet);
    cpSync(join(fixture, 'plan.json'), join(home, 'plan.json'));
    const stale = await kmend(['apply', 'plan.json', '--yes'], { version: '0.2.0' });
    expect(stale.exit).toBe(8);
    expect(stale.err).toContain('0.1.0');
    const { exit, out } = await kmend(['apply', 'plan.json', '--yes']);
    expect(exit).toBe(0);
    expect(out).toContain('plan-1 proven off');
  });

  it('runs a job, and keeps how it ended', async () => {
    const { kmend, home, state } = olderState(fleet);
    const job = join(state, 'jobs/nightly.json');
    const old = readFileSync(job, 'utf8');
    writeFileSync(job, old.replace(/"directory": ".*"/, `"directory": ${JSON.stringify(home)}`));
    expect((await kmend(['schedule', 'list'])).out).toMatch(
      new RegExp(`^nightly .*exit 0 \\(run ${idOf('job')}\\)`, 'm'),
    );
    const { exit, out } = await kmend(['schedule', 'run', 'nightly']);
    expect([exit, out]).toEqual([0, expect.stringContaining('nothing to do')]);
    expect(JSON.parse(readFileSync(job, 'utf8')).last.at).toBeGreaterThan(JSON.parse(old).last.at);
  });
});

describe('a reading of 89a9427', () => {
  it('is what a later check of the same boot compares with', async () => {
    const [reading] = JSON.parse(
      readFileSync(join(fixture, 'state/ids/plan-1.json'), 'utf8'),
    ).readings;
    // A new practice host booted 41 days ago by its own clock. It is set so that this is the boot
    // of the reading, then put forward by a day.
    const since = reading.uptime - 41 * day;
    const clock = reading.at - since - Math.round(systemClock.now() / 1000);
    const fleet = await practice([
      sick('plan-1', { deadGroups: reading.dead + 20, faults: { clock } }),
    ]);
    onTestFinished(() => fleet.close());
    leaveOn(fleet, ['etc/machine-id', 'proc/sys/kernel/random/boot_id']);
    fleet.fleet.set('plan-1', 'clock', clock + since + day);
    const { kmend, state } = olderState(fleet);
    const now = (): number => systemClock.now() + (clock + since + day) * 1000;
    const { out } = await kmend(['check', 'plan-1', '-i', 'inventory.yaml', '--json'], {
      clock: { ...systemClock, now },
    });
    const { facts } = JSON.parse(out);
    expect(facts['kmem.ids.before']).toEqual(reading);
    expect(facts['kmem.ids.growth_per_day']).toBeCloseTo(20, 1);
    expect(JSON.parse(readFileSync(join(state, 'ids/plan-1.json'), 'utf8')).readings).toHaveLength(
      2,
    );
  });
});
