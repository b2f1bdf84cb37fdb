#!/bin/sh
# The kernel of the practice host.
C="$KMEND_ROOT/../ctl"
read -r release < "$C/kernel"
read -r name < "$KMEND_ROOT/etc/hostname"
case ${1--s} in
  -s) echo Linux ;;
  -n) echo "$name" ;;
  -r) echo "$release" ;;
  -m|-p|-i) echo x86_64 ;;
  -v) echo '#1 SMP' ;;
  -o) echo GNU/Linux ;;
  -a) echo "Linux $name $release #1 SMP x86_64 x86_64 x86_64 GNU/Linux" ;;
  -sr|-rs) echo "Linux $release" ;;
  -srm) echo "Linux $release x86_64" ;;
  *) exec @REAL@/uname "$@" ;;
esac
