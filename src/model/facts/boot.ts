// Kernels and the boot loader.
import { type ByName, boot, disk, type Texts, volatile } from './row.ts';
import type { BootEntryRow, GrubDropin, Loader } from './values.ts';

export const kernelFacts = {
  'kernel.release': boot<string>('the running kernel, as uname -r', '3.10.0-862.el7.x86_64'),
  'kernel.installed': disk<Texts>('releases with a vmlinuz in /boot, without rescue images', [
    '3.10.0-862.el7.x86_64',
    '3.10.0-1160.el7.x86_64',
  ]),
  'kernel.maps': disk<ByName<'yes' | 'no'>>(
    'for installed kernels before 4.5 of which no table says whether they obey nokmem, and whose System.map is a real one: does it name cgroup_memory_nokmem (yes or no)',
    { '3.10.0-862.el7.x86_64': 'no' },
  ),
};

export const bootFacts = {
  'boot.cmdline': boot<string>(
    '/proc/cmdline: what the kernel was started with, which proves nothing',
    'ro quiet',
  ),
  'boot.next_cmdline': disk<string>(
    "arguments of the entry that boots next, without the kernel's path; empty when no loader is known",
    'root=/dev/sda1 ro cgroup.memory=nokmem',
  ),
  'boot.next_title': disk<string>(
    'title of that entry',
    'CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)',
  ),
  'boot.next_once': disk<boolean>('that entry is for one boot only', false),
  'kernel.next': disk<string>(
    'release of the kernel that boots next; empty when it is not known',
    '3.10.0-1160.el7.x86_64',
  ),
  'kernel.saved': disk<string>(
    'release that boots when nothing is chosen for one boot only; empty when it is not known',
    '3.10.0-862.el7.x86_64',
  ),
  'kernel.trial': disk<string>(
    'release that kmend chose for one boot to try it (grubenv: kmend_trial), until it is made the default; empty for none',
    '',
  ),
  'boot.once': disk<string>(
    'can an entry be chosen for one boot, so that a kernel that does not come up falls back by itself: yes, or why not',
    'yes',
  ),
  'boot.loader': disk<Loader>(
    'grub2, bls, grub-debian, grub-suse, rpm-ostree, flatcar, zipl or unknown',
    'grub2',
  ),
  'boot.firmware': disk<'bios' | 'uefi'>('bios or uefi', 'bios'),
  'boot.grub_cfg': disk<string>(
    'the grub.cfg that the firmware starts; empty when there is none',
    '/boot/grub2/grub.cfg',
  ),
  'boot.menu_broken': disk<string>(
    'what is wrong with the grub.cfg as a file: it ends inside an entry; empty when nothing is',
    '',
  ),
  'boot.entries': disk<readonly BootEntryRow[]>('boot entries: release, cmdline, title, id', []),
  'boot.default_grub': disk<string>(
    'GRUB_CMDLINE_LINUX after /etc/default/grub and its drop-ins',
    'crashkernel=auto',
  ),
  'boot.default_grub_default': disk<string>('GRUB_CMDLINE_LINUX_DEFAULT, likewise', 'quiet'),
  'boot.default_grub_text': disk<string>(
    'the text of /etc/default/grub',
    'GRUB_CMDLINE_LINUX="quiet"\n',
  ),
  'boot.dropins': disk<readonly GrubDropin[]>(
    'files of /etc/default/grub.d in the order in which they are read, with their text',
    [
      {
        path: '/etc/default/grub.d/50-cloudimg-settings.cfg',
        text: 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\n',
      },
    ],
  ),
  'boot.kernel_cmdline': disk<string>(
    '/etc/kernel/cmdline: what el9 gives to new kernels; empty when there is none',
    '',
  ),
  'boot.cmdline_future': disk<string>(
    'arguments that a kernel installed later would get',
    'crashkernel=auto',
  ),
};

export const wantedFacts = {
  'boot.wanted.yes': boot<boolean>(
    'a reboot is wanted by the host: needs-restarting -r, /run/reboot-required, or a kernel of the same build that is newer than the running one; read where a play names it',
    true,
  ),
  'boot.wanted.why': volatile(
    boot<Texts>('which of them say so, with the names of packages', [
      'needs-restarting: glibc, kernel',
      'kernel 5.14.0-427.el9.x86_64 is installed, 5.14.0-362.el9.x86_64 runs',
    ]),
  ),
};

export const kernelsFacts = {
  'kernel.packages': disk<ByName<string>>(
    'for the installed kernels that came in a package: its name; asked for by the module kernel',
    {
      '3.10.0-862.el7.x86_64': 'kernel',
      '5.4.278-1.el7.elrepo.x86_64': 'kernel-lt',
    },
  ),
  'kernel.default_package': disk<string>(
    'package whose new versions become the default when they are installed (/etc/sysconfig/kernel); empty when none does; asked for by the module kernel',
    'kernel',
  ),
  'kernel.grubby': disk<string>(
    'what `grubby --default-kernel` answers: a path, nothing, or `absent` where there is no grubby; asked for by the module kernel',
    '/boot/vmlinuz-3.10.0-862.el7.x86_64',
  ),
};
