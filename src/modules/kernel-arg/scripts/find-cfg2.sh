# The grub.cfg that the firmware starts is cfg, and new the text beside it.
cfg=''
for f in "$R/etc/grub2-efi.cfg" "$R"/boot/efi/EFI/*/grub.cfg; do if [ -z "$cfg" ] && [ -d "$R/sys/firmware/efi" ] && [ -s "$f" ]; then cfg=$(real "$f"); fi; done
for f in "$R/etc/grub2.cfg" "$R/boot/grub2/grub.cfg"; do if [ -z "$cfg" ] && [ -s "$f" ]; then cfg=$(real "$f"); fi; done
[ -n "$cfg" ] || fail 20 "no grub.cfg found under $R/boot or $R/etc/grub2.cfg"
new=$cfg.kmend-new
