# Ends with who holds a lock of the package manager. F has the functions, so that they can be asked again where nothing
# else is there.
F=@packageLocks@
eval "$F"
w=$(locks 2>/dev/null | head -n 1)
[ -z "$w" ] || { echo "$w" >&2; exit @locked@; }
