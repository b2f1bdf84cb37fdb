# "defaults_hold" checks the shell files of GRUB. Recovery entries get GRUB_CMDLINE_LINUX alone, so
# it must have the argument without _DEFAULT. _DEFAULT follows it: it adds to a list, but would
# override a single value. With an empty first parameter only /etc/default/grub is read.
# shellcheck disable=SC1090 # the files are of the host
D=$(real "$R/etc/default/grub")
effective() (
  set +eu; GRUB_CMDLINE_LINUX=''; GRUB_CMDLINE_LINUX_DEFAULT=''
  [ ! -r "$D" ] || . "$D"
  for f in "$R"/etc/default/grub.d/*.cfg; do if [ -n "$1" ] && [ -r "$f" ]; then . "$f"; fi; done
  if [ "$2" = all ]; then printf '%s %s\n' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT"; else printf '%s\n' "$GRUB_CMDLINE_LINUX"; fi
) 2>/dev/null
defaults_hold() { satisfied "$(effective "$1" linux)" && { [ "$KM_LIST$KM_STATE" = 1present ] || satisfied "$(effective "$1" all)"; }; }
init_words_of() { case " $(effective "$1" linux) " in *' -- '*) init_words=1;; *) init_words='';; esac; }
