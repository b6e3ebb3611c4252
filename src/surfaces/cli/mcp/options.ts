// What stands in the table of commands: it imports nothing, for every command loads it.

/** The options of `flows mcp`. */
export const mcpOptions = {
  agent: {
    type: 'string',
    value: 'NAME',
    help: 'an agent of policy.yaml: with a broker of its own, in this process',
    choices: ['agents'],
  },
  'print-config': {
    type: 'string',
    value: 'CLIENT',
    help: 'instead: what claude, codex, cursor or vscode need in their configuration',
    choices: [['claude', 'codex', 'cursor', 'vscode']],
  },
} as const;

/** What its users ask first. */
export const mcpNotes = [
  'Where it reaches no broker it has its tools all the same, and each says why: clients show nothing else.',
  'Values never come by it: tokens and secrets are handles, which `flows exec` takes.',
] as const;
