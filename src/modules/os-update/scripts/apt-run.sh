# One transaction of named versions, after a simulation of just these words.
# shellcheck disable=SC2086 # specs are words, an exit status needs no quotes
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
specs=$(awk '{print $1 == "rm" ? $2 "-" : $2 "=" $4}' "$t/wanted")
apt-get -s -q install $specs > "$log" 2>&1 || { judge 1; exit 41; }
rows "$log" | grep -E '^(up|in|rm) ' > "$t/named"
cmp -s "$t/wanted" "$t/named" || stale "$t/named"
apt-mark showauto > "$t/was" 2> /dev/null
awk 'NR == FNR {was[$1]; next} $1 == "in" || ($1 == "up" && $2 in was) {print $2}' "$t/was" "$t/wanted" > "$t/auto"
bounded apt-get -y -q -o DPkg::Lock::Timeout="$LOCK_WAIT" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 install $specs; rc=$?
