// package as a table, and its scripts run against emulated tools and against the real dnf and apt-get.
import { describe, expect, it } from 'vitest';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { packageSteps } from '../../src/modules/package-manager/script.ts';
import { answersTo, pick, upstreamOf } from '../../src/modules/package-manager/version.ts';
import { el7, packageFacts } from './facts.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const old = '18.06.1.ce-3.el7';
const docker = ['3:18.09.1-3.el7', '3:18.09.9-3.el7', '3:19.03.15-3.el7'];
const shown = (plan: ReturnType<typeof planOf>) =>
  plan.changes.map(({ sign, what, before, after }) =>
    [sign, what, before, after].filter((part) => part !== undefined).join(' '),
  );

describe('package', () => {
  it.each<[string, unknown, Parameters<typeof el7>[0], readonly string[]]>([
    [
      'installs',
      { name: 'docker-ce' },
      packageFacts('docker-ce', '', docker),
      ['+ package docker-ce 3:19.03.15-3.el7'],
    ],
    [
      'is done when it is there',
      { name: 'docker-ce' },
      packageFacts('docker-ce', '18.06.1.ce-3.el7', docker),
      [],
    ],
    [
      'goes to a version',
      { name: 'docker-ce', version: '18.09.9' },
      packageFacts('docker-ce', old, [old, ...docker]),
      ['~ package docker-ce 18.06.1.ce-3.el7 3:18.09.9-3.el7'],
    ],
    [
      'is at that version already',
      { name: 'docker-ce', version: '18.09.9' },
      packageFacts('docker-ce', '3:18.09.9-3.el7', docker),
      [],
    ],
    [
      'goes to the newest',
      { name: 'docker-ce', state: 'latest' },
      packageFacts('docker-ce', '3:18.09.1-3.el7', docker),
      ['~ package docker-ce 3:18.09.1-3.el7 3:19.03.15-3.el7'],
    ],
    [
      'never goes back for latest',
      { name: 'docker-ce', state: 'latest' },
      packageFacts('docker-ce', '3:20.10.1-3.el7', docker),
      [],
    ],
    [
      'goes back where the play allows it',
      { name: 'docker-ce', version: '18.09.1', allow_downgrade: true },
      packageFacts('docker-ce', '3:18.09.9-3.el7', docker),
      ['~ package docker-ce 3:18.09.9-3.el7 3:18.09.1-3.el7'],
    ],
    [
      'is removed',
      { name: 'docker-ce', state: 'absent' },
      packageFacts('docker-ce', '3:18.09.9-3.el7', docker),
      ['- package docker-ce 3:18.09.9-3.el7'],
    ],
    ['is gone already', { name: 'docker-ce', state: 'absent' }, packageFacts('docker-ce', ''), []],
    [
      'moves several together, one of them away',
      {
        packages: { 'docker-ce': '18.06.1.ce-3.el7', 'docker-ce-cli': 'absent' },
        allow_downgrade: true,
      },
      {
        ...packageFacts('docker-ce', '3:18.09.9-3.el7', [old, ...docker]),
        ...packageFacts('docker-ce-cli', '1:18.09.9-3.el7', ['1:18.09.9-3.el7']),
      },
      [
        '~ package docker-ce 3:18.09.9-3.el7 18.06.1.ce-3.el7',
        '- package docker-ce-cli 1:18.09.9-3.el7',
      ],
    ],
    [
      'apt',
      { name: 'docker-ce', version: '18.09.9' },
      {
        'packages.manager': 'apt',
        ...packageFacts('docker-ce', '', [
          '5:18.09.1~3-0~debian-stretch',
          '5:18.09.9~3-0~debian-stretch',
        ]),
      },
      ['+ package docker-ce 5:18.09.9~3-0~debian-stretch'],
    ],
  ])('%s', (_, args, facts, expected) => {
    const plan = planOf('package', { args, facts: el7(facts) });
    expect(plan.refuse).toBeUndefined();
    expect(shown(plan)).toEqual(expected);
    expect(plan.changes.flatMap((change) => change.effects)).toHaveLength(
      expected.length === 0 ? 0 : 1,
    );
  });

  it.each<[string, unknown, Parameters<typeof el7>[0], RegExp]>([
    [
      'a version that no repository has',
      { name: 'docker-ce', version: '18.09.7' },
      packageFacts('docker-ce', '', docker),
      /no enabled repository has docker-ce 18.09.7/,
    ],
    [
      'a package that is held',
      { name: 'docker-ce', version: '18.09.9' },
      packageFacts('docker-ce', '3:18.09.1-3.el7', docker, true),
      /is held/,
    ],
    [
      'to go back unasked',
      { name: 'docker-ce', version: '18.09.1' },
      packageFacts('docker-ce', '3:18.09.9-3.el7', docker),
      /is newer than/,
    ],
    [
      'a package manager that is in use',
      { name: 'x' },
      { ...packageFacts('x', '', ['1-1']), 'packages.lock': 'yum (pid 7)' },
      /in use: yum \(pid 7\)/,
    ],
    [
      'a package manager at work, whose packages are half done meanwhile',
      { name: 'x' },
      {
        ...packageFacts('x', '', ['1-1']),
        'packages.lock': 'dpkg (pid 7)',
        'packages.broken': 'y is unpacked',
      },
      /in use: dpkg \(pid 7\)/,
    ],
    [
      'a broken database',
      { name: 'x' },
      { ...packageFacts('x', '', ['1-1']), 'packages.broken': 'dpkg was interrupted' },
      /not in order/,
    ],
    [
      'a full disk',
      { name: 'x' },
      { ...packageFacts('x', '', ['1-1']), 'space.var_kb': 20_000 },
      /\/var has 19 MB left/,
    ],
    [
      'a manager that it does not drive',
      { name: 'x' },
      { ...packageFacts('x', ''), 'packages.manager': 'rpm-ostree' },
      /rpm-ostree/,
    ],
    [
      'a kernel of another line',
      { name: 'kernel-lt', version: '5.4.278' },
      packageFacts('kernel-lt', ''),
      /kernel-lt are installed side by side/,
    ],
    [
      'a kernel, of which there are several',
      { name: 'kernel' },
      packageFacts('kernel', '3.10.0-862.el7'),
      /side by side/,
    ],
    [
      'no manager at all',
      { name: 'x' },
      { ...packageFacts('x', ''), 'packages.manager': 'none' },
      /no package manager/,
    ],
  ])('refuses %s', (_, args, facts, why) => {
    expect(planOf('package', { args, facts: el7(facts) }).refuse?.why).toMatch(why);
  });

  it.each<[string, string | undefined, RegExp]>([
    ['kernel', undefined, /`kernel: \{min: "\.\.\."\}`/],
    ['kernel-core', undefined, /`kernel: \{min: "\.\.\."\}`/],
    ['kernel-lt', undefined, /`kernel: \{package: kernel-lt, min: "\.\.\."\}`/],
    [
      'kernel-uek',
      '5.4.17-2136.el7uek',
      /`kernel: \{package: kernel-uek, version: 5\.4\.17-2136\.el7uek\}`/,
    ],
    ['kernel-lt-devel', undefined, /by hand/],
  ])('the refusal of %s names the task that is meant', (name, version, hint) => {
    const args = version === undefined ? { name } : { name, version };
    expect(planOf('package', { args, facts: el7(packageFacts(name, '')) }).refuse?.hint).toMatch(
      hint,
    );
  });

  it.each([
    [
      'docker-ce-18.09.9',
      /^write a version apart: `\{name: docker-ce, version: 18\.09\.9\}`; else/,
    ],
    ['docker-ce', /^there is no docker-ce at all/],
  ])('the hint for the missing package %s says how to name a version', (name, hint) => {
    const facts = el7(packageFacts(name, ''));
    expect(planOf('package', { args: { name }, facts }).refuse?.hint).toMatch(hint);
  });

  it('is not refused for a lock when there is nothing to do', () => {
    expect(
      planOf('package', {
        args: { name: 'x' },
        facts: el7({ ...packageFacts('x', '1-1'), 'packages.lock': 'yum (pid 7)' }),
      }).refuse,
    ).toBeUndefined();
  });

  it('waits for a lock, and does not refuse, once the host has been touched', () => {
    const facts = el7({ ...packageFacts('x', '', ['1-1']), 'packages.lock': 'yum (pid 7)' });
    const done = { drained: true, cordoned: true, rebooted: false, touched: true };
    const plan = planOf('package', { args: { name: 'x' }, facts, context: { done } });
    expect([plan.refuse, shown(plan)]).toEqual([undefined, ['+ package x 1-1']]);
  });

  it.each([
    [{}],
    [{ name: 'x; reboot' }],
    [{ name: '-y' }],
    [{ packages: { 'a b': '1' } }],
    [{ name: 'x', version: '1;2' }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('package'), args)).toThrow();
  });
});

