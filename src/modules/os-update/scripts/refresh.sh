# Reads the package lists again, and notes when.
# shellcheck disable=SC2086 # an exit status needs no quotes
@run@
judge $rc
[ $rc -eq 0 ] || { last 3; exit 46; }
mkdir -p "$R/run/kmend" && : > "$R/run/kmend/lists"
