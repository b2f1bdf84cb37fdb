# Removes what a trial left: the choice, its mark, and the argument for a reboot after a panic,
# where the trial set it.
if [ -s "$E" ] && grep -Eq '^(kmend_trial|next_entry)=.' "$E"; then
  tried=$(sed -n 's/^kmend_trial=//p' "$E" | head -n 1)
  if [ -n "$tried" ] && grep -q '^kmend_panic=1' "$E"; then grubby --update-kernel="/boot/vmlinuz-$tried" --remove-args=panic >/dev/null </dev/null || exit 62; fi
  env_edit unset kmend_trial && env_edit unset kmend_panic && env_edit unset next_entry || exit 63
fi
