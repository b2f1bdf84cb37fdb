#!/bin/sh
# kernel.sh OUT - Debian's cloud kernel as apt brings it, unpacked without installing it: OUT/vmlinuz and OUT/release.
# Needs: apt-get, apt-cache, dpkg-deb, tar; no root. Env: KERNEL (linux-image-cloud-amd64).
set -eu
OUT=$1 KERNEL=${KERNEL:-linux-image-cloud-amd64}
package=$(apt-cache depends "$KERNEL" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
[ -n "$package" ] || { echo "apt knows no kernel behind $KERNEL: apt-get update?" >&2; exit 1; }
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
chmod 755 "$D" # apt downloads as a user of its own
(cd "$D" && apt-get download -q "$package" > apt.log 2>&1) || { cat "$D/apt.log" >&2; exit 1; }
dpkg-deb --fsys-tarfile "$D"/*.deb | tar -C "$D" -x ./boot
mkdir -p "$OUT"; cp "$D"/boot/vmlinuz-* "$OUT/vmlinuz"; echo "${package#linux-image-}" > "$OUT/release"
