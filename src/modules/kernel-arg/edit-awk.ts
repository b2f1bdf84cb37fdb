// The rules of `edit.ts` once more, in awk: the host's files hold command lines that the controller never sees (other entries, other drop-ins).

/**
 * awk functions (mawk, gawk, busybox): `edit(line)` and `token(line)`, the one word that says all that the line says about the key.
 * Data come through the environment, which awk does not unescape: KM_KEY, KM_ITEMS (commas), KM_LIST (1 or 0), KM_STATE.
 */
const editFunctions = `function bare(t) { gsub(/\\\\"/, "\\"", t); gsub(/"/, "", t); return t }
function name(t) { t = bare(t); sub(/=.*/, "", t); return t }
function value(t) { t = bare(t); if (t !~ /=/) return ""; sub(/^[^=]*=/, "", t); return t }
function has(list, item,  a, n, i) { n = split(list, a, ","); for (i = 1; i <= n; i++) if (a[i] == item) return 1; return 0 }
function plus(list, item) { return list == "" ? item : list "," item }
function tidy(list,  a, n, i, o) { n = split(list, a, ","); o = ""; for (i = 1; i <= n; i++) if (a[i] != "") o = plus(o, a[i]); return o }
function less(list, gone,  a, n, i, o) { n = split(list, a, ","); o = ""; for (i = 1; i <= n; i++) if (a[i] != "" && !has(gone, a[i])) o = plus(o, a[i]); return o }
function word(items) { return items == "" ? KEY : KEY "=" items }
function cut(line,  i, c, q, t, g) {
  N = 0; q = 0; t = ""; g = ""
  for (i = 1; i <= length(line); i++) {
    c = substr(line, i, 1)
    if (c == "\\"") q = !q
    if (!q && (c == " " || c == "\\t")) { if (t != "") { N++; G[N] = g; T[N] = t; g = ""; t = "" } g = g c } else t = t c
  }
  if (t != "") { N++; G[N] = g; T[N] = t; g = "" }
  TAIL = g
  END_ = N + 1
  for (i = 1; i <= N; i++) if (T[i] == "--") { END_ = i; break }
  M = 0; ALL = ""
  for (i = 1; i < END_; i++) if (name(T[i]) == KEY) { M++; AT[M] = i; if (tidy(value(T[i])) != "") ALL = plus(ALL, tidy(value(T[i]))) }
}
function edit(line,  i, n, o, w, left, had, changed, first, lead) {
  cut(line); changed = 0
  for (i = 1; i <= N; i++) { W[i] = T[i]; KEEP[i] = 1 }
  if (STATE == "present") {
    if (M == 0) { changed = 1 }
    else if (LIST) {
      n = less(ITEMS, ALL)
      for (i = 1; i <= M; i++) { w = bare(T[AT[i]]); if (i == 1 && n != "") w = word(plus_list(tidy(value(w)), n)); if (w != T[AT[i]]) { W[AT[i]] = w; changed = 1 } }
    } else {
      for (i = 1; i <= M; i++) if (T[AT[i]] != word(ITEMS)) changed = 1
      if (changed) for (i = 1; i <= M; i++) { W[AT[i]] = word(ITEMS); KEEP[AT[i]] = (i == 1) }
    }
  } else for (i = 1; i <= M; i++) {
    w = T[AT[i]]
    if (ITEMS == "") { KEEP[AT[i]] = 0; changed = 1 }
    else if (!LIST) { if (bare(w) == word(ITEMS)) { KEEP[AT[i]] = 0; changed = 1 } }
    else { had = tidy(value(w)); left = less(had, ITEMS); if (left != had) { changed = 1; if (left == "") KEEP[AT[i]] = 0; else W[AT[i]] = word(left) } }
  }
  if (!changed) return line
  o = ""; first = 1; lead = N > 0 ? G[1] : ""
  for (i = 1; i <= N; i++) {
    if (STATE == "present" && M == 0 && i == END_) { o = o (first ? lead : " ") word(ITEMS); first = 0 }
    if (!KEEP[i]) continue
    o = o (first ? lead : (G[i] == "" ? " " : G[i])) W[i]; first = 0
  }
  if (STATE == "present" && M == 0 && END_ > N) o = o (first ? lead : " ") word(ITEMS)
  return o TAIL
}
function plus_list(list, more) { return list == "" ? more : list "," more }
function token(line,  i, a, n, o, bareword) {
  cut(line); if (M == 0) return ""
  if (!LIST) return bare(T[AT[1]])
  n = split(ALL, a, ","); o = ""
  for (i = 1; i <= n; i++) if (!has(o, a[i])) o = plus(o, a[i])
  return word(o)
}
function setup() { KEY = ENVIRON["KM_KEY"]; ITEMS = ENVIRON["KM_ITEMS"]; LIST = ENVIRON["KM_LIST"] + 0; STATE = ENVIRON["KM_STATE"] }`;

