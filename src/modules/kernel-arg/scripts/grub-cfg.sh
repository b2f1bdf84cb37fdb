# "linux_lines" prints the linux lines of a grub.cfg, those of Linux itself where its generator
# marked them; "edited_menu" the file with these edited.
linux_lines() {
  awk '/^### BEGIN .*_linux ###/ { marked = 1; inside = 1 } /^### END / { inside = 0 }
    /^[ \t]*linux(16|efi)?[ \t]/ { L[++n] = $0; I[n] = inside } END { for (i = 1; i <= n; i++) if (!marked || I[i]) print L[i] }' "$1"
}
edited_menu() {
  awk "$edit_awk"'/^### BEGIN .*_linux ###/ { marked = 1; inside = 1 } /^### END / { inside = 0 }
    { row[NR] = $0; kind[NR] = $0 ~ /^[ \t]*linux(16|efi)?[ \t]/ ? 1 + inside : 0 }
    END { for (i = 1; i <= NR; i++) print (kind[i] > marked ? edit(row[i]) : row[i]) }' "$1"
}
all_satisfied() {
  [ -s "$1" ] || return 1
  [ "$(linux_lines "$1" | awk "$edit_awk"'edit($0) != $0 { bad = 1 } END { print (NR > 0 && !bad) ? "yes" : "no" }')" = yes ]
}
check_script() {
  if command -v grub2-script-check >/dev/null 2>&1; then grub2-script-check "$1"
  elif command -v grub-script-check >/dev/null 2>&1; then grub-script-check "$1"
  else grep -q '^[[:space:]]*linux' "$1"; fi >/dev/null 2>&1
}
# install_cfg: $new, checked, becomes $cfg; owner, mode and label stay (the generator makes a file
# of our umask)
install_cfg() {
  [ -s "$new" ] || fail 23 "no new boot loader configuration was made"
  check_script "$new" || fail 24 "$cfg: the new text has errors"
  all_satisfied "$new" || fail 25 "$cfg: $KM_KEY is not as wanted in the new text"
  cp -p "$cfg" "$cfg.kmend-before" || fail 22 "cannot write beside $cfg"
  cp -p "$cfg" "$new.kept" && cat "$new" > "$new.kept" && mv -f "$new.kept" "$new" || { rm -f "$new.kept"; fail 22 "cannot write beside $cfg"; }
  chcon --reference="$cfg" "$new" 2>/dev/null || :
  mv -f "$new" "$cfg" || fail 22 "cannot replace $cfg"
  undo="$undo
$cfg"
}
