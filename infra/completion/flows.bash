# Completion of `flows` for bash; `flows completion bash` prints it.
# flows answers with a line that says what follows, then the words, quoted for where they go.
_flows() {
  local kind='' word
  COMPREPLY=()
  while IFS= read -r word; do
    if [[ -z $kind ]]; then kind=$word; else COMPREPLY+=("$word"); fi
  done < <("${1/#\~\//$HOME/}" __complete bash "=${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
  case $kind in
    files | folders)
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(if [[ $kind == files ]]; then compgen -f -- "$2"; else compgen -d -- "$2"; fi)
      ;;
  esac
} 2>/dev/null
complete -F _flows flows
