// The whole remediation by kmend itself on a machine with Debian's GRUB, kernel and update-grub,
// and back again: the same for every image.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Operator, operator, rebootsOf, until } from '../hosts/operator.ts';
import { recordings } from '../recorded/recordings.ts';
import { type Image, startVm, type Vm } from './vm.ts';

export interface RemedyOptions {
  readonly image: Image;
  /** A memory-limited group of that image that works from boot on, below /sys/fs/cgroup. */
  readonly group: string;
  /**
   * The same of a docker container, with stars for what is not known beforehand; absent = the image
   * has no docker.
   */
  readonly container?: string;
  /** Why it is skipped; empty = it runs. */
  readonly missing: string;
}

/**
 * 6.12 has nothing to fix (verify_kmem and the shipped playbook leave it alone), so the proof is
 * what the kernel charges to a group that works.
 */
const play = (group: string): string => `
- name: Switch kernel-memory accounting off, proven by what the kernel charges
  hosts: all
  tasks:
    - name: The argument
      kernel_arg: { key: cgroup.memory, value: nokmem }
    - name: Reboot into it
      reboot: {when_pending: true, timeout: 20m, stable_for: 5 }
    - name: What the kernel charges to a limited group
      command:
        argv: [grep, -E, '^(kernel|slab) ', /sys/fs/cgroup/${group}/memory.stat]
        read_only: true
      register: charged
    - name: Proof
      assert:
        that:
          - "'cgroup.memory=nokmem' in boot.cmdline.split()"
          - charged.stdout_lines == ['kernel 0', 'slab 0']
          - kmem.proof == 'samples'
`;

const files = "/boot /etc/default /etc/grub.d ! -name '*.kmend-before'";
/**
 * Every file that may contain a boot argument, with its content; what kmend keeps of before
 * (FILE.kmend-before) is not one that GRUB reads.
 */
const contents = `find ${files} -type f -exec sha256sum {} + | sort -k 2`;
/** Their modes and owners, and the folders. */
const modes = `find ${files} -exec stat -c '%n %F %a %u %g' {} + | sort`;

