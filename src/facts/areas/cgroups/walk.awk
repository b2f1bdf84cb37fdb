# Follows rowOf. Reads the output of grep (PATH/FILE:LINE, and errors) about the groups below M/.
# and prints sums. No name of a group can contain that dot. A line without it is a part of a name
# with a line break, and counts as a failed read.
# Groups come depth first, each with its files before or after those of the groups in it. Open
# groups are on a stack, so memory does not grow with their number. A state is kept: read > denied >
# failed > EIO > gone. Of two limits the larger one counts.
# Before that come the entries cache(ID:GROUP) of /sys/kernel/slab, as ls or (with D before them)
# find prints them, up to the first "@".
# A limit on memory and swap proves that a group had its limit from the start. This does not hold
# below pods, where the kubelet sets none: so it is read of groups elsewhere that have a limit. A group
# that reads on may have a kernel-memory limit of its own, or be below one that has: only for those its
# file is read, so that a host without accounted groups pays nothing. A container's name comes from
# docker's own files.
# Where L is set, pids.max is read too: below L/., or on v2 among the other files. A pod's limit
# protects its containers, a limit further up is shared by all and protects no pod from another. A
# file that cannot be read there says nothing; a name with a line break is a failed read in both trees.
# First of all comes the kernel log, up to the line B: of the lines that matter the last 50 are printed,
# and that it was read.
# Z is the state of a group whose slabinfo printed nothing: empty, absent, or v2, where memory.stat
# decides.
function level(s) { return s == "" ? 0 : index("gone,eio,failed,denied,read", s) }
function set(g, s) { if (level(s) > level(st[g])) st[g] = s }
function stateOf(e) {
  if (e ~ /^(Input\/output|I\/O) error$/) return "eio"
  if (e ~ /^(Permission denied|Operation not permitted)$/) return "denied"
  if (e ~ /^No such (file or directory|device)/) return "gone"
  if (why == "") why = substr(e, 1, 80)
  return "failed"
}
function larger(v, o) { return v == "max" || v + 0 > o + 0 ? (v == "max" ? none : v) : o }
function number(v) { return v == "" ? "0" : v }
function first(f,   v) { v = ""; if ((getline v < f) < 1) v = ""; close(f); return v }
function explicit(g,   p, v) {
  for (p = g; p != ""; p = length(v) < length(p) ? substr(p, 1, length(p) - length(v) - 1) : "") {
    if (!(p in X)) {
      if (limitReads++ >= @maxLimitReads@) return 0
      v = first(M "/" p "/memory.kmem.limit_in_bytes")
      X[p] = v ~ /^[0-9]+$/ && v + 0 < huge
      if (X[p] && x < @maxExplicit@) XG[++x] = v " " named(p) " " p
    }
    if (X[p]) return 1
    v = p; sub(/.*\//, "", v)
  }
  return 0
}
function named(p,   v) {
  if (!match(p, id)) return "-"
  v = first(ENVIRON["R"] "/var/lib/docker/containers/" substr(p, RSTART, RLENGTH) "/config.v2.json")
  return match(v, /"Name":"\/[A-Za-z0-9_.-]+"/) ? substr(v, RSTART + 9, RLENGTH - 10) : "-"
}
function count(g, s, l, ca, ch, pr, text,   r, c) {
  r = rowOf(g)
  W[r " " s " " l " " ca " " ch " " pr " " (s == "read" && Z != "v2" ? explicit(g) : 0)]++
  c = s (ca || ch) l
  gsub(odd, "?", g)
  if (length(g) > @maxPath@) g = substr(g, 1, @maxPath@) "..."
  if (r == "unknown" && l != "no" && u < @maxUnknown@) U[++u] = g
  if (N[c] < @maxExamples@ && kind[c r]++ < @maxOfOneKind@) E[c, ++N[c]] = r " " s " " text " " g
}
function finish(g,   s, l) {
  s = st[g]
  if (Z == "v2") { if (s == "" && g in stat) s = us[g] > 0 ? "read" : "empty" }
  else if (s == "") s = (g in bad) ? bad[g] : Z
  l = (g in li) && li[g] + 0 < huge ? "yes" : "no"
  if (l == "yes" && Z != "v2" && !index("/" g, "/kubepods") && first(M "/" g "/memory.memsw.limit_in_bytes") + 0 >= huge) l = "later"
  if (g == "" || s == "") ;
  else if (s == "gone") gone++
  else if (s == "absent") absent++
  else count(g, s, l, ln[g] > 2, us[g] > 0, pr[g] > 0, (l == "no" ? "0" : number(li[g])) " " ln[g] + 0 " " number(us[g]) " " pr[g] + 0)
  delete st[g]; delete bad[g]; delete stat[g]; delete li[g]; delete ln[g]; delete us[g]; delete pr[g]
}
function open(g) {
  while (n > 0 && S[n] != g && S[n] != "" && index(g, S[n] "/") != 1) { finish(S[n]); n-- }
  if (n == 0 || S[n] != g) S[++n] = g
}
function limited(p, v,   r) {
  r = rowOf(p)
  if (r in pod || r in box) { row[p] = r; max[p] = v }
}
function counted(   p, q, pods, free, boxes, bare) {
  for (p in max) {
    q = p; sub(/\/[^\/]*$/, "", q)
    if (row[p] in pod) { pods++; if (max[p] == "max") free++ }
    else { boxes++; if (max[p] == "max" && !(row[q] in pod && max[q] != "max")) bare++ }
  }
  print "counts " pods + 0, free + 0, boxes + 0, bare + 0
}
function strange(text) { unknowns++; if (why == "") why = text }
function problem(at,   rest, e, f, g) {
  rest = substr($0, at + length(M) + 3)
  if (!match(rest, /: [^:]*$/)) return strange(broken)
  e = substr(rest, RSTART + 2); rest = substr(rest, 1, RSTART - 1)
  if (substr($0, at - 1, 1) == quote && substr(rest, length(rest)) == quote) rest = substr(rest, 1, length(rest) - 1)
  f = rest; sub(/.*\//, "", f)
  g = f == rest ? "" : substr(rest, 1, length(rest) - length(f) - 1)
  if (f == "memory.kmem.slabinfo" || f == "memory.stat") {
    if ($1 ~ /md5sum:$/) bad[g] = stateOf(e)
    else { open(g); set(g, stateOf(e)) }
  } else if (f !~ /^(memory|cgroup)\.[a-z_.]+$/ && (e = stateOf(e)) != "gone") count(rest, e, "no", 0, 0, 0, "0 0 0 0")
}
BEGIN {
  split("@pods@", A, " "); for (i in A) pod[A[i]]
  split("@containers@", B, " "); for (i in B) box[B[i]]
  M = ENVIRON["M"]; L = ENVIRON["L"]; mark = ENVIRON["B"]; Z = ENVIRON["Z"]; D = ENVIRON["D"]; huge = 1152921504606846976; none = "9223372036854771712"; quote = sprintf("%c", 39); ended = 255; dir = "\n"; broken = "a name with a line break"
  odd = "["; for (i = 1; i < 32; i++) odd = odd sprintf("%c", i); odd = odd sprintf("%c", 127) "]"
}
!logged {
  if ($0 == mark) {
    for (i = logs > @maxLogs@ ? logs - @maxLogs@ : 0; i < logs; i++) print "log " O[i % @maxLogs@]
    logged = 1; print "logged"
  } else if (/@symptoms@/) O[logs++ % @maxLogs@] = substr($0, 1, 1000)
  next
}
/^@ [0-9]+$/ {
  if (!walking) { walking = 1; print "slab " entries + 0 " " ids + 0 " " $2; fflush() }
  else if (ended == 255 || $2 + 0 > ended) ended = $2 + 0
  next
}
!walking {
  v = $0; if (D != "" && index(v, D) == 1) v = substr(v, length(D) + 1)
  a = index(v, "("); if (a == 0) next
  v = substr(v, a + 1); a = index(v, ":"); if (a == 0) next
  entries++; v = substr(v, 1, a - 1)
  if (!(v in I)) { I[v]; ids++ }
  next
}
{
  if (substr($0, 1, size) == dir && !index(v = substr($0, size + 1), "/")) ;
  else if (L != "" && Z != "v2" && (at = index($0, L "/./")) > 0) {
    if (at == 1 && match($0, /\/pids\.max:[^:]*$/))
      limited(substr($0, length(L) + 4, RSTART - length(L) - 4), substr($0, RSTART + 10))
    next
  } else if ((at = index($0, M "/./")) != 1) {
    if (at > 1 && $1 ~ /^([^ ]*\/)?(find|grep|md5sum):$/) problem(at)
    else if ($0 !~ /^find: (WARNING|warning)/) strange($0 ~ /^[a-z0-9]+: / ? substr($0, 1, 80) : broken)
    next
  } else {
    v = $0; sub(/.*\//, "", v)
    if (!index(v, ":")) { strange(broken); next }
    size = length($0) - length(v); dir = substr($0, 1, size)
    g = size > length(M) + 3 ? substr(dir, length(M) + 4, size - length(M) - 4) : ""
  }
  if (n == 0 || S[n] != g) open(g)
  a = index(v, ":"); if (a == 0) { strange(broken); next }
  f = substr(v, 1, a - 1); v = substr(v, a + 1)
  if (f == "memory.kmem.slabinfo") { set(g, "read"); ln[g]++ }
  else if (f == "cgroup.procs") pr[g]++
  else if (f == "memory.stat") { stat[g]; sub(/^[a-z_]+ /, "", v); us[g] = larger(v, us[g]) }
  else if (v !~ /^([0-9]+|max)$/) strange(broken)
  else if (f == "pids.max") limited(g, v)
  else if (f == "memory.limit_in_bytes" || f == "memory.max") li[g] = larger(v, li[g])
  else if (f == "memory.kmem.usage_in_bytes") us[g] = larger(v, us[g])
  else strange(broken)
}
END {
  if (ended < 124) while (n > 0) { finish(S[n]); n-- }
  for (w in W) print "w " w " " W[w]
  print "gone " gone + 0; print "absent " absent + 0; print "strange " unknowns + 0; print "ended " ended
  if (why != "") print "why " why
  if (L != "") counted()
  for (i = 1; i <= u; i++) print "u " U[i]
  for (i = 1; i <= x; i++) { gsub(odd, "?", XG[i]); print "x " substr(XG[i], 1, @maxPath@) }
  q = split("read denied failed empty eio", A, " "); split("yes later no", B, " ")
  for (i = 1; i <= q; i++) for (b = 1; b >= 0; b--) for (l = 1; l <= 3; l++)
    for (k = 1; k <= N[A[i] b B[l]] && printed < @maxExamples@; k++) { print "g " E[A[i] b B[l], k]; printed++ }
}
