# Selects a package for dpkg. Another process may have the lock for a moment. dpkg only warns of a name that it does not
# know, so the result is read.
tries=0
until echo @name@ @selection@ | dpkg --set-selections; do
  tries=$((tries + 1)); [ $tries -lt 5 ] || exit 70
  sleep 2
done
case $(dpkg-query -W -f '${db:Status-Abbrev}' @name@ 2>/dev/null) in h*) is=hold;; *) is=install;; esac
[ "$is" = @selection@ ] || exit 71
