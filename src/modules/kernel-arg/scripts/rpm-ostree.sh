# A new deployment with other arguments; all words of the key go, the one wanted word comes.
command -v rpm-ostree >/dev/null 2>&1 || fail 21 "rpm-ostree is not there"
line=$(rpm-ostree kargs) || fail 23 "rpm-ostree kargs failed"
if ! satisfied "$line"; then
  set --; set -f
  for old in $(printf '%s\n' "$line" | awk "$edit_awk"'{ cut($0); for (i = 1; i <= M; i++) print T[AT[i]] }'); do set -- "$@" "--delete=$old"; done
  word=$(word_of "$line")
  case " $line " in *' -- '*) [ -z "$word" ] || fail 25 "words for init end the command line, and rpm-ostree would put $word behind them";; esac
  [ -z "$word" ] || set -- "$@" "--append=$word"
  rpm-ostree kargs "$@" >/dev/null || fail 23 "rpm-ostree kargs failed"
  satisfied "$(rpm-ostree kargs)" || fail 25 "$KM_KEY is not as wanted in the pending deployment"
fi
