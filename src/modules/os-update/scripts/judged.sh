# What is not as planned is said, and decides between "not there" and "not whole".
if [ -s "$t/wrong" ]; then
  cut -d ' ' -f 2- "$t/wrong" | head -n 10 >&2
  if grep -q '^bad ' "$t/wrong"; then bad=1; else half=1; fi
fi
