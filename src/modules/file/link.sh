# Makes a symbolic link beside the place and renames it, so that there is always one. A file that it replaces is kept under
# its checksum. Anything else than what was read there is left as it is.
t=$R@path@ b=@backup@
if [ -L "$t" ]; then w='link'
elif [ -d "$t" ]; then w='directory'
elif [ -f "$t" ]; then w='file'
elif [ -e "$t" ]; then w='other'
else w='absent'; fi
[ "$w" = @was@ ] || { [ "$w" = link ] && [ "$(readlink "$t")" = @src@ ]; } || exit 71
if [ -n "$b" ] && [ "$w" = file ]; then
  [ "$(sha256sum < "$t" | cut -c 1-64)" = "$b" ] || exit 71
  mkdir -p "$R"@backupFolder@ && cat "$t" > "$R"@backupFolder@/"$b" || exit 70
fi
n=$t.kmend.$$
ln -s -- @src@ "$n" || exit 70
if [ "$w" = directory ]; then rmdir "$t" || { rm -f "$n"; exit 71; }; fi
# A plain mv would put it into the directory that the old link leads to.
mv -fT "$n" "$t" 2>/dev/null || { [ ! -L "$t" ] || rm -f "$t"; mv -f "$n" "$t" || { rm -f "$n"; exit 70; }; }
