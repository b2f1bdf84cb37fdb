// os_update: what apt and dnf said in a simulation (recorded with apt of Debian 13 and dnf 4), read
// by its scripts in every shell, and the plan that follows.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allOf, type Facts, fact, viewOf } from '../../src/model/fact.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import { readListing } from '../../src/modules/os-update/listing.ts';
import { type HostTree, hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';
import { answersOf, everyShell } from './readings.ts';

const said = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'simulated', `${name}.txt`), 'utf8');

const status = (names: readonly string[]): string =>
  names.map((name) => `Package: ${name}\nStatus: install ok installed\nVersion: 1\n\n`).join('');

const debFacts: Facts = {
  'packages.manager': 'apt',
  'packages.lock': '',
  'packages.broken': '',
  'packages.damaged': {},
  'kernel.release': '6.1.0-1-amd64',
  'kernel.next': '6.1.0-1-amd64',
};
const rpmFacts: Facts = {
  ...debFacts,
  'packages.manager': 'dnf',
  'kernel.release': '3.10.0-862.el7.x86_64',
};

/** A host whose apt-get keeps its words in the tree: what it was asked, and the status it was given. */
function debHost(answer: string): HostTree {
  const tree = hostTree({
    '/said': answer,
    '/var/lib/dpkg/status': status(['tool', 'kubelet', 'docker-ce', 'held']),
  });
  tree.program(
    'apt-get',
    `echo "$*" >> "$KMEND_ROOT/asked"; for w; do case $w in Dir::State::status=*) cp "\${w#*status=}" "$KMEND_ROOT/given";; esac; done
case " $* " in *' update '*) exit "$(cat "$KMEND_ROOT/fails" 2>/dev/null || echo 0)";; esac; cat "$KMEND_ROOT/said"`,
  );
  tree.program(
    'systemctl',
    `case $1 in list-units) echo 'ssh.service loaded active running x';; *) echo FragmentPath=/usr/lib/systemd/system/ssh.service;; esac`,
  );
  tree.program('dpkg-query', 'echo "openssh-server: $2"');
  return tree;
}

const installed = [
  'bash',
  'held',
  'kubelet',
  'docker-ce',
  'openssh-server',
  'tool',
  'rival',
  'orphan',
];

function rpmHost(answer: string, code = 1): HostTree {
  const tree = hostTree({ '/said': answer });
  tree.program(
    'dnf',
    `echo "$*" >> "$KMEND_ROOT/asked"; case " $* " in *' check-update '*) echo 'kubelet.x86_64 2-1.el7 u'; exit 100;; esac; cat "$KMEND_ROOT/said"; exit ${code}`,
  );
  tree.program(
    'rpm',
    `printf '%s\\n' ${installed.map((name) => `'${name} x86_64 1-1.el7'`).join(' ')}`,
  );
  tree.program('systemctl', 'exit 1');
  return tree;
}

function planFor(
  tree: HostTree,
  facts: Facts,
  given: object,
  shell?: readonly string[],
): ModulePlan {
  const module = moduleNamed('os_update');
  const wants = module.facts(parseArgs(module, given), viewOf(facts));
  const answers = answersOf(wants, (script) => tree.run(script, shell));
  return planOf('os_update', { args: given, facts: allOf([facts, answers]) });
}

