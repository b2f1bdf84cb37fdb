# Lists that kmend or the host itself has read not long ago are not read again.
stale=1
for f in "$R/run/kmend/lists" "$R/var/lib/apt/periodic/update-success-stamp" "$R/var/lib/apt/lists"; do
  [ ! -e "$f" ] || [ -z "$(find "$f" -maxdepth 0 -mmin -@minutes@)" ] || stale=''
done
[ -n "$stale" ] && echo lists stale || echo lists fresh
