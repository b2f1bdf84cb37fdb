# The kernel that is wanted is bootable, and grubby is there.
want=@release@
[ -s "$R/boot/vmlinuz-$want" ] || { echo "no $R/boot/vmlinuz-$want" >&2; exit 60; }
if [ -e "$R/boot/initramfs-$(uname -r).img" ] && [ ! -s "$R/boot/initramfs-$want.img" ]; then echo "no $R/boot/initramfs-$want.img" >&2; exit 60; fi
command -v grubby >/dev/null 2>&1 || exit 61
is_default() { case $(grubby --default-kernel 2>/dev/null) in */"vmlinuz-$want") ;; *) return 1;; esac; }
