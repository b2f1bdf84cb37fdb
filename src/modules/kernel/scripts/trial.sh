# Chooses the kernel for one boot, by title (grub2) or id (boot loader entries). With panic=30 a
# kernel that panics boots again, and then GRUB starts the default, which is still the old kernel.
[ -s "$E" ] || exit 63
if [ "$(grubby --default-kernel 2>/dev/null)" != "$old_default" ]; then
  grubby --set-default="$old_default" >/dev/null </dev/null || exit 62
  [ "$(grubby --default-kernel 2>/dev/null)" = "$old_default" ] || { echo "default: $(grubby --default-kernel 2>&1)" >&2; exit 62; }
fi
@findEntry@
[ -n "$entry" ] || exit 64
set -- kmend_trial="$want" next_entry="$entry"
args=$(grubby --info=ALL 2>/dev/null </dev/null | awk -v k="vmlinuz-$want" '/^kernel=/ { n = split($0, p, "/"); sub(/"$/, "", p[n]); mine = p[n] == k } /^args=/ && mine { sub(/^args="?/, ""); sub(/"$/, ""); print; exit }')
case " $args " in *' panic='*) ;; *)
  grubby --update-kernel="/boot/vmlinuz-$want" --args=panic=30 >/dev/null </dev/null || exit 62
  set -- "$@" kmend_panic=1;;
esac
env_edit set "$@" || exit 63
env_edit list | grep -Fxq "next_entry=$entry" || { echo "next_entry: $(env_edit list 2>&1 | sed -n 's/^next_entry=//p')" >&2; exit 63; }
sync
