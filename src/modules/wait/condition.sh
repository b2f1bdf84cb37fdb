# Defines `holds`: does the condition of wait_for hold now? Status 0 = yes, 1 = no, 2 = it cannot be
# found out, with the reason on stderr.
kind=@kind@ host=@host@ port=@port@ path=$R@path@ pattern=@pattern@ states='@states@'

# Sockets of this port with one of these states, by the kernel's tables. $1 = port as in there.
sockets() {
  cat "$R/proc/net/tcp" "$R/proc/net/tcp6" 2>/dev/null |
    awk -v port=":$1" -v states=" $2 " -v any="$3" '
      substr($2, length($2) - 4) != port || !index(states, " " $4 " ") { next }
      { address = substr($2, 1, length($2) - 5) }
      any || address ~ /^(0+|0100007F|0000000000000000FFFF00000100007F|00000000000000000000000001000000)$/ { print; exit }'
}

connects() {
  if command -v bash >/dev/null 2>&1; then
    # shellcheck disable=SC2016
    timeout "@connect@" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null
  elif command -v nc >/dev/null 2>&1; then
    nc -z -w "@connect@" "$host" "$port" >/dev/null 2>&1 </dev/null
  else
    echo "the host has neither bash nor nc, which could connect to $host" >&2
    exit 2
  fi
}

listens() {
  case $host in
    127.0.0.1 | localhost | ::1 | 0.0.0.0) [ -n "$(sockets "$(printf %04X "$port")" 0A '')" ] ;;
    *) connects ;;
  esac
}

matches() {
  [ -z "$pattern" ] || grep -Eq -e "$pattern" -- "$path" 2>/dev/null
}

holds() {
  case $kind in
    open) listens ;;
    closed) ! listens ;;
    drained) [ -z "$(sockets "$(printf %04X "$port")" "$states" any)" ] ;;
    there) [ -e "$path" ] && matches ;;
    gone) [ ! -e "$path" ] ;;
  esac
}
