# Waits until the condition holds, and prints after how many seconds it did. Status 64 = not within
# the time.
@condition@
uptime() { cut -d . -f 1 "$R/proc/uptime" 2>/dev/null; }
# One clock for the whole wait: the difference of two is no time.
began=$(uptime)
clock=uptime
[ -n "$began" ] || { clock='date +%s'; began=$(date +%s); }
passed() {
  now=$($clock)
  echo $((${now:-$began} - began))
}
until holds; do
  [ "$(passed)" -lt @timeout@ ] || exit 64
  sleep @sleep@
done
passed
