# el7 has no boot loader entries: those of a copy of grub.cfg are edited line by line. grubby is not
# used: 8.28 edits only the first word of a key a call, moves quotes, puts words behind " -- ", and
# answers 0 where it has done nothing.
if ! all_satisfied "$cfg"; then
  [ -n "$(linux_lines "$cfg")" ] || fail 20 "$cfg has no entry that boots Linux"
  cp -p "$cfg" "$new" && edited_menu "$cfg" > "$new" || fail 22 "cannot write beside $cfg"
  install_cfg
fi
