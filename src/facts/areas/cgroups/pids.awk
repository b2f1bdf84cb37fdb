# Follows rowOf. Counts pods and containers by the shape of their paths, as the walk over memory
# groups does. A pod's limit protects its containers too. A limit further up is shared by all, and
# protects no pod from another.
BEGIN {
  M = ENVIRON["M"] "/./"
  split("@pods@", A, " "); for (i in A) pod[A[i]]
  split("@containers@", B, " "); for (i in B) box[B[i]]
}
index($0, M) == 1 && match($0, /\/pids\.max:[^:]*$/) {
  max[substr($0, length(M) + 1, RSTART - length(M) - 1)] = substr($0, RSTART + 10)
}
END {
  for (p in max) {
    r = rowOf(p); q = p; sub(/\/[^\/]*$/, "", q)
    if (r in pod) { pods++; if (max[p] == "max") free++ }
    else if (r in box) { boxes++; if (max[p] == "max" && !((rowOf(q) in pod) && (q in max) && max[q] != "max")) bare++ }
  }
  print "counts " pods + 0, free + 0, boxes + 0, bare + 0
}
