# The last 50 lines that match, each with a key before it. The first line of a kernel begins anew.
$AW '/kernel: .*Linux version [0-9]/ {n = 0}
/@pattern@/ {l[n++ % 50] = substr($0, 1, 1000)}
END {for (i = n > 50 ? n - 50 : 0; i < n; i++) print "@key@ " l[i % 50]}'
