# SUSE: /etc/default/grub, then grub2-mkconfig into a copy.
[ -e "$D" ] || fail 20 "$D is not there"
command -v grub2-mkconfig >/dev/null 2>&1 || fail 21 "grub2-mkconfig is not there"
@futureGrub2@
if ! all_satisfied "$cfg"; then
  grub2-mkconfig -o "$new" >/dev/null 2>&1 || fail 23 "grub2-mkconfig failed"
  install_cfg
fi
