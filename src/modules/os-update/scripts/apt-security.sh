# Only what comes from a suite or an origin for security, and what that needs: apt has no word for it.
# shellcheck disable=SC2086 # words are words
  simulated @verb@ || return
  grep '^The following packages have been kept' -A 200 "$t/said" | awk 'NR == 1 || /^ /; NR > 1 && /^[^ ]/ {exit}' > "$t/behind"
  words=$(awk '/^Inst / && tolower($0) ~ /\(.*security.*\)/ {at = substr($3, 1, 1) == "[" ? 4 : 3; print $2 "=" substr($at, 2)}' "$t/said")
  case $words in '') : > "$t/said";; *) simulated install $words || return;; esac
  cat "$t/behind" >> "$t/said"
