# Which packages own the kernels in /boot, and what names the default one.
[ "$F" = rpm ] || return 0
if has grubby; then printf 'grubby %.300s\n' "$($T2 grubby --default-kernel)"; fi
set --
for f in "$R"/boot/vmlinuz-[0-9]*; do case $f in */vmlinuz-0-rescue*) ;; *) [ ! -e "$f" ] || set -- "$@" "$f";; esac; done
if [ $# != 0 ]; then
  $T2 rpm -qf --qf 'owner %{NAME} %{VERSION}-%{RELEASE}.%{ARCH}\n' "$@"
fi
[ ! -r "$R/etc/sysconfig/kernel" ] || pick setting 'DEFAULT.*=' "$R/etc/sysconfig/kernel"
