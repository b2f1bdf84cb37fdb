# GRUB_CMDLINE_LINUX of /etc/default/grub, for kernels that are installed later. An edit without
# effect (in a branch of an "if" that is not taken) is undone.
if [ -e "$D" ] && ! defaults_hold ''; then
  init_words_of ''
  change "$D" where
  if ! defaults_hold ''; then
    cp -p "$D" "$D.kmend-kept" || fail 22 "cannot write beside $D"
    change "$D" add
    if ! defaults_hold ''; then mv "$D.kmend-kept" "$D.kmend-text"; replace "$D"; change "$D" force; fi
    rm -f "$D.kmend-kept"
  fi
  defaults_hold '' || fail 25 "$D: $KM_KEY is not as wanted"
fi
