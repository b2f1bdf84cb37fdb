#!/bin/sh
# Who is logged in.
case ${1-} in
  -u) echo "$LAB_UID" ;;
  -g) echo "$LAB_UID" ;;
  -un) echo "$LAB_USER" ;;
  -gn) echo "$LAB_USER" ;;
  -nu) echo "$LAB_USER" ;;
  '') echo "uid=$LAB_UID($LAB_USER) gid=$LAB_UID($LAB_USER) groups=$LAB_UID($LAB_USER)" ;;
  *) exec @REAL@/id "$@" ;;
esac
