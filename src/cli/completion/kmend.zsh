#compdef kmend
# Completion of kmend for zsh.
_kmend() {
  local line paths=
  local -a described
  for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2> /dev/null)}"; do
    if [[ $line == :* ]]; then
      paths=${line#:}
    elif [[ -n $line ]]; then
      described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  (( $#described )) && _describe -t words 'kmend' described
  case $paths in
    files) _files ;;
    directories) _files -/ ;;
  esac
}
if [[ ${funcstack[1]} == _kmend ]]; then _kmend "$@"; else compdef _kmend kmend; fi
