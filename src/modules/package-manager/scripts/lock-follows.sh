# At the next "distro-sync" a lock on the old version would return the host to it. So the lock gets
# the new version.
for f in "$R/etc/yum/pluginconf.d/versionlock.list" "$R/etc/dnf/plugins/versionlock.list"; do
  [ -f "$f" ] || continue
  awk -v n=@name@ -v oe=@oldEpoch@ -v ov=@oldVersion@ -v ne=@newEpoch@ -v nv=@newVersion@ '
    function after(key, at) { rest = substr($0, at + length(key)); return rest ~ /^([.*]|$)/ }
    { yum = n "-" ov; dnf = n "-" oe ":" ov; p = index($0, yum)
      if (p > 0 && substr($0, 1, p - 1) ~ /^([0-9]+:)?$/ && after(yum, p)) print (p > 1 ? ne ":" : "") n "-" nv rest
      else if (index($0, dnf) == 1 && after(dnf, 1)) print n "-" ne ":" nv rest
      else print }' "$f" > "$log.lock" || continue
  cmp -s "$log.lock" "$f" || cat "$log.lock" > "$f"
done
