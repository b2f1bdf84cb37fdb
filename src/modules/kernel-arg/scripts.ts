// The scripts that set a boot argument, one a boot loader: for all entries there are and for kernels installed later.
// Each one: work on a copy beside the file, check it, put it in place by rename, keep what was before as FILE.kmend-before; change no byte
// when nothing is missing; when a step fails, put back what was before.
import { withPrelude } from '../../facts/prelude.ts';
import { quote } from '../../model/quote.ts';
import type { ArgumentEdit } from './edit.ts';
import { editShell } from './edit-awk.ts';

/** What the exit codes of all these scripts mean. */
export const scriptErrors: Readonly<Record<number, string>> = {
  20: 'the boot loader configuration was not found: nothing was changed',
  21: 'a program that sets boot arguments here is missing (grubby, grub2-mkconfig, update-grub, rpm-ostree or zipl): nothing was changed',
  22: 'a file of the boot loader could not be written: no space or read-only? what was before is back in place',
  23: 'the tool that makes boot entries failed: what was before is back in place',
  24: 'the new boot loader configuration does not pass the script check: what was before is back in place',
  25: 'the argument is not in the new configuration: what was before is back in place; look for a file under /etc/default that overrides it',
};

const settings = (edit: ArgumentEdit): string => `KM_KEY=${quote(edit.key)} KM_ITEMS=${quote(edit.items.join(','))}
KM_LIST=${edit.list ? 1 : 0} KM_STATE=${edit.state}
export KM_KEY KM_ITEMS KM_LIST KM_STATE
`;

/** Undo by a list of files; `put FILE` renames FILE.kmend-new into place. A file that was not there before is removed by the undo. */
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
  if [ ! -e "$1" ]; then mv "$1.kmend-text" "$1" || fail 22 "cannot write $1"; undo="$undo
$1"; return; fi
  if cmp -s "$1" "$1.kmend-text"; then rm -f "$1.kmend-text"; return; fi
  cp -p "$1" "$1.kmend-before" && cp -p "$1" "$1.kmend-new" && cat "$1.kmend-text" > "$1.kmend-new" || { rm -f "$1.kmend-text" "$1.kmend-new"; fail 22 "cannot write beside $1"; }
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
const defaults = `D=$(real "$R/etc/default/grub")
effective() (
  set +eu; GRUB_CMDLINE_LINUX=''; GRUB_CMDLINE_LINUX_DEFAULT=''
  [ ! -r "$D" ] || . "$D"
  for f in "$R"/etc/default/grub.d/*.cfg; do if [ -n "$1" ] && [ -r "$f" ]; then . "$f"; fi; done
  if [ "$2" = all ]; then printf '%s %s\\n' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT"; else printf '%s\\n' "$GRUB_CMDLINE_LINUX"; fi
) 2>/dev/null
said() { satisfied "$(effective "$1" linux)" && { [ "$KM_LIST$KM_STATE" = 1present ] || satisfied "$(effective "$1" all)"; }; }
`;

/** `linux_lines` prints the linux lines of a grub.cfg, those of Linux itself where its generator marked them. */
const grubCfg = `linux_lines() {
  awk '/^### BEGIN .*_linux ###/ { marked = 1; inside = 1 } /^### END / { inside = 0 }
    /^[ \\t]*linux(16|efi)?[ \\t]/ { L[++n] = $0; I[n] = inside } END { for (i = 1; i <= n; i++) if (!marked || I[i]) print L[i] }' "$1"
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
# install_cfg: $new, checked, becomes $cfg
install_cfg() {
  [ -s "$new" ] || fail 23 "no new boot loader configuration was made"
  check_script "$new" || fail 24 "$cfg: the new text has errors"
  all_satisfied "$new" || fail 25 "$cfg: $KM_KEY is not as wanted in the new text"
  cp -p "$cfg" "$cfg.kmend-before" || fail 22 "cannot write beside $cfg"
  chcon --reference="$cfg" "$new" 2>/dev/null || :
  mv -f "$new" "$cfg" || fail 22 "cannot replace $cfg"
  undo="$undo
$cfg"
}
`;

const findCfg2 = `cfg=''
for f in "$R/etc/grub2-efi.cfg" "$R"/boot/efi/EFI/*/grub.cfg; do if [ -z "$cfg" ] && [ -d "$R/sys/firmware/efi" ] && [ -s "$f" ]; then cfg=$(real "$f"); fi; done
for f in "$R/etc/grub2.cfg" "$R/boot/grub2/grub.cfg"; do if [ -z "$cfg" ] && [ -s "$f" ]; then cfg=$(real "$f"); fi; done
[ -n "$cfg" ] || fail 20 "no grub.cfg found under $R/boot or $R/etc/grub2.cfg"
new=$cfg.kmend-new
`;