describe('a version as people write it', () => {
  it.each<[string, string, 'yum' | 'apt', boolean]>([
    ['3:18.09.1-3.el7', '18.09.1', 'yum', true],
    ['3:18.09.1-3.el7', '18.09.1-3.el7', 'yum', true],
    ['3:18.09.1-3.el7', '3:18.09.1', 'yum', true],
    ['3:18.09.1-3.el7', '2:18.09.1', 'yum', false],
    ['3:18.09.1-3.el7', '18.09', 'yum', false],
    ['3:18.09.10-3.el7', '18.09.1', 'yum', false],
    ['18.06.1.ce-3.el7', '18.06.1-ce', 'yum', true],
    ['18.06.1.ce-3.el7', '18.06.1', 'yum', true],
    ['5:18.09.1~3-0~debian-stretch', '18.09.1', 'apt', true],
    ['18.06.1~ce~3-0~debian', '18.06.1-ce', 'apt', true],
    ['1.2.13-2', '1.2.13', 'apt', true],
    ['1.2.13-2', '1.2.13-1', 'apt', false],
  ])('%s answers to %s (%s): %s', (evr, wanted, manager, expected) => {
    expect(answersTo(evr, wanted, manager)).toBe(expected);
  });

  it('takes the newest build of it', () => {
    expect(pick(['1.2.13-3.1.el7', '1.2.13-3.2.el7', '1.4.1-3.1.el7'], '1.2.13', 'yum')).toBe(
      '1.2.13-3.2.el7',
    );
    expect(pick(['1.2.13-3.1.el7'], '1.2.14', 'yum')).toBeUndefined();
  });

  it.each([
    ['3:18.09.1-3.el7', '18.09.1'],
    ['18.06.1.ce-3.el7', '18.06.1-ce'],
    ['5:18.09.1~3-0~ubuntu-xenial', '18.09.1'],
    ['1.0.0~rc93-1', '1.0.0-rc93'],
    ['1.4.1-3.1.el7', '1.4.1'],
  ])('%s is %s upstream', (evr, upstream) => expect(upstreamOf(evr)).toBe(upstream));
});

