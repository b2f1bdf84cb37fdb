// Stand-ins written in POSIX sh: the small tools of kernel and system, and the one that hands a call to the fleet's process.

/** `@REAL@` becomes the folder with links to this machine's own tools, `@CALLS@` the folder for calls. */
const ctl = 'C="$KMEND_ROOT/../ctl"';

/**
 * Package managers, boot loader tools, systemctl and reboot have too much logic for sh: their stand-in asks the fleet's process and waits.
 * The answer is sh text, read from a FIFO: no polling, and the stand-in dies with its host like any other process.
 */
const ask = `#!/bin/sh
# Asks the practice fleet to do what this program does.
n=@CALLS@/$$
@REAL@/mkfifo "$n.answer" || exit 127
{ printf '%s\\036' "$KMEND_ROOT" "\${LAB_AS:-\${0##*/}}" "$@"; printf 'end'; } > "$n.call"
eval "$(@REAL@/cat "$n.answer")"
`;

const uname = `#!/bin/sh
${ctl}
read -r release < "$C/kernel"
read -r name < "$KMEND_ROOT/etc/hostname"
case \${1--s} in
  -s) echo Linux ;;
  -n) echo "$name" ;;
  -r) echo "$release" ;;
  -m|-p|-i) echo x86_64 ;;
  -v) echo '#1 SMP' ;;
  -o) echo GNU/Linux ;;
  -a) echo "Linux $name $release #1 SMP x86_64 x86_64 x86_64 GNU/Linux" ;;
  -sr|-rs) echo "Linux $release" ;;
  -srm) echo "Linux $release x86_64" ;;
  *) exec @REAL@/uname "$@" ;;
esac
`;

const hostname = `#!/bin/sh
cat "$KMEND_ROOT/etc/hostname"
`;

const dmesg = `#!/bin/sh
[ "$LAB_UID" = 0 ] || { echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1; }
cat "$KMEND_ROOT/../ctl/dmesg"
`;

/** Only the kernel's part is known. */
const journalctl = `#!/bin/sh
for word; do case $word in -k|--dmesg|_TRANSPORT=kernel) exec cat "$KMEND_ROOT/../ctl/dmesg" ;; esac; done
echo '-- No entries --'
`;

const id = `#!/bin/sh
case \${1-} in
  -u) echo "$LAB_UID" ;;
  -g) echo "$LAB_UID" ;;
  -un) echo "$LAB_USER" ;;
  -gn) echo "$LAB_USER" ;;
  -nu) echo "$LAB_USER" ;;
  '') echo "uid=$LAB_UID($LAB_USER) gid=$LAB_UID($LAB_USER) groups=$LAB_UID($LAB_USER)" ;;
  *) exec @REAL@/id "$@" ;;
esac
`;
const whoami = `#!/bin/sh
echo "$LAB_USER"
`;

/**
 * A new folder in the memory tree is a new memory group: the fleet fills it as the kernel would.
 * A full disk gives no new folders.
 */
const mkdir = `#!/bin/sh
if [ -e "$KMEND_ROOT/../ctl/full" ]; then
  for word; do case $word in "$KMEND_ROOT"/sys/*|"$KMEND_ROOT"/run/*|-*) ;; "$KMEND_ROOT"/*)
    [ -d "$word" ] || { echo "mkdir: cannot create directory '$word': No space left on device" >&2; exit 1; } ;;
  esac; done
fi
@REAL@/mkdir "$@" || exit
for word; do case $word in "$KMEND_ROOT"/sys/fs/cgroup/*) LAB_AS=mkdir exec "\${0%/*}/ask" "$@" ;; esac; done
exit 0
`;

/** The files of a memory group are the kernel's, so they do not keep rmdir from removing it; tasks and children do. */
const rmdir = `#!/bin/sh
for word; do case $word in "$KMEND_ROOT"/sys/fs/cgroup/*)
  for child in "$word"/*/; do [ ! -d "$child" ] || { echo "rmdir: failed to remove '$word': Device or resource busy" >&2; exit 1; }; done
  [ ! -s "$word/cgroup.procs" ] || { echo "rmdir: failed to remove '$word': Device or resource busy" >&2; exit 1; }
  @REAL@/rm -f "$word"/* ;;
esac; done
exec @REAL@/rmdir "$@"
`;

/**
 * The file system of a path on the host, and its free space. Nobody can set a file's time of change, so a practice host reports the time of
 * modification, which is the time when the package was installed.
 */
