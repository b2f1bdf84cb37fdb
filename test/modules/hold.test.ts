// hold: what is planned for each package manager, and the scripts in a tree, in every shell.
// test/hosts/hold-differential.test.ts compares dpkg's selections with Ansible's.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { fact } from '../../src/model/fact.ts';
import type { PackageTool } from '../../src/model/facts/values.ts';
import { el7 } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';
import { everyShell } from './readings.ts';

const yumList = '/etc/yum/pluginconf.d/versionlock.list';
const dnfList = '/etc/dnf/plugins/versionlock.list';

interface Host {
  readonly manager: PackageTool;
  readonly installed?: string;
  readonly holds?: readonly string[];
  readonly lists?: Readonly<Record<string, string>>;
  readonly more?: Facts;
}
const factsOf = ({
  manager,
  installed = '3:18.09.9-3.el7',
  holds = [],
  lists,
  more,
}: Host): Facts =>
  el7({
    'packages.manager': manager,
    ...fact('package.docker-ce.installed', installed),
    ...fact('package.docker-ce.holds', holds),
    ...fact('package.docker-ce.lock_lists', lists ?? { yum: yumList, dnf: dnfList }),
    ...more,
  });
const planned = (state: string, host: Host) =>
  planOf('hold', { args: { name: 'docker-ce', state }, facts: factsOf(host) });

describe('the plan', () => {
  it.each<[string, Host, object]>([
    ['hold', { manager: 'apt' }, { sign: '+', after: 'hold' }],
    ['install', { manager: 'apt', holds: ['hold'] }, { sign: '-', before: 'hold' }],
    ['absent', { manager: 'apt', holds: ['hold'], installed: '' }, { sign: '-', before: 'hold' }],
    [
      'present',
      { manager: 'yum' },
      { sign: '+', after: 'versionlock 3:docker-ce-18.09.9-3.el7.*' },
    ],
    [
      'present',
      { manager: 'yum', installed: '18.06.1.ce-3.el7' },
      { after: 'versionlock 0:docker-ce-18.06.1.ce-3.el7.*' },
    ],
    ['present', { manager: 'dnf' }, { after: 'versionlock docker-ce-3:18.09.9-3.el7.*' }],
    ['present', { manager: 'dnf', holds: ['exclude docker*'] }, { sign: '+' }],
    ['present', { manager: 'dnf', holds: ['versionlock !docker-ce-3:19-3.*'] }, { sign: '+' }],
    [
      'absent',
      { manager: 'dnf', holds: ['versionlock docker-ce-0:1-1.*', 'versionlock docker-ce'] },
      { sign: '-', before: 'versionlock docker-ce-0:1-1.*, versionlock docker-ce' },
    ],
  ])('%s on %j', (state, host, change) => {
    expect(planned(state, host).changes).toMatchObject([
      { what: 'hold of docker-ce', risk: 'write', ...change },
    ]);
  });

  it.each<[string, Host]>([
    ['hold', { manager: 'apt', holds: ['hold'] }],
    ['install', { manager: 'apt' }],
    ['install', { manager: 'apt', installed: '' }],
    ['present', { manager: 'yum', holds: ['versionlock 0:docker-ce-17-1.*'], lists: {} }],
    ['present', { manager: 'dnf', holds: ['versionlock docker-*'] }],
    ['absent', { manager: 'dnf', lists: {} }],
    ['absent', { manager: 'yum', holds: ['versionlock !3:docker-ce-19-3.*'] }],
  ])('has nothing to do for %s on %j', (state, host) => {
    const { changes, refuse } = planned(state, host);
    expect([changes, refuse]).toEqual([[], undefined]);
  });

  it.each<[string, Host, RegExp, RegExp]>([
    ['hold', { manager: 'apt', installed: '' }, /is not installed/, /package: \{name: docker-ce\}/],
    ['present', { manager: 'yum', installed: '' }, /is not installed/, /install it/],
    [
      'present',
      { manager: 'yum', lists: { dnf: dnfList } },
      /versionlock is not there/,
      /yum-plugin-versionlock/,
    ],
    [
      'present',
      { manager: 'dnf', lists: { dnf: '/srv/locks' } },
      /are in \/srv\/locks/,
      /locklist/,
    ],
    [
      'absent',
      { manager: 'dnf', holds: ['versionlock docker-*'] },
      /not of docker-ce alone/,
      /by hand/,
    ],
    ['absent', { manager: 'dnf', holds: ['versionlock docker-ce-3:18*'] }, /alone/, /by hand/],
    ['present', { manager: 'zypper' }, /package manager: zypper/, /zypper addlock/],
    ['present', { manager: 'none' }, /package manager: none/, /when/],
    [
      'hold',
      { manager: 'apt', more: { 'packages.lock': 'apt-get (pid 7) holds x' } },
      /is in use: apt-get/,
      /wait/,
    ],
  ])('refuses %s on %j', (state, host, why, hint) => {
    const { refuse } = planned(state, host);
    expect(refuse?.why).toMatch(why);
    expect(refuse?.hint).toMatch(hint);
  });

  it('waits for an earlier task that may install the package or the plugin', () => {
    const done = { drained: false, rebooted: false, cordoned: false, altered: true };
    for (const host of [
      { manager: 'apt', installed: '' },
      { manager: 'yum', lists: {} },
    ] as const)
      expect(() =>
        planOf('hold', { args: { name: 'docker-ce' }, facts: factsOf(host), context: { done } }),
      ).toThrow(/earlier task/);
  });

  it('names what it does not lift, and does each package once', () => {
    expect(planned('absent', { manager: 'dnf', holds: ['exclude docker*'] }).note).toBe(
      'docker-ce stays held: exclude docker*',
    );
    const args = { name: ['docker-ce', 'docker-ce'] };
    expect(planOf('hold', { args, facts: factsOf({ manager: 'apt' }) }).changes).toHaveLength(1);
  });

  it.each([
    {},
    { name: 'a b' },
    { name: 'docker-*' },
    { name: '-x' },
    { name: 'a', state: 'purge' },
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('hold'), args)).toThrow();
  });
});

