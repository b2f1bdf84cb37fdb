# Debian, Ubuntu: where the key is already in one of the shell files it is edited there. Otherwise
# kmend writes a drop-in that sorts late, because cloud images assign GRUB_CMDLINE_LINUX_DEFAULT
# again in 50-cloudimg-settings.cfg. A file that sorts later and assigns the variable again is
# edited too. Then update-grub writes a copy.
cfg=$(real "$R/boot/grub/grub.cfg"); new=$cfg.kmend-new
[ -s "$cfg" ] || fail 20 "$cfg is not there"
command -v update-grub >/dev/null 2>&1 || fail 21 "update-grub is not there"
if ! defaults_hold d; then
  mine=$R/etc/default/grub.d/99-kmend.cfg
  [ ! -e "$D" ] || change "$D" where
  for f in "$R"/etc/default/grub.d/*.cfg; do if [ -e "$f" ]; then change "$(real "$f")" where; fi; done
  if ! defaults_hold d; then
    init_words_of d
    [ -d "$R/etc/default/grub.d" ] || { mkdir -p "$R/etc/default/grub.d" && chmod 755 "$R/etc/default/grub.d"; } || fail 22 "cannot make $R/etc/default/grub.d"
    { if [ -e "$mine" ]; then cat "$mine"; else echo '# Written by kmend: boot arguments. It sorts last, so that it adds to what the other files say.'; fi; } > "$mine.kmend-from" || fail 22 "cannot write $mine"
    assignments "$mine.kmend-from" force GRUB_CMDLINE_LINUX > "$mine.kmend-text" || fail 22 "cannot write $mine"
    rm -f "$mine.kmend-from"; chmod 644 "$mine.kmend-text"
    replace "$mine"
  fi
  later=''
  for f in "$R"/etc/default/grub.d/*.cfg; do
    if [ "$f" = "$mine" ]; then later=1
    elif [ -n "$later" ] && ! defaults_hold d && grep -q 'GRUB_CMDLINE_LINUX=' "$f"; then change "$(real "$f")" add; fi
  done
  defaults_hold d || fail 25 "$KM_KEY is not as wanted in what $R/etc/default/grub and grub.d come to"
fi
if ! all_satisfied "$cfg"; then
  update-grub -o "$new" >/dev/null 2>&1 || fail 23 "update-grub failed"
  install_cfg
fi
if [ -e "$R/etc/default/grub.d/99-kmend.cfg" ] && ! grep -q '^[^#]' "$R/etc/default/grub.d/99-kmend.cfg"; then rm -f "$R/etc/default/grub.d/99-kmend.cfg"; fi
