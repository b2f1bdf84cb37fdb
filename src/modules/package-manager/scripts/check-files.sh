# Makes sure of every file before anything moves.
@sha256@
# a file must be whole, and be the package that the plan has
is_file() { [ -f "$1" ] && [ "$(sha256 "$1")" = "$2" ] || { echo "$1" >&2; exit 37; }; }
is_package() { [ "$2" = "$3" ] || { echo "$1 is ${2:-no package}, and should be $3" >&2; exit 57; }; }
@files@