const stat = `#!/bin/sh
fs= format=%T
for word; do
  case $word in -f|--file-system|-fc|-fLc|-Lfc) fs=yes ;; --format=*|--printf=*) format=\${word#*=} ;; -*) ;; *%*) format=$word ;; esac
done
case $fs$format in *%Z*) exec @REAL@/stat -L -c "$(printf '%s' "$format" | sed 's/%Z/%Y/g')" "$word" ;; esac
[ -n "$fs" ] || exec @REAL@/stat "$@"
read -r kind < "$KMEND_ROOT/../ctl/cgroup"
free=2097152; [ ! -e "$KMEND_ROOT/../ctl/full" ] || free=0
status=0
for word; do
  case $word in -*|*%*) continue ;; esac
  [ -e "$word" ] || { echo "stat: cannot read file system information for '$word': No such file or directory" >&2; status=1; continue; }
  case $word in
    "$KMEND_ROOT"/sys/fs/cgroup|"$KMEND_ROOT"/sys/fs/cgroup/) [ "$kind" = v2 ] && type=cgroup2fs || type=tmpfs ;;
    "$KMEND_ROOT"/sys/fs/cgroup/*) [ "$kind" = v2 ] && type=cgroup2fs || type=cgroupfs ;;
    *) type=xfs ;;
  esac
  printf '%s\\n' "$format" | sed "s/%T/$type/g; s/%[fa]/$free/g; s/%b/2621440/g; s/%[Ss]/4096/g; s|%n|$word|g"
done
exit $status
`;

/** Space of its own: what this machine has left says nothing about a practice host, except when that is full. */
const df = `#!/bin/sh
free=8388608
[ ! -e "$KMEND_ROOT/../ctl/full" ] || free=0
case "$*" in *-*i*) echo 'Filesystem Inodes IUsed IFree IUse% Mounted on' ;; *) echo 'Filesystem 1024-blocks Used Available Capacity Mounted on' ;; esac
for word; do case $word in -*) ;; *) echo "/dev/sda1 10485760 $((10485760 - free)) $free $(((10485760 - free) * 100 / 10485760))% \${word#"$KMEND_ROOT"}" ;; esac; done
`;

const date = `#!/bin/sh
[ -e "$KMEND_ROOT/../ctl/clock" ] || exec @REAL@/date "$@"
read -r skew < "$KMEND_ROOT/../ctl/clock"
exec @REAL@/date -d "@$(($(@REAL@/date +%s) + skew))" "$@"
`;

/**
 * Policy in ctl/sudo: nopasswd, tty, deny, or the password it asks for. What a real host has as `/` is here its tree: the script keeps it, though it
 * is told to forget it.
 */
const sudo = `#!/bin/sh
read -r policy < "$KMEND_ROOT/../ctl/sudo"
ask= stdin= prompt='[sudo] password: ' user=root
while [ $# -gt 0 ]; do
  case $1 in
    -n) ask=no ;; -S) stdin=yes ;; -k|-K|-E|-H|-i) ;;
    -p) prompt=$2; shift ;; -p*) prompt=\${1#-p} ;;
    -u) user=$2; shift ;; -u*) user=\${1#-u} ;;
    -*n*) ask=no ;; --) shift; break ;; -*) ;; *) break ;;
  esac
  shift
done
[ "$LAB_UID" != 0 ] || policy=nopasswd
case $policy in
  nopasswd) ;;
  tty) echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1 ;;
  deny) echo "$LAB_USER is not in the sudoers file.  This incident will be reported." >&2; exit 1 ;;
  *)
    [ "$ask" != no ] || { echo 'sudo: a password is required' >&2; exit 1; }
    [ "$stdin" = yes ] || { echo 'sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper' >&2; exit 1; }
    tries=0
    while :; do
      printf '%s' "$prompt" >&2
      IFS= read -r word || { echo 'sudo: no password was provided' >&2; exit 1; }
      [ "$word" != "$policy" ] || break
      tries=$((tries + 1))
      [ $tries -lt 3 ] || { echo 'sudo: 3 incorrect password attempts' >&2; exit 1; }
      echo 'Sorry, try again.' >&2
    done ;;
esac
[ $# -gt 0 ] || exit 0
LAB_USER=$user LAB_UID=0; [ "$user" = root ] || LAB_UID=1000
export LAB_USER LAB_UID
case \${3-} in *"unset KMEND_ROOT"*) set -- "$1" "$2" "\${3%%unset KMEND_ROOT*}\${3#*unset KMEND_ROOT}" ;; esac
exec "$@"
`;

/** Questions are answered from the tree; everything else is done by the fleet's process. */
const systemctl = `#!/bin/sh
verb= unit= quiet=
for word; do
  case $word in -q|--quiet) quiet=yes ;; -*) ;; *) if [ -z "$verb" ]; then verb=$word; else unit=\${word%.service}; fi ;; esac
done
say() { [ -n "$quiet" ] || echo "$1"; }
case $verb in
  is-active) if [ -e "$KMEND_ROOT/run/lab/units/$unit" ]; then say active; else say inactive; exit 3; fi ;;
  is-enabled)
    if [ -e "$KMEND_ROOT/etc/systemd/system/multi-user.target.wants/$unit.service" ]; then say enabled
    elif [ -e "$KMEND_ROOT/usr/lib/systemd/system/$unit.service" ]; then say disabled; exit 1
    else echo "Failed to get unit file state for $unit.service: No such file or directory" >&2; exit 1; fi ;;
  cat) cat "$KMEND_ROOT/usr/lib/systemd/system/$unit.service" ;;
  is-system-running) echo running ;;
  *) LAB_AS=systemctl exec "\${0%/*}/ask" "$@" ;;
esac
`;