const step = (
  name: string,
  from: string,
  to: string,
  kind: 'install' | 'upgrade' | 'downgrade' | 'remove' = 'upgrade',
) => ({
  name,
  from,
  to,
  kind,
});
const rpmThatSays = (tree: ReturnType<typeof hostTree>) =>
  tree.program(
    'rpm',
    'for n; do :; done; if [ "$1" = -e ]; then shift; for n; do rm -f "$KMEND_ROOT/db/$n"; done; exit; fi; cat "$KMEND_ROOT/db/$n" 2>/dev/null || { echo "package $n is not installed"; exit 1; }',
  );

describe('the script for yum', () => {
  const script = withPrelude(
    packageSteps(
      'yum',
      [
        step('docker-ce', '18.06.1.ce-3.el7', '3:18.09.9-3.el7'),
        step('containerd.io', '', '1.4.1-3.1.el7', 'install'),
      ],
      3,
    ),
  );
  const make = (yum: string) => {
    const tree = hostTree({ '/db/docker-ce': '18.06.1.ce-3.el7\n' });
    rpmThatSays(tree);
    tree.program('sleep', 'echo slept >> "$KMEND_ROOT/sleeps"');
    tree.program('yum', `echo "$*" >> "$KMEND_ROOT/calls"\n${yum}`);
    return tree;
  };
  const works =
    'echo 18.09.9-3.el7 > "$KMEND_ROOT/db/docker-ce"; echo 1.4.1-3.1.el7 > "$KMEND_ROOT/db/containerd.io"';

  it('names exact versions, without the epoch, in one transaction that does not wait for ever', () => {
    const tree = make(works);
    expect(tree.run(script)).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/calls')).toBe(
      '-y --setopt=exit_on_lock=1 install docker-ce-18.09.9-3.el7 containerd.io-1.4.1-3.1.el7\n',
    );
  });

  it.each<[string, string, number, RegExp]>([
    [
      'says yes and does nothing (versionlock, exclude)',
      'exit 0',
      42,
      /docker-ce is not at 3:18.09.9-3.el7: .*18.06.1/,
    ],
    [
      'cannot find it',
      'echo "Unable to find a match: docker-ce-18.09.9" >&2; exit 1',
      41,
      /Unable to find a match/,
    ],
    [
      'says that a script of a package failed, with rc 0',
      `${works}; echo "Error in POSTIN scriptlet in rpm package docker-ce"`,
      43,
      /POSTIN/,
    ],
    [
      'is locked all the time',
      'echo "RPMDB already locked by 4711" >&2; exit 200',
      40,
      /locked by 4711/,
    ],
    [
      'finds the disk full',
      'echo "At least 1MB more space needed on the / filesystem." ; exit 1',
      45,
      /more space/,
    ],
    [
      'cannot reach a repository',
      'echo "Error: Failed to download metadata for repo lab"; exit 1',
      46,
      /repo lab/,
    ],
  ])('reports that yum %s', (_, yum, code, said) => {
    const tree = make(yum);
    const ran = tree.run(script);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(said);
  });

  it('waits for the lock, and goes on when it is free', () => {
    const tree = make(
      `[ -e "$KMEND_ROOT/sleeps" ] || { echo "Another app is currently holding the yum lock"; exit 200; }\n${works}`,
    );
    expect(tree.run(script).code).toBe(0);
  });

  it('moves back and removes in one transaction', () => {
    const tree = make(
      'for f; do :; done; cat "$f" >> "$KMEND_ROOT/calls"; echo 18.06.1.ce-3.el7 > "$KMEND_ROOT/db/docker-ce"; rm -f "$KMEND_ROOT/db/docker-ce-cli"',
    );
    tree.write('/db/docker-ce-cli', '18.09.9-3.el7\n');
    const back = packageSteps(
      'yum',
      [
        step('docker-ce', '3:18.09.9-3.el7', '18.06.1.ce-3.el7', 'downgrade'),
        step('docker-ce-cli', '1:18.09.9-3.el7', '', 'remove'),
      ],
      3,
    );
    expect(tree.run(withPrelude(back))).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/calls')).toMatch(
      /shell .*\ndowngrade docker-ce-18.06.1.ce-3.el7\nremove docker-ce-cli\nrun\n$/,
    );
  });

  it('removes without taking others along', () => {
    const tree = make('exit 9');
    expect(
      tree.run(
        withPrelude(packageSteps('yum', [step('docker-ce', '18.06.1.ce-3.el7', '', 'remove')], 3)),
      ).code,
    ).toBe(0);
  });
});

