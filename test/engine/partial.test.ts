// `partial: accept` on hosts as in the incident: docker is upgraded and proven, the kubelet goes
// on, and each command reports it. And the proof of a finished run.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostSpec } from '../../practice/index.ts';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, practice, remediationPlay } from '../cli/practice.ts';
import { killEnv } from '../crash/kill-at.ts';

const returned = 'echo yes >> "$KMEND_ROOT/var/returned"';
const slabinfo = `sys/fs/cgroup/memory/docker/${'1'.repeat(64)}/memory.kmem.slabinfo`;
/** Once the node is in service again, docker's own container is accounted. */
const relapse = `rm "$KMEND_ROOT/${slabinfo}"; echo 'slabinfo - version: 2.1' > "$KMEND_ROOT/${slabinfo}"`;

/** CentOS 7.5, Kubernetes 1.12.3, Docker 18.06.1-ce. */
const incident = (name: string, uncordon = returned): HostSpec => ({
  name,
  flavour: 'el7',
  kernel: '3.10.0-862.el7.x86_64',
  unread: 'ignores',
  packages: ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7', 'kubelet-1.12.3-0'],
  deadGroups: 120,
  vars: { drain_command: 'true', uncordon_command: uncordon, reboot_stable_for: 1 },
});

let lab: Practice;
beforeAll(async () => {
  lab = await practice(
    [
      ...['seed', 'killed', 'proved', 'auto', 'undone', 'gone'].map((name) => incident(name)),
      ...['canary', 'rest'].map((name) => incident(name, relapse)),
    ],
    { downSeconds: 0.2 },
  );
});
afterAll(() => lab.close());

const accepted = [{ key: 'kubelet', name: 'kubelet 1.12.3' }];
const proof =
  "docker's containers: off (EIO on 6 of 6, 1 memory-limited); kubelet 1.12.3 still accounts: accepted (11 groups read on)";

/** The playbook that comes with kmend, with the line that its comment offers. */
function runtime(hosts: string, rollout = ''): string {
  const text = readFileSync('playbooks/runtime.yaml', 'utf8');
  const accepting = text
    .replace('  # partial: accept', '  partial: accept')
    .replace('hosts: all', `hosts: ${hosts}`);
  expect(accepting).not.toBe(text);
  return lab.file(
    `${hosts.replaceAll(',', '-')}.yaml`,
    accepting.replace('  rollout:\n', `  rollout:\n${rollout}`),
  );
}

