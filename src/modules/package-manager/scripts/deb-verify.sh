# Is the package installed, whole, and at its version?
# shellcheck disable=SC2026 # the version is filled in quoted
have=$(dpkg-query -W -f '${Status} ${Version}' @name@ 2>/dev/null)
case $have in
  *'ok installed '@version@) ;;
  *'half-'*|*unpacked*|*triggers*) echo @name@ "$have" >&2; half=1;;
  *) echo @message@ "$have" >&2; bad=1;;
esac
