# Puts stdin in place of what is missing of a file. Prints "from BYTES" when it waits for input from there on, and at last
# "over": whoever sends knows then that nothing more is read. The part of a copy that was interrupted stays, and is
# continued; what has not the right checksum at the end is removed.
(
@fence@
P=$D/packages
mkdir -p "$P" || exit @noState@
t=$P/@name@
@sha256Shell@
if [ -f "$t" ] && [ "$(sha256 "$t")" = @sha256@ ]; then exit 0; fi
n=0; if [ -f "$t.part" ]; then n=$(wc -c < "$t.part"); fi
if [ "$n" -gt @size@ ]; then rm -f "$t.part"; n=0; fi
free=$(df -Pk "$P" | awk 'NR == 2 {print $4}') need=$(((@size@ - n) / 1024 + @spareKb@))
if [ "${free:-$need}" -lt "$need" ]; then echo "${free} kB are free in $P, $need kB are needed" >&2; exit @noRoom@; fi
echo "from $((n))"
cat >> "$t.part" || exit @noRoom@
[ "$(wc -c < "$t.part")" -eq @size@ ] || { echo "$(wc -c < "$t.part") of @size@ bytes" >&2; exit @cut@; }
[ "$(sha256 "$t.part")" = @sha256@ ] || { rm -f "$t.part"; exit @otherFile@; }
mv -f "$t.part" "$t" || exit @noState@
)
c=$?; echo over; exit $c
