#!/bin/sh
# image.sh ARCHIVE - the image of the Containerfile on a base of Debian's packages, as an OCI archive that podman, docker and ctr load. It asks no
# registry, runs no container, and leaves nothing in the storage of this machine.
# Needs: root, mmdebstrap, buildah with netavark, and the program as `npm run build` made it. About a minute.
# Env: SUITE (that of this machine if it is Debian, else trixie; its Node must be 20.19 or newer), IMAGE (the name in the archive, localhost/kmend).
set -eu
mkdir -p "$(dirname "$1")"
ARCHIVE=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
HERE=$(cd "$(dirname "$0")/.." && pwd)
[ -s "$HERE/dist/kmend.cjs" ] || { echo "there is no $HERE/dist: npm run build makes it" >&2; exit 1; }
. /etc/os-release
[ "$ID" = debian ] || VERSION_CODENAME=trixie
SUITE=${SUITE:-$VERSION_CODENAME} IMAGE=${IMAGE:-localhost/kmend}
WORK=$(mktemp -d)
# Nothing of this machine: the layers are kept here, and a container of them is only a folder.
in_store() { buildah --root "$WORK/storage" --runroot "$WORK/run" --storage-driver vfs "$@"; }
trap 'rm -rf "$WORK"' EXIT

# Without apt: what a scanner reads (dpkg's list) is there, and nobody installs anything into a running container.
# shellcheck disable=SC2016 # "$1" is for the shell of the hook
mmdebstrap --quiet --variant=essential --skip=output/dev --include=nodejs,ca-certificates,tzdata --aptopt='Acquire::Check-Valid-Until "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +' \
  --customize-hook='cd "$1" && rm -rf etc/resolv.conf etc/hostname etc/apt var/lib/apt var/log/* var/cache/* run/*' \
  "$SUITE" "$WORK/base.tar"
base=$(in_store from scratch)
in_store add --quiet "$base" "$WORK/base.tar" / > "$WORK/added"
in_store commit --quiet "$base" localhost/base > "$WORK/committed"
rm "$WORK/base.tar"
# --isolation chroot: no runtime is needed, and the Containerfile runs nothing anyway
in_store build --quiet --isolation chroot --network host --pull=never --build-arg BASE=localhost/base -f "$HERE/Containerfile" -t "$IMAGE" "$HERE" > "$WORK/built"
rm -f "$ARCHIVE"
in_store push --quiet "$IMAGE" "oci-archive:$ARCHIVE:${IMAGE##*/}"
