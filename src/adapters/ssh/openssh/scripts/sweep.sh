# Waits for the end of its input, which is the end of kmend, and ends the masters in a folder.
cat >/dev/null
for socket in "$1"/*.sock; do
  [ -S "$socket" ] || continue
  ssh -F none -o ControlMaster=no -o ProxyCommand=false -o ConnectTimeout=2 -S "$socket" -O exit kmend
done
rm -rf -- "$1"
