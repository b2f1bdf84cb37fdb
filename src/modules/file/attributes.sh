# Sets owner and mode of what is at a path. The owner first: a change of it clears set-user-id.
t=$R@path@ o=@owner@ m=@mode@
if [ -n "$o" ]; then chown -- "$o" "$t" || exit 70; fi
if [ -n "$m" ]; then chmod -- "$m" "$t" || exit 71; fi
