// The playbooks that come with kmend: they load without a complaint, and plan what they say on
// hosts of several kinds.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDerived } from '../../src/core/plan/overlay.ts';
import { type HostInput, type HostPlanning, planHost } from '../../src/core/plan/plan-host.ts';
import { factDefs } from '../../src/facts/index.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import { type Facts, wantKey } from '../../src/model/fact.ts';
import type { Remedy } from '../../src/model/facts/values.ts';
import type { Task } from '../../src/model/playbook.ts';
import type { PlanContext } from '../../src/model/run/change.ts';
import type { Mapping } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';
import { el7, nokmemNow, packageFacts, readsOff } from './facts.ts';
import { noContext } from './laws.ts';

const inventory = {
  hosts: new Map([['h1', { name: 'h1', groups: [], vars: {} }]]),
  groups: new Map(),
  files: [],
};

const folder = join(import.meta.dirname, '../../playbooks');
const load = (name: string) =>
  loadPlaybook(name, readFileSync(join(folder, name), 'utf8'), {
    modules,
    facts: factDefs.map((def) => def.name),
  });

const packages = {
  ...packageFacts('kernel', '3.10.0-862.el7', ['3.10.0-957.el7', '3.10.0-1160.el7']),
  ...packageFacts('docker-ce', '18.06.1.ce-3.el7', [
    '18.06.1.ce-3.el7',
    '3:18.09.1-3.el7',
    '3:18.09.9-3.el7',
  ]),
  ...packageFacts('docker-ce-cli', '', ['1:18.09.1-3.el7', '1:18.09.9-3.el7']),
  ...packageFacts('containerd.io', '', ['1.2.2-3.el7', '1.2.13-3.2.el7', '1.4.1-3.1.el7']),
};

function plan(
  name: string,
  raw: Facts,
  context: Partial<PlanContext> = {},
  extraVars: Mapping = {},
) {
  const play = load(name).value?.plays[0];
  if (play === undefined) throw new Error(`${name} does not load`);
  const settled = withDerived(raw, undefined);
  const chosen = {
    remedy: settled['kmem.remedy'] as Remedy,
    why: String(settled['kmem.remedy_why']),
  };
  const asked = new Set<string>();
  const input: HostInput = {
    host: 'h1',
    tasks: play.tasks,
    modules,
    chosen,
    isWanted: () => true,
    isSecret: () => false,
    hide: () => {},
    frame: {
      host: 'h1',
      facts: withDerived(raw, chosen),
      asked,
      extraVars,
      learned: {},
      readOnlyCommands: 'all',
      user: {},
      playVars: play.vars,
      variables: (layers) => hostScope(inventory, 'h1', layers),
      context: { ...noContext, acceptNoRollback: play.rollout.rollback === 'none', ...context },
    },
  };
  let planning: HostPlanning = planHost(input);
  for (let round = 0; planning.kind === 'needs' && round < 3; round++) {
    for (const want of planning.wants) asked.add(wantKey(want));
    planning = planHost(input);
  }
  if (planning.kind !== 'plan') throw new Error('it still needs facts');
  return planning.plan;
}

const lines = (name: string, ...rest: [Facts, Partial<PlanContext>?, Mapping?]) =>
  plan(name, ...rest)
    .tasks.filter(
      (task) => task.status !== 'skip' && task.status !== 'same' && task.module !== 'assert',
    )
    .map(
      (task) =>
        `${task.status} ${task.module}${task.changes.map((change) => `, ${change.what}${change.after === undefined ? '' : ` ${change.after}`}`).join('')}`,
    );

const on1160 = () =>
  el7({
    ...packages,
    'kubelet.installed': true,
    'kubelet.running': true,
    'kubelet.version': '1.12.3',
    'kubelet.driver': 'cgroupfs',
  });
const on862 = (more: Facts = {}) =>
  el7({
    ...packages,
    'kernel.release': '3.10.0-862.el7.x86_64',
    'kernel.next': '3.10.0-862.el7.x86_64',
    'kernel.installed': ['3.10.0-862.el7.x86_64'],
    ...more,
  });
const fixed = () => el7({ ...packages, ...nokmemNow, ...readsOff });
const cluster = { hasCluster: true, node: 'n1' };

it('scheduled.yaml does what auto.yaml does, and says what a night does about hosts that are absent', () => {
  const tasksOf = (name: string): string =>
    readFileSync(join(folder, name), 'utf8').split('\n  tasks:\n')[1] ?? '';
  expect(tasksOf('scheduled.yaml')).toBe(tasksOf('auto.yaml'));
  expect(load('scheduled.yaml').value?.plays[0]?.rollout).toMatchObject({
    unplannable: 'leave_out',
    maxUnavailable: { count: 2 },
    waves: [{ count: 1 }],
    brake: { failures: { count: 0 } },
  });
});

