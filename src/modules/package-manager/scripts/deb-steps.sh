# The steps of apt: a simulation first, then the packages, then what dpkg says of each.
# shellcheck disable=SC2013,SC2194 # a name is one word; the names are filled in
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
# The simulation says what else would go. Old apt knows no lock timeout and ignores the setting:
# then the loop waits.
bounded apt-get -s -q@downgrade@ install @specs@ || { judge 1; exit 41; }
for gone in $(awk '/^Remv /{print $2}' "$log"); do
  case ' @mine@ ' in *" $gone "*) ;; *) echo "would remove $gone" >&2; exit 44;; esac
done
bounded apt-get -y -q -o DPkg::Lock::Timeout="$LOCK_WAIT" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0@downgrade@ install @specs@; rc=$?
judge $rc
bad=0 half=0
@verify@
if [ $bad -ne 0 ]; then last 15; if [ $rc -ne 0 ]; then exit 41; fi; exit 42; fi
if [ $half -ne 0 ]; then last 15; exit 43; fi
