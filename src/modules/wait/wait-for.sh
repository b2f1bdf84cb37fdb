# Waits until the condition holds, and prints after how many seconds it did. Status 64 = not within
# the time.
@condition@
passed() {
  now=$(cut -d . -f 1 "$R/proc/uptime" 2>/dev/null) || now=
  echo $((${now:-$(date +%s)} - began))
}
began=0
began=$(passed)
until holds; do
  [ "$(passed)" -lt @timeout@ ] || exit 64
  sleep @sleep@
done
passed
