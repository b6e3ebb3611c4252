// What stands in the table of commands, which checks it; it imports nothing, for every command loads it.

export const hookOptions = {
  install: {
    type: 'string',
    value: 'HARNESS',
    help: 'show what is to be added to its settings, and add it: claude, codex or cursor',
    choices: [['claude', 'codex', 'cursor']],
  },
  yes: { type: 'boolean', help: 'add it without asking' },
} as const;

/** What a hook is, said where it is offered. */
export const hookNotes = [
  'Claude Code, Codex and Cursor start it before a tool is used. It refuses to read .env and its like, and our own token files, by',
  'whatever program is not known to show nothing of them; what vault CLIs, printenv and echo $TOKEN show; and whatever holds a',
  'value that the broker gave this agent. In Claude Code it also hides such values in what a tool gave. The broker compares',
  'hashes: no value comes from it. More rules, and exceptions: `hook:` of policy.yaml.',
  'It is a guard rail, no fence: a script, another tool or a harness without it does the same unseen. Where the broker does not',
  'answer, values are not compared, and work goes on; input that is no JSON is refused (exit 2).',
];
