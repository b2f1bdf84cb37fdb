#!/bin/sh
# Questions are answered from the tree; everything else is done by the fleet's process.
verb='' unit='' quiet=''
for word; do
  case $word in -q|--quiet) quiet=yes ;; -*) ;; *) if [ -z "$verb" ]; then verb=$word; else unit=${word%.service}; fi ;; esac
done
say() { [ -n "$quiet" ] || echo "$1"; }
case $verb in
  is-active) if [ -e "$KMEND_ROOT/run/lab/units/$unit" ]; then say active; else say inactive; exit 3; fi ;;
  is-enabled)
    if [ -e "$KMEND_ROOT/etc/systemd/system/multi-user.target.wants/$unit.service" ]; then say enabled
    elif [ -e "$KMEND_ROOT/usr/lib/systemd/system/$unit.service" ]; then say disabled; exit 1
    else echo "Failed to get unit file state for $unit.service: No such file or directory" >&2; exit 1; fi ;;
  cat) cat "$KMEND_ROOT/usr/lib/systemd/system/$unit.service" ;;
  is-system-running) echo running ;;
  list-units) for f in "$KMEND_ROOT"/run/lab/units/*; do [ ! -e "$f" ] || echo "${f##*/}.service loaded active running ${f##*/}"; done ;;
  list-unit-files) for f in "$KMEND_ROOT"/usr/lib/systemd/system/*.service; do
    f=${f##*/}; w=disabled; [ ! -e "$KMEND_ROOT/etc/systemd/system/multi-user.target.wants/$f" ] || w=enabled; echo "$f $w"
  done ;;
  *) LAB_AS=systemctl exec "${0%/*}/ask" "$@" ;;
esac
