# "apt_sources" prints one line for each entry of sources.list and of the newer .sources. It prints
# "unread" where no index was ever fetched. "apt_pinned NAME" prints the versions that a pin
# forbids. Functions are in the probe only once: an SSH server may limit the length of a command.
apt_sources() {
  set --
  for f in "$R/etc/apt/sources.list" "$R"/etc/apt/sources.list.d/*.list "$R"/etc/apt/sources.list.d/*.sources; do [ ! -r "$f" ] || set -- "$@" "$f"; done
  [ $# = 0 ] || awk 'function out() {if (id != "" && rows++ < 100) printf "repo %.200s %s baseurl -\n", id, on; id = ""; on = 1}
    FNR == 1 {out(); new = FILENAME ~ /sources$/}
    !new && /^#? *deb / {on = /^#/ ? 0 : 1; sub(/^#? *deb +(\[[^]]*\] *)?/, ""); id = $1; out(); next}
    new && /^[ \t]*$/ {out()}
    new && /^Enabled:[ \t]*no/ {on = 0}
    new && /^URIs:/ {id = $2}
    END {out()}' "$@"
  for f in "$R"/var/lib/apt/lists/*Packages* "$R"/var/lib/apt/lists/*Release; do [ ! -e "$f" ] || return 0; done
  echo unread
}
apt_pinned() { $T2 apt-cache policy -- "$1" | awk '{sub(/^ \*\*\*/, "")} NF == 2 && $2 ~ /^-[0-9]/ {print "pinned " $1}'; }
