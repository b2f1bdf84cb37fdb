#!/bin/sh
# creators-root.sh ROOT - a Debian root with programs that make memory cgroups. Nothing of it is installed on this machine: the hosts of hosts.sh
# share this machine's files, and must not find a second docker.
# Needs: root, mmdebstrap. Env: SUITE (that of this machine if it is Debian, else trixie).
set -eu
. /etc/os-release
[ "$ID" = debian ] || VERSION_CODENAME=trixie
mmdebstrap --quiet --variant=minbase --include=docker.io,docker-cli,containerd,runc,podman,crun,lxc,busybox-static,curl,iproute2 \
  --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' "${SUITE:-$VERSION_CODENAME}" "$1"
