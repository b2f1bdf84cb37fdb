// auto.yaml on real hosts: each gets the least disruptive remedy that fixes it. Then the rollback,
// byte for byte.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, type Operator, operator, playbook, rebootsOf } from './operator.ts';

const missing = labMissing('el7');
const drain = {
  drain_command: 'echo drained >> /var/log/pods.log',
  uncordon_command: 'echo uncordoned >> /var/log/pods.log',
};
const bootFiles = 'cat /boot/grub2/grub.cfg /etc/default/grub';
const packages = 'rpm -qa docker-ce docker-ce-cli containerd.io kernel kubelet | sort';

describe.skipIf(missing !== '')(
  `auto.yaml and rollback on six el7 hosts (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    let run = '';
    const all = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
    const before = new Map<
      string,
      {
        readonly boot: string;
        readonly packages: string;
        readonly id: string;
        readonly boots: number;
      }
    >();
    const outputOf = async (host: string, command: string): Promise<string> =>
      (await lab.ssh(host, command)).out;

    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: all.length, net: '127.26' });
      const booted = async (host: string, command: string): Promise<void> => {
        const old = lab.bootId(host);
        const made = await lab.ssh(host, command, 120);
        if (made.code !== 0) throw new Error(`${host}: ${made.err}`);
        await lab.ssh(host, 'systemctl reboot; sleep 5', 10);
        await lab.answers(host, old);
      };
      const argument =
        'grubby --update-kernel=ALL --args=cgroup.memory=nokmem && sed -i "s/quiet/quiet cgroup.memory=nokmem/" /etc/default/grub';
      await Promise.all([
        booted('h2', 'yum -q -y install kernel-3.10.0-1160.el7'),
        booted('h3', 'yum -q -y install kubelet-1.12.3'),
        booted('h4', 'yum -q -y install kernel-3.10.0-1160.el7').then(() =>
          lab.ssh('h4', argument),
        ),
        booted('h5', `yum -q -y install kernel-3.10.0-1160.el7 && ${argument}`),
        booted(
          'h6',
          'sed -i "s/quiet/quiet cgroup.memory=nosocket/" /etc/default/grub && yum -q -y install kernel-3.10.0-1160.el7 kubelet-1.12.3',
        ),
      ]);
      for (const host of all)
        before.set(host, {
          boot: await outputOf(host, bootFiles),
          packages: await outputOf(host, packages),
          id: lab.bootId(host),
          boots: lab.boots(host),
        });
      op = operator(all.map((host) => ({ name: host, lab, host, vars: drain })));
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    it('the plan names the remedy of each host and why it is that one', async () => {
      const { code, out } = await op.kmend([
        'plan',
        playbook('auto'),
        '-i',
        op.inventory,
        '--max-unavailable',
        '6',
        '-o',
        'plan.json',
      ]);
      const plan = JSON.parse(readFileSync(`${op.dir}/plan.json`, 'utf8'));
      const remedies: Readonly<Record<string, string>> = Object.fromEntries(
        plan.plays[0].hosts.map(({ host, remedy }: { host: string; remedy: string }) => [
          host,
          remedy,
        ]),
      );
      expect([code, remedies]).toEqual([
        2,
        {
          h1: 'runtime',
          h2: 'kernel_arg',
          h3: 'kernel_and_arg',
          h4: 'reboot',
          h5: 'none',
          h6: 'kernel_arg',
        },
      ]);
      expect(out).toMatch(/h1 .*\n +why: docker 18\.06\.1-ce accounts/);
      expect(out).toContain('Plan: 5 hosts to change, 1 with nothing to do, 0 refused');
    });

    it('applied, all are off and proven, each rebooted once', async () => {
      const { code, err, out } = await op.kmend(['apply', 'plan.json', '--yes']);
      expect([code, err, out]).toEqual([
        0,
        '',
        expect.stringContaining('5 done, 1 with nothing to do'),
      ]);
      run = op.runs().at(-1) ?? '';
      const events = op.journal();
      for (const host of ['h1', 'h2', 'h3', 'h4', 'h6']) {
        expect([host, lab.boots(host)]).toEqual([host, (before.get(host)?.boots ?? 0) + 1]);
        expect(rebootsOf(events, host)).toEqual([
          { before: before.get(host)?.id, after: lab.bootId(host) },
        ]);
        // Where a kernel was tried, the proof is read again when it is the default.
        const proof = { verdict: 'off', by: 'samples' };
        expect(eventsOf(events, 'proof', host)).toMatchObject(
          host === 'h3' ? [proof, proof] : [proof],
        );
      }
      expect(lab.bootId('h5')).toBe(before.get('h5')?.id);
      expect((await op.kmend(['check', '-i', op.inventory])).code).toBe(0);
    });

    it('no host got more than its remedy', async () => {
      // The runtime: no kernel, no argument.
      expect([await outputOf('h1', bootFiles), lab.running('h1').kernel]).toEqual([
        before.get('h1')?.boot,
        '3.10.0-862.el7.x86_64',
      ]);
      expect(await outputOf('h1', 'rpm -q docker-ce')).toBe('docker-ce-18.09.1-3.el7.x86_64\n');
      // The argument: no package.
      for (const host of ['h2', 'h4', 'h6'])
        expect(await outputOf(host, packages)).toBe(before.get(host)?.packages);
      expect(lab.running('h6').cmdline).toContain('cgroup.memory=nosocket,nokmem');
      // Only a reboot: not a byte.
      expect(await outputOf('h4', bootFiles)).toBe(before.get('h4')?.boot);
      expect(lab.running('h3')).toMatchObject({
        kernel: '3.10.0-1160.el7.x86_64',
        cmdline: expect.stringContaining('cgroup.memory=nokmem'),
      });
    });

    it('rollback.yaml removes the argument: settings and boot entries as before, also where it was one of a list', async () => {
      const { code, err } = await op.kmend([
        'apply',
        playbook('rollback'),
        '-i',
        op.inventory,
        '-l',
        'h2:h6',
        '--yes',
        '--max-unavailable',
        '2',
      ]);
      expect([code, err]).toEqual([0, '']);
      for (const host of ['h2', 'h6']) {
        // grubby drops the blank with which grub2-mkconfig ends a line; made anew from the settings
        // it is the same byte for byte.
        const trimmed = (text: string | undefined): string => (text ?? '').replace(/ +$/gm, '');
        expect(trimmed(await outputOf(host, bootFiles))).toBe(trimmed(before.get(host)?.boot));
        expect(
          await outputOf(host, `grub2-mkconfig -o /boot/grub2/grub.cfg 2>/dev/null; ${bootFiles}`),
        ).toBe(before.get(host)?.boot);
        expect([lab.boots(host), lab.running(host).cmdline.includes('nokmem')]).toEqual([
          (before.get(host)?.boots ?? 0) + 2,
          false,
        ]);
      }
      expect(lab.running('h6').cmdline).toMatch(/cgroup\.memory=nosocket( |$)/);
      expect(lab.written('h6', 'var/log/pods.log')).toBe(
        'drained\nuncordoned\ndrained\nuncordoned\n',
      );
      const again = await op.kmend([
        'plan',
        playbook('rollback'),
        '-i',
        op.inventory,
        '-l',
        'h2:h6',
      ]);
      expect([again.code, again.out]).toEqual([0, expect.stringContaining('2 with nothing to do')]);
      expect((await op.kmend(['check', '-i', op.inventory, '-l', 'h2:h6'])).code).toBe(2);
    });

    it('kmend rollback RUN boots the kernel of before, without the argument, and both kernels stay', async () => {
      const { code, err } = await op.kmend(['rollback', run, '-l', 'h3', '--yes']);
      expect([code, err]).toEqual([0, '']);
      expect([lab.running('h3').kernel, lab.running('h3').cmdline.includes('nokmem')]).toEqual([
        '3.10.0-862.el7.x86_64',
        false,
      ]);
      expect([lab.boots('h3'), lab.written('h3', 'etc/default/grub')]).toEqual([
        4,
        expect.stringContaining('"crashkernel=auto rhgb quiet"'),
      ]);
      expect((await outputOf('h3', 'rpm -q kernel')).trim().split('\n')).toHaveLength(2);
    });

    it('kmend rollback RUN restores the packages that the journal names', async () => {
      const { code, err } = await op.kmend(['rollback', run, '-l', 'h1', '--yes']);
      expect([code, err, await outputOf('h1', packages)]).toEqual([
        0,
        '',
        before.get('h1')?.packages,
      ]);
      expect([
        await outputOf('h1', "docker version --format '{{.Server.Version}}'"),
        lab.boots('h1'),
      ]).toEqual(['18.06.1-ce\n', 3]);
    });
  },
);
