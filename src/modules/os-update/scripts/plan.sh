# What a plan reads. It changes nothing: its files are in a folder that goes when it ends.
# shellcheck disable=SC2034,SC2317 # what is stale is for the managers
t=$(mktemp -d) || exit 45
trap 'rm -rf "$t"' EXIT
trap 'exit 143' HUP INT TERM
lists='' stale=''
# The last words of the package manager, without logins and tokens in addresses.
unread() { tail -n 15 "$t/said" | cut -c 1-300 | sed 's#://[^/ ]*@#://***@#g; s#\(://[^ ?]*?\)[^] )]*#\1...#g' >&2; exit 9; }
@age@
@ownLists@
@simulate@
exit 0
