# rowOf(path): the key of the first row of creators that matches, over the same normalisation as `normalPath`.
# Without intervals: old awks have none. `id` is 64 hexadecimal digits, put together here because the script must stay short.
# Backslashes are removed too: busybox reads the escaped slash of `[^\/]` as a backslash and a slash, and no row looks for one.
function rowOf(p,   q) {
  while (length(id) < 512) id = id "[0-9a-f]"
  gsub(/[<>\\]/, "?", p); gsub(id, "<id>", p)
@rows@
  return "unknown"
}
