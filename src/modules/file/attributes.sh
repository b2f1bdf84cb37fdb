# Sets owner, mode and times of what is at a path. The owner first: a change of it clears set-user-id. The times are
# options of touch; what has gone since is not made.
# shellcheck disable=SC2086 # options are words
t=$R@path@ o=@owner@ m=@mode@ n=@times@
if [ -n "$o" ]; then chown -- "$o" "$t" || exit 70; fi
if [ -n "$m" ]; then chmod -- "$m" "$t" || exit 71; fi
if [ -n "$n" ]; then
  [ -e "$t" ] || exit 71
  touch -c $n -- "$t" || exit 70
fi
