#compdef flows
# Completion of `flows` for zsh; `flows completion zsh` prints it.
# flows answers with a line that says what follows, then words, each with a tab and what it does.
_flows() {
  local -a answer shown
  local line command=${words[1]/#\~\//$HOME/}
  answer=("${(@f)$("${(Q)command}" __complete zsh "=${(Q)PREFIX}" "${(@Q)words[2,CURRENT-1]}" 2>/dev/null)}")
  case ${answer[1]} in
    files | folders)
      compset -P '--*='
      if [[ ${answer[1]} == files ]]; then _files; else _files -/; fi
      ;;
    *)
      for line in "${(@)answer[2,-1]}"; do
        [[ -n $line ]] && shown+=("${${line%%$'\t'*}//:/\\:}${${line#*$'\t'}:+:}${line#*$'\t'}")
      done
      _describe -V flows shown
      ;;
  esac
}
if [[ ${funcstack[1]} == _flows ]]; then _flows "$@"; else compdef _flows flows; fi
