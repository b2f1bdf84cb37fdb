// Creators: each shape of the table, and what only looks like one.
import { describe, expect, it } from 'vitest';
import { creatorByKey, creatorOf, creatorRows, normalPath } from '../../src/facts/kmem/creators.ts';

const hex = 'a1b2c3d4'.repeat(8);
const uid = '0a1b2c3d-0000-4000-8000-00000000c0de';
const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;

describe('the creator of a group', () => {
  it.each([
    ['kubepods', 'pods'],
    ['kubepods/besteffort', 'pods'],
    [`kubepods/pod${uid}`, 'pod'],
    [`kubepods/burstable/pod${'0f'.repeat(16)}`, 'pod'],
    [`kubepods/burstable/pod${uid}/${hex}`, 'pod-container'],
    [`kubepods/pod${uid}/crio-${hex}`, 'pod-crio'],
    [`kubepods/pod${uid}/crio-conmon-${hex}`, 'pod-crio-conmon'],
    [`kubepods/${hex}`, 'pod-inside'],
    [`kubepods/burstable/pod${uid}/${hex}/docker/${hex}`, 'pod-inside'],
    ['kubepods/pod', 'pod-inside'],
    [`kubepods/guaranteed/pod${uid}`, 'pod-inside'],
    ['kubepods.slice', 'pods-slice'],
    ['kubepods.slice/kubepods-burstable.slice', 'pods-slice'],
    [`kubepods.slice/kubepods-burstable.slice/${slice}`, 'pod-slice'],
    [`kubepods.slice/kubepods-burstable.slice/${slice}/docker-${hex}.scope`, 'pod-docker-scope'],
    [
      `kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${hex}.scope`,
      'pod-containerd-scope',
    ],
    [`kubepods.slice/kubepods-burstable.slice/${slice}/crio-${hex}.scope`, 'pod-crio-scope'],
    [
      `kubepods.slice/kubepods-burstable.slice/${slice}/crio-conmon-${hex}.scope`,
      'pod-crio-conmon-scope',
    ],
    [`system.slice/containerd.service/${slice}:cri-containerd:${hex}`, 'literal-containerd'],
    [`${slice}:cri-containerd:${hex}`, 'literal-containerd'],
    [`system.slice/${slice}:cri-containerd:${hex}`, 'literal-containerd'],
    [`system.slice:docker:${hex}`, 'literal-docker'],
    [`system.slice/crio.service/${slice}:crio:${hex}`, 'literal-crio'],
    [`system.slice:nerdctl:${hex}`, 'literal-nerdctl'],
    ['docker', 'docker-parent'],
    [`docker/${hex}`, 'docker'],
    [`system.slice/docker-${hex}.scope`, 'docker-scope'],
    [`system.slice/nerdctl-${hex}.scope`, 'nerdctl-scope'],
    [`system.slice/cri-containerd-${hex}.scope`, 'containerd-scope'],
    [`default/${hex}`, 'containerd-namespace'],
    [`crio/crio-${hex}`, 'crio'],
    [`system.slice/crio-${hex}.scope`, 'crio-scope'],
    [`libpod_parent/libpod-${hex}`, 'podman'],
    [`libpod_parent/libpod-conmon-${hex}`, 'podman-conmon'],
    [`libpod_parent/${hex}/libpod-${hex}`, 'podman'],
    [`apps/libpod-${hex}`, 'podman'],
    ['libpod_parent/conmon', 'podman-conmon'],
    [`libpod_parent/${hex}/conmon`, 'podman-conmon'],
    ['libpod_parent', 'podman-parent'],
    [`system.slice/containerd.service/apps/${hex}`, 'parent-container'],
    [`machine.slice/libpod-${hex}.scope`, 'podman-scope'],
    [`machine.slice/libpod-${hex}.scope/container`, 'podman-scope'],
    [`machine.slice/libpod-conmon-${hex}.scope`, 'podman-conmon-scope'],
    [`machine.slice/machine-libpod_pod_${hex}.slice/libpod-${hex}.scope/container`, 'podman-scope'],
    [`batch.slice/libpod-${hex}.scope`, 'podman-scope'],
    [`batch.slice/libpod-conmon-${hex}.scope`, 'podman-conmon-scope'],
    [`system.slice/web.service/libpod-payload-${hex}`, 'podman-split'],
    ['machine.slice/machine-qemu\\x2d1\\x2dvm.scope/emulator', 'libvirt'],
    ['lxc/web', 'lxc'],
    ['lxc.payload/web', 'lxc'],
    ['lxc.payload.web', 'lxc'],
    ['lxc.monitor.web', 'lxc'],
    ['slurm/uid_1000/job_7/step_0', 'slurm'],
    ['mesos/6c5f', 'mesos'],
    ['hadoop-yarn/container_1', 'yarn'],
    ['htcondor/condor_slot1', 'htcondor'],
    ['kmend-probe.4711', 'kmend-probe'],
    [`apps/${hex}`, 'parent-container'],
    [`ecs/task-1/${hex}`, 'parent-container'],
    ['system.slice/sshd.service', 'unit'],
    ['user.slice/user-0.slice/session-1.scope', 'unit'],
    ['init.scope', 'unit'],
  ])('%s is %s', (path, key) => {
    expect(creatorOf(path).key).toBe(key);
  });

  it.each([
    ['made by hand', 'apps/oracle'],
    ['one digit more than an id', `docker/${hex}0`],
    ['one digit less than an id', `docker/${hex.slice(1)}`],
    ['a container inside a container', `docker/${hex}/docker/${hex}`],
    ['a kubelet inside a container', `docker/${hex}/kubepods/pod${uid}`],
    ['upper case', `docker/${hex.toUpperCase()}`],
    ['an id where the placeholder is spelled out', 'docker/<id>'],
    ['something below a unit', 'system.slice/docker.service/apps'],
    ["podman's own group in a unit", 'system.slice/web.service/runtime'],
    ['what only begins like LXC', 'lxcfs/web'],
    ['a slice below a service', `system.slice/a.service/b.slice/docker-${hex}.scope`],
    ['the root', ''],
  ])('is unknown: %s', (_name, path) => {
    expect(creatorOf(path)).toMatchObject({ key: 'unknown', creator: 'unknown' });
  });

  it('has one key a row, and each row is found by it', () => {
    expect(new Set(creatorRows.map((row) => row.key)).size).toBe(creatorRows.length);
    for (const row of creatorRows) expect(creatorByKey(row.key)).toBe(row);
    expect(creatorByKey('of-a-later-version').creator).toBe('unknown');
  });

  it('has patterns that awk and JavaScript read alike: no class shorthand, no lazy or counted repetition, no look-around', () => {
    for (const row of creatorRows)
      expect(row.pattern, row.key).toMatch(/^\^(?!.*(?:\\[dwsbDWSB]|\?\?|\*\?|\+\?|\{|\(\?)).*\$$/);
  });

  it('answers in linear time', () => {
    const once = (path: string): number => {
      const before = process.cpuUsage().user;
      for (let turn = 0; turn < 20; turn++) creatorOf(path);
      return process.cpuUsage().user - before;
    };
    const micros = (path: string): number =>
      Math.min(...Array.from({ length: 5 }, () => once(path)));
    for (const part of ['a.slice/', 'a/', 'kubepods/', 'a:', `${hex}/`, 'pod', '.slice']) {
      const [short, long] = [micros(part.repeat(5_000)), micros(part.repeat(20_000))];
      expect(long / Math.max(short, 2_000), part).toBeLessThan(10);
    }
  });

  it('replaces container ids only', () => {
    expect(normalPath(`a/${hex}/pod${uid}/<id>`)).toBe(`a/<id>/pod${uid}/?id?`);
  });
});
