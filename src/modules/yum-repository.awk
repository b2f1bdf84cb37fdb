# S in the environment is the new section, or nothing. It takes the place of the old one, else it is
# appended after an empty line. "held" are empty lines, and comments behind the section, which
# belong to the next one; "gap" are the empty lines before a section that is removed.

function keep() { printf "%s", held; held = "" }
BEGIN { new = ENVIRON["S"] }
{ l = $0; sub(/\r$/, "", l) }
l ~ /^\[/ {
  h = l; sub(/\].*/, "]", h)
  if (h == id) {
    if (new != "" && !done) { keep(); print new; done = 1 }
    gap = gap held; held = ""; mine = 1; next
  }
  if (mine) { if (gap != "") sub(/^[ \t]*\n/, "", held); held = gap held; gap = "" }
  mine = 0; keep(); print; next
}
l ~ /^[ \t]*$/ || (mine && l ~ /^[#;]/) { held = held $0 "\n"; next }
mine { held = ""; next }
{ keep(); print }
END {
  if (mine) { sub(/^[ \t]*\n/, "", gap); held = gap held }
  if (new != "" && !done) { if (NR > 0 && held == "") print ""; keep(); print new }
  keep()
}
