# Prints a file in base64. Status 3 = it does not exist, 4 = it is no file, 5 = it is too large, 6 =
# it cannot be read.
p=$R@path@
[ -e "$p" ] || exit 3
[ ! -d "$p" ] || exit 4
[ -r "$p" ] || exit 6
# The size of a file below /proc is 0: what is read counts.
size=$(head -c @most@ -- "$p" 2>/dev/null | wc -c) || exit 6
[ "$size" -lt @most@ ] || exit 5
if command -v base64 >/dev/null 2>&1; then
  base64 < "$p"
else
  echo hex
  od -A n -v -t x1 < "$p"
fi
