// What stands in the table of commands, which checks it; it imports nothing, for every command loads it.

const json = { type: 'boolean', help: 'the evidence as JSON, one line a drill' } as const;

/** `flows drill`. */
export const drillFacts = {
  usage: [
    ['flows drill [FLOW]', 'sign in with the break-glass accounts, and leave signed evidence; --json'],
    ['flows drill verify FILE', 'whether evidence is as it was signed, without the vault; --key, --json'],
    ['flows drill key', 'the public key for that'],
  ],
  options: { json },
  words: [['flows']],
  verbs: {
    verify: {
      help: 'whether evidence is as it was signed, without the vault',
      options: {
        key: { type: 'string', value: 'KEY', help: 'the public key, from whom you trust' },
        json: { type: 'boolean', help: 'answer as JSON' },
      },
      words: [['files']],
    },
    key: { help: 'the public key of evidence', options: {} },
  },
} as const;
