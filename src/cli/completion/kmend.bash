# Completion of kmend for bash.
_kmend() {
  local before line current kept word found=() words=() breaks=${COMP_WORDBREAKS//@/}
  # bash also splits at characters of words, such as = and :, so the line is split again, at blanks.
  before=${COMP_LINE:0:COMP_POINT}
  read -ra words <<< "$before"
  [[ $before == *[[:blank:]] ]] && words+=('')
  current=${words[-1]}
  while IFS= read -r line; do
    case $line in
      :files) compopt -o filenames && mapfile -t -O "${#found[@]}" found < <(compgen -f -- "$current") ;;
      :directories) compopt -o filenames && mapfile -t found < <(compgen -d -- "$current") ;;
      *) found+=("${line%%$'\t'*}") ;;
    esac
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2> /dev/null)
  # bash replaces only what follows the last of these characters.
  kept=${current%"${current##*["$breaks"]}"}
  COMPREPLY=()
  for word in "${found[@]}"; do COMPREPLY+=("${word#"$kept"}"); done
}
complete -F _kmend kmend
