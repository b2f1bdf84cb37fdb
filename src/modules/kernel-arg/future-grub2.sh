# GRUB_CMDLINE_LINUX of /etc/default/grub, for kernels installed later. What did not help (the branch of an "if" that is
# not taken) is undone.
if [ -e "$D" ] && ! said ''; then
  init_words_of ''
  change "$D" where
  if ! said ''; then
    cp -p "$D" "$D.kmend-kept" || fail 22 "cannot write beside $D"
    change "$D" add
    if ! said ''; then mv "$D.kmend-kept" "$D.kmend-text"; replace "$D"; change "$D" force; fi
    rm -f "$D.kmend-kept"
  fi
  said '' || fail 25 "$D: $KM_KEY is not as wanted"
fi