const nothing = '#!/bin/sh\n:\n';

/** Tools that every practice host has. */
export const common: ReadonlyMap<string, string> = new Map([
  ['ask', ask],
  ['uname', uname],
  ['hostname', hostname],
  ['dmesg', dmesg],
  ['journalctl', journalctl],
  ['id', id],
  ['whoami', whoami],
  ['mkdir', mkdir],
  ['rmdir', rmdir],
  ['stat', stat],
  ['df', df],
  ['date', date],
  ['sudo', sudo],
  ['systemctl', systemctl],
  ...['sync', 'logger', 'restorecon', 'wall'].map((name) => [name, nothing] as const),
]);

/** Names that ask the fleet's process, by flavour. */
export const asking: Readonly<Record<'el7' | 'debian', readonly string[]>> = {
  el7: ['yum', 'rpm', 'grubby', 'grub2-mkconfig', 'grub2-script-check', 'grub2-editenv', 'grub2-set-default', 'needs-restarting'],
  debian: ['apt-get', 'apt-cache', 'apt-mark', 'dpkg', 'dpkg-query', 'update-grub', 'grub-mkconfig', 'grub-script-check', 'grub-editenv'],
};
export const askingEverywhere: readonly string[] = ['reboot', 'shutdown', 'poweroff', 'halt'];

/**
 * Programs that change a machine and that a practice host does not have. They are shadowed by "not found", because a script may add this
 * machine's own sbin directories to its PATH, and nothing in the practice fleet may ever reach this machine. Package managers are not among
 * them: scripts take their mere presence for a sign of the distribution.
 */
export const shadowed: readonly string[] = [
  ...[
    'grub-install',
    'grub2-install',
    'grub-mkconfig',
    'update-grub',
    'update-initramfs',
    'dracut',
    'efibootmgr',
    'kernel-install',
    'bootctl',
  ],
  ...[
    'mount',
    'umount',
    'swapoff',
    'sysctl',
    'modprobe',
    'rmmod',
    'kexec',
    'telinit',
    'init',
    'service',
    'chkconfig',
    'update-rc.d',
    'su',
    'doas',
  ],
  ...[
    'iptables',
    'ip',
    'ifconfig',
    'useradd',
    'userdel',
    'passwd',
    'crontab',
    'at',
    'systemd-run',
    'tuned-adm',
    'kubectl',
    'crictl',
    'ctr',
  ],
];
export const shadow = `#!/bin/sh
echo "sh: \${0##*/}: not found" >&2
exit 127
`;

/** This machine's own tools that scripts on a practice host may use; what is not here does not exist there. */
export const realTools: readonly string[] = [
  ...[
    'sh',
    'bash',
    'dash',
    'awk',
    'sed',
    'grep',
    'egrep',
    'fgrep',
    'cat',
    'head',
    'tail',
    'cut',
    'tr',
    'wc',
    'sort',
    'uniq',
    'comm',
    'join',
    'paste',
  ],
  ...[
    'find',
    'xargs',
    'ls',
    'rm',
    'mv',
    'cp',
    'ln',
    'touch',
    'chmod',
    'chown',
    'chgrp',
    'sleep',
    'test',
    '[',
    'expr',
    'env',
    'printenv',
    'dd',
  ],
  ...['readlink', 'realpath', 'mktemp', 'basename', 'dirname', 'cmp', 'diff', 'od', 'hexdump', 'sha256sum', 'sha1sum', 'md5sum', 'cksum'],
  ...[
    'timeout',
    'nohup',
    'setsid',
    'kill',
    'ps',
    'pgrep',
    'tee',
    'true',
    'false',
    'seq',
    'flock',
    'install',
    'tac',
    'fold',
    'nl',
    'split',
    'base64',
  ],
  ...[
    'gzip',
    'gunzip',
    'zcat',
    'tar',
    'getconf',
    'getent',
    'nproc',
    'echo',
    'printf',
    'yes',
    'mkfifo',
    'truncate',
    'numfmt',
    'nice',
    'ionice',
  ],
  ...['stdbuf', 'shuf', 'which', 'pwd', 'tty', 'stty', 'logname', 'groups', 'perl'],
];
/** Real ones that the stand-ins themselves use, and scripts never see. */
export const hiddenTools: readonly string[] = ['mkdir', 'rmdir', 'uname', 'id', 'stat', 'date'];
