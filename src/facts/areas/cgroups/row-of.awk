# rowOf(path): the key of the first row of creators that matches, after the same normalisation as
# `normalPath`. Old awks have no intervals, so `id`, 64 hexadecimal digits, is put together here,
# which keeps the script short. Backslashes are removed too: busybox reads the escaped slash of
# `[^\/]` as a backslash and a slash, and no row contains a backslash.
function rowOf(p,   q) {
  while (length(id) < 512) id = id "[0-9a-f]"
  gsub(/[<>\\]/, "?", p); gsub(id, "<id>", p)
@rows@
  return "unknown"
}
