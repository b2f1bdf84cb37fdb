#!/bin/sh
# update-repo.sh deb|rpm DIR - two states of a small repository, for tests of os_update on a host of hosts.sh:
#   DIR/old  what the host has installed at the beginning;  DIR/new  the updates for it
# tool 1 -> 2 (needs libnew then), openssh-server 1 -> 2 (owns ssh.service), kubelet and docker-ce 1 -> 2, orphan 1 (nobody needs it),
# rival 1 (tool 2 conflicts with it: only deb), held 1 -> 2, a kernel 6.1.0-1 -> 6.1.0-2 (deb: by its meta package).
set -eu
kind=$1 out=$2; rm -rf "$out"; mkdir -p "$out/old" "$out/new" "$out/t"; out=$(cd "$out" && pwd)

one() { # folder name version depends [conflicts]
  rm -rf "$out/t"; mkdir -p "$out/t/usr/share/lab"; echo "$2 $3" > "$out/t/usr/share/lab/$2-$3"
  case $2 in
    openssh-server) mkdir -p "$out/t/usr/lib/systemd/system"; : > "$out/t/usr/lib/systemd/system/ssh.service";;
    linux-image-6*) mkdir -p "$out/t/boot"; : > "$out/t/boot/vmlinuz-${2#linux-image-}";;
    kernel) mkdir -p "$out/t/boot"; : > "$out/t/boot/vmlinuz-$3.el7.x86_64";;
  esac
  if [ "$kind" = deb ]; then
    mkdir "$out/t/DEBIAN"
    { printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: lab <lab@localhost>\nDescription: dummy\n' "$2" "$3"
      [ -z "$4" ] || echo "Depends: $4"; [ -z "${5-}" ] || echo "Conflicts: $5"; } > "$out/t/DEBIAN/control"
    dpkg-deb --root-owner-group -Zgzip -b "$out/t" "$out/$1/$2_$3.deb" > /dev/null
  else
    v=${3%%-*} r=${3#*-}; [ "$r" != "$3" ] || r=1
    { printf 'Name: %s\nVersion: %s\nRelease: %s.el7\nSummary: dummy\nLicense: MIT\nAutoReqProv: no\n' "$2" "$v" "$r"
      [ -z "$4" ] || echo "Requires: $4"; [ -z "${5-}" ] || echo "Obsoletes: $5"
      printf '%%description\ndummy\n%%install\ncp -r %s/. %%{buildroot}/\n%%files\n' "$out/t"; (cd "$out/t"; find . -type f | sed 's/^\.//'); } > "$out/spec"
    rpmbuild -bb --quiet --target x86_64 --define "_topdir $out/rb" --define "_rpmdir $out/$1" --define "_build_id_links none" \
      --define "debug_package %{nil}" --define "__brp_strip true" "$out/spec"
  fi
}
for n in kubelet docker-ce openssh-server held; do one old $n 1 ''; one new $n 2 ''; done
one old orphan 1 ''; one old rival 1 ''; one new libnew 1 ''
one old tool 1 ''
if [ "$kind" = deb ]; then
  one new tool 2 libnew rival
  one old linux-image-6.1.0-1-amd64 6.1.1-1 ''; one old linux-image-amd64 6.1.1 linux-image-6.1.0-1-amd64
  one new linux-image-6.1.0-2-amd64 6.1.2-1 ''; one new linux-image-amd64 6.1.2 linux-image-6.1.0-2-amd64
  for d in old new; do (cd "$out/$d"; apt-ftparchive packages . > Packages; apt-ftparchive -o APT::FTPArchive::Release::Suite=stable-security release . > Release); done
else
  one new tool 2 libnew rival
  one old kernel 3.10.0-900 ''; one new kernel 3.10.0-1170 ''
  for d in old new; do createrepo_c -q "$out/$d"; done
fi
rm -rf "$out/t" "$out/rb" "$out/spec"
