// The shell that the scripts of all boot loaders are put together from.
import { withPrelude } from '../../facts/probe/prelude.ts';
import { quote } from '../../model/text/quote.ts';
import type { ArgumentEdit } from './edit.ts';
import { editShell } from './edit-awk.ts';

const settings = (edit: ArgumentEdit): string => `KM_KEY=${quote(edit.key)} KM_ITEMS=${quote(edit.items.join(','))}
KM_LIST=${edit.list ? 1 : 0} KM_STATE=${edit.state}
export KM_KEY KM_ITEMS KM_LIST KM_STATE
`;

/** Undo by a list of files: FILE.kmend-before is what it was before the first change. A file that was not there before is removed by the undo. */
const files = `undo=''
restore() {
  [ -n "$undo" ] || return 0
  while IFS= read -r f; do
    if [ -e "$f.kmend-before" ]; then cp -p "$f.kmend-before" "$f.kmend-new" && mv -f "$f.kmend-new" "$f"; elif [ -n "$f" ]; then rm -f "$f"; fi
  done <<UNDO
$undo
UNDO
}
fail() {
  code=$1; shift; echo "$*" >&2; restore; [ -z "\${new-}" ] || rm -f "$new" "$new.new"; exit "$code"
}
real() { readlink -f "$1" || echo "$1"; }
# replace FILE: what stands in FILE.kmend-text becomes its content; owner, mode and label stay
replace() {
  if [ ! -e "$1" ]; then rm -f "$1.kmend-before"; mv "$1.kmend-text" "$1" || fail 22 "cannot write $1"; undo="$undo
$1"; return; fi
  if cmp -s "$1" "$1.kmend-text"; then rm -f "$1.kmend-text"; return; fi
  case "$undo
" in *"
$1
"*) ;; *) cp -p "$1" "$1.kmend-before" || { rm -f "$1.kmend-text"; fail 22 "cannot write beside $1"; };; esac
  cp -p "$1" "$1.kmend-new" && cat "$1.kmend-text" > "$1.kmend-new" || { rm -f "$1.kmend-text" "$1.kmend-new"; fail 22 "cannot write beside $1"; }
  chcon --reference="$1" "$1.kmend-new" 2>/dev/null || :
  rm -f "$1.kmend-text"
  mv -f "$1.kmend-new" "$1" || fail 22 "cannot replace $1"
  undo="$undo
$1"
}
# change FILE MODE [VARIABLE]: edits its assignments
change() {
  assignments "$1" "$2" "\${3:-GRUB_CMDLINE_LINUX}" > "$1.kmend-text" || { rm -f "$1.kmend-text"; fail 22 "cannot write beside $1"; }
  replace "$1"
}
`;

/**
 * Do the shell files of GRUB say it? Recovery entries get GRUB_CMDLINE_LINUX alone, so it must say it without the help of _DEFAULT; behind it
 * comes _DEFAULT, which adds to a list but would overrule a single value. `$1` empty = /etc/default/grub only.
 */
export const defaults = `D=$(real "$R/etc/default/grub")
effective() (
  set +eu; GRUB_CMDLINE_LINUX=''; GRUB_CMDLINE_LINUX_DEFAULT=''
  [ ! -r "$D" ] || . "$D"
  for f in "$R"/etc/default/grub.d/*.cfg; do if [ -n "$1" ] && [ -r "$f" ]; then . "$f"; fi; done
  if [ "$2" = all ]; then printf '%s %s\\n' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT"; else printf '%s\\n' "$GRUB_CMDLINE_LINUX"; fi
) 2>/dev/null
said() { satisfied "$(effective "$1" linux)" && { [ "$KM_LIST$KM_STATE" = 1present ] || satisfied "$(effective "$1" all)"; }; }
init_words_of() { case " $(effective "$1" linux) " in *' -- '*) init_words=1;; *) init_words='';; esac; }
`;

/** `others` prints each line without what it says about the key: what no tool of ours may change. */
export const othersShell = `others() {
  awk "$edit_awk"'{ cut($0); o = ""; for (i = 1; i <= N; i++) if (i >= END_ || name(T[i]) != KEY) o = o " " T[i]; print o }'
}
`;

