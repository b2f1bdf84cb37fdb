// newer-kernel.yaml on real hosts, by the bundle as an operator runs it: real dnf and rpm install
// kernel-lt, real GRUB tools choose it, and it is rolled back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, type Operator, operator, playbook } from './operator.ts';

const missing = labMissing('el7');
const [old, young] = ['3.10.0-862.el7.x86_64', '5.4.278-1.el7.elrepo.x86_64'];
const drain = { drain_command: 'true', reboot_stable_for: '1' };
const enable = ['-e', 'enablerepo=elrepo-kernel'];

describe.skipIf(missing !== '')(
  `newer-kernel.yaml over el7 hosts with dnf (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 2, net: '127.27' });
      const repository = String.raw`printf '[elrepo-kernel]\nname=elrepo\nbaseurl=file:///repos/elrepo\nenabled=0\ngpgcheck=0\n' > /etc/yum.repos.d/elrepo.repo`;
      const settings = String.raw`mkdir -p /etc/sysconfig && printf 'UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n' > /etc/sysconfig/kernel`;
      for (const host of ['h1', 'h2']) {
        const made = await lab.ssh(host, `${repository} && ${settings}`);
        if (made.code !== 0) throw new Error(made.err);
      }
      op = operator(['h1', 'h2'].map((host) => ({ name: host, lab, host, vars: drain })));
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });
    const settingsOf = async (host: string) =>
      (await lab.ssh(host, 'cat /etc/sysconfig/kernel')).out;
    const loader = async (host: string) =>
      (
        await lab.ssh(
          host,
          'grub-editenv /boot/grub2/grubenv list; grubby --default-kernel; grep -c panic= /boot/grub2/grub.cfg',
        )
      ).out;

    it('the repository is disabled: refused without the choice, planned with it', async () => {
      const refused = await op.kmend([
        'plan',
        playbook('newer-kernel'),
        '-i',
        op.inventory,
        '-l',
        'h1',
      ]);
      expect([refused.code, refused.out]).toEqual([
        4,
        expect.stringMatching(/no enabled repository has a kernel-lt 5\.4 or newer/),
      ]);
      const { code, out } = await op.kmend([
        'plan',
        playbook('newer-kernel'),
        '-i',
        op.inventory,
        '-l',
        'h1',
        ...enable,
      ]);
      expect([code, out]).toEqual([
        2,
        expect.stringContaining('+ package kernel-lt: 5.4.278-1.el7.elrepo'),
      ]);
    });

    it('it is installed beside the old one, tried, proven, and the default; the old one stays', async () => {
      const { code, out, err } = await op.kmend([
        'apply',
        playbook('newer-kernel'),
        '-i',
        op.inventory,
        '-l',
        'h1',
        ...enable,
        '--yes',
      ]);
      expect(`${code} ${err}`, out).toBe('0 ');
      // Read again when the kernel that was tried is the default
      expect(eventsOf(op.journal(), 'proof')).toMatchObject([
        {
          verdict: 'not_applicable',
          by: 'kernel',
          evidence: expect.stringMatching(/; on trial, .* boots next/),
        },
        { verdict: 'not_applicable', by: 'kernel', evidence: 'kernel 5.4: accounting is healthy' },
      ]);
      expect(eventsOf(op.journal(), 'host.done')).toMatchObject([{ proven: 'yes' }]);
      expect(lab.running('h1').kernel).toBe(young);
      expect(lab.running('h1').cmdline).toContain('panic=30');
      expect(await loader('h1')).toMatch(
        new RegExp(`saved_entry=.*${young}.*\\n/boot/vmlinuz-${young}\\n0\\n$`),
      );
      expect(await settingsOf('h1')).toBe('UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel-lt\n');
      expect((await lab.ssh('h1', 'rpm -qf --qf "%{NAME} " /boot/vmlinuz-*')).out).toBe(
        'kernel kernel-lt ',
      );
      expect(
        (
          await op.kmend([
            'plan',
            playbook('newer-kernel'),
            '-i',
            op.inventory,
            '-l',
            'h1',
            ...enable,
          ])
        ).code,
      ).toBe(0);
      expect((await op.kmend(['drift', '-i', op.inventory, '-l', 'h1'])).code).toBe(0);
    });

    it('its rollback boots the old kernel, and takes nothing else', async () => {
      const { code, out, err } = await op.kmend([
        'rollback',
        op.runs().at(-1) ?? '',
        '-l',
        'h1',
        '--yes',
      ]);
      expect(`${code} ${err}`, out).toBe('0 ');
      expect(lab.running('h1').kernel).toBe(old);
      expect(await loader('h1')).toMatch(new RegExp(`/boot/vmlinuz-${old}\\n0\\n$`));
      expect(await settingsOf('h1')).toBe('UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n');
      expect((await lab.ssh('h1', 'rpm -q kernel-lt')).out).toBe(
        'kernel-lt-5.4.278-1.el7.elrepo.x86_64\n',
      );
    });

    it('a kernel-lt that is installed is not taken for a new enough kernel of the distribution; the plan names it as another way', async () => {
      const install = 'dnf -q -y --enablerepo=elrepo-kernel install kernel-lt-5.4.277';
      expect(
        (await lab.ssh('h2', `${install} && grubby --set-default=/boot/vmlinuz-${old}`, 120)).code,
      ).toBe(0);
      const file = op.file(
        'k.yaml',
        '- hosts: all\n  tasks:\n    - kernel: {min: 3.10.0-1062.el7, enablerepo: elrepo-kernel}\n',
      );
      const { code, out } = await op.kmend(['plan', file, '-i', op.inventory, '-l', 'h2']);
      expect(code).toBe(2);
      expect(out).toContain('+ package kernel: 3.10.0-1160.el7');
      expect(out.replace(/\n +/g, ' ')).toContain(
        'another way: kernel-lt 5.4.278-1.el7.elrepo (repository elrepo-kernel): `kernel: {package: kernel-lt, min: "5.4", enablerepo: [elrepo-kernel]}`',
      );
    });
  },
);
