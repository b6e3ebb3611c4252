/** What each shell runs at its start: it asks `flows __complete` with the words up to the cursor. */
export const shellScripts = {
  bash: String.raw`_flows() {
  local i word value glued= prefix=
  local -a words=()
  # bash takes --dir=x for three words
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${'$'}{COMP_WORDS[i]}
    if [[ $word == '=' && ${'$'}{#words[@]} -gt 0 ]]; then words[-1]+='='; glued=1
    elif [[ -n $glued ]]; then words[-1]+=$word; glued=
    else words+=("$word"); fi
  done
  local current=${'$'}{words[-1]-}
  [[ $current == --*=* ]] && prefix=${'$'}{current%%=*}=
  COMPREPLY=()
  while IFS=$'\t' read -r value _; do
    case $value in
      :files) compopt -o filenames; mapfile -t -O "${'$'}{#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${'$'}{current#"$prefix"}") ;;
      :folders) compopt -o filenames; mapfile -t -O "${'$'}{#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${'$'}{current#"$prefix"}") ;;
      *) COMPREPLY+=("$(printf '%q' "${'$'}{value#"$prefix"}")") ;;
    esac
  done < <("${'$'}{COMP_WORDS[0]}" __complete "${'$'}{words[@]}" 2>/dev/null)
}
complete -F _flows flows
`,
  zsh: String.raw`#compdef flows
_flows() {
  local line
  local -a items given
  given=("${'$'}{(@Q)words[2,CURRENT]}")
  for line in "${'$'}{(@f)$(flows __complete "${'$'}{(@)given}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      :folders) _files -/ ;;
      *) items+=("${'$'}{${'$'}{line%%$'\t'*}//:/\\:}:${'$'}{line#*$'\t'}") ;;
    esac
  done
  if (( ${'$'}#items )); then _describe -t flows flows items; fi
}
compdef _flows flows
`,
  fish: String.raw`function __flows_complete
  set -l words (commandline -opc) (commandline -ct)
  set -e words[1]
  for line in (flows __complete $words 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path (commandline -ct)
      case :folders
        __fish_complete_directories (commandline -ct)
      case '*'
        echo $line
    end
  end
end
complete -c flows -f -a '(__flows_complete)'
`,
  powershell: String.raw`Register-ArgumentCompleter -Native -CommandName flows -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '' }
  flows __complete @words 2>$null | ForEach-Object {
    $value, $text = $_ -split "${'`'}t", 2
    if ($value -notlike ':*') {
      if (-not $text) { $text = $value }
      [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $text)
    }
  }
}
`,
} as const;

export type Shell = keyof typeof shellScripts;