/** Docker's own container is accounted (again): its slabinfo can be read. */
function accountDocker(host: string): void {
  const path = join(lab.host(host).root, slabinfo);
  rmSync(path);
  writeFileSync(path, 'slabinfo - version: 2.1\n');
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
const fleetArgs = (host: string): readonly string[] => ['-i', lab.fleet.inventoryFile, '-l', host];

describe('a remedy that leaves the kubelet as it is', () => {
  it('is planned, applied, proven in part, and reported by report, check and drift', async () => {
    const playbook = runtime('seed');
    const planned = await lab.run(['plan', playbook]);
    expect([planned.exit, oneLine(planned.out)]).toEqual([
      2,
      expect.stringContaining(
        'leaves open, as the play accepts: kubelet 1.12.3 (a proof in part: exit 12)',
      ),
    ]);
    const done = await lab.run(['apply', playbook, '--yes']);
    expect(done.exit, done.out + done.err).toBe(12);
    expect(done.out).toContain(`seed accounting on, proven in part (samples): ${proof}`);
    expect(done.out).toMatch(/seed +: .*proven in part \(left open: kubelet 1\.12\.3\)/);
    expect(done.out).toContain('1 done, 1 proven in part (exit 12)');
    const events = lab.journal();
    expect(eventsOf(events, 'run.started')[0]?.hosts).toMatchObject([
      { plan: { accepts: accepted } },
    ]);
    expect(eventsOf(events, 'proof')).toMatchObject([
      { verdict: 'on', by: 'samples', evidence: proof, accepted },
    ]);
    expect(eventsOf(events, 'host.done')).toMatchObject([{ proven: 'partial' }]);
    expect(readFileSync(join(lab.host('seed').root, 'var/returned'), 'utf8')).toBe('yes\n');

    const report = await lab.run(['report', lab.runs()[0] ?? '', '--markdown']);
    expect(report.out).toContain('| proven in part |');
    expect(report.out).toContain(`on, proven in part (samples): ${proof}`);

    const check = await lab.run(['check', ...fleetArgs('seed'), '--json']);
    expect(check.exit).toBe(2);
    expect(check.out).toContain('"kmem.verdict":"on"');
    expect(check.out).toContain('"kmem.remedy":"kernel_and_arg"');

    const drift = await lab.run(['drift', ...fleetArgs('seed')]);
    expect(drift.exit, drift.out).toBe(0);
    expect(drift.out).toMatch(
      /^seed .*kept +on +kernel_and_arg +left open as accepted: kubelet 1\.12\.3/m,
    );
    expect(drift.out).toContain(
      '1 host: 1 kept the remedy, with what was accepted left open   (exit 0)',
    );
  }, 120_000);

  it('has nothing left to do the next time: no pod is taken away again', async () => {
    const again = await lab.run(['plan', runtime('seed')]);
    expect([again.exit, oneLine(again.out)]).toEqual([
      0,
      expect.stringMatching(
        /Nothing to do: 1 seed on: .*; leaves open, as the play accepts: kubelet 1\.12\.3/,
      ),
    ]);
  });

  it('is lost when docker accounts again', async () => {
    accountDocker('seed');
    const drift = await lab.run(['drift', ...fleetArgs('seed'), '--json']);
    expect(drift.exit).toBe(2);
    expect(JSON.parse(drift.out)).toMatchObject({
      state: 'lost',
      leftOpen: [],
      why: [
        'all that the run had set is still there',
        expect.stringMatching(/^1 of 6 groups that are not accepted read on/),
      ],
    });
  });

  it.each([
    ['killed', 'effect.done'],
    ['proved', 'proof'],
  ] as const)(
    'keeps what was accepted over kill -9 and resume: %s after %s',
    async (host, type) => {
      const child = await spawnCommand(
        ['apply', runtime(host), '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
        join(lab.dir, 'home'),
        killEnv({ type }, join(lab.dir, 'mark')),
      );
      expect(await child.ended, child.out() + child.err()).toBe('SIGKILL');
      const run = lab.runs().at(-1) ?? '';
      expect(eventsOf(lab.journal(run), 'host.done')).toEqual([]);
      const resumed = await lab.run(['resume', run]);
      expect(resumed.exit, resumed.out + resumed.err).toBe(12);
      expect(eventsOf(lab.journal(run), 'proof').at(-1)).toMatchObject({
        host,
        verdict: 'on',
        accepted,
      });
      expect(lab.host(host).boots()).toBe(2);
      expect(readFileSync(join(lab.host(host).root, 'var/returned'), 'utf8')).toBe('yes\n');
    },
    60_000,
  );

  it('on a canary that does not keep it in its soak stops the run', async () => {
    const playbook = runtime('canary,rest', '    canary: {hosts: 1, soak: 1s}\n');
    const { exit, out } = await lab.run(['apply', playbook, '--yes']);
    expect(exit, out).toBe(5);
    expect(eventsOf(lab.journal(), 'host.done')).toMatchObject([{ proven: 'partial' }]);
    expect(eventsOf(lab.journal(), 'host.failed')).toMatchObject([
      {
        failure: {
          kind: 'not_verified',
          message: expect.stringContaining(
            'at the end of the soak accounting is on beyond what was accepted',
          ),
        },
      },
    ]);
    expect(eventsOf(lab.journal(), 'host.started')).toHaveLength(1);
  }, 120_000);
});

it('the proof of a finished run is read after its last step: the kernel that was tried is the default by then', async () => {
  const playbook = lab.file(
    'auto.yaml',
    readFileSync('playbooks/auto.yaml', 'utf8').replace('hosts: all', 'hosts: auto'),
  );
  const done = await lab.run(['apply', playbook, '--yes']);
  expect(done.exit, done.out + done.err).toBe(0);
  const [first, last] = eventsOf(lab.journal(), 'proof', 'auto');
  expect(first?.evidence).toContain('the next kernel (862) is not known to parse nokmem');
  expect(last?.evidence).toMatch(/asked by kubelet 1\.12\.3 and docker 18\.06\.1-ce, answered EIO/);
  const report = await lab.run(['report', lab.runs().at(-1) ?? '', '--markdown']);
  expect(report.out).toContain(`off (samples): ${last?.evidence}`);
  expect(report.out).not.toContain('3.10.0-862');
}, 120_000);

it('a last step that takes the argument away again is no proven end', async () => {
  const undo = `    - name: Undo\n      shell: {cmd: "sed -i 's/ cgroup.memory=nokmem//' $KMEND_ROOT/boot/grub2/grub.cfg $KMEND_ROOT/etc/default/grub"}\n`;
  const tasks = remediationPlay().replace(
    '    - name: The argument',
    '    - kernel: {min: 3.10.0-1062.el7}\n    - drain: none\n    - name: The argument',
  );
  const playbook = lab.file(
    'undone.yaml',
    `${tasks.replace('hosts: all', 'hosts: undone')}${undo}`,
  );
  const done = await lab.run(['apply', playbook, '--yes']);
  expect(done.exit, done.out + done.err).toBe(4);
  expect(eventsOf(lab.journal(), 'host.failed')).toMatchObject([
    {
      failure: {
        kind: 'not_verified',
        message: expect.stringMatching(/^after the last task: accounting will come back/),
      },
    },
  ]);
}, 120_000);

it('a proof stands though the container that gave it is gone when the last step is done', async () => {
  const gone = `    - name: Removed\n      shell: {cmd: "find $KMEND_ROOT/sys/fs/cgroup/memory/* -depth -mindepth 1 -delete"}\n`;
  const tasks = remediationPlay()
    .replace(
      '{state: disabled, timeout: 10s}',
      '{state: disabled, active_probe: false, without_sample: provisional}',
    )
    .replace(
      '    - name: The argument',
      '    - kernel: {min: 3.10.0-1062.el7}\n    - drain: none\n    - name: The argument',
    );
  const done = await lab.run([
    'apply',
    lab.file('gone.yaml', `${tasks.replace('hosts: all', 'hosts: gone')}${gone}`),
    '--yes',
  ]);
  expect(done.exit, done.out + done.err).toBe(0);
  expect(eventsOf(lab.journal(), 'proof')).toMatchObject([{ verdict: 'off', by: 'samples' }]);
  expect(eventsOf(lab.journal(), 'host.done')).toMatchObject([{ proven: 'yes' }]);
}, 120_000);
