#!/bin/sh
# repos.sh OUT_DIR - builds, from nothing, two small package repositories with dummy docker and kernel packages:
#   OUT_DIR/rpm  (rpmbuild + createrepo_c)          docker-ce 18.06.1.ce-3.el7, 3:18.09.1-3.el7, 3:18.09.9, docker-ce-cli, containerd.io, kernel ...
#   OUT_DIR/elrepo (the same)                   kernel-lt 5.4.277 and 5.4.278, named and made default as ELRepo's spec does: not while DEFAULTKERNEL is kernel
#   OUT_DIR/deb  (dpkg-deb + apt-ftparchive)        docker-ce 18.06.1~ce~3-0~debian, 5:18.09.1~3-0~debian, ..., linux-image-*
# Needs: rpm (rpmbuild), createrepo-c, dpkg-dev, apt-utils. No root, no network. About 3 s.
# Names, epochs, dependencies and file conflicts follow the real packages; the content is small emulated tools in shell:
#   docker, dockerd, runc, containerd print versions; /usr/share/lab/NAME names the version; /usr/share/lab/{docker-runc,runc}-nokmem says yes|no
#   kernel packages hold /boot/vmlinuz-VERSION (100 kB) and System.map-VERSION (with cgroup_memory_nokmem from 1062.el7 on)
#   lab-slow takes 20 s to install (real holder of the rpm/dpkg lock); lab-broken fails in its post-install script (deb: dpkg is left half configured)
set -eu
OUT=$1; rm -rf "$OUT"; mkdir -p "$OUT/rpm" "$OUT/elrepo" "$OUT/deb" "$OUT/tmp"; OUT=$(cd "$OUT" && pwd); T=$OUT/tmp

# payload NAME VERSION ROOT - fills ROOT with the files of a package; VERSION as the program itself prints it
payload() ( # a subshell: its variables stay its own
  n=$1 v=$2 R=$3; rm -rf "$R"; mkdir -p "$R/usr/share/lab" "$R/usr/bin"; case $n in kernel|kernel-lt) echo "$v" > "$R/usr/share/lab/$n-$v";; *) echo "$n $v" > "$R/usr/share/lab/$n";; esac
  cli() { cat > "$R/usr/bin/docker" <<S
#!/bin/sh
# emulates the docker client $v; the daemon is "running" while /run/lab/dockerd holds its version
srv=\$(cat /run/lab/dockerd 2>/dev/null) || { echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1; }
case "\$*" in
  version*Server.Version*) echo "\$srv";; version*Client.Version*) echo "$v";;
  info*CgroupDriver*) echo cgroupfs;; info*LiveRestore*) echo false;; "ps -q"*) cat /run/lab/containers 2>/dev/null || :;;
  version*) printf 'Client:\n Version: $v\nServer:\n Engine:\n  Version: %s\n' "\$srv";; --version|-v) echo "Docker version $v, build 0000000";; *) exit 1;; esac