const shown = ({ changes }: ModulePlan): readonly string[] =>
  changes.map(({ sign, what, before = '', after = '' }) => `${sign} ${what} ${before}>${after}`);

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))('in %s', (_, shell) => {
  it('apt: each package from its version to the next, what is new, what goes, and what stays', () => {
    const tree = debHost(said('apt-dist-upgrade'));
    const plan = planFor(tree, debFacts, {}, shell);
    expect(shown(plan)).toEqual([
      '+ package libnew >1',
      '+ kernel package linux-image-6.1.0-2-amd64 >6.1.2-1',
      '- package rival 1>',
      '~ package docker-ce 1>2',
      '~ package kubelet 1>2',
      '~ package linux-image-amd64 6.1.1>6.1.2',
      '~ package openssh-server 1>2',
      '~ package tool 1>2',
    ]);
    expect(plan.note).toBe('held, excluded or not yet offered: held');
    expect(plan.warnings).toEqual([
      'may restart ssh.service',
      'a kernel is among the updates (linux-image-6.1.0-2-amd64 6.1.2-1): a reboot is wanted to run it',
      expect.stringContaining('a rollback would need'),
    ]);
    expect(plan.promises).toMatchObject({
      'package.tool.installed': '2',
      'package.rival.installed': '',
      'kernel.next': { $unknown: expect.anything() },
    });
  });

  it('apt: what nobody named is on hold in a copy of the status, and the host stays as it is', () => {
    const tree = debHost(said('apt-dist-upgrade'));
    const before = tree.picture(/asked|given/);
    planFor(tree, debFacts, { include: ['kubelet'], exclude: ['to*'] }, shell);
    const holds = tree.read('/given').match(/Package: .*\nStatus: hold/g);
    expect(holds).toEqual(['Package: tool\nStatus: hold', 'Package: docker-ce\nStatus: hold']);
    expect(tree.picture(/asked|given/)).toEqual(before);
    expect(tree.read('/asked')).toMatch(/^-s -q .* dist-upgrade\n$/);
  });

  it('apt: two hundred lines of a real Debian 13, every package once, each with its version', () => {
    const plan = planFor(debHost(said('apt-debian-13')), debFacts, {}, shell);
    expect(plan.changes).toHaveLength(74);
    expect(shown(plan)).toEqual(
      expect.arrayContaining([
        '~ package libc6 2.41-12+deb13u4>2.41-12+deb13u5',
        '~ package libheif1 1.19.8-1+deb13u1>1.23.6-2~deb13u1',
        '+ package libio-pty-perl >1:1.20-1+b3',
      ]),
    );
  });

  it('lists that are old are read in a folder of the plan; fresh ones are left', () => {
    const tree = debHost(said('apt-dist-upgrade'));
    tree.write('/var/lib/apt/lists/x_Packages', 'x');
    tree.run('touch -d "1 day ago" "$KMEND_ROOT/var/lib/apt/lists"');
    const plan = planFor(tree, debFacts, { update_cache: true, cache_valid_time: '1h' }, shell);
    expect(plan.changes[0]).toMatchObject({ what: 'package lists', after: 'read again' });
    expect(tree.read('/asked')).toMatch(/Dir::State::Lists=\S+ .* update\n.*Dir::State::Lists=/);
    tree.run('touch "$KMEND_ROOT/var/lib/apt/lists"');
    tree.remove('/asked');
    const fresh = planFor(tree, debFacts, { update_cache: true, cache_valid_time: '1h' }, shell);
    expect([fresh.changes.length, tree.read('/asked')]).toEqual([
      8,
      expect.not.stringContaining(' update'),
    ]);
  });
});

// The shell of busybox takes its own rpm.
const otherShells = everyShell.filter(([program]) => program !== 'busybox');
describe.each(otherShells.map((shell) => [shell.join(' '), shell] as const))(
  'dnf in %s',
  (_, shell) => {
    it('kernels, what replaces another, and dependencies; what nobody named is excluded', () => {
      const tree = rpmHost(said('dnf-upgrade'));
      const plan = planFor(tree, rpmFacts, { include: ['docker*'], exclude: ['held'] }, shell);
      expect(shown(plan)).toEqual([
        '+ kernel package kernel >3.10.0-1170.el7',
        '+ package libnew >1-1.el7',
        '- package rival 1-1.el7>',
        ...['docker-ce', 'held', 'kubelet', 'openssh-server', 'tool'].map(
          (name) => `~ package ${name} 1-1.el7>2-1.el7`,
        ),
      ]);
      expect(plan.note).toBe('left out, because not named by `include`: kubelet');
      expect(tree.read('/asked').split('\n')[0]).toBe(
        '--assumeno --setopt=exit_on_lock=1 --exclude=held --exclude=kubelet --exclude=held upgrade',
      );
    });

    it('a long name is broken over two lines, and skipped packages are no rows', () => {
      const table = `Dependencies resolved.
 Package  Architecture  Version  Repo  Size
Upgrading:
 a-name-that-is-longer-than-the-table-has-room-for
                        x86_64  1:2.0-1.el9  baseos  1.2 M
 tool                   noarch  2-1.el7      u       0
Skipping packages with conflicts:
 other                  x86_64  9-9          u       1 k

Transaction Summary
Upgrade  2 Packages
`;
      const tree = rpmHost(table);
      tree.program(
        'rpm',
        `echo 'a-name-that-is-longer-than-the-table-has-room-for x86_64 1:1.0-1.el9'; echo 'tool noarch 1-1.el7'`,
      );
      expect(shown(planFor(tree, rpmFacts, {}, shell))).toEqual([
        '~ package a-name-that-is-longer-than-the-table-has-room-for 1:1.0-1.el9>1:2.0-1.el9',
        '~ package tool 1-1.el7>2-1.el7',
      ]);
    });
  },
);

