// Proof in part: which hosts prove that all but the accepted programs leave accounting off, which
// do not yet, and which refute it.
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import { leftOpen } from '../../src/facts/kmem/partial.ts';
import type { Facts } from '../../src/model/fact.ts';
import {
  containerd,
  containers,
  crio,
  dockerWith,
  engine,
  hostFacts,
  idlePods,
  kubelet,
  type Program,
  podman,
  pods,
  slices,
  units,
} from './model-hosts.ts';

const k8s = kubelet('1.12.3', 'yes');
const good = dockerWith('1.4.13-3.1.el7', '1.0.3', 'no');
const bad = engine('docker-ce', '18.06.1-ce', 'yes');
const oldKubelet = { key: 'kubelet', name: 'kubelet 1.12.3' };

const judged = (
  programs: readonly Program[],
  groups: string,
  more: Facts = {},
  accepted = [oldKubelet],
): Facts => derive({ ...hostFacts('862', programs, groups, more), 'kmem.accepted': accepted });

const inPods = (line: string): string => `${pods('on')}${containers('eio')}${units}${line}`;

describe('proven: everything that is not accepted', () => {
  it.each<[string, Facts, string]>([
    ['the host of the incident with a newer docker', judged([k8s, good], inPods('')), 'on'],
    ['before a pod is there', judged([k8s, good], containers('eio') + units), 'at_risk'],
    [
      'on a kernel that is suspect',
      judged([k8s, good], inPods(''), {
        'kernel.release': '4.4.248-1.el7.elrepo.x86_64',
        'boot.cmdline': 'ro swapaccount=1',
      }),
      'on',
    ],
    [
      '/kubepods has no limited pod yet',
      judged([k8s, good], idlePods('on') + containers('eio')),
      'on',
    ],
    [
      "docker's container below kubepods inherits",
      judged([k8s, good], inPods('on! kubepods/#e')),
      'on',
    ],
    [
      'a container in a pod starts its own containers',
      judged([k8s, good], inPods('on! kubepods/burstable/pod1/#a/docker/#b')),
      'on',
    ],
    [
      'a sample container was started through docker',
      judged([k8s, good], pods('on') + units, {
        'kmem.started': [{ runtime: 'docker', at: 1_790_000_000 - 10, answer: 'off' }],
      }),
      'on',
    ],
    [
      'a kubelet that may account, by its version',
      judged([kubelet('1.15.3', 'perhaps'), good], inPods(''), {}, [
        { key: 'kubelet', name: 'kubelet 1.15.3' },
      ]),
      'on',
    ],
    [
      'a containerd that starts no container outside of pods was asked for one',
      judged([k8s, containerd('1.0.3', 'no')], `${pods('on')}eio k8s.io\neio! k8s.io/#c`),
      'on',
    ],
    [
      'a podman whose systemd manager never asks is there, too',
      judged([k8s, good, podman('1.0.3', 'no', 'systemd')], inPods('')),
      'on',
    ],
    [
      'podman is what was accepted, beside a docker that brings its own runc',
      judged(
        [
          podman('', 'yes', 'cgroupfs'),
          engine('docker-ee', '18.03.1-ee-5', 'no', 'cgroupfs', {
            'docker.evr': '18.03.1.ee.5-3.el7',
          }),
        ],
        `${containers('eio')}on! libpod_parent/libpod-#e`,
        { 'runc.path': '/usr/bin/docker-runc', 'runc.evr': '1.0.0-69.rc10.el7_9' },
        [{ key: 'podman', name: 'podman with runc 1.0.0-rc10' }],
      ),
      'on',
    ],
  ])('%s', (_, facts, verdict) => {
    expect(
      [facts['kmem.partial'], facts['kmem.verdict']],
      String(facts['kmem.partial_evidence']),
    ).toEqual(['samples', verdict]);
  });

  it('speaks per creator', () => {
    expect(judged([k8s, good], inPods(''))['kmem.partial_evidence']).toBe(
      "docker's containers: off (EIO on 5 of 5, 1 memory-limited); kubelet 1.12.3 still accounts: accepted (7 groups read on)",
    );
  });
});