const proves = (tasks: readonly Task[]): boolean =>
  tasks.some((task) =>
    task.kind === 'block' ? proves(task.tasks) : task.module === 'verify_kmem',
  );

describe.each(readdirSync(folder))('playbooks/%s', (name) => {
  it('loads without a complaint', () => {
    const { value, diagnostics } = load(name);
    expect(diagnostics).toEqual([]);
    expect(value?.plays).toHaveLength(1);
  });
  it('leaves a modern host alone', () => {
    const facts = el7({
      ...packages,
      'kernel.release': '6.1.0-28-amd64',
      'kernel.next': '6.1.0-28-amd64',
      'cgroup.memory': 'v2',
      'cgroup.version': 'v2',
    });
    expect(plan(name, facts)).toMatchObject({ risk: 'none' });
    expect(plan(name, facts).refused).toBeUndefined();
  });
  it('refuses a host whose runtime is not whole, also where it has nothing to do; any other package is a warning', () => {
    const host = (damaged: string): Facts => ({
      ...fixed(),
      'packages.damaged': { [damaged]: 'half-configured' },
      'packages.manager': 'apt',
    });
    const [grave, slight] = [plan(name, host('containerd.io')), plan(name, host('vim'))];
    if (!load(name).value?.plays.some(({ tasks }) => proves(tasks)))
      return expect(grave.refused).toBeUndefined();
    expect(grave.refused).toMatchObject({
      why: 'containerd.io is half-configured',
      hint: expect.stringContaining('`dpkg --configure -a`'),
    });
    expect([slight.refused, slight.warnings]).toEqual([
      undefined,
      [expect.stringMatching(/^vim is half-configured; .*`dpkg --configure -a`/)],
    ]);
  });
  it('says on the first line what it is for', () => {
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^# [A-Z]/);
  });
});

