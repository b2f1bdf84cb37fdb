// A kernel that nobody has read: the canary tries the argument on it, and its answer decides for
// the other hosts of that exact release.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { HostSpec } from '../../practice/index.ts';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, practice } from '../cli/practice.ts';
import { killEnv } from '../crash/kill-at.ts';

const release = '3.10.0-862.el7.x86_64';
const young = '3.10.0-1160.el7.x86_64';

const unread = (name: string, more: Partial<HostSpec> = {}): HostSpec => ({
  name,
  flavour: 'el7',
  kernel: release,
  packages: ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7', 'kubelet-1.12.3-0'],
  vars: { drain_command: 'true', reboot_stable_for: 1 },
  ...more,
});

/** The playbook that comes with kmend, with a canary; `vars` is YAML in braces. */
const auto = (vars: string, rollout = 'canary: { hosts: 1 }'): string =>
  readFileSync('playbooks/auto.yaml', 'utf8')
    .replace('  rollout:\n', `  vars: ${vars}\n  rollout:\n    ${rollout}\n`)
    .replace('timeout: 10m', 'timeout: 5s');

const tryIt = `{kmem_kernels: {${release}: try}}`;

let lab: Practice;
afterEach(() => lab.close());

const boots = (): readonly number[] => lab.fleet.hosts.map((host) => host.boots());
const kernels = (): readonly string[] => lab.fleet.hosts.map((host) => host.kernel());
const cmdline = (host: string): string =>
  readFileSync(join(lab.host(host).root, 'proc/cmdline'), 'utf8');
const fleet = (obeys: boolean, names = ['h1', 'h2', 'h3', 'h4']): Promise<Practice> =>
  practice(
    names.map((name) => unread(name, { unread: obeys ? 'obeys' : 'ignores' })),
    { downSeconds: 0.2 },
  );

