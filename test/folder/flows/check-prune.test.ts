import { expect, test } from 'vitest';
import { load, service, told } from '../folder.ts';

const two = service.replace(
  '    stores:\n',
  "    stores:\n      vault: { type: vault-kv, url: 'https://vault.example', token: { env: VAULT_TOKEN } }\n",
);

test.each([
  ['as it should be', 'aws', 'app/x', 'prune: true', ''],
  ['with its time', 'aws', '${{ vars.prefix }}/x', 'prune: true, deletion: { after: 7d }', ''],
  ['off', 'aws', 'app/${{ inputs.tenant }}', 'prune: false', ''],
  ['a name by an input', 'aws', 'app/${{ inputs.tenant }}', 'prune: true', '"prune" wants names that are the same'],
  ['a name by a choice', 'aws', 'app/${{ inputs.stage }}', 'prune: true', '"prune" wants names that are the same'],
  ['a name by a step', 'aws', 'app/${{ steps.check.valid-for }}', 'prune: true', '"prune" wants names that are the same'],
  ['by an input', 'aws', 'app/x', 'prune: "${{ inputs.really }}"', '"prune" is known only when the flow runs'],
  ['a time without it', 'aws', 'app/x', 'deletion: { after: 30d }', '"deletion" stands there without prune: true'],
  ['a short time', 'aws', 'app/x', 'prune: true, deletion: { after: 6d }', '"deletion.after" is not a number of days'],
  ['a long time', 'aws', 'app/x', 'prune: true, deletion: { after: 31d }', '"deletion.after" is not a number of days'],
  ['part of a day', 'aws', 'app/x', 'prune: true, deletion: { after: 200h }', '"deletion.after" is not a number of days'],
  ['a store that has no window', 'vault', 'app/x', 'prune: true', '"prune" wants a store that can take a deletion back'],
])('prune %s is checked when the files load', async (_, store, name, more, problem) => {
  const flow = `description: d
inputs:
  tenant: { type: string, description: t }
  stage: { type: enum, values: [a, b], description: s }
  really: { type: boolean, description: r }
steps:
  - id: check
    uses: totp/code
    with: { reference: op://Agents/x/y }
  - id: push
    uses: store/push
    with:
      store: \${{ stores.${store} }}
      secrets: [{ name: '${name}', value: op://Agents/x/y }]
      ${more.replaceAll(/, (?=\w+:)/g, '\n      ')}
`;
  const found = told(await load({ 'service.yaml': two, 'x.yaml': flow })).map((line) => line.replace(/^x\.yaml:\S+ /, ''));
  expect(found.map((line) => line.slice(0, problem.length))).toEqual(problem === '' ? [] : [problem]);
});
