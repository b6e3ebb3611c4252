# Completion of `flows` for fish; `flows completion fish` prints it.
# flows answers with a line that says what follows, then words, each with a tab and what it does.
function __flows_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -r '^["\']' '')
    set -l answer ($words[1] __complete fish "=$current" $words[2..-1] 2>/dev/null)
    set -l option (string match -r '^--[^=]*=' -- $current; or echo)
    set -l path (string replace -r '^--[^=]*=' '' -- $current)
    switch "$answer[1]"
        case files
            printf '%s\n' $option(__fish_complete_path $path)
        case folders
            printf '%s\n' $option(__fish_complete_directories $path '')
        case '*'
            test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]
    end
end
complete -c flows -f -a '(__flows_complete)'
