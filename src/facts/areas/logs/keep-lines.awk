# The last 50 lines that match. The first line of a kernel begins anew.
$AW '/kernel: .*Linux version [0-9]/ {n = 0}
/@pattern@/ {l[n++ % 50] = substr($0, 1, 1000)}
END {for (i = n > 50 ? n - 50 : 0; i < n; i++) print "runtime " l[i % 50]}'