S
  }
  daemon() { printf '#!/bin/sh\necho "Docker version %s, build 0000000"\n' "$v" > "$R/usr/bin/dockerd"; }
  containerd() { printf '#!/bin/sh\necho "containerd containerd.io %s 0000000000000000000000000000000000000000"\n' "$v" > "$R/usr/bin/containerd"; }
  run() { printf '#!/bin/sh\nprintf "runc version %s\\nspec: 1.0.1-dev\\n"\n' "$1" > "$R/usr/bin/$2"; echo "$3" > "$R/usr/share/lab/$2-nokmem"; }
  case $n-$v in
    docker-ce-18.06*) cli; daemon; run 1.0.0-rc5+dev docker-runc no ;;
    docker-ce-cli-*) cli ;;
    docker-ce-*) daemon ;;
    containerd.io-1.2.0*) run 1.0.0-rc5+dev runc no; containerd ;;
    containerd.io-1.2.10*) run 1.0.0-rc8+dev runc no; containerd ;;
    containerd.io-1.2.13*) run 1.0.0-rc10 runc no; containerd ;;
    containerd.io-1.2.2*) run 1.0.0-rc6+dev runc yes; containerd ;;
    containerd.io-1.4.13*) run 1.0.3 runc yes; containerd ;;
    containerd.io-*) run 1.0.0-rc92 runc yes; containerd ;;
    kubelet-*) printf '#!/bin/sh\n# with --version it says it, otherwise it runs for ever as the kubelet process of this host\n[ "${1:-}" != --version ] || { echo "Kubernetes v%s"; exit 0; }\nwhile :; do sleep 100000; done\n' "$v" > "$R/usr/bin/kubelet" ;;
    kernel-*|linux-image-*) mkdir -p "$R/boot"; head -c 100000 /dev/urandom > "$R/boot/vmlinuz-$v"; echo 'ffffffff81000000 T _text' > "$R/boot/System.map-$v"
      case $v in 3.10.0-1062.*|3.10.0-1127.*|3.10.0-1160.*) echo 'ffffffff81fc5a78 b cgroup_memory_nokmem' >> "$R/boot/System.map-$v";; esac ;;
  esac
  chmod +x "$R"/usr/bin/* 2>/dev/null || rmdir "$R/usr/bin"
)

rpm1() { # name epoch version release requires [arch] [post-script]   (the program's own version: VER, default version with .ce -> -ce)
  n=$1 e=$2 v=$3 r=$4 req=$5 arch=${6:-x86_64} post=${7:-}
  case $n in kernel|kernel-lt) pv=$v-$r.x86_64;; *) pv=$(echo "$v" | sed 's/\.ce$/-ce/');; esac
  payload "$n" "$pv" "$T/pay"
  { echo "Name: $n"; echo "Version: $v"; echo "Release: $r"; [ "$e" = 0 ] || echo "Epoch: $e"
    echo "Summary: dummy $n"; echo "License: MIT"; [ -n "$req" ] && echo "Requires: $req"; [ "$n" = bash ] && echo "Provides: /bin/sh, /bin/bash"; [ "$n" = kernel-lt ] && echo "Provides: kernel = $v-$r"
    echo "AutoReqProv: no"; echo "%description"; echo dummy; echo "%install"; echo "cp -r $T/pay/. %{buildroot}/"
    [ -n "$post" ] && { echo "%post"; echo "$post"; }
    echo "%files"; (cd "$T/pay"; find . -type f | sed 's/^\.//'); } > "$T/p.spec"
  rpmbuild -bb --quiet --target "$arch" --define "_topdir $T/rb" --define "_rpmdir $OUT/${DEST:-rpm}" --define "_build_id_links none" \
    --define "debug_package %{nil}" --define "__brp_strip true" "$T/p.spec"
}
MK='[ ! -x /usr/sbin/grub2-mkconfig ] || grub2-mkconfig -o /boot/grub2/grub.cfg'
rpm1 bash 0 4.2.46 30.el7 "" # only so that dnf finds somebody who provides /bin/sh for the scriptlets
rpm1 centos-release 0 7 5.1804.el7.centos ""
for r in 862.el7 957.el7 1062.4.1.el7 1127.el7 1160.el7; do rpm1 kernel 0 3.10.0 $r "" x86_64 "$MK
[ ! -x /usr/sbin/grubby ] || grubby --set-default=/boot/vmlinuz-3.10.0-$r.x86_64"; done
rpm1 container-selinux 2 2.68 1.el7 "" noarch
for v in 1.2.0-3.el7 1.2.2-3.3.el7 1.2.10-3.2.el7 1.2.13-3.2.el7 1.4.1-3.1.el7 1.4.13-3.1.el7; do rpm1 containerd.io 0 ${v%%-*} ${v#*-} ""; done
for v in 1.12.3 1.22.17; do rpm1 kubelet 0 $v 0 ""; done
rpm1 docker-ce-cli 1 18.09.1 3.el7 ""
rpm1 docker-ce-cli 1 18.09.9 3.el7 ""
rpm1 docker-ce 0 18.06.1.ce 3.el7 "container-selinux >= 2.9"
rpm1 docker-ce 3 18.09.1 3.el7 "container-selinux >= 2.9, containerd.io, docker-ce-cli"
rpm1 docker-ce 3 18.09.9 3.el7 "container-selinux >= 2.9, containerd.io >= 1.2.2, docker-ce-cli"
rpm1 lab-slow 0 1 1 "" noarch 'sleep 20'
rpm1 lab-broken 0 1 1 "" noarch 'exit 1'
createrepo_c -q "$OUT/rpm"
DEST=elrepo
for v in 5.4.277 5.4.278; do rpm1 kernel-lt 0 $v 1.el7.elrepo "" x86_64 "$MK
[ ! -x /usr/sbin/grubby ] || ! grep -q ^DEFAULTKERNEL=kernel-lt /etc/sysconfig/kernel 2>/dev/null || grubby --set-default=/boot/vmlinuz-$v-1.el7.elrepo.x86_64"; done
createrepo_c -q "$OUT/elrepo"

deb1() { # name version depends [post-script]
  n=$1; case $n in linux-image-*) pv=${n#linux-image-};; *) pv=$(echo "$2" | sed 's/^[0-9]*://; s/~ce~.*/-ce/; s/[~-].*-0~.*//');; esac
  payload "$n" "$pv" "$T/pay"; mkdir "$T/pay/DEBIAN"
  { echo "Package: $1"; echo "Version: $2"; echo "Architecture: amd64"; echo "Maintainer: lab <lab@localhost>"
    [ -n "$3" ] && echo "Depends: $3"; case $1 in containerd.io) echo "Conflicts: containerd, runc"; echo "Provides: containerd, runc";; docker-ce-cli) echo "Replaces: docker-ce (<< 5:0)"; echo "Breaks: docker-ce (<< 5:0)";; esac
    echo "Description: dummy $1"; } > "$T/pay/DEBIAN/control"
  [ -z "${4:-}" ] || { printf '#!/bin/sh\n%s\n' "$4" > "$T/pay/DEBIAN/postinst"; chmod 755 "$T/pay/DEBIAN/postinst"; }
  dpkg-deb --root-owner-group -Zgzip -b "$T/pay" "$OUT/deb/$1_$(echo "$2" | tr ':~' '_-')_amd64.deb" >/dev/null
}
UG='[ ! -x /usr/sbin/update-grub ] || update-grub'
deb1 linux-image-4.9.0-6-amd64 4.9.88-1 "" "$UG"
deb1 linux-image-4.9.0-8-amd64 4.9.130-2 "" "$UG"
for v in 1.2.0-1 1.2.2-1 1.2.13-2 1.4.1-1 1.4.13-1; do deb1 containerd.io $v ""; done
deb1 docker-ce-cli "5:18.09.1~3-0~debian-stretch" ""
deb1 docker-ce-cli "5:18.09.9~3-0~debian-stretch" ""
deb1 docker-ce "18.06.1~ce~3-0~debian" ""
deb1 docker-ce "5:18.09.1~3-0~debian-stretch" "docker-ce-cli, containerd.io"
deb1 docker-ce "5:18.09.9~3-0~debian-stretch" "docker-ce-cli, containerd.io (>= 1.2.2-1)"
deb1 lab-slow 1 "" 'sleep 20'
deb1 lab-broken 1 "" 'exit 1'
( cd "$OUT/deb"; apt-ftparchive packages . > Packages; apt-ftparchive release . > Release )
rm -rf "$T"
