// What stands in the table of commands, which checks it; it imports nothing, for every command loads it.

const json = { type: 'boolean', help: 'answer as JSON' } as const;

/** `flows policy`. */
export const policyFacts = {
  usage: [
    ['flows policy explain', 'tell why an agent may have a secret, flow or item, or not'],
    ['flows policy test [FILE]', 'ask the policy what its cases ask'],
  ],
  verbs: {
    explain: {
      help: 'tell why an agent may have a secret, flow or item, or not',
      options: {
        agent: { type: 'string', value: 'NAME', help: 'who asks', choices: ['agents'] },
        secret: { type: 'string', value: 'NAME', help: 'for a secret of registry.yaml', choices: ['secrets'] },
        flow: { type: 'string', value: 'NAME', help: 'for a flow', choices: ['flows'] },
        path: { type: 'string', value: 'PATH', help: 'for an item of 1Password: op/vaults/VAULT/items/ITEM' },
        can: {
          type: 'string',
          value: 'USE',
          help: 'with --path: list, read, create, update or delete',
          choices: [['list', 'read', 'create', 'update', 'delete']],
        },
        approver: { type: 'string', value: 'NAME', help: 'a person, with --reveal' },
        reveal: { type: 'string', value: 'FLOW', help: 'for its code on the page', choices: ['flows'] },
        reason: { type: 'string', value: 'TEXT', help: 'the reason that it states' },
        request: {
          type: 'string',
          value: 'ID',
          help: 'instead: for a request that was answered, by its X-Request-Id',
        },
        json,
      },
    },
    test: { help: 'ask the policy what its cases ask', options: { json }, words: [['files']] },
  },
} as const;
