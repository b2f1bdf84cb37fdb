// The real hosts themselves: ten answer, reboot and change as real ones do. What the other tests in
// this folder stand on.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProbe, derive, parseProbe } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { type Lab, labMissing, startLab } from './lab.ts';

const missing = labMissing('el7');

async function factsOf(lab: Lab, name: string): Promise<Facts> {
  const read = parseProbe((await lab.ssh(name, buildProbe())).out);
  if (!read.ok) throw new Error(read.failure.message);
  return derive(read.value);
}

describe.skipIf(missing !== '')(
  `ten el7 hosts with sshd, dnf and grub-mkconfig (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 10 });
    });
    afterAll(() => lab?.down());

    it('ten hosts have ten boot ids and one kernel', async () => {
      expect(lab.hosts).toHaveLength(10);
      expect(new Set(lab.hosts.map(({ name }) => lab.bootId(name))).size).toBe(10);
      const kernels = await Promise.all(lab.hosts.map(({ name }) => lab.ssh(name, 'uname -r')));
      expect(new Set(kernels.map(({ out }) => out.trim()))).toEqual(
        new Set(['3.10.0-862.el7.x86_64']),
      );
    });

    it('the probe finds the leak on the kernel of the original report', async () => {
      const facts = await factsOf(lab, 'h1');
      expect([facts['kmem.verdict'], facts['kmem.remedy'], facts['docker.version']]).toEqual([
        'on',
        'runtime',
        '18.06.1-ce',
      ]);
    });

    const busybox = ['/bin/busybox', '/usr/bin/busybox'].some((path) => existsSync(path));
    it.skipIf(!busybox)(
      `the probe reads the same with busybox sh (${busybox ? 'there' : 'needs busybox'})`,
      async () => {
        const plain = await factsOf(lab, 'h1');
        const read = parseProbe(
          (await lab.ssh('h1', `busybox sh <<'PROBE'\n${buildProbe()}\nPROBE`)).out,
        );
        // Not the packages: some builds of busybox prefer their own small rpm to the one in PATH.
        const names = [
          'kmem.verdict',
          'kmem.evidence',
          'docker.version',
          'kernel.installed',
          'boot.next_cmdline',
          'boot.id',
        ] as const;
        expect(read.ok).toBe(true);
        const there: Facts = read.ok ? derive(read.value) : {};
        expect(names.map((name) => there[name])).toEqual(names.map((name) => plain[name]));
      },
    );

    it('a newer kernel, the argument and a reboot make it off, proven by a container of the new boot and by an empty group', async () => {
      const before = lab.bootId('h2');
      expect((await lab.ssh('h2', 'yum -q -y install kernel-3.10.0-1160.el7', 120)).code).toBe(0);
      expect(
        (await lab.ssh('h2', 'grubby --update-kernel=ALL --args=cgroup.memory=nokmem')).code,
      ).toBe(0);
      await lab.ssh('h2', 'systemctl reboot; sleep 5', 10);
      await lab.answers('h2', before);
      expect(lab.boots('h2')).toBe(2);
      const facts = await factsOf(lab, 'h2');
      expect([facts['kernel.release'], facts['kmem.verdict'], facts['kmem.proof']]).toEqual([
        '3.10.0-1160.el7.x86_64',
        'off',
        'samples',
      ]);
      const group = '/sys/fs/cgroup/memory/probe';
      const answer = await lab.ssh(
        'h2',
        `mkdir ${group} && echo 1 > ${group}/memory.kmem.limit_in_bytes && LC_ALL=C cat ${group}/memory.kmem.slabinfo; rmdir ${group}; ls -d ${group}`,
      );
      expect(answer.err).toContain('Input/output error');
      expect(answer.err).toContain('No such file');
    });

    it('a newer engine needs its client and its containerd.io, and acts after a restart', async () => {
      const install =
        'yum -q -y install docker-ce-18.09.9 docker-ce-cli-18.09.9 containerd.io-1.4.13';
      expect((await lab.ssh('h3', install, 120)).code).toBe(0);
      expect((await factsOf(lab, 'h3'))['docker.version']).toBe('18.06.1-ce');
      await lab.ssh('h3', 'systemctl restart docker');
      const facts = await factsOf(lab, 'h3');
      expect([
        facts['docker.version'],
        facts['containerd.evr'],
        facts['kmem.samples'],
      ]).toMatchObject(['18.09.9', '1.4.13-3.1.el7', { limited_off: 1 }]);
    });

    it('a host that never comes back does so when it is given power', async () => {
      const before = lab.bootId('h4');
      lab.set('h4', 'never', '1');
      await lab.ssh('h4', 'reboot; sleep 5', 10);
      await expect(lab.answers('h4', before, 4)).rejects.toThrow(/did not answer/);
      lab.power('h4');
      await lab.answers('h4', before);
    });

    it('a kubelet runs as a process and accounts the pods', async () => {
      const before = lab.bootId('h5');
      await lab.ssh('h5', 'yum -q -y install kubelet-1.12.3', 120);
      await lab.ssh('h5', 'reboot; sleep 5', 10);
      await lab.answers('h5', before);
      const facts = await factsOf(lab, 'h5');
      expect([facts['kubelet.running'], facts['kubelet.version'], facts['kmem.remedy']]).toEqual([
        true,
        '1.12.3',
        'kernel_and_arg',
      ]);
    });
  },
);

const missingDeb = labMissing('deb');
describe.skipIf(missingDeb !== '')(
  `deb hosts with sshd, apt and grub-mkconfig (${missingDeb || 'all there'})`,
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'deb', count: 2, net: '127.11' });
    });
    afterAll(() => lab?.down());

    it('the probe reads apt and a kernel that is not el7', async () => {
      const facts = await factsOf(lab, 'h1');
      expect([facts['os.family'], facts['packages.manager'], facts['kernel.release']]).toEqual([
        'debian',
        'apt',
        '4.9.0-6-amd64',
      ]);
    });

    it('update-grub and a reboot bring a new argument', async () => {
      const before = lab.bootId('h2');
      const dropIn = '/etc/default/grub.d/99-kmend.cfg';
      await lab.ssh(
        'h2',
        `echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"' > ${dropIn} && update-grub`,
      );
      await lab.ssh('h2', 'reboot; sleep 5', 10);
      await lab.answers('h2', before);
      expect((await lab.ssh('h2', 'cat /proc/cmdline')).out).toContain('cgroup.memory=nokmem');
    });
  },
);