const inventoryOf = ({ port, key, knownHosts }: Vm): string => {
  const login = {
    ansible_host: '127.0.0.1',
    ansible_port: port,
    ansible_user: 'root',
    ansible_ssh_private_key_file: key,
  };
  const variables = {
    ...login,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHosts}`,
    reboot_stable_for: '5',
  };
  return `all:\n  hosts:\n    vm: ${JSON.stringify(variables)}\n`;
};

const charged = async (vm: Vm, group: string): Promise<readonly number[]> => {
  const stat = await vm.ssh(`cat /sys/fs/cgroup/${group}/memory.stat`);
  return ['kernel', 'slab'].map((row) =>
    Number(new RegExp(`^${row} (\\d+)$`, 'm').exec(stat)?.[1] ?? -1),
  );
};

/** The probe's output in the machine; with KMEND_RECORD=1 it becomes a recording. */
async function probed(op: Operator, vm: Vm, name: string): Promise<void> {
  if (process.env.KMEND_RECORD !== '1') return;
  const { out } = await op.kmend(['probe']);
  await vm.ssh(`cat > /run/probe.sh <<'PROBE'\n${out}PROBE\n`);
  writeFileSync(join(recordings, `debian-13-${name}.txt`), await vm.ssh('sh /run/probe.sh'));
}

export function describeRemedy({ image, group, container, missing }: RemedyOptions): void {
  // systemd and docker take about two minutes a boot without KVM, and several times that beside
  // other work
  const slow = image === 'full' ? 4 : 1;
  describe.skipIf(missing !== '')(
    `a ${image} Debian machine with its own GRUB and kernel${missing === '' ? '' : `, skipped: ${missing}`}`,
    { timeout: slow * 400_000 },
    () => {
      let vm: Vm;
      let op: Operator;
      let file: string;
      let inventory: string;
      let first: {
        readonly boot: string;
        readonly contents: string;
        readonly modes: string;
        readonly cmdline: string;
      };

      const groups = container === undefined ? [group] : [group, container];
      const isCharged = async (): Promise<boolean> => {
        const all = await Promise.all(groups.map((one) => charged(vm, one).catch(() => [])));
        return all.every(([kernel = 0, slab = 0]) => kernel > 500_000 && slab > 500_000);
      };

      beforeAll(async () => {
        vm = await startVm(`kmend-${image}`, image);
        op = operator([]);
        inventory = op.file('vm.yaml', inventoryOf(vm));
        file = op.file('play.yaml', play(group));
        // What a Debian machine looks like: the grub.cfg that its own tools make, booted once.
        const unprepared = await vm.bootId();
        await vm.ssh('grub-install /dev/vda 2>&1 && update-grub 2>&1 && sync', 300);
        await vm.ssh('setsid reboot > /dev/null 2>&1 < /dev/null &');
        await vm.answers(unprepared, slow * 400);
        await until('the groups are charged', slow * 120, isCharged);
        first = {
          boot: await vm.bootId(),
          contents: await vm.ssh(contents),
          modes: await vm.ssh(modes),
          cmdline: await vm.ssh('cat /proc/cmdline'),
        };
        await probed(op, vm, `${image}-before`);
        return () => {
          vm.stop();
          op.close();
        };
      }, slow * 600_000);

      it('has its group charged at first, and a plan that foresees argument, reboot and proof, and changes nothing', async () => {
        expect(await isCharged()).toBe(true);
        const { code, out, err } = await op.kmend(['plan', file, '-i', inventory]);
        expect([code, err]).toEqual([2, '']);
        expect(out).toMatch(/\+ boot argument cgroup\.memory/);
        expect(out).toMatch(/reboot/);
        expect([await vm.bootId(), await vm.ssh(contents), await vm.ssh(modes)]).toEqual([
          first.boot,
          first.contents,
          first.modes,
        ]);
      });

      it('applied: drop-in, update-grub, one real reboot, and the kernel charges not one byte any more', async () => {
        const { code, out, err } = await op.kmend(['apply', file, '-i', inventory, '--yes']);
        expect([code, err, out]).toEqual([0, '', expect.stringContaining('1 done')]);
        const now = await vm.bootId();
        expect(rebootsOf(op.journal(), 'vm')).toEqual([{ before: first.boot, after: now }]);
        expect(now).not.toBe(first.boot);
        expect((await vm.ssh('cat /proc/cmdline')).split(/\s/)).toContain('cgroup.memory=nokmem');
        for (const one of groups) {
          await expect
            .poll(() => charged(vm, one).catch(() => 'no such group yet'), {
              timeout: slow * 120_000,
              interval: 1000,
            })
            .toEqual([0, 0]);
          expect(Number(await vm.ssh(`cat /sys/fs/cgroup/${one}/memory.current`))).toBeGreaterThan(
            0,
          );
        }
        await probed(op, vm, `${image}-nokmem`);
      });

      it('did so in a drop-in of its own, for every entry that Linux has in grub.cfg', async () => {
        const dropin = await vm.ssh('cat /etc/default/grub.d/99-kmend.cfg');
        expect(dropin.split('\n').slice(1)).toEqual([
          'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX cgroup.memory=nokmem"',
          '',
        ]);
        const entries = (await vm.ssh("grep -E '^[[:space:]]*linux' /boot/grub/grub.cfg"))
          .trimEnd()
          .split('\n');
        expect([
          entries.length >= 3,
          entries.every((line) => line.split(/\s/).includes('cgroup.memory=nokmem')),
        ]).toEqual([true, true]);
        await vm.ssh('grub-script-check /boot/grub/grub.cfg');
        expect(await vm.ssh('grep -vh nokmem /etc/default/grub | sha256sum')).toBe(
          await vm.ssh('sha256sum < /etc/default/grub'),
        );
      });

      it('a second plan is empty when it may run the read-only command', async () => {
        const { code, out } = await op.kmend(['plan', file, '-i', inventory, '--run-read-only']);
        expect([code, out]).toEqual([0, expect.stringContaining('0 hosts to change')]);
      });

      it('rolled back: the argument is gone after one more reboot, and every file is as it was, byte for byte', async () => {
        const remediated = op.runs().at(-1) ?? '';
        const before = await vm.bootId();
        const { code, out, err } = await op.kmend(['rollback', remediated, '--yes']);
        expect([code, err, out]).toEqual([0, '', expect.stringContaining('1 done')]);
        const journal = op.journal();
        expect([eventsOf(journal, 'host.done').length, rebootsOf(journal, 'vm')]).toEqual([
          1,
          [{ before, after: await vm.bootId() }],
        ]);
        expect(await vm.ssh('cat /proc/cmdline')).toBe(first.cmdline);
        expect(await vm.ssh(contents)).toBe(first.contents);
        await until('the groups are charged', slow * 120, isCharged);
        await probed(op, vm, `${image}-back`);
      });

      it('modes and owners are as they were too', async () => {
        expect(await vm.ssh(modes)).toBe(first.modes);
      });
    },
  );
}
