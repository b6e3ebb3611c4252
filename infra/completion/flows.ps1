# Completion of `flows` for PowerShell; `flows completion powershell` prints it.
# flows answers with a line that says what follows, then words, each with a tab and what it does.
Register-ArgumentCompleter -Native -CommandName flows -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
    })
    $before = @($words | Select-Object -Skip 1)
    $answer = @(& $commandAst.GetCommandName() __complete powershell "=$wordToComplete" @before 2>$null)
    # nothing at all makes PowerShell complete the names of files
    if ($answer[0] -ne 'names') { return }
    if ($answer.Count -lt 2) { return '' }
    $answer | Select-Object -Skip 1 | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        $quoted = if ($value -match '^[\w./:=-]+$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($quoted, $value, 'ParameterValue', $help)
    }
}