/**
 * grubby replaces every value of a key and its `--remove-args` looks at the name only, so the whole word is made first, per kernel
 * (a recovery entry may say something else than its sibling). COPY names the copy of grub.cfg to work on; empty = in place.
 */
const byGrubby = `on_entries() { if [ -n "$COPY" ]; then grubby --grub2 --config-file="$COPY" "$@"; else grubby "$@"; fi; }
entries() { on_entries --info=ALL 2>/dev/null | awk '/^kernel=/ { k = $0; sub(/^kernel="?/, "", k); sub(/"$/, "", k) }
  /^args=/ { a = $0; sub(/^args="/, "", a); sub(/"$/, "", a); print k "\\t" a }'; }
entries_satisfied() { [ "$(entries | cut -f2- | awk "$edit_awk"'edit($0) != $0 { bad = 1 } END { print (NR > 0 && !bad) ? "yes" : "no" }')" = yes ]; }
words() { entries | awk -F'\\t' '{ if (!($1 in A)) O[++n] = $1; A[$1] = A[$1] " " $2 } END { for (i = 1; i <= n; i++) print O[i] "\\t" A[O[i]] }' \\
  | awk -F'\\t' "$edit_awk"'{ print $1 "\\t" token(edit($2)) }'; }
run_grubby() {
  list=$(words); tab=$(printf '\\t')
  [ -n "$list" ] || return 1
  if [ "$(printf '%s\\n' "$list" | cut -f2 | sort -u | wc -l)" -eq 1 ]; then list="ALL$tab$(printf '%s\\n' "$list" | cut -f2 | head -n 1)"; fi
  while IFS="$tab" read -r kernel word; do
    if [ -n "$word" ]; then on_entries --update-kernel="$kernel" --args="$word" || return 1
    else on_entries --update-kernel="$kernel" --remove-args="$KM_KEY" || return 1; fi
  done <<LIST
$list
LIST
}
`;

const finish = `[ -z "$undo" ] || sync
`;

const script = (edit: ArgumentEdit, ...parts: readonly string[]): string =>
  withPrelude(`set -u\n${settings(edit)}${editShell}${files}${parts.join('')}${finish}`);

/** GRUB_CMDLINE_LINUX of /etc/default/grub, for kernels installed later. */
const futureGrub2 = `if [ -e "$D" ] && ! said ''; then
  change "$D" where
  said '' || change "$D" add
  said '' || fail 25 "$D: $KM_KEY is not as wanted"
fi
`;

/** el7: no BLS. grubby works on a copy of grub.cfg; without grubby the copy is made by grub2-mkconfig. */
export const grub2Script = (edit: ArgumentEdit): string =>
  script(
    edit,
    defaults,
    grubCfg,
    findCfg2,
    byGrubby,
    futureGrub2,
    `if ! all_satisfied "$cfg"; then
  if command -v grubby >/dev/null 2>&1; then
    cp -p "$cfg" "$new" || fail 22 "cannot write beside $cfg"
    COPY=$new
    run_grubby >/dev/null || fail 23 "grubby failed"
  elif command -v grub2-mkconfig >/dev/null 2>&1; then
    grub2-mkconfig -o "$new" >/dev/null 2>&1 || fail 23 "grub2-mkconfig failed"
  else fail 21 "neither grubby nor grub2-mkconfig is there"; fi
  install_cfg
fi
`,
  );

/** el8, el9, Fedora: entries under /boot/loader/entries, edited by grubby in place; `zipl` where it is the boot loader. */
export const blsScript = (edit: ArgumentEdit, zipl: boolean): string =>
  script(
    edit,
    defaults,
    byGrubby,
    `command -v grubby >/dev/null 2>&1 || fail 21 "grubby is not there"
${zipl ? 'command -v zipl >/dev/null 2>&1 || fail 21 "zipl is not there"\n' : ''}ls "$R"/boot/loader/entries/*.conf >/dev/null 2>&1 || fail 20 "no entries under $R/boot/loader/entries"
COPY=''
if ! entries_satisfied; then
  for f in "$R"/boot/loader/entries/*.conf "$R/boot/grub2/grubenv" "$R/etc/default/grub" "$R/etc/kernel/cmdline"; do
    [ -e "$f" ] || continue
    f=$(real "$f"); cp -p "$f" "$f.kmend-before" || fail 22 "cannot write beside $f"
    undo="$undo
$f"
  done
  run_grubby >/dev/null || fail 23 "grubby failed"
  entries_satisfied || fail 25 "$KM_KEY is not as wanted in every entry"
fi
${futureGrub2}K=$R/etc/kernel/cmdline
if [ -e "$K" ] && ! satisfied "$(cat "$K")"; then
  K=$(real "$K")
  awk "$edit_awk"'{ print edit($0) }' "$K" > "$K.kmend-text" || fail 22 "cannot write beside $K"
  replace "$K"
fi
${zipl ? '[ -z "$undo" ] || zipl >/dev/null || fail 23 "zipl failed"\n' : ''}`,
  );

