# The rows, and which services that run belong to which packages.
# shellcheck disable=SC2046 # units are words
@functions@
simulate > "$t/rows" || unread
head -n @most@ "$t/rows"
if command -v systemctl > /dev/null; then
  systemctl show -p FragmentPath $(systemctl list-units --type=service --state=running --no-legend --plain 2> /dev/null | awk '{print $1}' | head -n 200) 2> /dev/null |
    sed -n 's/^FragmentPath=\(\/.*\.service\)$/\1/p' | while IFS= read -r f; do
      for p in $(@owner@); do printf 'unit %s %s\n' "${f##*/}" "$p"; break; done
    done
fi
