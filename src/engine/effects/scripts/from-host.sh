# Takes a file of the host into $T.
T=$D/arriving.$$
cat "$R"@from@ > "$T" || { rm -f "$T"; exit @noState@; }
