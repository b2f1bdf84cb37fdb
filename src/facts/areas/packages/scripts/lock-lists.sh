# "lock_lists" prints "lock_list yum FILE" and "lock_list dnf FILE" where that plugin is on. Without a line
# `enabled` yum leaves a plugin off, and dnf takes it as on.
lock_lists() {
  for t in yum:yum/pluginconf.d dnf:dnf/plugins; do
    d=${t#*:}
    [ ! -r "$R/etc/$d/versionlock.conf" ] || awk -F '[ \t]*=[ \t]*' -v tool="${t%%:*}" -v list="/etc/$d/versionlock.list" '
      BEGIN {on = tool == "dnf"} {sub(/[ \t\r]+$/, "")}
      $1 == "enabled" {on = tolower($2) ~ /^(1|yes|true|on)$/}
      $1 == "locklist" {list = $2}
      END {if (on) print "lock_list " tool " " list}' "$R/etc/$d/versionlock.conf"
  done
}
