// What stands in the table of commands, which checks it; it imports nothing, for every command loads it.

const json = { type: 'boolean', help: 'answer as JSON' } as const;

// of what an audit file tells
const since = { type: 'string', value: 'WHEN', help: 'plan, readers, cut: from then on: 1h, 7d, or a time' } as const;
const without = {
  type: 'string',
  several: true,
  value: 'NAME',
  help: 'plan, readers, cut: leave out who is called so, as the token of run',
} as const;

/** Those of `flows migrate vault plan`. */
export const planOptions = {
  url: { type: 'string', value: 'URL', help: 'plan: address of Vault or OpenBao (default: VAULT_ADDR)' },
  namespace: { type: 'string', value: 'NAME', help: 'plan: the namespace of its token (default: VAULT_NAMESPACE)' },
  rule: {
    type: 'string',
    several: true,
    value: 'PATH=op://…',
    help: 'plan: where paths go, as in secret/{agent}/{name}=op://Agents/{agent}-{name}',
  },
  into: { type: 'string', value: 'VAULT', help: 'plan: the vault of all that no rule fits' },
  since,
  without,
} as const;

/** Those of `flows migrate vault run`. */
export const runOptions = {
  yes: { type: 'boolean', help: 'run: write without asking' },
  'take-over': { type: 'boolean', help: 'run: go on where another machine says that it does, and its run ended' },
  json: { ...json, help: 'run, verify, readers, code: answer as JSON' },
} as const;

/** Those of `flows migrate vault verify`. */
export const verifyOptions = { json } as const;

/** Those of `flows migrate vault readers`. */
export const readersOptions = {
  since,
  without,
  code: {
    type: 'string',
    value: 'FOLDER',
    help: 'readers: say which paths stand in the code of this repository',
    choices: ['folders'],
  },
  json,
} as const;

/** Those of `flows migrate vault code`. */
export const codeOptions = { json } as const;

/** Those of `flows migrate vault cut`. */
export const cutOptions = { since, without } as const;

/** `flows migrate`. */
export const migrateFacts = {
  usage: [
    [
      'flows migrate vault plan',
      'propose migration.yaml: what each secret becomes; with an audit FILE: who would read more',
    ],
    ['flows migrate vault run', 'move them into 1Password, each once; run it again where it ended early'],
    ['flows migrate vault verify', 'whether both sides hold the same, without showing any of it'],
    ['flows migrate vault readers', 'who still reads it in Vault, by the FILE of its audit device; --code, --since'],
    ['flows migrate vault code', 'where a repository asks Vault, and the reference to write instead'],
    ['flows migrate vault cut', 'the policies that deny what moved, in order; with an audit FILE: who was refused'],
  ],
  verbs: {
    vault: {
      help: 'from the KV of Vault or OpenBao',
      options: { ...planOptions, ...readersOptions, ...runOptions },
      words: [
        [
          [
            { value: 'plan', help: 'propose what becomes of each secret' },
            { value: 'run', help: 'move them' },
            { value: 'verify', help: 'compare both sides' },
            { value: 'readers', help: 'who still reads them in Vault' },
            { value: 'code', help: 'where code still asks Vault' },
            { value: 'cut', help: 'how to close the old paths' },
          ],
        ],
      ],
    },
  },
  notes: [
    'plan writes migration.yaml into the folder of flows, and adds nothing to one that is there: it shows the lines to add.',
    'Nothing is ever changed in Vault. Exit 3: something is left, or somebody still reads.',
  ],
} as const;
