# The common part of the scripts of all boot loaders. Each puts its own parts before the last line.
#   satisfied LINE    true when LINE needs no edit
#   word_of LINE      the word of the key in the edited LINE, empty when there is none
#   assignments FILE MODE VARIABLE
#                     prints FILE with its assignments to VARIABLE edited (and to VARIABLE_DEFAULT,
#                     but not to add to a list). MODE where: only where the key already is; add:
#                     else in the last one; append: else in a new line at the end; force: in such a
#                     line in any case.
# A value is never edited when it continues on the next line, is glued to another word, or would
# need new quotes. "add" then writes a new line, which keeps the old value. INIT_WORDS not empty:
# words for init end the value, and a line of ours must come before them. A last line without a line
# break stays so. A rollback uses a list of files: FILE.kmend-before is the file before the first
# change. A file that did not exist before is removed.
set -u
KM_KEY=@key@ KM_ITEMS=@items@
KM_LIST=@list@ KM_STATE=@state@
export KM_KEY KM_ITEMS KM_LIST KM_STATE
edit_awk='@editFunctions@
BEGIN { setup() }
'
satisfied() { [ "$(printf '%s\n' "$1" | awk "$edit_awk"'{ print (edit($0) == $0) ? "yes" : "no" }')" = yes ]; }
word_of() { printf '%s\n' "$1" | awk "$edit_awk"'{ print token(edit($0)) }'; }
assignments() {
  open_end=''
  if [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then open_end=1; fi
  OPEN_END=$open_end MODE=$2 VARIABLE=$3 INIT_WORDS=${init_words-} awk "$edit_awk"'
    function put(line) { printf "%s%s", SEP, line; SEP = "\n" }
    function parse(rest,  j, c) { # QUOTE, INSIDE, AFTER of what follows the "="; false when it is not one plain value
      QUOTE = substr(rest, 1, 1); INSIDE = ""
      if (QUOTE != "\"" && QUOTE != "\047") {
        QUOTE = ""; INSIDE = rest; AFTER = ""
        if (match(rest, /[ \t]+(#.*)?$/)) { INSIDE = substr(rest, 1, RSTART - 1); AFTER = substr(rest, RSTART) }
        return INSIDE !~ /[^A-Za-z0-9_=.,:\/+-]/
      }
      for (j = 2; j <= length(rest); j++) {
        c = substr(rest, j, 1)
        if (c == "\\" && QUOTE == "\"") { INSIDE = INSIDE c substr(rest, ++j, 1); continue }
        if (c == QUOTE) { AFTER = substr(rest, j + 1); return AFTER ~ /^[ \t]*(#.*)?$/ }
        INSIDE = INSIDE c
      }
      return 0
    }
    BEGIN { MODE = ENVIRON["MODE"]; VARIABLE = ENVIRON["VARIABLE"]; SUFFIX = LIST && STATE == "present" ? "" : "(_DEFAULT)?" }
    { L[NR] = $0 }
    END {
      there = 0; last = 0
      for (i = 1; i <= NR; i++) {
        if (!match(L[i], "^[ \t]*((export|set)[ \t]+)?" VARIABLE SUFFIX "=")) continue
        head = substr(L[i], 1, RLENGTH); ours = head !~ /_DEFAULT=$/
        if (ours) last = 0
        if (!parse(substr(L[i], RLENGTH + 1))) continue
        H[i] = head; Q[i] = QUOTE; I[i] = INSIDE; A[i] = AFTER
        if (ours && (QUOTE != "" || INSIDE == "")) last = i
        cut(INSIDE); if (M > 0) there = 1
      }
      for (i = 1; i <= NR; i++) {
        if (!(i in H)) { put(L[i]); continue }
        cut(I[i]); new = I[i]
        if (M > 0 || (!there && MODE == "add" && i == last)) new = edit(I[i])
        if (new == I[i]) put(L[i])
        else if (new != "$" VARIABLE) put(H[i] Q[i] new Q[i] A[i])
      }
      if (STATE == "present" && (MODE == "force" || (!there && (MODE == "append" || (MODE == "add" && !last))))) {
        both = ENVIRON["INIT_WORDS"] != "" ? word(ITEMS) " $" VARIABLE : "$" VARIABLE " " word(ITEMS)
        put((VARIABLE == "linux_append" ? "set " : "") VARIABLE "=\"" both "\"")
      }
      if (SEP != "" && ENVIRON["OPEN_END"] == "") printf "\n"
    }' "$1"
}
undo=''
restore() {
  [ -n "$undo" ] || return 0
  while IFS= read -r f; do
    if [ -e "$f.kmend-before" ]; then cp -p "$f.kmend-before" "$f.kmend-new" && mv -f "$f.kmend-new" "$f"; elif [ -n "$f" ]; then rm -f "$f"; fi
  done <<UNDO
$undo
UNDO
}
fail() {
  code=$1; shift; echo "$*" >&2; restore; [ -z "${new-}" ] || rm -f "$new" "$new.new"; exit "$code"
}
real() { readlink -f "$1" || echo "$1"; }
# replace FILE: FILE.kmend-text becomes its content; owner, mode and label stay
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
  assignments "$1" "$2" "${3:-GRUB_CMDLINE_LINUX}" > "$1.kmend-text" || { rm -f "$1.kmend-text"; fail 22 "cannot write beside $1"; }
  replace "$1"
}
@parts@
[ -z "$undo" ] || sync
