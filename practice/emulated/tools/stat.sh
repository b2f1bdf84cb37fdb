#!/bin/sh
# The file system of a path on the host, and its free space. A file's time of change cannot be set.
# So a practice host reports the time of modification, which is the time when the package was
# installed. The directory of the process itself is as old as the clock says.
fs='' format=%T
for word; do
  case $word in -f|--file-system|-fc|-fLc|-Lfc) fs=yes ;; --format=*|--printf=*) format=${word#*=} ;; -*) ;; *%*) format=$word ;; esac
done
case $fs$format in *%Z*)
  for word; do shift; case $word in -*|*%*) ;; *) set -- "$@" "$word" ;; esac; done
  format=$(printf '%s' "$format" | sed 's/%Z/%Y/g')
  [ -e "$KMEND_ROOT/../ctl/clock" ] || exec @REAL@/stat -L -c "$format" "$@"
  @REAL@/stat -L -c "$format" "$@" | sed "s|^at .* /proc/self/\.$|at $(date +%s) 0 /proc/self/.|"
  exit
  ;;
esac
[ -n "$fs" ] || exec @REAL@/stat "$@"
read -r kind < "$KMEND_ROOT/../ctl/cgroup"
free=2097152; [ ! -e "$KMEND_ROOT/../ctl/full" ] || free=0
status=0
for word; do
  case $word in -*|*%*) continue ;; esac
  [ -e "$word" ] || { echo "stat: cannot read file system information for '$word': No such file or directory" >&2; status=1; continue; }
  case $word in
    "$KMEND_ROOT"/sys/fs/cgroup|"$KMEND_ROOT"/sys/fs/cgroup/) [ "$kind" = v2 ] && type=cgroup2fs || type=tmpfs ;;
    "$KMEND_ROOT"/sys/fs/cgroup/*) [ "$kind" = v2 ] && type=cgroup2fs || type=cgroupfs ;;
    *) type=xfs ;;
  esac
  printf '%s\n' "$format" | sed "s/%T/$type/g; s/%[fa]/$free/g; s/%b/2621440/g; s/%[Ss]/4096/g; s|%n|$word|g"
done
exit $status