describe('not proven yet', () => {
  it.each<[string, Facts, string]>([
    [
      'docker has no container outside Kubernetes',
      judged([k8s, good], pods('on') + units),
      'no sample of docker',
    ],
    [
      "docker's container has no limit",
      judged([k8s, good], pods('on') + containers('none')),
      'no sample of docker',
    ],
    [
      "docker's container was limited later",
      judged([k8s, good], pods('on') + containers('later')),
      'no sample of docker',
    ],
    [
      'docker was replaced in this boot',
      judged([k8s, good], inPods(''), { 'docker.installed_at': 1_790_000_000 - 5 }),
      'no sample of docker',
    ],
    [
      'a containerd has its containers in pods only',
      judged([k8s, containerd('1.0.3', 'no')], pods('on')),
      'no sample of containerd',
    ],
    [
      'cri-o has its containers in pods only',
      judged([k8s, crio('1.0.3', 'no', 'cgroupfs')], pods('on')),
      'no sample of cri-o',
    ],
    [
      'reads were refused',
      judged([k8s, good], inPods('denied lxc/a')),
      'not every group could be read',
    ],
    [
      'the argument may be why groups read off',
      judged([k8s, good], containers('eio'), { 'boot.cmdline': 'ro cgroup.memory=nokmem' }),
      'the kernel may obey it',
    ],
  ])('%s', (_, facts, evidence) => {
    expect(facts['kmem.partial']).toBe('none');
    expect(facts['kmem.partial_evidence']).toContain(evidence);
  });
});

describe('refuted: something that is not accepted accounts, or will', () => {
  it.each<[string, Facts, string]>([
    [
      "docker's own container",
      judged([k8s, bad], pods('on') + containers('on')),
      '1 of 3 groups that are not accepted read on',
    ],
    [
      'docker by its version, before it has a container',
      judged([k8s, bad], pods('on') + units),
      'docker 18.06.1-ce accounts: not accepted',
    ],
    [
      'a container below another parent',
      judged([k8s, good], inPods('on! jobs/#e')),
      'groups that are not accepted read on',
    ],
    [
      'a group that an administrator limited',
      judged([k8s, good], inPods('on limits/kernel')),
      'groups that are not accepted read on',
    ],
    [
      'a scope below a slice of the kubelet',
      judged([k8s, good], inPods('on system.slice/docker-#e.scope')),
      'groups that are not accepted read on',
    ],
    [
      'the accepted kubelet in another version',
      judged([kubelet('1.12.5', 'yes'), good], containers('eio') + units),
      'kubelet 1.12.5 accounts: not accepted',
    ],
    [
      'a second cause',
      judged([k8s, good, podman('1.0.0-rc5', 'yes', 'cgroupfs')], inPods(''), {
        'runc.version': '1.0.0-rc5',
        'containerd.package': '',
        'containerd.evr': '',
      }),
      'podman with runc 1.0.0-rc5',
    ],
  ])('%s', (_, facts, evidence) => {
    expect(facts['kmem.partial'], String(facts['kmem.partial_evidence'])).toBe('refuted');
    expect(facts['kmem.partial_evidence']).toContain(evidence);
  });
});

describe('does not apply', () => {
  it.each<[string, Facts]>([
    ['where nothing was accepted', judged([k8s, good], inPods(''), {}, [])],
    [
      'on a healthy kernel',
      judged([k8s, good], inPods(''), { 'kernel.release': '5.4.278-1.el7.elrepo.x86_64' }),
    ],
  ])('%s', (_, facts) =>
    expect([facts['kmem.partial'], facts['kmem.partial_evidence']]).toEqual(['', '']),
  );

  it('where the kubelet never asks: a systemd driver leaves nothing to accept', () => {
    expect(
      leftOpen(hostFacts('862', [kubelet('1.12.3', 'no', 'systemd'), good], slices('docker'))),
    ).toEqual([]);
  });
});

describe('what a play leaves open', () => {
  const asking = (more: Facts): Facts => hostFacts('862', [k8s, bad], inPods(''), more);
  it.each<[string, Facts, readonly string[]]>([
    ['each program that will ask', asking({}), ['kubelet 1.12.3', 'docker 18.06.1-ce']],
    [
      'also where the argument is set and nobody knows whether it is obeyed',
      asking({ 'boot.next_cmdline': 'cgroup.memory=nokmem' }),
      ['kubelet 1.12.3', 'docker 18.06.1-ce'],
    ],
    [
      'nothing where the next kernel obeys the argument',
      asking({
        'kernel.next': '3.10.0-1160.el7.x86_64',
        'boot.next_cmdline': 'cgroup.memory=nokmem',
      }),
      [],
    ],
    [
      'nothing where the next kernel is healthy',
      asking({ 'kernel.next': '5.4.278-1.el7.elrepo.x86_64' }),
      [],
    ],
  ])('%s', (_, facts, names) => expect(leftOpen(facts).map(({ name }) => name)).toEqual(names));
});