/**
 * Debian, Ubuntu: where the key already stands in one of the shell files it is edited there; else a drop-in of ours that sorts last, because
 * cloud images assign GRUB_CMDLINE_LINUX_DEFAULT again in 50-cloudimg-settings.cfg. Then update-grub into a copy.
 */
export const grubDebianScript = (edit: ArgumentEdit): string =>
  script(
    edit,
    defaults,
    grubCfg,
    `cfg=$(real "$R/boot/grub/grub.cfg"); new=$cfg.kmend-new
[ -s "$cfg" ] || fail 20 "$cfg is not there"
command -v update-grub >/dev/null 2>&1 || fail 21 "update-grub is not there"
if ! said d; then
  mine=$R/etc/default/grub.d/99-kmend.cfg
  [ ! -e "$D" ] || change "$D" where
  for f in "$R"/etc/default/grub.d/*.cfg; do if [ -e "$f" ]; then change "$(real "$f")" where; fi; done
  if ! said d; then
    mkdir -p "$R/etc/default/grub.d" && chmod 755 "$R/etc/default/grub.d" || fail 22 "cannot make $R/etc/default/grub.d"
    { if [ -e "$mine" ]; then cat "$mine"; else echo '# Written by kmend: boot arguments. It sorts last, so that it adds to what the other files say.'; fi; } > "$mine.kmend-from" || fail 22 "cannot write $mine"
    assignments "$mine.kmend-from" append GRUB_CMDLINE_LINUX > "$mine.kmend-text" || fail 22 "cannot write $mine"
    rm -f "$mine.kmend-from"; chmod 644 "$mine.kmend-text"
    replace "$mine"
  fi
  said d || fail 25 "$KM_KEY is not as wanted in what $R/etc/default/grub and grub.d come to"
fi
if ! all_satisfied "$cfg"; then
  update-grub -o "$new" >/dev/null 2>&1 || fail 23 "update-grub failed"
  install_cfg
fi
if [ -e "$R/etc/default/grub.d/99-kmend.cfg" ] && ! grep -q '^[^#]' "$R/etc/default/grub.d/99-kmend.cfg"; then rm -f "$R/etc/default/grub.d/99-kmend.cfg"; fi
`,
  );

/** SUSE: /etc/default/grub, then grub2-mkconfig into a copy. */
export const grubSuseScript = (edit: ArgumentEdit): string =>
  script(
    edit,
    defaults,
    grubCfg,
    findCfg2,
    `[ -e "$D" ] || fail 20 "$D is not there"
command -v grub2-mkconfig >/dev/null 2>&1 || fail 21 "grub2-mkconfig is not there"
${futureGrub2}if ! all_satisfied "$cfg"; then
  grub2-mkconfig -o "$new" >/dev/null 2>&1 || fail 23 "grub2-mkconfig failed"
  install_cfg
fi
`,
  );

/** rpm-ostree: a new deployment with other arguments; all words of the key go, the one wanted word comes. */
export const rpmOstreeScript = (edit: ArgumentEdit): string =>
  script(
    edit,
    `command -v rpm-ostree >/dev/null 2>&1 || fail 21 "rpm-ostree is not there"
line=$(rpm-ostree kargs) || fail 23 "rpm-ostree kargs failed"
if ! satisfied "$line"; then
  set --
  for old in $(printf '%s\\n' "$line" | awk "$edit_awk"'{ cut($0); for (i = 1; i <= M; i++) print T[AT[i]] }'); do set -- "$@" "--delete=$old"; done
  word=$(word_of "$line")
  [ -z "$word" ] || set -- "$@" "--append=$word"
  rpm-ostree kargs "$@" >/dev/null || fail 23 "rpm-ostree kargs failed"
  satisfied "$(rpm-ostree kargs)" || fail 25 "$KM_KEY is not as wanted in the pending deployment"
fi
`,
  );

/** Flatcar: GRUB reads the OEM grub.cfg at boot; nothing is generated. */
export const flatcarScript = (edit: ArgumentEdit): string =>
  script(
    edit,
    `cfg=''
for d in "$R/oem" "$R/usr/share/oem"; do if [ -z "$cfg" ] && [ -d "$d" ]; then cfg=$d/grub.cfg; fi; done
[ -n "$cfg" ] || fail 20 "neither $R/oem nor $R/usr/share/oem is there"
cfg=$(real "$cfg")
if [ -e "$cfg" ]; then change "$cfg" append linux_append
elif [ "$KM_STATE" = present ]; then
  : > "$cfg.kmend-from" && assignments "$cfg.kmend-from" append linux_append > "$cfg.kmend-text" || fail 22 "cannot write $cfg"
  rm -f "$cfg.kmend-from"; chmod 644 "$cfg.kmend-text"; replace "$cfg"
fi
`,
  );
