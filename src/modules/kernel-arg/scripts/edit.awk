# The rules of edit.ts for the host, whose files have command lines that the controller never reads
# (other entries, other drop-ins). For mawk, gawk and busybox. edit(line) edits; token(line) is the
# one word that has all values of the key in the line. Data come through the environment, which awk
# does not unescape: KM_KEY, KM_ITEMS (commas), KM_LIST (1 or 0), KM_STATE.
function bare(t) { gsub(/\\"/, "\"", t); gsub(/"/, "", t); return t }
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
    if (c == "\"") q = !q
    if (!q && (c == " " || c == "\t")) { if (t != "") { N++; G[N] = g; T[N] = t; g = ""; t = "" } g = g c } else t = t c
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
function setup() { KEY = ENVIRON["KM_KEY"]; ITEMS = ENVIRON["KM_ITEMS"]; LIST = ENVIRON["KM_LIST"] + 0; STATE = ENVIRON["KM_STATE"] }
