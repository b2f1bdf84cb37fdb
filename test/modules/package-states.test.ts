// A package that is not fully installed: no module calls it done, and each refusal has the command
// that repairs it.
import { describe, expect, it } from 'vitest';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { packageSteps } from '../../src/modules/package-manager/script.ts';
import { el7, packageFacts } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { planOf } from './laws.ts';

const set = {
  'docker-ce': '5:18.09.9~3-0~debian',
  'docker-ce-cli': '5:18.09.9~3-0~debian',
  'containerd.io': '1.4.13-1',
};
const apt = {
  ...Object.assign({}, ...Object.entries(set).map(([name, evr]) => packageFacts(name, evr, [evr]))),
  'packages.manager': 'apt',
  'docker.evr': set['docker-ce'],
  'docker.version': '18.09.9',
};
const yum = { ...apt, 'packages.manager': 'yum' };

/** Manager, state, and the repair. */
const rows = [
  [apt, 'half-configured', 'dpkg --configure -a'],
  [apt, 'triggers-awaited', 'dpkg --configure -a'],
  [apt, 'unpacked', 'apt-get -f install'],
  [apt, 'half-installed', 'apt-get install --reinstall containerd.io'],
  [apt, 'half-removed', 'apt-get install --reinstall containerd.io'],
  [apt, 'reinst-required', 'apt-get install --reinstall containerd.io'],
  [yum, 'duplicate', 'yum -y install yum-utils && package-cleanup -y --cleandupes'],
  [{ ...yum, 'packages.manager': 'dnf' }, 'duplicate', 'dnf remove --duplicates'],
  [yum, 'script-failed', 'yum reinstall containerd.io'],
  [
    { ...yum, 'packages.manager': 'zypper' },
    'script-failed',
    'zypper install --force containerd.io',
  ],
] as const;

/** Every task that would call this host done. */
const tasks: readonly (readonly [string, unknown])[] = [
  ['package', { name: 'containerd.io', state: 'present' }],
  ['package', { name: 'containerd.io', state: 'latest' }],
  ['package', { packages: { 'docker-ce': '18.09.9', 'containerd.io': '1.4.13' } }],
  ['container_runtime', { kmem: 'disabled' }],
  ['container_runtime', { versions: { 'docker-ce': '18.09.9' } }],
  ['container_runtime', { kmem: 'disabled', predownload: true }],
  ['verify_kmem', {}],
  ['uncordon', {}],
  ['uncordon', 'return-to-service'],
];

describe.each(tasks)('%s %j', (module, args) => {
  it.each(rows)('%#', (base, state, command) => {
    const facts = el7({
      ...base,
      'packages.damaged': { 'containerd.io': state },
      'kubelet.installed': true,
    });
    const context = {
      hasCluster: true,
      node: 'n1',
      acceptPartial: true,
      done: { drained: true, cordoned: true, rebooted: true, touched: true },
    };
    const { changes, refuse, unmet } = planOf(module, { args, facts, context });
    expect([changes, refuse?.why ?? unmet?.evidence, refuse?.hint ?? unmet?.hint]).toEqual([
      [],
      expect.stringContaining('containerd.io is'),
      expect.stringContaining(`\`${command}\``),
    ]);
  });
});

describe('a package that the task names', () => {
  const args = { name: 'x', version: '2-1' };
  const moves = (more: Parameters<typeof el7>[0], done = {}) =>
    planOf('package', {
      args,
      facts: el7({ ...packageFacts('x', '1-1', ['1-1', '2-1']), ...more }),
      context: { done: { drained: true, cordoned: true, rebooted: false, ...done } },
    });
  it('is refused by its own state too, which rpm has of no other package', () => {
    expect(moves({ 'package.x.state': 'duplicate' }).refuse?.why).toBe(
      'x is installed in several versions at once',
    );
    expect(moves({ 'package.x.state': 'installed' }).refuse).toBeUndefined();
  });
  it('moves to another version after its script failed, and the damage is over then', () => {
    const plan = moves({ 'packages.damaged': { x: 'script-failed', y: 'script-failed' } });
    expect([plan.refuse, plan.promises?.['packages.damaged']]).toEqual([
      undefined,
      { y: 'script-failed' },
    ]);
  });
  it('is half done while somebody else installs: a host that was touched waits for that', () => {
    const facts = { 'packages.damaged': { x: 'unpacked' }, 'packages.lock': 'dpkg (pid 7)' };
    expect(moves(facts, { touched: true }).changes).toHaveLength(1);
    expect(moves(facts).refuse?.why).toMatch(/in use/);
    expect(
      planOf('package', {
        args: { name: 'x' },
        facts: el7({ ...packageFacts('x', '1-1'), ...facts }),
      }).refuse?.why,
    ).toBe('x is unpacked');
  });
});

it('a package that keeps others from being set up is named with them, and one command sets up all', () => {
  const damaged = {
    'docker-ce': 'unpacked',
    'containerd.io': 'half-configured',
    kubelet: 'reinst-required',
    vim: 'half-configured',
  };
  const facts = el7({ ...apt, 'packages.damaged': damaged });
  expect(planOf('package', { args: { name: 'docker-ce' }, facts }).refuse).toEqual({
    why: 'docker-ce is unpacked, containerd.io is half-configured, kubelet is broken and must be installed again',
    hint: 'repair it on the host: `apt-get install --reinstall kubelet`, `apt-get -f install`; then run kmend again',
  });
});

it('the name in the command is quoted for a shell', () => {
  const facts = el7({
    ...packageFacts('x', ''),
    'packages.manager': 'apt',
    'packages.damaged': { 'kubelet;reboot': 'half-installed', kubelet: 'half-installed' },
  });
  expect(planOf('verify_kmem', { args: {}, facts }).unmet?.hint).toMatch(
    /`apt-get install --reinstall kubelet`/,
  );
});

describe('the script for rpm', () => {
  const step = (name: string) => ({ name, from: '', to: '1-1', kind: 'install' }) as const;
  const ran = (names: readonly string[], rpm: string, said = '') => {
    const tree = hostTree({ '/said': said });
    tree.program('yum', 'cat "$KMEND_ROOT/said"');
    tree.program('rpm', rpm);
    return {
      ...tree.run(withPrelude(packageSteps('yum', names.map(step), 3))),
      noted: () => tree.read('/var/lib/kmend/failed-scripts'),
    };
  };
  const failed = 'warning: %post(docker-ce-cli-1-1.x86_64) scriptlet failed, exit status 1';
  const answers = `case "$*" in *INSTALLTIME*) shift 3; for n; do echo "$n 7"; done;; *) echo 1-1;; esac`;
  it('fails where another version stands beside the one that was installed, but for a kernel', () => {
    const both = `printf '1-1\\n0-1\\n'`;
    expect([
      ran(['lab'], both).code,
      ran(['kernel'], both).code,
      ran(['lab'], `printf '1-1\\n1-1\\n'`).code,
    ]).toEqual([42, 0, 0]);
  });
  it('notes the package whose script failed, or all where the output names none', () => {
    expect(
      [ran(['docker-ce', 'docker-ce-cli'], answers, failed)].map(({ code, noted }) => [
        code,
        noted(),
      ]),
    ).toEqual([[43, 'docker-ce-cli 7\n']]);
    expect(
      ran(['a', 'b'], answers, 'Non-fatal POSTIN scriptlet failure in rpm package c').noted(),
    ).toBe('a 7\nb 7\n');
  });
});