describe('the script for apt', () => {
  const script = withPrelude(
    packageSteps('apt', [step('docker-ce', '', '5:18.09.9~3-0~debian-stretch', 'install')], 3),
  );
  const make = (apt: string) => {
    const tree = hostTree();
    tree.program('sleep', ':');
    tree.program('dpkg-query', 'cat "$KMEND_ROOT/status" 2>/dev/null || exit 1');
    tree.program('apt-get', `echo "$*" >> "$KMEND_ROOT/calls"\n${apt}`);
    return tree;
  };
  it('looks first what else would go, then installs the exact version', () => {
    const tree = make(
      'case "$*" in -s*) echo "Inst docker-ce";; *) echo "install ok installed 5:18.09.9~3-0~debian-stretch" > "$KMEND_ROOT/status";; esac',
    );
    expect(tree.run(script)).toEqual({ code: 0, out: '', err: '' });
    expect(tree.read('/calls')).toMatch(
      /^-s -q install docker-ce=5:18.09.9~3-0~debian-stretch\n-y -q -o DPkg::Lock::Timeout=3 .* install docker-ce=5:18.09.9~3-0~debian-stretch\n$/,
    );
  });
  it.each<[string, string, number]>([
    ['another package would go', 'echo "Remv docker.io [18.09]"', 44],
    [
      'the packages are held',
      'case "$*" in -s*) ;; *) echo "E: Held packages were changed"; exit 100;; esac',
      41,
    ],
    [
      'a package is left half configured',
      'case "$*" in -s*) ;; *) echo "install ok half-configured 5:18.09.9~3-0~debian-stretch" > "$KMEND_ROOT/status"; exit 100;; esac',
      43,
    ],
    [
      'the lock is held',
      'case "$*" in -s*) ;; *) echo "E: Could not get lock /var/lib/dpkg/lock. It is held by process 7 (apt)"; exit 100;; esac',
      40,
    ],
    ['nothing was done', 'exit 0', 42],
  ])('reports that %s', (_, apt, code) => {
    expect(make(apt).run(script).code).toBe(code);
  });
});
