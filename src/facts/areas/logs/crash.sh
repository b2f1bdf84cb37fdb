# Records of earlier boots. A host without any starts no program. After 12 s no new program is
# started, and a program that hangs ends at its own limit of 5 s. "logs KIND FILES BYTES PATH..."
# reads the newest files of a kind, and of each the end, where a crash is. A packed file is read
# from its beginning. Of a persistent journal it reads four boots before this one. Kdump also sends
# dumps to servers: a folder with another address belongs to another host.
# shellcheck disable=SC2046,SC2086 # T and the time are words; numbers need no quotes
some() { for f in "$@"; do [ ! -e "$f" ] || return 0; done; return 1; }
more() { [ $(($(date +%s) - t0)) -lt 12 ] || { echo "@@ cut $1"; return 1; }; }
logs() {
  k=$1 m=$2 b=$3; shift 3
  some "$@" || return 0
  $T ls -1td -- "$@" | head -n 200 | {
    n=0 r=''
    while IFS= read -r f; do
      [ -f "$f" ] || continue
      case $f in
        *.xz|*.bz2|*.zst|*.z) echo "@@ cut $k"; continue;;
        "$d"/127.0.0.1-*) ;;
        "$d"/[0-9]*.[0-9]*.[0-9]*.[0-9]*-*) echo "@@ cut $k"; continue;;
      esac
      [ $n -lt $m ] || { echo "@@ cut $k"; break; }
      if [ -r "$f" ]; then
        n=$((n + 1)) r="$f
$r"
      else echo "@@ denied $k"; fi
    done
    printf %s "$r"
  } | while IFS= read -r f; do
    case $f in '@@ '*) echo "$f"; continue;; esac
    more $k || break
    [ -z "$(find -L "$f" -size +${b}c)" ] || echo "@@ cut $k"
    echo "@@ log $k $(date -r "$f" +%s) ${f#"$R"}"
    case $f in
      *.gz) $T gzip -dc "$f" | { head -c 24000000; [ -z "$(head -c 1)" ] || { echo; echo "@@ cut $k"; }; };;
      *) $T tail -c $b "$f";;
    esac
    echo
  done
}
boots() {
  some "$R"/var/log/journal/*/*.journal && has journalctl || return 0
  for f in "$R"/var/log/journal/*/system.journal; do [ ! -e "$f" ] || [ -r "$f" ] || echo '@@ denied journal'; done
  i=0
  while [ $i -lt 4 ] && more journal; do
    i=$((i + 1)); j=$($T journalctl -b -$i -n 1 -o export --no-pager -q | sed -n 's/^_BOOT_ID=//p')
    [ -n "$j" ] || break
    echo "@@ log journal 0 $j"
    $T journalctl -k -b "$j" -n 20000 -o short-iso --no-pager -q
    echo '@@ tail'
    $T journalctl -b "$j" -n 100 -o short-iso --no-pager -q || echo '@@ cut journal'
  done
}
d=$R/var/crash p=$R/sys/fs/pstore q=$R/var/lib/systemd/pstore v=$R/var/log
if some "$d"/*/*dmesg* "$p"/dmesg-* "$q"/dmesg-* "$q"/*/dmesg.txt "$v"/journal/*/*.journal "$v"/messages "$v"/messages[-.][0-9]*; then
  open
  set -- $(date '+%s %z'); t0=$1; echo "now $*
kernel $K"
  l=0; IFS= read -r l <"$R/proc/uptime"; echo "up $l"
  h=''; IFS= read -r h <"$R/proc/sys/kernel/hostname"
  {
    logs dump 4 300000 "$d"/*/vmcore-dmesg*.txt "$d"/*/dmesg.[0-9]*
    logs pstore 16 70000 "$p"/dmesg-* "$q"/dmesg-* "$q"/*/dmesg.txt
    boots
    logs messages 4 8000000 "$v"/messages "$v"/messages[-.][0-9]*
  } | H=$h $AW '@program@'
fi
