// The emulated tools that are written in POSIX sh (tools/), and the names of all that a practice
// host has.
import modprobe from './modprobe.sh';
import ask from './tools/ask.sh';
import date from './tools/date.sh';
import df from './tools/df.sh';
import dmesg from './tools/dmesg.sh';
import hostname from './tools/hostname.sh';
import id from './tools/id.sh';
import journalctl from './tools/journalctl.sh';
import mkdir from './tools/mkdir.sh';
import rmdir from './tools/rmdir.sh';
import stat from './tools/stat.sh';
import sudo from './tools/sudo.sh';
import systemctl from './tools/systemctl.sh';
import uname from './tools/uname.sh';
import whoami from './tools/whoami.sh';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const nothing = '#!/bin/sh\n:\n';

/** Tools that every practice host has. */
export const common: ReadonlyMap<string, string> = new Map([
  ...Object.entries({
    ask,
    uname,
    hostname,
    dmesg,
    journalctl,
    id,
    whoami,
    mkdir,
    rmdir,
    stat,
    df,
    date,
    sudo,
    systemctl,
    modprobe,
  }),
  ...['sync', 'logger', 'restorecon', 'wall'].map((name) => [name, nothing] as const),
]);

/** Names that call the fleet's process, by flavour. */
export const asking: Readonly<Record<'el7' | 'debian', readonly string[]>> = {
  el7: [
    'yum',
    'rpm',
    'grubby',
    'grub2-mkconfig',
    'grub2-script-check',
    'grub2-editenv',
    'grub2-set-default',
    'needs-restarting',
  ],
  debian: [
    'apt-get',
    'apt-cache',
    'apt-mark',
    'dpkg',
    'dpkg-query',
    'update-grub',
    'grub-mkconfig',
    'grub-script-check',
    'grub-editenv',
  ],
};
export const askingEverywhere: readonly string[] = ['reboot', 'shutdown', 'poweroff', 'halt'];

/**
 * Programs that change a machine and that a practice host does not have. "not found" shadows them,
 * because a script may add this machine's sbin directories to its PATH, and nothing in the practice
 * fleet may change this machine. Package managers are not shadowed: scripts take their presence as
 * a sign of the distribution.
 */
export const shadowed: readonly string[] = words(`
  grub-install grub2-install grub-mkconfig update-grub update-initramfs dracut efibootmgr
  kernel-install bootctl mount umount swapoff sysctl rmmod kexec telinit init service
  chkconfig update-rc.d su doas iptables ip ifconfig useradd userdel passwd crontab at
  systemd-run tuned-adm kubectl crictl ctr`);

/** This machine's tools that scripts on a practice host may use. Other tools do not exist there. */
export const realTools: readonly string[] = words(`
  sh bash dash awk sed grep egrep fgrep cat head tail cut tr wc sort uniq comm join paste find
  xargs ls rm mv cp ln touch chmod chown chgrp sleep test [ expr env printenv dd readlink
  realpath mktemp basename dirname cmp diff od hexdump sha256sum sha1sum md5sum cksum timeout
  nohup setsid kill ps pgrep tee true false seq flock install tac fold nl split base64 gzip
  gunzip zcat tar getconf getent nproc echo printf yes mkfifo truncate numfmt nice ionice stdbuf
  shuf which pwd tty stty logname groups perl`);
/** Real tools that only the emulated tools use. */
export const hiddenTools: readonly string[] = ['mkdir', 'rmdir', 'uname', 'id', 'stat', 'date'];
