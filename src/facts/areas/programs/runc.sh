# The runc that starts the containers. k3s and RKE2 unpack one of their own. On a
# kernel that does not leak its version proves nothing. There dpkg says it, unless somebody replaced
# the file since. F and Q come from the area packages.
# shellcheck disable=SC2086,SC2154 # T is words; the names need no quotes; F and Q are of another area
for p in docker-runc "$R"/usr/libexec/docker/docker-runc-current runc "$R"/var/lib/rancher/*/data/current/bin/runc "$R"/var/lib/rancher/rke2/bin/runc; do
  case $p in */*) [ -x "$p" ] || continue;; *) has $p || continue; p=$(command -v $p);; esac
  printf 'path %s\n' "${p#"$R"}"
  case $p in *docker-runc*) echo bundled;; esac
  H="$H$p
"
  q="
$Q"; q=${q##*"
runc "}; q=${q%%"
"*}
  case $F$K:${p#"$R/usr/"}:$q in
    deb[0-9]*.[0-9]*:sbin/runc:[0-9]*' @ '[hi]i|deb[0-9]*.[0-9]*:bin/runc:[0-9]*' @ '[hi]i)
      early || [ "$p" -nt "$R/var/lib/dpkg/info/runc.list" ] || { printf 'package %s\n' "${q%% *}"; break; };;
  esac
  rows says "$($T "$p" --version)"
  break
done
if has docker-containerd || has containerd; then echo containerd; fi
