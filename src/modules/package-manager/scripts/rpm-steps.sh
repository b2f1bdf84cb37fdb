# rpm reports success where a script of a package failed; the log says so.
# shellcheck disable=SC2086 # an exit status needs no quotes
@run@
judge $rc
bad=0
@verify@
if [ $bad -ne 0 ]; then last 15; if [ $rc -ne 0 ]; then exit 41; fi; exit 42; fi
if grep -Eq 'Error in (PRE|POST)[A-Z]* scriptlet|%(pre|post)[a-z]*\(.*\) scriptlet failed|Non-fatal (PRE|POST)' "$log"; then script=1; fi
if [ $script -ne 0 ]; then
@rememberFailed@
  last 15; exit 43
fi
@relock@
