# Package files are installed without any repository first, so that a missing repository cannot stop
# them. Missing dependencies come from the repositories.
# shellcheck disable=SC2086 # an exit status needs no quotes
@withoutRepositories@
if [ $rc -ne 0 ] && grep -Eq 'Requires:|nothing provides|conflicting requests|[Dd]epend' "$log"; then
  lacks=$(grep -E 'Requires:|nothing provides' "$log" | head -n 5)
  @plain@
  [ $rc -eq 0 ] || printf 'without repositories:\n%s\n' "$lacks" >&2
fi