describe('what they plan', () => {
  it('check.yaml: never a change', () => {
    for (const facts of [on1160(), on862(), fixed()])
      expect(plan('check.yaml', facts).risk).toBe('none');
  });

  it('a user who may not become root is refused before the drain, and plays that only read still run', () => {
    const facts = { ...on1160(), 'user.root': false };
    expect(plan('nokmem.yaml', facts, cluster).refused).toEqual({
      task: expect.stringMatching(/argument/i),
      why: 'changing a host needs root',
      hint: 'log in as root, or set become: true in the play (or -b)',
    });
    expect(plan('check.yaml', facts, cluster).refused).toBeUndefined();
    expect(plan('nokmem.yaml', { ...fixed(), 'user.root': false }).refused).toBeUndefined();
  });

  it('nokmem.yaml on 1160 with a kubelet', () => {
    expect(lines('nokmem.yaml', on1160(), cluster)).toMatchInlineSnapshot(`
      [
        "change drain, drain node n1",
        "change kernel_arg, boot argument cgroup.memory cgroup.memory=nokmem",
        "change reboot, reboot cgroup.memory: not set -> nokmem, wait until node n1 is Ready in the new boot",
        "later verify_kmem",
        "change uncordon, uncordon node n1",
      ]
    `);
  });
  it('nokmem.yaml on 862: a kernel first', () => {
    expect(lines('nokmem.yaml', on862())).toMatchInlineSnapshot(`
      [
        "change kernel, download kernel 3.10.0-1160.el7",
        "change kernel, package kernel 3.10.0-1160.el7, kernel that boots next 3.10.0-1160.el7.x86_64",
        "change kernel_arg, boot argument cgroup.memory cgroup.memory=nokmem",
        "change reboot, reboot kernel: 3.10.0-862.el7.x86_64 -> 3.10.0-1160.el7.x86_64; cgroup.memory: not set -> nokmem",
        "later verify_kmem",
      ]
    `);
  });
  it('nokmem.yaml on a host that is already fixed', () => {
    expect(lines('nokmem.yaml', fixed())).toEqual([]);
  });
  it('nokmem.yaml refuses a kubelet without a cluster', () => {
    expect(plan('nokmem.yaml', on1160()).refused?.why).toMatch(/no cluster is configured/);
  });

  it('runtime.yaml on 862 without a kubelet', () => {
    expect(lines('runtime.yaml', on862())).toMatchInlineSnapshot(`
      [
        "change container_runtime, download docker-ce 3:18.09.1-3.el7, docker-ce-cli 1:18.09.1-3.el7, containerd.io 1.4.1-3.1.el7",
        "change container_runtime, package docker-ce 3:18.09.1-3.el7, package docker-ce-cli 1:18.09.1-3.el7, package containerd.io 1.4.1-3.1.el7, restart docker",
        "change reboot, reboot docker-ce was installed after this boot; containerd.io was installed after this boot",
        "later verify_kmem",
      ]
    `);
  });
  it.each([
    ['booted a second ago', { 'boot.time': 1_699_999_999 }],
    ['has a clock that went back since it booted', { 'clock.epoch': 1_500_000_000 }],
  ])('runtime.yaml plans the reboot of a host that %s', (_, facts) => {
    expect(
      plan('runtime.yaml', on862(facts)).tasks.find(({ module }) => module === 'reboot')?.status,
    ).toBe('change');
  });
  it('runtime.yaml refuses a kubelet that would still account', () => {
    expect(plan('runtime.yaml', on1160(), cluster).refused?.why).toMatch(
      /kubelet 1.12.3 .* still accounts/,
    );
  });
  it('runtime.yaml takes it where the play accepts a part', () => {
    expect(
      lines('runtime.yaml', on1160(), { ...cluster, acceptPartial: true }).slice(0, 3),
    ).toEqual([
      expect.stringMatching(/^change container_runtime, download docker-ce/),
      expect.stringMatching(/^change drain/),
      expect.stringMatching(/^change container_runtime, package docker-ce/),
    ]);
  });

  it('auto.yaml takes the argument on 1160, the runtime on 862 without a kubelet, kernel and argument with one', () => {
    const kubelet = {
      'kubelet.installed': true,
      'kubelet.running': true,
      'kubelet.version': '1.12.3',
      'kubelet.driver': 'cgroupfs',
    };
    const modulesOf = (facts: Facts) =>
      plan('auto.yaml', facts, cluster)
        .tasks.filter((task) => task.status === 'change' || task.status === 'later')
        .map((task) => task.module);
    expect(modulesOf(on1160())).toEqual([
      'drain',
      'kernel_arg',
      'reboot',
      'verify_kmem',
      'uncordon',
    ]);
    expect(modulesOf(on862())).toEqual([
      'container_runtime',
      'container_runtime',
      'reboot',
      'verify_kmem',
    ]);
    expect(modulesOf(on862(kubelet))).toEqual([
      'kernel',
      'drain',
      'kernel',
      'kernel_arg',
      'reboot',
      'verify_kmem',
      'uncordon',
    ]);
    expect(modulesOf(fixed())).toEqual([]);
  });

  it('where a healthy kernel runs and el7 boots next, the default kernel is set back: no drain, no reboot', () => {
    const running = '5.4.278-1.el7.elrepo.x86_64';
    const facts = el7({
      ...packages,
      ...packageFacts('kernel', '3.10.0-862.el7', ['3.10.0-1160.el7']),
      'kernel.release': running,
      'kernel.next': '3.10.0-862.el7.x86_64',
      'kernel.installed': ['3.10.0-862.el7.x86_64', running],
      'kubelet.installed': true,
      'kubelet.running': true,
      'kubelet.version': '1.12.3',
      'kubelet.driver': 'cgroupfs',
    });
    for (const name of ['auto.yaml', 'nokmem.yaml']) {
      expect(lines(name, facts, cluster)).toEqual([
        `change kernel, kernel that boots next ${running}, package whose updates become the default kernel kernel-lt`,
      ]);
      const promised = plan(name, facts, cluster).tasks.find(
        ({ module }) => module === 'kernel',
      )?.changes;
      expect(promised).toMatchObject([
        { before: '3.10.0-862.el7.x86_64', after: running },
        { before: 'kernel', after: 'kernel-lt' },
      ]);
    }
    expect(lines('runtime.yaml', facts, cluster)).toEqual([]);
    const after = el7({ ...facts, 'kernel.next': running });
    expect([after['kmem.verdict'], after['kmem.remedy'], after['boot.pending']]).toEqual([
      'not_applicable',
      'none',
      false,
    ]);
  });

  it('rollback.yaml takes the argument away, and kernel and packages where they are named', () => {
    const facts = el7({
      ...packages,
      ...nokmemNow,
      'kernel.installed': ['3.10.0-862.el7.x86_64', '3.10.0-1160.el7.x86_64'],
      'docker.evr': '3:18.09.9-3.el7',
      'docker.version': '18.09.9',
      ...packageFacts('docker-ce', '3:18.09.9-3.el7', ['18.06.1.ce-3.el7']),
      ...packageFacts('docker-ce-cli', '1:18.09.9-3.el7'),
      ...packageFacts('containerd.io', '1.4.1-3.1.el7'),
      ...readsOff,
    });
    expect(lines('rollback.yaml', facts)).toMatchInlineSnapshot(`
      [
        "change kernel_arg, boot argument cgroup.memory",
        "change reboot, reboot cgroup.memory: nokmem -> not set",
      ]
    `);
    const vars = {
      rollback_kernel: '3.10.0-862.el7',
      rollback_packages: {
        'docker-ce': '18.06.1.ce-3.el7',
        'docker-ce-cli': 'absent',
        'containerd.io': 'absent',
      },
    };
    expect(lines('rollback.yaml', facts, {}, vars)).toMatchInlineSnapshot(`
      [
        "change package, package docker-ce 18.06.1.ce-3.el7, package docker-ce-cli, package containerd.io",
        "change kernel, kernel that boots next 3.10.0-862.el7.x86_64",
        "change kernel_arg, boot argument cgroup.memory",
        "change reboot, reboot kernel: 3.10.0-1160.el7.x86_64 -> 3.10.0-862.el7.x86_64; cgroup.memory: nokmem -> not set; docker-ce was installed after this boot",
      ]
    `);
  });
  it('rollback.yaml refuses before anything is touched when the old package is in no repository', () => {
    const vars = { rollback_packages: { 'docker-ce': '17.03.0' } };
    expect(plan('rollback.yaml', fixed(), {}, vars).refused?.why).toMatch(
      /no enabled repository has docker-ce 17.03.0/,
    );
  });

  it('repository.yaml: where a remedy may need packages, and everywhere when it is removed', () => {
    const read = (section = ''): Facts =>
      Object.fromEntries(
        ['os', 'updates', 'extras', 'docker'].flatMap((id) => [
          [`repository.kmend/kmend-${id}.section`, section && `[kmend-${id}]\n${section}`],
          [`repository.kmend/kmend-${id}.elsewhere`, []],
        ]),
      );
    const sections = (facts: Facts, vars: Mapping = {}) =>
      plan('repository.yaml', facts, {}, vars).tasks.flatMap(({ changes }) =>
        changes.map(({ sign, after = '' }) => sign + after),
      );
    const made = sections({ ...on862(), ...read() });
    expect(made).toHaveLength(4);
    expect(made[1]).toMatchInlineSnapshot(`
      "+[kmend-updates]
      name=CentOS 7 updates (prepared by kmend)
      baseurl=https://vault.centos.org/7.9.2009/updates/$basearch/ https://archive.kernel.org/centos-vault/7.9.2009/updates/$basearch/
      enabled=1
      gpgcheck=1
      gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7"
    `);
    const mirror = { baseurl: 'http://mirror.example.com/7/', docker_baseurl: '', enabled: false };
    const own = sections({ ...on862(), ...read() }, mirror);
    expect([own.length, own[0]]).toEqual([
      3,
      expect.stringContaining('\nbaseurl=http://mirror.example.com/7/os/$basearch/\nenabled=0\n'),
    ]);
    expect(sections({ ...fixed(), ...read() })).toEqual([]);
    for (const other of [
      { 'os.version': '8.4' },
      { 'os.id': 'rhel' },
      { 'packages.manager': 'dnf' },
    ] satisfies readonly Facts[])
      expect(sections({ ...on862(other), ...read() })).toEqual([]);
    expect(
      sections({ ...fixed(), ...read('name=x') }, { state: 'absent', docker_baseurl: '' }),
    ).toEqual(['-', '-', '-', '-']);
    expect(sections({ ...fixed(), ...read() }, { state: 'absent' })).toEqual([]);
  });
  it('rollback.yaml puts repositories back without a drain or a reboot', () => {
    const facts = {
      ...fixed(),
      'repository.own/base.section': '[base]\nname=new',
      'repository.own/base.elsewhere': [],
    };
    const vars = {
      rollback_arguments: [],
      rollback_made: [],
      rollback_repositories: [
        {
          name: 'base',
          file: 'own',
          state: 'present',
          options: { name: 'old', mirrorlist: 'http://a/7', exclude: '' },
        },
      ],
    };
    expect(lines('rollback.yaml', facts, cluster, vars)).toEqual([
      'change yum_repository, repository base in /etc/yum.repos.d/own.repo [base]\nname=old\nmirrorlist=http://a/7\nexclude=',
    ]);
  });
});