describe('os_update', () => {
  const nothing = said('apt-dist-upgrade').replace(/^(?:Inst|Remv) .*\n/gm, '');

  it('changes nothing where all is as the repositories have it', () => {
    expect(planFor(debHost(nothing), debFacts, {})).toEqual({
      changes: [],
      note: 'held, excluded or not yet offered: held',
    });
    expect(planFor(rpmHost('Nothing to do.\n', 0), rpmFacts, {}).changes).toEqual([]);
  });

  it('only reads the lists, or only removes: each is a task of its own', () => {
    const tree = debHost('');
    expect(shown(planFor(tree, debFacts, { upgrade: 'none', update_cache: true }))).toEqual([
      '! package lists >read again',
    ]);
    const removes = planFor(debHost(said('apt-autoremove')), debFacts, {
      upgrade: 'none',
      autoremove: true,
    });
    expect([shown(removes), removes.changes.map(({ risk }) => risk)]).toEqual([
      ['- package orphan 1>', '- package rival 1>'],
      ['write', 'write'],
    ]);
    expect(
      shown(
        planFor(rpmHost(said('dnf-autoremove')), rpmFacts, { upgrade: 'none', autoremove: true }),
      ),
    ).toEqual(['- package orphan 1-1.el7>']);
  });

  it('a task behind one that reads the lists again plans with new lists too', () => {
    const tree = debHost(said('apt-dist-upgrade'));
    planFor(tree, { ...debFacts, 'packages.lists': 'read' }, {});
    expect(tree.read('/asked')).toMatch(/ update\n/);
  });

  it('a kernel that runs or boots next is never removed by autoremove, and refuses what would take it otherwise', () => {
    const gone =
      'Remv linux-image-6.1.0-1-amd64 [6.1.1-1]\nRemv orphan [1]\nRemv linux-image-6.1.0-2-amd64 [6.1.2-1]\n';
    const facts: Facts = { ...debFacts, 'kernel.next': '6.1.0-2-amd64' };
    const plan = planFor(debHost(gone), facts, { upgrade: 'none', autoremove: true });
    expect([shown(plan), plan.note]).toEqual([
      ['- package orphan 1>'],
      'not removed, because it runs or boots next: linux-image-6.1.0-1-amd64, linux-image-6.1.0-2-amd64',
    ]);
    expect(planFor(debHost(gone), facts, {}).refuse?.why).toBe(
      'the update would remove linux-image-6.1.0-1-amd64 6.1.1-1, linux-image-6.1.0-2-amd64 6.1.2-1',
    );
    const same = 'Inst linux-image-6.1.0-1-amd64 [6.1.1-1] (6.1.1-2 x [amd64])\n';
    expect(shown(planFor(debHost(same), facts, {}))).toEqual([
      '~ kernel package linux-image-6.1.0-1-amd64 6.1.1-1>6.1.1-2',
    ]);
    const removing = `Removing:\n kernel x86_64 3.10.0-862.el7 @u 1 k\nTransaction Summary\n`;
    expect(planFor(rpmHost(removing), rpmFacts, {}).refuse?.why).toBe(
      'the update would remove kernel 3.10.0-862.el7',
    );
  });

  it.each(['kubelet', 'docker-ce', 'docker.io', 'containerd.io', 'runc', 'openssh-server'])(
    'an update that would remove %s refuses the host',
    (name) => {
      expect(
        planFor(debHost(`Remv ${name} [1]\nInst tool [1] (2 x [amd64])\n`), debFacts, {}),
      ).toMatchObject({
        changes: [],
        refuse: {
          why: `the update would remove ${name} 1`,
          hint: expect.stringContaining('exclude'),
        },
      });
    },
  );

  it('the transaction begins only while the package manager would do what the plan has', () => {
    const tree = debHost(said('apt-dist-upgrade'));
    const [effect] = planFor(tree, debFacts, {}).changes.at(-1)?.effects ?? [];
    const run = () => tree.run(effect?.kind === 'run' ? effect.script : '');
    tree.program('apt-mark', 'echo "$*" >> "$KMEND_ROOT/marked"; echo libold; echo tool');
    tree.remove('/asked');
    tree.write('/said', said('apt-dist-upgrade').replace('Inst tool [1] (2', 'Inst tool [1] (3'));
    const stale = run();
    expect([stale.code, stale.err]).toEqual([
      59,
      'planned: up tool amd64 2 1\nnow: up tool amd64 3 1\n',
    ]);
    expect(tree.read('/asked')).toMatch(/^-s .*\n$/);
    tree.write('/said', said('apt-dist-upgrade'));
    const rows = ['docker-ce 2', 'kubelet 2', 'libnew 1', 'linux-image-6.1.0-2-amd64 6.1.2-1'];
    const all = [...rows, 'linux-image-amd64 6.1.2', 'openssh-server 2', 'tool 2'];
    const states = (more: string) =>
      all.map((row) => `echo '${row} install ok installed'`).join('; ') + more;
    tree.program(
      'dpkg-query',
      `case $3 in *Status*) ${states('')};; *) shift 3; printf '%s\\n' "$@";; esac`,
    );
    expect(run()).toMatchObject({ code: 0, err: '' });
    expect(tree.read('/asked')).toMatch(
      /\n-y -q .* install libnew=1 linux-image-6.1.0-2-amd64=6.1.2-1 rival- docker-ce=2 .* tool=2\n/,
    );
    expect(tree.read('/marked')).toMatch(/auto libnew linux-image-6.1.0-2-amd64 tool\n/);
    tree.program(
      'dpkg-query',
      `case $3 in *Status*) ${states("; echo 'rival 1 install ok installed'").replace('tool 2', 'tool 1')};; esac`,
    );
    expect(run()).toMatchObject({
      code: 42,
      err: expect.stringMatching(/rival is still installed\ntool is not at 2: 1/),
    });
  });

  it('an answer that is not understood, or none, refuses the host with the last words', () => {
    expect(planFor(debHost('Inst a;b [1] (2 x [amd64])\n'), debFacts, {}).refuse?.why).toMatch(
      /apt does not say what it would do: up a;b/,
    );
    const tree = debHost('E: no lists\n');
    tree.write('/fails', '100');
    const failing = planFor(tree, debFacts, { update_cache: true });
    expect(failing.refuse?.why).toMatch(/^apt does not say what it would do/);
    expect(
      planFor(rpmHost('Error: http://me:secret@host/x failed\n'), rpmFacts, {}).refuse?.why,
    ).toBe('dnf does not say what it would do: Error: http://***@host/x failed');
  });

  it('what a host cannot do is a refusal: zypper, autoremove with an update by dnf, a package manager in use', () => {
    const refusals = [
      planOf('os_update', { args: {}, facts: { 'packages.manager': 'zypper' } }),
      planOf('os_update', { args: { autoremove: true }, facts: rpmFacts }),
      planFor(
        debHost(said('apt-dist-upgrade')),
        { ...debFacts, 'packages.lock': 'apt-get (4711)' },
        {},
      ),
    ].map(({ refuse }) => refuse?.why);
    expect(refusals).toEqual([
      'zypper is not asked what it would update',
      'dnf does not say beforehand what is needed no more after an update',
      'the package manager is in use: apt-get (4711)',
    ]);
  });

  it('ten megabytes of a host are read in a linear way, control characters never as a name', () => {
    const started = performance.now();
    expect(readListing({ stdout: `${'kept x\n'.repeat(1_400_000)}up \u001b[2J a 1 2\n` })).toEqual({
      line: 'up \u001b[2J a 1 2',
    });
    expect('line' in readListing({ stdout: `up ${'a'.repeat(10_000_000)}` })).toBe(true);
    expect('line' in readListing({ stdout: 'in a amd64 1\n'.repeat(800_000) })).toBe(true);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it.each([
    { upgrade: 'none' },
    { upgrade: 'none', security: true, autoremove: true },
    { exclude: ['a b'] },
    { include: ['$(id)'] },
    { allow_downgrade: true },
  ])('does not take %j', (given) => {
    expect(() => parseArgs(moduleNamed('os_update'), given)).toThrow();
  });

  it('promises what the packages are named for', () => {
    const plan = planFor(debHost(said('apt-dist-upgrade')), debFacts, {
      include: ['docker*', 'kubelet'],
    });
    expect(plan.promises).toMatchObject({
      'docker.evr': '2',
      'kubelet.evr': '2',
      ...fact('package.docker-ce.installed', '2'),
    });
  });
});