const scriptOf = (state: string, host: Host): string => {
  const [effect] = planned(state, host).changes[0]?.effects ?? [];
  if (effect?.kind !== 'run') throw new Error('no script');
  return effect.script;
};

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))('in %s', (_, shell) => {
  const locks = '# ours\n\nother-0:1-1.*\n  docker-ce-0:1-1.* \ndocker-ce-0:1-1.*x';
  it('adds an entry once, and takes it out again', () => {
    const tree = hostTree({ [dnfList]: locks });
    const added = `${locks}\ndocker-ce-3:18.09.9-3.el7.*\n`;
    const { mode } = statSync(join(tree.root, dnfList));
    for (let times = 0; times < 2; times++) {
      expect(tree.run(scriptOf('present', { manager: 'dnf' }), shell)).toEqual({
        code: 0,
        out: '',
        err: '',
      });
      expect(tree.read(dnfList)).toBe(added);
    }
    expect(statSync(join(tree.root, dnfList)).mode).toBe(mode);
    const holds = ['versionlock docker-ce-3:18.09.9-3.el7.*', 'versionlock docker-ce-0:1-1.*'];
    expect(tree.run(scriptOf('absent', { manager: 'dnf', holds }), shell).code).toBe(0);
    expect(tree.read(dnfList)).toBe('# ours\n\nother-0:1-1.*\ndocker-ce-0:1-1.*x\n');
  });
  it('makes the list where there is none, and says why it cannot', () => {
    const tree = hostTree({ '/etc/yum/pluginconf.d/versionlock.conf': '' });
    expect(tree.run(scriptOf('present', { manager: 'yum' }), shell).code).toBe(0);
    expect(tree.read(yumList)).toBe('3:docker-ce-18.09.9-3.el7.*\n');
    expect(hostTree().run(scriptOf('present', { manager: 'yum' }), shell).code).toBe(70);
  });
});

// busybox has a dpkg of its own, which its shell prefers.
const withDpkg = everyShell.filter(([shell]) => shell !== 'busybox');
it.each(withDpkg.map((shell) => [shell.join(' '), shell] as const))(
  'selects by dpkg, which may be busy, and reads the result, in %s',
  (_, shell) => {
    const tree = hostTree();
    tree.program('sleep', ':');
    tree.program(
      'dpkg',
      'echo x >> "$KMEND_ROOT/tries"; [ $(wc -l < "$KMEND_ROOT/tries") -gt 2 ] || exit 2; cat > "$KMEND_ROOT/asked"',
    );
    tree.program('dpkg-query', 'cat "$KMEND_ROOT/is"');
    tree.write('/is', 'hi');
    expect(tree.run(scriptOf('hold', { manager: 'apt' }), shell).code).toBe(0);
    expect(tree.read('/asked')).toBe('docker-ce hold\n');
    expect(tree.run(scriptOf('install', { manager: 'apt', holds: ['hold'] }), shell).code).toBe(71);
    expect(tree.read('/asked')).toBe('docker-ce install\n');
    tree.program('dpkg', 'exit 2');
    expect(tree.run(scriptOf('hold', { manager: 'apt' }), shell).code).toBe(70);
  },
);
