#!/bin/sh
# Policy in ctl/sudo: nopasswd, tty, deny, or the password that it asks for. KMEND_ROOT stays set,
# though a real sudo would drop it: the tree is the host's /.
read -r policy < "$KMEND_ROOT/../ctl/sudo"
ask='' stdin='' prompt='[sudo] password: ' user=root
while [ $# -gt 0 ]; do
  case $1 in
    -n) ask=no ;; -S) stdin=yes ;; -k|-K|-E|-H|-i) ;;
    -p) prompt=$2; shift ;; -p*) prompt=${1#-p} ;;
    -u) user=$2; shift ;; -u*) user=${1#-u} ;;
    -*n*) ask=no ;; --) shift; break ;; -*) ;; *) break ;;
  esac
  shift
done
[ "$LAB_UID" != 0 ] || policy=nopasswd
case $policy in
  nopasswd) ;;
  tty) echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1 ;;
  deny) echo "$LAB_USER is not in the sudoers file.  This incident will be reported." >&2; exit 1 ;;
  *)
    [ "$ask" != no ] || { echo 'sudo: a password is required' >&2; exit 1; }
    [ "$stdin" = yes ] || { echo 'sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper' >&2; exit 1; }
    tries=0
    while :; do
      printf '%s' "$prompt" >&2
      IFS= read -r word || { echo 'sudo: no password was provided' >&2; exit 1; }
      [ "$word" != "$policy" ] || break
      tries=$((tries + 1))
      [ $tries -lt 3 ] || { echo 'sudo: 3 incorrect password attempts' >&2; exit 1; }
      echo 'Sorry, try again.' >&2
    done ;;
esac
[ $# -gt 0 ] || exit 0
LAB_USER=$user LAB_UID=0; [ "$user" = root ] || LAB_UID=1000
export LAB_USER LAB_UID
case ${3-} in *"unset KMEND_ROOT"*) set -- "$1" "$2" "${3%%unset KMEND_ROOT*}${3#*unset KMEND_ROOT}" ;; esac
exec "$@"
