# Removes what is at a path. A file is kept under its checksum before.
t=$R@path@ b=@backup@
if [ -n "$b" ]; then
  if [ -L "$t" ] || [ ! -f "$t" ]; then exit 71; fi
  [ "$(sha256sum < "$t" | cut -c 1-64)" = "$b" ] || exit 71
  mkdir -p "$R"@backupFolder@ && cat "$t" > "$R"@backupFolder@/"$b" || exit 70
fi
if [ -L "$t" ] || [ ! -d "$t" ]; then rm -f -- "$t"; else rm -rf -- "$t"; fi || exit 70
[ ! -e "$t" ] || exit 70
