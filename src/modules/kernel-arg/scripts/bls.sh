# el8, el9, Fedora: entries under /boot/loader/entries, edited by grubby in place; zipl where it is
# the boot loader.
command -v grubby >/dev/null 2>&1 || fail 21 "grubby is not there"
@needZipl@
ls "$R"/boot/loader/entries/*.conf >/dev/null 2>&1 || fail 20 "no entries under $R/boot/loader/entries"
if ! entries_satisfied; then
  for f in "$R"/boot/loader/entries/*.conf "$R/boot/grub2/grubenv" "$R/etc/default/grub" "$R/etc/kernel/cmdline"; do
    [ -e "$f" ] || continue
    f=$(real "$f"); cp -p "$f" "$f.kmend-before" || fail 22 "cannot write beside $f"
    undo="$undo
$f"
  done
  before=$(entries | others)
  run_grubby >/dev/null || fail 23 "grubby failed"
  [ "$(entries | others)" = "$before" ] || fail 26 "grubby changed other arguments too"
  entries_satisfied || fail 25 "$KM_KEY is not as wanted in every entry"
fi
@futureGrub2@
K=$R/etc/kernel/cmdline
if [ -e "$K" ] && ! satisfied "$(cat "$K")"; then
  K=$(real "$K")
  awk "$edit_awk"'{ print edit($0) }' "$K" > "$K.kmend-text" || fail 22 "cannot write beside $K"
  replace "$K"
fi
@runZipl@
