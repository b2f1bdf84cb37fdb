# Prints whether a module of the kernel is loaded or built in, or unknown here, and the files that
# may name it.
n=@name@ # letters, digits, and [-_] for either of them
if [ -r "$R/proc/modules" ] && grep -q "^$n " "$R/proc/modules"; then echo loaded
elif grep -q "/$n\\.ko" "$R/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null; then echo builtin
elif command -v modprobe >/dev/null 2>&1; then modprobe -n -q @word@ </dev/null >/dev/null 2>&1 || echo unknown
else echo none; fi
for f in "$R"/etc/modules-load.d/*.conf "$R"/etc/modprobe.d/*.conf; do
  if [ -f "$f" ] && grep -q "$n" "$f"; then echo "file ${f#"$R"}"; fi
done
:
