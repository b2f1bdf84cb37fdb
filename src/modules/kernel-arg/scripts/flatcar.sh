# GRUB reads the OEM grub.cfg at boot; nothing is generated.
cfg=''
for d in "$R/oem" "$R/usr/share/oem"; do if [ -z "$cfg" ] && [ -d "$d" ]; then cfg=$d/grub.cfg; fi; done
[ -n "$cfg" ] || fail 20 "neither $R/oem nor $R/usr/share/oem is there"
cfg=$(real "$cfg")
made='# Written by kmend: boot arguments'
if [ -e "$cfg" ]; then
  init_words=$(grep 'linux_append=.* -- ' "$cfg") || :
  change "$cfg" append linux_append
  if [ "$(cat "$cfg")" = "$made" ]; then rm -f "$cfg"; fi
elif [ "$KM_STATE" = present ]; then
  echo "$made" > "$cfg.kmend-from" && assignments "$cfg.kmend-from" append linux_append > "$cfg.kmend-text" || fail 22 "cannot write $cfg"
  rm -f "$cfg.kmend-from"; chmod 644 "$cfg.kmend-text"; replace "$cfg"
fi