/** Whole lines in, edited lines out. For the comparison with `edit.ts`. */
export const editLinesProgram = `${editFunctions}
BEGIN { setup() }
{ print edit($0) }`;

/**
 * Shell functions of the host's side:
 *   satisfied LINE                  true when LINE needs no edit
 *   word_of LINE                    the word that LINE holds for the key once edited, empty when none
 *   assignments FILE MODE VARIABLE  prints FILE with its assignments to VARIABLE (and VARIABLE_DEFAULT, but not to add to a list) edited. MODE `where`: only where the
 *                                   key already stands; `add`: else in the last one; `append`: else in a line of its own at the end; `force`: in such a line all the same.
 * A value that goes on in the next line, is glued together or would need quotes that it has not is never edited: `add` then writes a line of its own, which
 * keeps it. INIT_WORDS not empty: words for init end the value, and a line of ours must come before them. A last line without an end stays so.
 */
export const editShell = `edit_awk='${editFunctions}
BEGIN { setup() }
'
satisfied() { [ "$(printf '%s\\n' "$1" | awk "$edit_awk"'{ print (edit($0) == $0) ? "yes" : "no" }')" = yes ]; }
word_of() { printf '%s\\n' "$1" | awk "$edit_awk"'{ print token(edit($0)) }'; }
assignments() {
  open_end=''
  if [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then open_end=1; fi
  OPEN_END=$open_end MODE=$2 VARIABLE=$3 INIT_WORDS=\${init_words-} awk "$edit_awk"'
    function put(line) { printf "%s%s", SEP, line; SEP = "\\n" }
    function parse(rest,  j, c) { # QUOTE, INSIDE, AFTER of what follows the "="; false when it is not one plain value
      QUOTE = substr(rest, 1, 1); INSIDE = ""
      if (QUOTE != "\\"" && QUOTE != "\\047") {
        QUOTE = ""; INSIDE = rest; AFTER = ""
        if (match(rest, /[ \\t]+(#.*)?$/)) { INSIDE = substr(rest, 1, RSTART - 1); AFTER = substr(rest, RSTART) }
        return INSIDE !~ /[^A-Za-z0-9_=.,:\\/+-]/
      }
      for (j = 2; j <= length(rest); j++) {
        c = substr(rest, j, 1)
        if (c == "\\\\" && QUOTE == "\\"") { INSIDE = INSIDE c substr(rest, ++j, 1); continue }
        if (c == QUOTE) { AFTER = substr(rest, j + 1); return AFTER ~ /^[ \\t]*(#.*)?$/ }
        INSIDE = INSIDE c
      }
      return 0
    }
    BEGIN { MODE = ENVIRON["MODE"]; VARIABLE = ENVIRON["VARIABLE"]; SUFFIX = LIST && STATE == "present" ? "" : "(_DEFAULT)?" }
    { L[NR] = $0 }
    END {
      there = 0; last = 0
      for (i = 1; i <= NR; i++) {
        if (!match(L[i], "^[ \\t]*((export|set)[ \\t]+)?" VARIABLE SUFFIX "=")) continue
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
        put((VARIABLE == "linux_append" ? "set " : "") VARIABLE "=\\"" both "\\"")
      }
      if (SEP != "" && ENVIRON["OPEN_END"] == "") printf "\\n"
    }' "$1"
}
`;
