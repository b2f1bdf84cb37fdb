# Before the packages move, and only where the engine goes from before 18.09 to a later one.
old=$({ echo "${J#"$R"}"; printf '%s\n' "$had"; } | while read -r f l; do
  [ ! -e "$R$f" ] || sed -n "/^[^#]*docker-\(runc\|containerd\)/{s,^,$f: ,p;q;}" "$R$f"
done)
[ -z "$old" ] || { printf '%s\n' "$old" >&2; exit 55; }
