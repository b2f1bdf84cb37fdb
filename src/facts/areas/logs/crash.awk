# The input is one stream of logs, the output are boots: "log SOURCE NAME", then the last lines of
# each kind of symptom with their number, the last line of all, and how the boot ended. "ran" is its
# kernel, by its first line or by the head of an oops. Of boots in /var/log/messages the last twelve
# are printed.
# "@@ log SOURCE TIME NAME" begins a log; TIME is when its file was last written. Logs of messages
# follow each other, oldest first, and a kernel's first line begins a boot. "@@ cut" means that
# something is missing there. After "@@ tail" only the end counts. A shutdown is announced within
# the last 400 lines of a boot.
# A line begins "Nov  5 10:24:33 HOST TAG" or "2018-11-05T10:24:33 HOST TAG". A host that collects
# the logs of others (H is its own name) counts its own lines only; until a boot knows its name it
# is "localhost".
BEGIN { H = tolower(ENVIRON["H"]); sub(/\..*/, "", H) }
function flush(how,  i, j, o) {
  if (s != "" && some) {
    o = "log " s " " name "\nran " ran "\n"
    for (i = 1; i <= @kinds@; i++)
      for (j = m[i] > 2 ? m[i] - 2 : 0; j < m[i]; j++) o = o "sign " j + 1 " " l[i, j % 2] "\n"
    o = o "last " t " " last "\nend " (p && NR - p < 400 ? "planned" : how) "\n"
    if (s == "messages") B[b++ % 12] = o; else printf "%s", o
  }
  split("", m); p = some = 0; ran = ""
}
/^@@ log / {
  if (s != $3 || s != "messages") flush("gone")
  s = $3; t = $4; name = $0; sub(/^@@ log [^ ]+ [^ ]+ /, "", name); tail = 0
  print "read " s; next
}
/^@@ / { if ($2 == "tail") tail = 1; else { if ($2 == "cut") flush("lost"); print $2 " " $3 } next }
{ tag = s == "journal" || $1 ~ /^[0-9]+-[0-9]+-[0-9]+T/ ? 3 : 5; who = tolower($(tag - 1)); tag = $tag }
s == "messages" && H != "" && tag ~ /:$/ {
  sub(/\..*/, "", who)
  if (who != H && who != "localhost") { if (!foreign++) print "cut messages"; next }
}
{ kernel = !tail && (s != "messages" || tag == "kernel:") }
s == "messages" && kernel && /Linux version [0-9]/ { flush("gone") }
kernel && match($0, /(Linux version |ainted.* )[0-9]+\.[0-9]+\.[^ ]+/) {
  ran = substr($0, RSTART, RLENGTH); sub(/.* /, "", ran)
}
s == "pstore" && /^(Oops|Restart|Halt|Poweroff|Shutdown)#/ { p = NR }
(s == "pstore" || tag ~ /^@shutdownTags@$/) && /@shutdown@/ { p = NR }
kernel && /@symptoms@/ {
  k = @kindOf@0
  l[k, m[k]++ % 2] = t " " substr($0, 1, 240)
}
$0 != "" { last = substr($0, 1, 80); some++ }
END { flush("open"); for (i = b > 12 ? b - 12 : 0; i < b; i++) printf "%s", B[i % 12] }
