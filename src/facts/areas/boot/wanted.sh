# Who says that a reboot is wanted: needs-restarting of yum and dnf, the mark of Debian's packages, and newer kernels. Read only
# where a play names it, because needs-restarting takes a second.
for f in "$R/run/reboot-required" "$R/var/run/reboot-required"; do
  [ -e "$f" ] || continue
  echo required
  [ ! -r "$f.pkgs" ] || sort -u "$f.pkgs" | head -n 50 | while IFS= read -r l; do printf 'pkg %.200s\n' "$l"; done
  break
done
o=''
if has needs-restarting; then o=$($T2 needs-restarting -r 2>/dev/null </dev/null)
elif has dnf; then
  for f in "$R"/usr/lib/python3*/site-packages/dnf-plugins/needs_restarting.py; do [ ! -e "$f" ] || o=$($T2 dnf -q needs-restarting -r 2>/dev/null </dev/null); done
fi
[ -z "$o" ] || printf '%s\n' "$o" | head -n 100 | while IFS= read -r l; do printf 'said %.200s\n' "$l"; done
printf 'release %s\n' "$K"
for f in "$R"/boot/vmlinuz-*; do [ ! -e "$f" ] || printf 'installed %s\n' "${f##*/vmlinuz-}"; done
