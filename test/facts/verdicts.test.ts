// What stands beside a verdict: causes, rejected remedies, what stays open, proof on cgroup v2, and
// what is not known. The verdicts themselves: states.ts.
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { unknown } from '../../src/model/value.ts';
import {
  argumentNext,
  argumentNow,
  bootedAt,
  containers,
  dockerWith,
  engine,
  hostFacts,
  kubelet,
  modelHost,
  next,
  pods,
} from './model-hosts.ts';

const docker1806 = engine('docker-ce', '18.06.1-ce', 'yes');
const disputed = dockerWith('1.2.2-3.el7', '1.0.0-rc6+dev', 'perhaps');
const factsOf = (
  kernel: string,
  programs: Parameters<typeof hostFacts>[1],
  groups: string,
  more: Facts = {},
): Facts => derive(hostFacts(kernel, programs, groups, more));

describe('what is reported with a remedy', () => {
  it('names what was rejected and why', () => {
    const facts = factsOf(
      '862',
      [kubelet('1.12.3', 'yes'), docker1806],
      pods('on') + containers('on'),
    );
    expect(facts['kmem.rejected']).toEqual([
      'kernel_arg: 862 is not known to parse nokmem',
      'runtime: kubelet 1.12.3 still accounts /kubepods',
    ]);
    expect(facts['kmem.causes']).toEqual(['kernel', 'argument', 'kubelet', 'runc']);
  });

  it('names what it leaves open', () => {
    expect(factsOf('1127', [docker1806], containers('on'))['kmem.leaves_open']).toEqual([
      'RHSA-2019:3055 says the leak is fixed since 1062.4.1; users still saw it on 1127 and 1160: no reason to leave accounting on',
    ]);
    expect(factsOf('862', [disputed], containers('none'))['kmem.leaves_open']).toEqual([
      'containerd.io 1.2.2-3.el7: clean by its build files, disputed by users: 1.4.5 or later is sure',
    ]);
    expect(
      factsOf('514', [docker1806], containers('on'), { ...argumentNow, ...argumentNext })[
        'kmem.leaves_open'
      ],
    ).toEqual(
      expect.arrayContaining([
        'cgroup.memory=nokmem is set, but the kernel that boots next is not known to parse it',
      ]),
    );
  });

  it('reports the remedy of the owner of another engine, and that the argument works without it', () => {
    const why = (
      kernel: string,
      programs: Parameters<typeof hostFacts>[1],
      more: Facts = {},
    ): unknown => factsOf(kernel, programs, containers('on'), more)['kmem.remedy_why'];
    const ee = engine('docker-ee', '17.06.2-ee-4', 'yes', 'cgroupfs', {
      'docker.evr': '17.06.2.ee.4-3.el7',
    });
    const owned =
      'Docker EE: its vendor has builds that leave accounting off: 17.06.2-ee-18, 18.03.1-ee-5, and 18.09.1 or later with such a containerd.io';
    expect(why('1160', [ee])).toBe(
      `docker 17.06.2-ee-4 accounts; the argument needs no change of runtime (${owned})`,
    );
    expect(why('862', [ee])).toMatch(
      /^862 is not known to parse nokmem; .*; the argument needs no change of runtime \(Docker EE: /,
    );
    expect(why('1160', [engine('docker', '1.13.1', 'yes')])).toBe(
      "docker 1.13.1 accounts; the argument needs no change of runtime (Red Hat's docker: no build without accounting is known; projectatomic/runc#26 asks for one and is open)",
    );
    // Without a way for the argument, the owner's builds are all that is left.
    expect(why('3.12.8-vendor', [ee], next('3.12.8-vendor'))).toMatch(
      /knows no newer kernel for it.*; Docker EE: its vendor/,
    );
    // Its kubelet would go on: a new engine would not be enough.
    expect(
      factsOf('1160', [kubelet('1.12.3', 'yes'), ee], pods('on'))['kmem.remedy_why'],
    ).not.toMatch(/vendor/);
    expect(why('1160', [docker1806])).not.toMatch(/change of runtime/);
  });

  it('reports what would decide about a kernel whose source was not read', () => {
    const why = (more: Facts): string =>
      String(
        factsOf('862', [kubelet('1.12.3', 'yes'), docker1806], containers('none'), more)[
          'kmem.remedy_why'
        ],
      );
    expect(why({})).toMatch(
      /a real System\.map of it, or the active probe after a boot with the argument, settles it$/,
    );
    expect(why({ ...argumentNow, ...argumentNext })).toMatch(/`kmend check --active` settles it$/);
  });

  it('has no causes where nothing is wrong', () =>
    expect(
      factsOf('1160', [dockerWith('1.4.13-3.1.el7', '1.0.2', 'no')], containers('eio'))[
        'kmem.causes'
      ],
    ).toEqual([]));
});

describe('proof on cgroup v2', () => {
  const proof = (groups: string): unknown =>
    factsOf('6.12.94-cloud-amd64', [], groups, { 'cgroup.memory': 'v2', ...argumentNow })[
      'kmem.proof'
    ];
  it('needs a limited group that works and charges nothing', () => {
    expect(proof('empty! system.slice/docker-#a.scope\nempty. init.scope')).toBe('samples');
    expect(proof('charged! system.slice/docker-#a.scope\nempty. init.scope')).toBe('none');
    expect(proof('empty system.slice/docker-#a.scope\nempty. init.scope')).toBe('none');
  });
});

describe('unknown in, unknown out', () => {
  it('a fact of a boot that is over makes verdict and remedy unknown', () => {
    const facts = modelHost({ 'kernel.release': unknown('after the reboot') });
    expect(facts['kmem.verdict']).toEqual(unknown('after the reboot'));
    expect(facts['kmem.remedy']).toEqual(unknown('after the reboot'));
    expect(facts['kernel.generation']).toEqual(unknown('after the reboot'));
    expect(facts['boot.pending']).toEqual(unknown('after the reboot'));
  });
  it('a Docker that hangs does not hide what its package says', () => {
    const hangs = {
      'docker.version': unknown('docker did not answer'),
      'docker.driver': unknown('docker did not answer'),
    };
    expect(modelHost(hangs, containers('on'))['kmem.remedy']).toBe('runtime');
  });
});

describe('a pending reboot', () => {
  const pending = (facts: Facts): unknown => modelHost(facts)['boot.pending_why'];
  it('is none where nothing waits', () => {
    expect(pending({})).toEqual([]);
    expect(modelHost()['boot.pending']).toBe(false);
  });
  it('names the argument, the kernel and the packages that wait', () => {
    expect(pending(argumentNext)).toEqual(['cgroup.memory: not set -> nokmem']);
    expect(
      pending({ ...argumentNow, 'boot.next_cmdline': 'ro cgroup.memory=nosocket,nokmem' }),
    ).toEqual(['cgroup.memory: nokmem -> nosocket,nokmem']);
    expect(pending(next('1160'))).toEqual([
      'kernel: 3.10.0-862.el7.x86_64 -> 3.10.0-1160.el7.x86_64',
    ]);
    expect(pending({ 'docker.installed_at': bootedAt + 5 })).toEqual([
      'docker-ce was installed after this boot',
    ]);
    // The time of boot is a difference of two cut numbers: what came just before the boot must not
    // seem to come after it.
    expect(pending({ 'docker.installed_at': bootedAt + 2 })).toEqual([]);
  });
  it('does not wait for ever after the clock was set back', () =>
    expect(pending({ 'docker.installed_at': bootedAt + 1_000_000_000 })).toEqual([]));
  it('says nothing about a loader that it cannot read', () =>
    expect(pending({ 'kernel.next': '', 'boot.next_cmdline': '' })).toEqual([]));
});