/** `linux_lines` prints the linux lines of a grub.cfg, those of Linux itself where its generator marked them; `edited_menu` the file with these edited. */
export const grubCfg = `linux_lines() {
  awk '/^### BEGIN .*_linux ###/ { marked = 1; inside = 1 } /^### END / { inside = 0 }
    /^[ \\t]*linux(16|efi)?[ \\t]/ { L[++n] = $0; I[n] = inside } END { for (i = 1; i <= n; i++) if (!marked || I[i]) print L[i] }' "$1"
}
edited_menu() {
  awk "$edit_awk"'/^### BEGIN .*_linux ###/ { marked = 1; inside = 1 } /^### END / { inside = 0 }
    { row[NR] = $0; kind[NR] = $0 ~ /^[ \\t]*linux(16|efi)?[ \\t]/ ? 1 + inside : 0 }
    END { for (i = 1; i <= NR; i++) print (kind[i] > marked ? edit(row[i]) : row[i]) }' "$1"
}
all_satisfied() {
  [ -s "$1" ] || return 1
  [ "$(linux_lines "$1" | awk "$edit_awk"'edit($0) != $0 { bad = 1 } END { print (NR > 0 && !bad) ? "yes" : "no" }')" = yes ]
}
check_script() {
  if command -v grub2-script-check >/dev/null 2>&1; then grub2-script-check "$1"
  elif command -v grub-script-check >/dev/null 2>&1; then grub-script-check "$1"
  else grep -q '^[[:space:]]*linux' "$1"; fi >/dev/null 2>&1
}
# install_cfg: $new, checked, becomes $cfg; owner, mode and label stay (the generator makes a file of our umask)
install_cfg() {
  [ -s "$new" ] || fail 23 "no new boot loader configuration was made"
  check_script "$new" || fail 24 "$cfg: the new text has errors"
  all_satisfied "$new" || fail 25 "$cfg: $KM_KEY is not as wanted in the new text"
  cp -p "$cfg" "$cfg.kmend-before" || fail 22 "cannot write beside $cfg"
  cp -p "$cfg" "$new.kept" && cat "$new" > "$new.kept" && mv -f "$new.kept" "$new" || { rm -f "$new.kept"; fail 22 "cannot write beside $cfg"; }
  chcon --reference="$cfg" "$new" 2>/dev/null || :
  mv -f "$new" "$cfg" || fail 22 "cannot replace $cfg"
  undo="$undo
$cfg"
}
`;

export const findCfg2 = `cfg=''
for f in "$R/etc/grub2-efi.cfg" "$R"/boot/efi/EFI/*/grub.cfg; do if [ -z "$cfg" ] && [ -d "$R/sys/firmware/efi" ] && [ -s "$f" ]; then cfg=$(real "$f"); fi; done
for f in "$R/etc/grub2.cfg" "$R/boot/grub2/grub.cfg"; do if [ -z "$cfg" ] && [ -s "$f" ]; then cfg=$(real "$f"); fi; done
[ -n "$cfg" ] || fail 20 "no grub.cfg found under $R/boot or $R/etc/grub2.cfg"
new=$cfg.kmend-new
`;

/**
 * grubby replaces the value of a key and its `--remove-args` looks at the name only, so the whole word is made first, per kernel (a recovery entry
 * may say something else than its sibling). A call may reach only one of several words of a key: those are taken away one by one first.
 */
export const byGrubby = `entries() { grubby --info=ALL 2>/dev/null | awk '/^kernel=/ { k = $0; sub(/^kernel="?/, "", k); sub(/"$/, "", k) }
  /^args=/ { a = $0; sub(/^args="/, "", a); sub(/"$/, "", a); print k "\\t" a }'; }
entries_satisfied() { [ "$(entries | cut -f2- | awk "$edit_awk"'edit($0) != $0 { bad = 1 } END { print (NR > 0 && !bad) ? "yes" : "no" }')" = yes ]; }
words() { entries | awk -F'\\t' '{ if (!($1 in A)) O[++n] = $1; A[$1] = A[$1] " " $2 } END { for (i = 1; i <= n; i++) print O[i] "\\t" A[O[i]] }' \\
  | awk -F'\\t' "$edit_awk"'{ print $1 "\\t" token(edit($2)) }'; }
run_grubby() {
  list=$(words); tab=$(printf '\\t')
  most=$(entries | cut -f2- | awk "$edit_awk"'{ cut($0); if (M > most) most = M } END { print most + 0 }')
  [ -n "$list" ] || return 1
  if [ "$(printf '%s\\n' "$list" | cut -f2 | sort -u | wc -l)" -eq 1 ]; then list="ALL$tab$(printf '%s\\n' "$list" | cut -f2 | head -n 1)"; fi
  while IFS="$tab" read -r kernel word; do
    left=$most
    [ -z "$word" ] || [ "$most" -gt 1 ] || left=0
    while [ "$left" -gt 0 ]; do grubby --update-kernel="$kernel" --remove-args="$KM_KEY" || return 1; left=$((left - 1)); done
    [ -z "$word" ] || grubby --update-kernel="$kernel" --args="$word" || return 1
  done <<LIST
$list
LIST
}
`;

const finish = `[ -z "$undo" ] || sync
`;

export const script = (edit: ArgumentEdit, ...parts: readonly string[]): string =>
  withPrelude(`set -u\n${settings(edit)}${editShell}${files}${parts.join('')}${finish}`);

/** GRUB_CMDLINE_LINUX of /etc/default/grub, for kernels installed later. What did not help (the branch of an `if` that is not taken) is taken back. */
export const futureGrub2 = `if [ -e "$D" ] && ! said ''; then
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
`;
