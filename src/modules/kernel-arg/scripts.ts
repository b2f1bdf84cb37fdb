// The scripts that set a boot argument, one a boot loader: for all entries there are and for kernels installed later.
// Each one: work on a copy beside the file, check it, put it in place by rename, keep what was before as FILE.kmend-before; change no byte
// when nothing is missing; when a step fails, put back what was before.
import type { ArgumentEdit } from './edit.ts';
import { byGrubby, defaults, findCfg2, futureGrub2, grubCfg, othersShell, script } from './shell.ts';

/** What the exit codes of all these scripts mean. */
export const scriptErrors: Readonly<Record<number, string>> = {
  20: 'the boot loader configuration was not found: nothing was changed',
  21: 'a program that sets boot arguments here is missing (grubby, grub2-mkconfig, update-grub, rpm-ostree or zipl): nothing was changed',
  22: 'a file of the boot loader could not be written: no space or read-only? what was before is back in place',
  23: 'the tool that makes boot entries failed: what was before is back in place',
  24: 'the new boot loader configuration does not pass the script check: what was before is back in place',
  26: 'grubby changed other arguments too: what was before is back in place',
  25: 'the argument is not in the new configuration: what was before is back in place; look for a file under /etc/default that overrides it',
};

/**
 * el7: no BLS. The entries of a copy of grub.cfg are edited line by line. grubby is not used: 8.28 edits only the first word of a key a call, moves
 * quotes, puts words behind ` -- `, and answers 0 where it has done nothing.
 */
export const grub2Script = (edit: ArgumentEdit): string =>
  script(
    edit,
    defaults,
    grubCfg,
    findCfg2,
    futureGrub2,
    `if ! all_satisfied "$cfg"; then
  [ -n "$(linux_lines "$cfg")" ] || fail 20 "$cfg has no entry that boots Linux"
  cp -p "$cfg" "$new" && edited_menu "$cfg" > "$new" || fail 22 "cannot write beside $cfg"
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
    othersShell,
    `command -v grubby >/dev/null 2>&1 || fail 21 "grubby is not there"
${zipl ? 'command -v zipl >/dev/null 2>&1 || fail 21 "zipl is not there"\n' : ''}ls "$R"/boot/loader/entries/*.conf >/dev/null 2>&1 || fail 20 "no entries under $R/boot/loader/entries"
if ! entries_satisfied; then
  for f in "$R"/boot/loader/entries/*.conf "$R/boot/grub2/grubenv" "$R/etc/default/grub" "$R/etc/kernel/cmdline"; do
    [ -e "$f" ] || continue
    f=$(real "$f"); cp -p "$f" "$f.kmend-before" || fail 22 "cannot write beside $f"
    undo="$undo
$f"
  done
  before=$(entries | others)
  run_grubby >/dev/null || fail 23 "grubby failed"
  [ "$(entries | others)" = "$before" ] || fail 26 "grubby changed other arguments too"
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
 * Debian, Ubuntu: where the key already stands in one of the shell files it is edited there; else a drop-in of ours that sorts late, because
 * cloud images assign GRUB_CMDLINE_LINUX_DEFAULT again in 50-cloudimg-settings.cfg; what sorts later and assigns the variable anew is edited too.
 * Then update-grub into a copy.
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
    init_words_of d
    [ -d "$R/etc/default/grub.d" ] || { mkdir -p "$R/etc/default/grub.d" && chmod 755 "$R/etc/default/grub.d"; } || fail 22 "cannot make $R/etc/default/grub.d"
    { if [ -e "$mine" ]; then cat "$mine"; else echo '# Written by kmend: boot arguments. It sorts last, so that it adds to what the other files say.'; fi; } > "$mine.kmend-from" || fail 22 "cannot write $mine"
    assignments "$mine.kmend-from" force GRUB_CMDLINE_LINUX > "$mine.kmend-text" || fail 22 "cannot write $mine"
    rm -f "$mine.kmend-from"; chmod 644 "$mine.kmend-text"
    replace "$mine"
  fi
  later=''
  for f in "$R"/etc/default/grub.d/*.cfg; do
    if [ "$f" = "$mine" ]; then later=1
    elif [ -n "$later" ] && ! said d && grep -q 'GRUB_CMDLINE_LINUX=' "$f"; then change "$(real "$f")" add; fi
  done
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
  set --; set -f
  for old in $(printf '%s\\n' "$line" | awk "$edit_awk"'{ cut($0); for (i = 1; i <= M; i++) print T[AT[i]] }'); do set -- "$@" "--delete=$old"; done
  word=$(word_of "$line")
  case " $line " in *' -- '*) [ -z "$word" ] || fail 25 "words for init end the command line, and rpm-ostree would put $word behind them";; esac
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
made='# Written by kmend: boot arguments'
if [ -e "$cfg" ]; then
  init_words=$(grep 'linux_append=.* -- ' "$cfg") || :
  change "$cfg" append linux_append
  if [ "$(cat "$cfg")" = "$made" ]; then rm -f "$cfg"; fi
elif [ "$KM_STATE" = present ]; then
  echo "$made" > "$cfg.kmend-from" && assignments "$cfg.kmend-from" append linux_append > "$cfg.kmend-text" || fail 22 "cannot write $cfg"
  rm -f "$cfg.kmend-from"; chmod 644 "$cfg.kmend-text"; replace "$cfg"
fi
`,
  );
