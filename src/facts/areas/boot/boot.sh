# On UEFI el7 starts the grub.cfg of the EFI partition; el9 and Debian have only a stub there,
# without a menu, and use the one in /boot.
# shellcheck disable=SC2016,SC2086 # awk has dollars of its own; a row of /proc is words
line "$R/proc/cmdline" cmdline
e=''; [ ! -d "$R/sys/firmware/efi" ] || { e="$R/boot/efi/EFI/*/grub.cfg"; echo efi; }
[ ! -e "$R/run/ostree-booted" ] || echo ostree
dump "$R/etc/default/grub" default
n=0
for f in "$R"/etc/default/grub.d/*.cfg; do [ ! -e "$f" ] || { printf 'dropin %s\n' "${f#"$R"}"; dump "$f" "drop$n"; n=$((n + 1)); }; done
line "$R/etc/kernel/cmdline" kernelcmdline
set --
for f in $e "$R/boot/grub2/grub.cfg" "$R/boot/grub/grub.cfg"; do if [ -r "$f" ]; then set -- "$@" "$f"; elif [ -e "$f" ]; then echo grub_denied; fi; done
if [ $# != 0 ]; then
  # The first file with a menu in it.
  g=$($AW 'FNR == 1 {if (found) exit; n = 0}
    {sub(/^[ \t]+/, "")} /^(menuentry|submenu|blscfg)/ {found = 1; name = FILENAME}
    /^(set (default|kernelopts|tuned_params)=|menuentry |submenu |linux(16|efi)?[ \t]|}|blscfg)/ {l[n++] = $0; size += length($0)} size > 150000 {cut = 1; exit}
    END {if (!found) exit; print name; if (cut) print "cut"; for (i = 0; i < n; i++) print "grub " l[i]}' "$@")
  if [ -n "$g" ]; then
    l=${g#*
}
    g=${g%%
*}
    printf 'cfg %s\n%s\n' "${g#"$R"}" "$l"
    case $l in cut*) cut=' cut';; esac
    dump "${g%/*}/grubenv" env
    # What grubenv lies on: its longest mount point, of equals the last.
    if [ -e "${g%/*}/grubenv" ]; then
      g=${g#"$R"} e='' n=0
      by_line
      for l in $S; do
        unset IFS
        set -- $l
        m=${2%/}
        case ${g%/*}/ in "$m"/*) [ $# -lt 4 ] || [ ${#2} -lt $n ] || n=${#2} e="$1 $3";; esac
      done
      by_word
      echo "envdev $e"
    fi
  fi
elif [ -e "$R/boot/grub2" ] || [ -e "$R/boot/efi" ]; then [ -x "$R/boot/grub2/." ] || echo grub_denied; fi
set --
for f in "$R"/boot/loader/entries/*.conf; do [ ! -e "$f" ] || { if [ -r "$f" ]; then set -- "$@" "$f"; else echo bls_denied; fi; }; done
[ $# = 0 ] || $AW '/^(title|version|linux|options|id)[ \t]/ {print "bls " FILENAME ":" $0; size += length($0) + length(FILENAME)} size > 150000 {exit 9}' "$@" || cut=' cut'
for f in "$R/usr/share/oem/grub.cfg" "$R/oem/grub.cfg"; do [ ! -r "$f" ] || pick oem 'linux_append=' "$f"; done
printf %s "$O"
echo "arch $A"
