# Prints what is in directories: for each `at NUMBER`, or `skipped NUMBER` where it is no directory,
# how many entries were examined, and a line for each that may be wanted: numbers, then owner, group
# and name with `/` between. An error about an entry that could not be read is `no MESSAGE`.
most=@most@
times='%.9X %.9Y %.9Z'
case $(stat -c "$times" / 2>/dev/null) in
  '' | *[!0-9.\ ]*) times='%X %Y %Z' ;;
esac
export times
look() {
  if [ ! -d "$R$2" ]; then
    echo "skipped $1"
    return
  fi
  echo "at $1"
  (
    cd "$R$2" || exit 0
    # shellcheck disable=SC2016
    find . -mindepth 1 @examined@ -exec sh -c 'echo "examined $#"' sh {} + 2>/dev/null
    # A name with a line end could look like another entry.
    # shellcheck disable=SC2016
    find . -mindepth 1 @depth@ @type@ @names@ ! -path '*
*' -exec sh -c 'stat -c "entry %f %i %d %h %u %g %s $times /%U/%G/%n" -- "$@"' sh {} + 2>&1 |
      sed 's/^find:/no/' | head -n "$most"
  )
}
echo "now $(date +%s)"
@paths@
