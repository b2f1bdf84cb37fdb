# Asks a server by curl, whose options come as its input, so that no list of processes shows them.
# Prints the headers of each answer and the body of the last, then a line about all. Status 3 = the
# host has no curl.
command -v curl >/dev/null 2>&1 || exit 3
curl -q -K - <<'end_of_the_options'
@options@
end_of_the_options
