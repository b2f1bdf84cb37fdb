#!/bin/sh
# run.sh DISK STATE NAME PORT - starts a VM in the background on an overlay of DISK; its sshd answers on 127.0.0.1:PORT (user-mode network, no way out).
# STATE/NAME.pid, .log (its console) and .qcow2 (its disk). Stop it: kill "$(cat STATE/NAME.pid)".
# Needs: qemu-system-x86, qemu-utils; no root. Env: ACCEL (tcg), MEM (512M).
set -eu
DISK=$(readlink -f "$1") STATE=$2 NAME=$3 PORT=$4
mkdir -p "$STATE"
[ -s "$STATE/$NAME.qcow2" ] || qemu-img create -q -f qcow2 -F raw -b "$DISK" "$STATE/$NAME.qcow2"
exec nice -n 5 qemu-system-x86_64 -name "$NAME" -machine pc,usb=off -accel "${ACCEL:-tcg}" -cpu max -smp 1 -m "${MEM:-512M}" -nodefaults -display none \
  -drive "file=$STATE/$NAME.qcow2,if=virtio,format=qcow2,cache=unsafe,discard=unmap" \
  -netdev "user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:$PORT-:22" -device virtio-net-pci,netdev=n,romfile= \
  -serial "file:$STATE/$NAME.log" -pidfile "$STATE/$NAME.pid" -daemonize