describe('a kernel that the canary tries', () => {
  it('is proven by an active probe, and the others follow with the argument alone', async () => {
    lab = await fleet(true);
    const playbook = lab.file('auto.yaml', auto(tryIt));
    const planned = await lab.run(['plan', playbook]);
    expect(planned.out.replace(/\s+/g, ' ')).toContain(
      `the canary tries whether kernel ${release} obeys nokmem: declared in kmem_kernels`,
    );
    // What the canary saw is no difference from the plan: also with --strict the others go on.
    const done = await lab.run(['apply', playbook, '--yes', '--strict']);
    expect(done.exit, done.out + done.err).toBe(0);
    expect([boots(), kernels()]).toEqual([
      [2, 2, 2, 2],
      [release, release, release, release],
    ]);
    expect(done.out).toContain(`h1 kernel ${release} obeys cgroup.memory=nokmem (active probe)`);
    for (const host of ['h2', 'h3', 'h4'])
      expect(done.out).toMatch(
        new RegExp(
          `${host} remedy kernel_arg: .*kernel ${release} obeys nokmem: seen on h1 in this run`,
        ),
      );
    const events = lab.journal();
    expect(eventsOf(events, 'kernel.seen')).toMatchObject([{ host: 'h1', release, obeys: 'yes' }]);
    expect(eventsOf(events, 'proof').map(({ host, by }) => [host, by])).toMatchObject([
      ['h1', 'active_probe'],
      ['h2', 'samples'],
      ['h3', 'samples'],
      ['h4', 'samples'],
    ]);
    expect(events.findIndex(({ type }) => type === 'kernel.seen')).toBeLessThan(
      events.findIndex(({ type }) => type === 'canary.promoted'),
    );
  }, 60_000);

  it('that does not obey stops the run: no other host is touched, and none is tried on after a person has looked', async () => {
    lab = await fleet(false);
    const playbook = lab.file('auto.yaml', auto(tryIt));
    const done = await lab.run(['apply', playbook, '--yes']);
    expect(done.exit, done.out + done.err).toBe(5);
    expect(boots()).toEqual([2, 1, 1, 1]);
    const run = lab.runs()[0] ?? '';
    expect(eventsOf(lab.journal(), 'kernel.seen')).toMatchObject([
      { host: 'h1', release, obeys: 'no' },
    ]);
    expect(eventsOf(lab.journal(), 'host.failed')).toMatchObject([
      {
        host: 'h1',
        failure: {
          kind: 'not_verified',
          message: expect.stringContaining('the boot argument is not in force'),
        },
      },
    ]);
    const resumed = await lab.run(['resume', run, '--skip', 'h1']);
    expect(resumed.exit, resumed.out + resumed.err).toBe(4);
    expect(boots()).toEqual([2, 1, 1, 1]);
    const failures = eventsOf(lab.journal(), 'host.failed').filter(({ host }) => host !== 'h1');
    expect(failures.map(({ host, failure, touched }) => [host, failure.kind, touched])).toEqual([
      ['h2', 'drift', false],
      ['h3', 'drift', false],
      ['h4', 'drift', false],
    ]);
    expect(failures[0]?.failure.message).toContain(
      'A kernel that knows the argument was not to change anything',
    );
  }, 60_000);

  it('makes the plans of the hosts that were to get a newer kernel smaller, when it is tried on one host only', async () => {
    lab = await fleet(true, ['h1', 'h2']);
    mkdirSync(join(lab.fleet.dir, 'host_vars'));
    writeFileSync(join(lab.fleet.dir, 'host_vars/h1.yaml'), `kmem_kernels: {${release}: try}\n`);
    const playbook = lab.file('auto.yaml', auto('{}'));
    const saved = join(lab.dir, 'plan.json');
    const planned = await lab.run(['plan', playbook, '-o', saved]);
    expect(planned.out).toMatch(/h1 +on, remedy kernel_arg/);
    expect(planned.out).toMatch(/h2 +on, remedy kernel_and_arg/);
    const done = await lab.run(['apply', saved, '--yes']);
    expect(done.exit, done.out + done.err).toBe(0);
    expect([boots(), kernels()]).toEqual([
      [2, 2],
      [release, release],
    ]);
    expect(cmdline('h2')).toContain('cgroup.memory=nokmem');
    expect(eventsOf(lab.journal(), 'remedy.chosen', 'h2')).toMatchObject([
      {
        remedy: 'kernel_arg',
        why: expect.stringContaining(`kernel ${release} obeys nokmem: seen on h1 in this run`),
      },
    ]);
    const report = (await lab.run(['report', lab.runs()[0] ?? ''])).out;
    expect(report).toContain(`obeys nokmem: seen on h1`);
    expect(report).toMatch(/h2 +on +kernel_arg +/);
    expect(eventsOf(lab.journal(), 'drift.noted', 'h2')[0]?.what.join()).toContain(
      'A kernel that knows the argument is not needed any more',
    );
  }, 60_000);

  it.each([
    ['after its answer was recorded', 'canary.promoted', 1],
    ['before its answer was recorded', 'proof', 0],
  ] as const)(
    'is remembered by a run that was killed %s and resumed',
    async (_, type, recorded) => {
      lab = await fleet(true, ['h1', 'h2']);
      const playbook = lab.file('auto.yaml', auto(tryIt));
      const child = await spawnCommand(
        ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
        join(lab.dir, 'home'),
        killEnv({ type }, join(lab.dir, 'killed')),
      );
      expect(await child.ended, child.out() + child.err()).toBe('SIGKILL');
      const run = lab.runs()[0] ?? '';
      expect([boots(), eventsOf(lab.journal(run), 'kernel.seen').length]).toEqual([
        [2, 1],
        recorded,
      ]);
      const resumed = await lab.run(['resume', run]);
      expect(resumed.exit, resumed.out + resumed.err).toBe(0);
      expect(eventsOf(lab.journal(run), 'kernel.seen')).toMatchObject([
        { host: 'h1', release, obeys: 'yes' },
      ]);
      expect(resumed.out).toMatch(
        new RegExp(
          `h2 remedy kernel_arg: .*kernel ${release} obeys nokmem: seen on h1 in this run`,
        ),
      );
      expect([boots(), kernels()]).toEqual([
        [2, 2],
        [release, release],
      ]);
    },
    60_000,
  );

  it('keeps the smaller plan of a host that failed after it was touched and is walked again', async () => {
    lab = await practice(
      ['h1', 'h2'].map((name) =>
        unread(name, {
          unread: 'obeys',
          vars: {
            drain_command: name === 'h2' ? 'test -e "$KMEND_ROOT/may-drain"' : 'true',
            reboot_stable_for: 1,
            uncordon_command: 'touch "$KMEND_ROOT/uncordoned"',
          },
        }),
      ),
      { downSeconds: 0.2 },
    );
    mkdirSync(join(lab.fleet.dir, 'host_vars'));
    writeFileSync(join(lab.fleet.dir, 'host_vars/h1.yaml'), `kmem_kernels: {${release}: try}\n`);
    expect((await lab.run(['apply', lab.file('auto.yaml', auto('{}')), '--yes'])).exit).toBe(4);
    expect(boots()).toEqual([2, 1]);
    writeFileSync(join(lab.host('h2').root, 'may-drain'), '');
    const resumed = await lab.run(['resume', lab.runs()[0] ?? '', '--retry', 'h2']);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect([boots(), kernels()]).toEqual([
      [2, 2],
      [release, release],
    ]);
    expect(existsSync(join(lab.host('h2').root, 'uncordoned'))).toBe(true);
  }, 60_000);

  it('is declared for `check` too, and a saved plan is stale when the declaration changes', async () => {
    lab = await fleet(true, ['h1']);
    mkdirSync(join(lab.fleet.dir, 'host_vars'));
    const declare = (text: string): void =>
      writeFileSync(join(lab.fleet.dir, 'host_vars/h1.yaml'), text);
    declare(`kmem_kernels: {${release}: yes}\nkmem_asks: {kubelet: no}\n`);
    expect((await lab.run(['check'])).out.replace(/\s+/g, ' ')).toContain(
      `kernel ${release} obeys nokmem: declared in kmem_kernels`,
    );
    const facts = JSON.parse((await lab.run(['check', '--json'])).out).facts;
    expect([facts['kmem.asks'], facts['kmem.kernels']]).toEqual([
      { kubelet: 'no' },
      { [release]: 'yes' },
    ]);
    const saved = join(lab.dir, 'plan.json');
    expect((await lab.run(['plan', lab.file('auto.yaml', auto('{}')), '-o', saved])).exit).toBe(2);
    declare(`kmem_kernels: {${release}: yes}\nkmem_asks: {kubelet: yes}\n`);
    const stale = await lab.run(['apply', saved, '--yes']);
    expect([stale.exit, boots()]).toEqual([8, [1]]);
    expect(stale.err).toContain('variables of h1 has changed');
    declare('kmem_asks: {kublet: no}\n');
    const wrong = await lab.run(['check']);
    expect([wrong.exit, wrong.err]).toEqual([
      3,
      expect.stringMatching(
        /inventory\.yaml:\d+:\d+: error: host h1: kmem_asks: kublet is not a program .*\n.*\n.*\n.*did you mean `kubelet`/,
      ),
    ]);
  }, 60_000);

  it('is never tried without a canary: a warning, and the table decides', async () => {
    lab = await fleet(true, ['h1']);
    const planned = await lab.run([
      'plan',
      lab.file(
        'auto.yaml',
        auto(tryIt, 'max_unavailable: 1').replace('    max_unavailable: 1\n', ''),
      ),
    ]);
    expect(planned.err).toMatch(
      /auto\.yaml:\d+:\d+: warning: host h1: kmem_kernels: \S+ is not tried, because the play .* has no canary/,
    );
    expect(planned.out).toMatch(/h1 +on, remedy kernel_and_arg/);
  }, 30_000);

  it('is not tried by a host that its canary does not stand for', async () => {
    lab = await practice([unread('h1', { kernel: young }), unread('h2', { unread: 'obeys' })], {
      downSeconds: 0.2,
    });
    const done = await lab.run([
      'apply',
      lab.file('auto.yaml', auto(tryIt, 'canary: { hosts: h1 }')),
      '--yes',
    ]);
    expect(done.exit, done.out + done.err).toBe(4);
    expect(boots()).toEqual([2, 1]);
    expect(eventsOf(lab.journal(), 'host.failed')).toMatchObject([
      {
        host: 'h2',
        touched: false,
        failure: {
          kind: 'refused',
          message: expect.stringContaining('no canary of this run has shown'),
        },
      },
    ]);
  }, 60_000);
});
