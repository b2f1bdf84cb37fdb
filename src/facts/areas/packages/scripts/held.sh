# "held" prints "lock ENTRY" and "exclude PATTERNS": versionlock lists, locks of zypper, exclude
# lines.
held() {
  for f in "$R"/etc/yum/pluginconf.d/versionlock.list "$R"/etc/dnf/plugins/versionlock.list; do
    [ ! -r "$f" ] || pick lock '^[^#]' "$f"
  done
  [ ! -r "$R/etc/zypp/locks" ] || sed -n 's/^solvable_name: /lock /p' "$R/etc/zypp/locks"
  set --
  for f in "$R/etc/yum.conf" "$R/etc/dnf/dnf.conf" "$R"/etc/yum.repos.d/*.repo; do [ ! -r "$f" ] || set -- "$@" "$f"; done
  [ $# = 0 ] || awk '/^[ \t]*(exclude|excludepkgs)[ \t]*=/ {c=1; sub(/^[^=]*=/, ""); print "exclude " $0; next} c && /^[ \t]+[^ \t]/ {print "exclude " $0; next} {c=0}' "$@"
}
