# Prints what is known of one path: a line for each field of stat, then what else was asked for. A
# path that does not exist is `absent`. Any other error is one of stat(1), with status 1.
p=$R@path@
follow=@follow@
one() {
  # shellcheck disable=SC2086
  stat $follow -c "$1" -- "$p"
}
if ! fields=$(one '%f %i %d %t %T %h %u %g %s %b %o' 2>&1); then
  case $fields in
    *'No such file or directory') echo absent && exit 0 ;;
  esac
  echo "$fields" >&2
  exit 1
fi
echo "fields $fields"
times=$(one '%.9X %.9Y %.9Z' 2>/dev/null) || times=
case $times in
  '' | *[!0-9.\ ]*) times=$(one '%X %Y %Z') ;;
esac
echo "times $times"
echo "user $(one %U)"
echo "group $(one %G)"
for way in r w x; do
  test "-$way" "$p" && echo "may $way"
done
if [ -L "$p" ] && [ -z "$follow" ]; then
  echo "to $(readlink "$p")"
  end=$(readlink -f "$p")
  echo "source ${end#"$R"}"
fi
sum=@sum@
if [ -n "$sum" ] && [ -f "$p" ] && [ -r "$p" ] && { [ -n "$follow" ] || [ ! -L "$p" ]; }; then
  echo "sum $("$sum" < "$p")"
fi
mime=@mime@ attributes=@attributes@
if [ -n "$mime" ] && command -v file >/dev/null 2>&1; then
  echo "mime $(file -b --mime-type -- "$p")"
  echo "charset $(file -b --mime-encoding -- "$p")"
fi
if [ -n "$attributes" ] && command -v lsattr >/dev/null 2>&1; then
  echo "attributes $(lsattr -vd "$p" 2>/dev/null)"
fi
