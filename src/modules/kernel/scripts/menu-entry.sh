# The first entry that loads the kernel; one in a submenu is named with it, as GRUB wants.
entry=$(awk -v k="vmlinuz-$want" '
  function title(l,  q) { sub(/^[^\047"]*/, "", l); q = substr(l, 1, 1); l = substr(l, 2); return substr(l, 1, index(l, q) - 1) }
  /^submenu / { s = title($0) ">" }
  /^menuentry / { s = ""; t = title($0) }
  /^[ \t]+menuentry / { t = s title($0) }
  /^[ \t]*linux(16|efi)?[ \t]/ { n = split($2, p, "/"); if (p[n] == k) { print t; exit } }' "$R"@menu@)
