# What is at a path, and where @text@ is not empty its content as hexadecimal digits: a file need not be text. A path that
# this user cannot read is "denied", not absent.
p=$R@path@ t=$R@path@ w=@text@
d=$(dirname "$p"); [ ! -d "$d" ] || echo parent
while [ ! -e "$d" ]; do d=$(dirname "$d"); done
[ -x "$d" ] || echo denied
if [ -L "$p" ]; then
  printf 'link %s\n' "$(readlink "$p")"
  t=$(readlink -f "$p") || t=
  printf 'real %s\n' "${t#"$R"}"
fi
if [ -n "$t" ] && [ -e "$t" ]; then
  stat -c 'stat %a %u %g %s %U %G' "$t"
  if [ -d "$t" ]; then
    echo kind directory
    [ -z "$(ls -A "$t")" ] || echo filled
  elif [ ! -f "$t" ]; then echo kind other
  elif [ ! -r "$t" ]; then echo denied
  else
    echo kind file
    s=$(wc -c < "$t")
    if [ "$s" -le 67108864 ]; then printf 'sha256 %s\n' "$(sha256sum < "$t" | cut -c 1-64)"; fi
    if [ -z "$w" ]; then :
    elif [ "$s" -gt @most@ ]; then echo long
    else echo text; od -An -v -tx1 "$t" | tr -d ' ' | sed 's/^/x /'; fi
  fi
fi
