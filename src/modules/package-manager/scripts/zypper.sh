# Without an answer the solver exits with 4, and does not choose. 100 to 103 and 106 are no errors:
# updates, a reboot or a restart are advised, or a repository was skipped. 107: the packages are
# installed, and a script of theirs failed.
bounded zypper --non-interactive --quiet install --auto-agree-with-licenses@more@@back@ @specs@; rc=$?
script=0
case $rc in
  100|101|102|103|106) rc=0;;
  107) rc=0 script=1;;
  4) echo 'zypper (4): no solution without changing other packages' >> "$log";;
  104) echo 'zypper (104): no enabled repository has that version' >> "$log";;
esac
